"""Dates of birth as they are compared: to the precision that both know. Pure.

Dates are written from hearsay, from foreign calendars and with day and month in either order; a day and month of 1
January often stands for an unknown one. So a date that differs in one part still speaks for the person, a little.
"""

from __future__ import annotations

from typing import Final

from schemas.messages.search_codes import MatchReason

_PARTIAL: Final = 0.85
_SWAPPED: Final = 0.85
_NEAR: Final = 0.6
_YEAR_NEAR: Final = 0.4
"""The year is another by one or two, the rest unknown."""


def compare_dates(asked: str, known: str) -> tuple[float, MatchReason]:
    """How much one date of birth speaks for another, 0 to 1, and why. Dates are `1971`, `1971-04` or `1971-04-30`."""
    one, other = asked.split("-"), known.split("-")
    both = min(len(one), len(other))
    if asked == known:
        return 1.0, MatchReason.BIRTH_DATE if both == 3 else MatchReason.BIRTH_DATE_PARTIAL
    if one[:both] == other[:both]:
        return _PARTIAL, MatchReason.BIRTH_DATE_PARTIAL
    if both == 3:
        return _full(one, other)
    years = abs(int(one[0]) - int(other[0]))
    if both == 2 and ((years == 0) != (one[1] == other[1])) and years <= 10:
        return _NEAR / 2, MatchReason.BIRTH_DATE_NEAR
    if both == 1 and years <= 2:
        return _YEAR_NEAR, MatchReason.BIRTH_DATE_NEAR
    return 0.0, MatchReason.BIRTH_DATE_DIFFERS


def _full(one: list[str], other: list[str]) -> tuple[float, MatchReason]:
    if one[0] == other[0] and one[1] == other[2] and one[2] == other[1]:
        return _SWAPPED, MatchReason.BIRTH_DATE_SWAPPED
    same = sum(part == there for part, there in zip(one, other, strict=True))
    if same == 2 and _one_slip(one, other):
        return _NEAR, MatchReason.BIRTH_DATE_NEAR
    if one[0] == other[0] and "01-01" in ("-".join(one[1:]), "-".join(other[1:])):
        return _NEAR, MatchReason.BIRTH_DATE_NEAR
    return 0.0, MatchReason.BIRTH_DATE_DIFFERS


def _one_slip(one: list[str], other: list[str]) -> bool:
    """Whether one digit differs, two neighbours change places, or the part is off by one or ten."""
    for part, there in zip(one, other, strict=True):
        if part != there:
            differing = sum(a != b for a, b in zip(part, there, strict=True))
            return differing == 1 or sorted(part) == sorted(there) or abs(int(part) - int(there)) == 1
    return False
