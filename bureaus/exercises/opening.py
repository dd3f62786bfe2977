"""Opens bureaus as their people do: whoever does not reach the gateway at once, on a poor or busy line, tries again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from bureaus.client import Bureau
from schemas.errors import Unavailable

ATTEMPTS: Final = 5


async def opened(make: Callable[[], Bureau], attempts: int = ATTEMPTS) -> Bureau:
    """A bureau that `make` gives, entered; the caller leaves it.

    Raises:
        Unavailable: the gateway was not reached in so many attempts. Otherwise as entering a bureau.
    """
    for _ in range(attempts - 1):
        with suppress(Unavailable):
            return await make().__aenter__()
    return await make().__aenter__()
