"""Slow hashes: passwords of staff and secrets of tips, Argon2id (RFC 9106) in the PHC form.

Rules: an attempt costs `MEMORY` and some tenths of a second whether there is anything to compare with or not, and only
one is worked on at a time, so that a flood of attempts takes no more memory than that.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from schemas.errors import Misuse, Reason, Unavailable

MEMORY: Final = 64 * 1024
"""KiB: RFC 9106's second recommended choice."""
PASSES: Final = 3
LANES: Final = 1
"""One: derivations of several lanes, two at once, were seen to wait for one another for ever (cryptography 50)."""
SALT: Final = 16
LENGTH: Final = 32
SHORTEST: Final = 12
"""Characters of a password."""
LONGEST: Final = 256
"""Bytes of a password."""
DISTINCT: Final = 6
"""Different characters of a password, without those of the name."""
QUEUE: Final = 32
"""Attempts that wait for their turn; more are answered `overloaded`."""


def hashed(secret: str) -> str:
    """What is kept of a secret."""
    argon = Argon2id(salt=os.urandom(SALT), length=LENGTH, iterations=PASSES, lanes=LANES, memory_cost=MEMORY)
    return argon.derive_phc_encoded(secret.encode())


def check(password: str, name: str) -> None:
    """See whether a password may be one.

    Raises:
        Misuse: too short, too long, or too little of it is left without the name.
    """
    if len(password) < SHORTEST or len(password.encode()) > LONGEST:
        raise Misuse(f"a password has {SHORTEST} characters at least, and {LONGEST} bytes at most")
    if len(set(password.casefold().replace(name.casefold(), ""))) < DISTINCT:
        raise Misuse(f"a password has {DISTINCT} different characters at least beside the name")


@cache
def _nobodys() -> str:
    """What is compared with where there is nothing; made once, in the thread of the first attempt."""
    return hashed(secrets.token_urlsafe(32))


def _is(secret: bytes, kept: str | None) -> bool:
    try:
        Argon2id.verify_phc_encoded(secret, kept or _nobodys())
    except InvalidKey:
        return False
    return True


class Comparing:
    """Compares secrets in a thread, one at a time."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0

    async def keep(self, secret: str) -> str:
        """What is kept of a secret, made in the same turns.

        Raises:
            Unavailable: `overloaded`, too many wait.
        """
        async with self._place():
            return await asyncio.to_thread(hashed, secret)

    async def matches(self, secret: str, kept: str | None) -> bool:
        """Whether this is the secret; with None it never is, and takes as long.

        Raises:
            Unavailable: `overloaded`, too many wait.
        """
        async with self._place():
            right = await asyncio.to_thread(_is, secret.encode()[: LONGEST + 1], kept)
        return right and kept is not None

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        if self._waiting >= QUEUE:
            raise Unavailable(Reason.OVERLOADED, "too many at once; try again", retry_after=1)
        self._waiting += 1
        try:
            async with self._turn:
                yield
        finally:
            self._waiting -= 1
