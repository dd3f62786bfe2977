"""Paths of tiles as C2SP tlog-tiles writes them: `LEVEL/N`, or `LEVEL/N.p/W` for the first W hashes of one.

N is written in groups of three digits, all but the last with an `x` before it: 1234067 is `x001/x234/067`. Rules: one
spelling for each tile, and no number that a tree of 63 bits could not have.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

from gateway.api.problems import Refused
from schemas.errors import Reason

FULL: Final = 256
"""Hashes of a full tile."""
MAX_LEVEL: Final = 7
"""Eight levels of tiles, of eight levels of the tree each."""
KEPT: Final = "private, max-age=31536000, immutable"
"""Cache-Control of every tile: what it holds never changes. Private, since it was given over a link's own identity."""
_LEVEL: Final = re.compile(r"[0-7]", re.ASCII)
_TILE: Final = re.compile(r"((?:x\d{3}/){0,5}\d{3})(?:\.p/([1-9]\d{0,2}))?", re.ASCII)


def parse(level: str, rest: str) -> tuple[int, int, int]:
    """(level, index, width) of a tile, from what comes after `/tile/`: the level, and the rest.

    Raises:
        Refused: 400, not the one way in which a tile is written.
    """
    found = _TILE.fullmatch(rest)
    if _LEVEL.fullmatch(level) and found is not None:
        index = int(found[1].replace("x", "").replace("/", ""))
        width = FULL if found[2] is None else int(found[2])
        if width <= FULL and path(int(level), index, width) == f"{level}/{rest}":
            return int(level), index, width
    raise Refused(HTTPStatus.BAD_REQUEST, Reason.STRUCTURE, "a tile is LEVEL/N or LEVEL/N.p/W, as C2SP writes it")


def path(level: int, index: int, width: int = FULL) -> str:
    """The one way to write a tile."""
    digits = f"{index:03d}"
    digits = digits.rjust(-(-len(digits) // 3) * 3, "0")
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    number = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
    return f"{level}/{number}" + ("" if width == FULL else f".p/{width}")
