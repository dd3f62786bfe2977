"""How many persons would agree with a question as well as a record does, by chance alone. Pure.

Each part of the name that agrees tells as much as it is rare: one in a thousand bears it, and ten bits are told
(log2 of 1,000). A part that is only alike tells less, since more names are alike than equal, and a part of the question
that the record does not have speaks against it. A date of birth tells what its precision allows, and one that differs
speaks against. The persons of the index are as many chances, each halved by each bit that is told (after Fellegi and
Sunter 1969, with the values' frequencies).

Rules: how many bear a part is counted from the index, to the next power of two and from `_FEWEST` on, so that one
record more or less, which the asker may not see, changes no answer but where a power of two is reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from math import exp2, log2
from typing import Final

from bureaus.secretariat.databases.names import skeleton
from schemas.messages.search_codes import MatchReason

_FEWEST: Final = 8
"""Who bears a rarer part is no more surprising: small counts say little, and one record would show in them."""
_LEAST_PERSONS: Final = 16_384
"""Of a small index little is known of how common names are: it is taken for a part of one of this size."""
_ALIKE: Final = 5.0
"""Bits that a part loses that is alike and not equal: some thirty skeletons are one slip away."""
_INITIAL: Final = 4.0
"""Bits of an initial."""
_ASKED_ALONE: Final = 4.0
"""Bits that a part speaks against which the record does not have: one question in sixteen has such a part rightly."""
_SAID: Final[Mapping[MatchReason, float]] = {
    MatchReason.BIRTH_DATE: 14.0,
    MatchReason.BIRTH_DATE_PARTIAL: 5.5,
    MatchReason.BIRTH_DATE_SWAPPED: 13.0,
    MatchReason.BIRTH_DATE_NEAR: 6.0,
    MatchReason.BIRTH_DATE_DIFFERS: -12.0,
    MatchReason.SEX: 1.0,
    MatchReason.SEX_DIFFERS: -3.0,
    MatchReason.NATIONALITY: 3.0,
    MatchReason.NATIONALITY_DIFFERS: -1.0,
}
"""Bits of what else agrees or does not: some 20,000 days of birth are alike common, and 50 years. A whole date that is
another is taken for another person, unless the name is so rare that it outweighs a date: then the date is doubted.
"""
WHOLE_DATES: Final = frozenset(
    {
        MatchReason.BIRTH_DATE,
        MatchReason.BIRTH_DATE_SWAPPED,
        MatchReason.BIRTH_DATE_NEAR,
        MatchReason.BIRTH_DATE_DIFFERS,
    }
)
"""What is said where dates of birth were compared that both sides know well enough to tell people apart."""


class Agrees(Enum):
    """How a part of the question's name agrees with the record's."""

    SAME = auto()
    """Letter by letter, or in its consonants' classes, by which bearers are counted."""
    ALIKE = auto()
    INITIAL = auto()
    NOT = auto()


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the question's name."""

    token: str
    agrees: Agrees


@dataclass(frozen=True, slots=True)
class Commonness:
    """How many persons the index has, and how many of them bear each skeleton that was counted."""

    persons: int
    bearers: Mapping[str, int] = field(default_factory=dict)

    def rarity(self, token: str) -> float:
        """Bits that it tells to bear this part."""
        bearers = max(self.bearers.get(skeleton(token), 0), _FEWEST)
        return max(0.0, log2(self._size()) - bearers.bit_length())

    def chances(self) -> float:
        """Bits that are lost to the number of persons compared."""
        return log2(self._size())

    def _size(self) -> int:
        return max(self.persons, _LEAST_PERSONS)


def by_chance(parts: tuple[Part, ...], reasons: tuple[MatchReason, ...], common: Commonness) -> float:
    """How many persons of the index agree as well with a question by chance, on the average."""
    told = sum(_told(part, common) for part in parts) + sum(_SAID.get(reason, 0.0) for reason in reasons)
    return exp2(common.chances() - told)


def _told(part: Part, common: Commonness) -> float:
    rarity = common.rarity(part.token)
    match part.agrees:
        case Agrees.NOT:
            return -_ASKED_ALONE
        case Agrees.INITIAL:
            return min(_INITIAL, rarity)
        case Agrees.ALIKE:
            return max(0.0, rarity - _ALIKE)
        case Agrees.SAME:
            return rarity
