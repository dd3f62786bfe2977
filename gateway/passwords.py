"""Passwords of the console's accounts: Argon2id (RFC 9106), in the PHC form, with the parameters named here.

Rules: one attempt costs `MEMORY` and some tenths of a second whether the account exists or not, and only
`AT_ONCE` are worked on at one time, so that a flood of attempts takes no more memory than that.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from schemas.errors import Misuse, Reason, Unavailable

MEMORY: Final = 64 * 1024
"""KiB, as in RFC 9106's second recommended choice, for machines that serve others too."""
PASSES: Final = 3
LANES: Final = 1
"""One: two derivations of several lanes at once were seen to wait for one another for ever (cryptography 50)."""
SALT: Final = 16
"""Bytes."""
LENGTH: Final = 32
"""Bytes of the hash."""
SHORTEST: Final = 12
"""Characters of a password."""
LONGEST: Final = 256
"""Bytes of a password."""
AT_ONCE: Final = 1
QUEUE: Final = 32
"""Attempts that wait for their turn; more are answered `overloaded`."""


def hashed(password: str) -> str:
    """What is kept of a password.

    Raises:
        Misuse: it is too short or too long.
    """
    data = password.encode()
    if len(password) < SHORTEST or len(data) > LONGEST:
        raise Misuse(f"a password has {SHORTEST} characters at least, and {LONGEST} bytes at most")
    return _argon(os.urandom(SALT)).derive_phc_encoded(data)


def _argon(salt: bytes) -> Argon2id:
    return Argon2id(salt=salt, length=LENGTH, iterations=PASSES, lanes=LANES, memory_cost=MEMORY)


def _is(password: bytes, kept: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(password, kept)
    except InvalidKey:
        return False
    return True


class Passwords:
    """Compares passwords in threads, few at one time."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._nobodys = hashed(secrets.token_urlsafe(32))
        """A password that nobody knows: what an unknown name is compared with."""

    async def matches(self, password: str, kept: str | None) -> bool:
        """Whether this is the password; with None it never is, and takes as long.

        Raises:
            Unavailable: `overloaded`, too many wait.
        """
        if self._waiting >= QUEUE:
            raise Unavailable(Reason.OVERLOADED, "too many sign in at once", retry_after=1)
        self._waiting += 1
        try:
            async with self._turn:
                given = password.encode()[: LONGEST + 1]
                right = await asyncio.to_thread(_is, given, kept or self._nobodys)
        finally:
            self._waiting -= 1
        return right and kept is not None
