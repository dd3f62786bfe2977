"""Numbers that a record is found by: 63 bits of a hash, the lowest three of which say how much the key tells.

A search asks for the records of many keys at once and orders them by the sum of those weights. Two values may come to
one number: whoever finds a record by its key compares the values before calling it found.
"""

from __future__ import annotations

from collections.abc import Hashable
from hashlib import blake2b
from typing import Final

WEIGHTS: Final = 7
"""The mask of a key's weight, 1 to 7."""
_POSITIVE: Final = (1 << 63) - 1


def key(weight: int, *parts: Hashable) -> int:
    """The key of some words, with a weight of 1 to 7; the same on every machine and in every version."""
    text = "\x1f".join(map(str, parts)).encode()
    number = int.from_bytes(blake2b(text, digest_size=8).digest(), "big") & _POSITIVE
    return number & ~WEIGHTS | weight
