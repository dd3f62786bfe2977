"""A tip's number, and the secret that opens its answers: made at random, written so that people copy them rightly.

Letters and digits that look alike are read as one (Crockford's base 32); spaces, dashes and case do not matter.
"""

from __future__ import annotations

import re
import secrets
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ: Final = str.maketrans("OIL", "011")
_GROUP: Final = 4
_NUMBER: Final = 8
"""Characters: 40 bits, so that numbers are not guessed by the way."""
_SECRET: Final = 20
"""Characters: 100 bits."""
_BETWEEN: Final = re.compile(r"[\s\-\u2010-\u2015]+")


def new_number() -> str:
    """Such as T-7K3M-9Q2X: also a reference in a message."""
    return f"T-{_grouped(_random(_NUMBER))}"


def new_secret() -> str:
    """Such as 7K3M-9Q2X-0A1B-CDEF-GHJK."""
    return _grouped(_random(_SECRET))


def read_number(text: str) -> str | None:
    """A number as somebody typed it; None where it cannot be one."""
    found = _BETWEEN.sub("", text).upper()
    found = _plain(found.removeprefix("T") if len(found) == _NUMBER + 1 else found, _NUMBER)
    return f"T-{_grouped(found)}" if found else None


def read_secret(text: str) -> str | None:
    """A secret as somebody typed it; None where it cannot be one."""
    found = _plain(_BETWEEN.sub("", text).upper(), _SECRET)
    return _grouped(found) if found else None


def _plain(text: str, length: int) -> str:
    text = text.translate(_READ)
    return text if len(text) == length and set(text) <= set(ALPHABET) else ""


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _grouped(text: str) -> str:
    return "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))
