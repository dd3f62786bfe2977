"""Passwords of the console's accounts: Argon2id (RFC 9106), in the PHC form, with the parameters named here.

Rules: one attempt costs `MEMORY` and some tenths of a second whether the account exists or not, and only
`AT_ONCE` are worked on at one time, so that a flood of attempts takes no more memory than that.
"""

from __future__ import annotations

import asyncio
import os
import re
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
DISTINCT: Final = 6
"""Different characters that must be left of a password without what everybody tries."""
RUN: Final = 4
COMMON: Final = (
    *("password", "passwort", "passw", "passphrase", "motdepasse", "contrasena", "senha", "parola", "secret", "geheim"),
    *(
        "welcome",
        "willkommen",
        "bienvenue",
        "letmein",
        "iloveyou",
        "monkey",
        "dragon",
        "football",
        "baseball",
        "master",
    ),
    *("sunshine", "princess", "shadow", "superman", "batman", "trustno", "whatever", "starwars", "hello", "login"),
    *(
        "admin",
        "administrator",
        "root",
        "user",
        "guest",
        "test",
        "default",
        "changeme",
        "operator",
        "officer",
        "auditor",
    ),
    *("viewer", "security", "gateway", "console", "bureaunet", "interpol", "police", "bureau", "account", "qwerty"),
    *("spring", "summer", "autumn", "winter", "monday", "january", "sommer", "abc", "qwertz", "azerty"),
)
"""Words that everybody tries, as the translation of `_LEET` leaves them."""
_LEET: Final = str.maketrans("@4310$5!7", "aaeiossit")
_DIGITS: Final = ("01234567890", "1234567890", "1q2w3e4r5t6z7u8i9o0p", "1q2w3e4r5t6y7u8i9o0p")
_KEYS: Final = ("qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm")
_ALL: Final = ("abcdefghijklmnopqrstuvwxyz", *_KEYS, *(row.translate(_LEET) for row in _DIGITS))
_ROWS: Final = tuple(turned for row in _ALL for turned in (row, row[::-1]))
AT_ONCE: Final = 1
QUEUE: Final = 32
"""Attempts that wait for their turn; more are answered `overloaded`."""


def hashed(password: str, name: str = "") -> str:
    """What is kept of the password of the account `name`.

    Raises:
        Misuse: it is too short or too long, or among the first that somebody would guess.
    """
    data = password.encode()
    if len(password) < SHORTEST or len(data) > LONGEST:
        raise Misuse(f"a password has {SHORTEST} characters at least, and {LONGEST} bytes at most")
    if guessable(password, name):
        raise Misuse("this password is among the first that are guessed: common words, a row of keys, or the name")
    return _argon(os.urandom(SALT)).derive_phc_encoded(data)


def guessable(password: str, name: str = "") -> bool:
    """Whether too little is left of a password without what everybody tries: common words, rows, names, repetition."""
    left = password.casefold().translate(_LEET)
    words = sorted({*COMMON, *(part for part in re.split(r"\W+", name.casefold()) if len(part) > 2)}, key=len)
    for word in reversed(words):
        left = left.replace(word, " ")
    for row in _ROWS:
        left = _without_runs(left, row)
    return len({*left} - {" "}) < DISTINCT


def _without_runs(text: str, row: str) -> str:
    """A text without pieces of `RUN` or more characters that stand in `row` in this order."""
    for start in range(len(text)):
        end = start + 1
        while end < len(text) and text[start : end + 1] in row:
            end += 1
        if end - start >= RUN:
            return text[:start] + " " + _without_runs(text[end:], row)
    return text


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

    def check_room(self) -> None:
        """See whether one more attempt may wait.

        Raises:
            Unavailable: `overloaded`, too many wait.
        """
        if self._waiting >= QUEUE:
            raise Unavailable(Reason.OVERLOADED, "too many sign in at once", retry_after=1)

    async def matches(self, password: str, kept: str | None) -> bool:
        """Whether this is the password; with None it never is, and takes as long.

        Raises:
            Unavailable: `overloaded`, too many wait.
        """
        self.check_room()
        self._waiting += 1
        try:
            async with self._turn:
                given = password.encode()[: LONGEST + 1]
                right = await asyncio.to_thread(_is, given, kept or self._nobodys)
        finally:
            self._waiting -= 1
        return right and kept is not None
