"""What people typed, as messages may carry it."""

from __future__ import annotations

import unicodedata
from typing import Final

_HIDDEN: Final = frozenset({"Cc", "Cs", "Cn", "Co", "Zl", "Zp"})
_DIRECTION: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def tidy(text: str, *, lines: bool = True) -> str:
    """Normal form C, no control or direction characters, no spaces at the ends; one line where `lines` is false."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
    marks = text if lines else text.replace("\n", " ")
    return "".join(
        mark for mark in marks if mark == "\n" or (mark not in _DIRECTION and unicodedata.category(mark) not in _HIDDEN)
    ).strip()
