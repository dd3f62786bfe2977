"""An operation's record, asked for until a checkpoint covers everything that was said."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from bureaus.sandbox.network import PrivateNetwork
from schemas.errors import Unavailable

WITHIN: Final = 60.0
"""Seconds: a checkpoint comes every second, or once another process has taken over from one that was killed."""
_T = TypeVar("_T")


async def once_covered(export: Callable[[], Awaitable[_T]]) -> _T:
    """What an export gives, once a checkpoint covers the operation's last entry. Raises TimeoutError."""
    async with asyncio.timeout(WITHIN):
        while True:
            with suppress(Unavailable):
                return await export()
            await asyncio.sleep(0.5)


async def exported(network: PrivateNetwork, operation: str, record: Path) -> None:
    """Write an operation's record. Raises TimeoutError."""
    await once_covered(partial(network.export, operation, record))
