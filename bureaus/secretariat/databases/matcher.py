"""How alike a person asked for and a person on record are, and why: a score of 0 to 100 with its reasons. Pure.

Each part that both know counts with its weight: the name most, then the date of birth, nationality and sex. What one
side does not know says nothing. Names: every token is paired with the likest left of the other side, whatever the
order; likeness is the share of letters that stay under insertions, deletions, changes and swaps (rapidfuzz), and at
least that of a shared skeleton, which transcriptions keep. A token with no pair counts against the name, less where
only the record has it.

`Known` is what a record keeps ready for this, so that no message is decoded to compare.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rapidfuzz.distance import OSA

from bureaus.secretariat.databases.chance import Agrees, Part
from bureaus.secretariat.databases.dates import compare_dates
from bureaus.secretariat.databases.names import Form, all_forms, forms, skeleton
from schemas.messages.codes import Sex
from schemas.messages.databases import NameQuestion
from schemas.messages.person import Person
from schemas.messages.search_codes import MatchReason

_NAME: Final = 0.68
_DATE: Final = 0.22
_NATIONALITY: Final = 0.07
_SEX: Final = 0.03
"""Weights of what both know."""
_OTHER_NATIONALITY: Final = 0.3
"""People have several, and records know one."""
_ALIKE: Final = 0.6
"""Tokens below this are no pair."""
_SAME_SKELETON: Final = 0.88
_SHORT_SKELETON: Final = 0.75
"""Of one or two consonants, which many names share."""
_INITIAL: Final = 0.7
_ASKED_ALONE: Final = 0.8
_KNOWN_ALONE: Final = 0.35
"""How much a token without a pair counts against the name: one of the question, and one of the record."""
_RUN_TOGETHER: Final = 0.97
"""Names that are alike only without their spaces."""
_TOGETHER: Final = 0.8
"""From here on all their parts agree; below, those that agree one by one."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is compared of one side."""

    forms: tuple[Form, ...]
    born: str | None = None
    sex: str | None = None
    nationalities: tuple[str, ...] = ()

    @classmethod
    def of(cls, person: Person) -> Known:
        """Of a record's person."""
        sex = None if person.sex is Sex.U else person.sex
        return cls(tuple(all_forms(person)), person.birth_date, sex, person.nationalities)

    @classmethod
    def asked(cls, question: NameQuestion) -> Known:
        """Of a question."""
        nationality = () if question.nationality is None else (question.nationality,)
        sex = None if question.sex is Sex.U else question.sex
        return cls(tuple(forms(question.name)), question.birth_date, sex, nationality)

    def encode(self) -> str:
        """As a record keeps it."""
        named = [[int(form.original) + 2 * int(form.alias), *form.tokens] for form in self.forms]
        return json.dumps([named, self.born, self.sex, self.nationalities], separators=(",", ":"))

    @classmethod
    def decode(cls, text: str) -> Known:
        """What `encode` gave."""
        named, born, sex, nationalities = json.loads(text)
        kept = tuple(Form(tuple(tokens), bool(flags & 1), bool(flags & 2)) for flags, *tokens in named)
        return cls(kept, born, sex, tuple(nationalities))


@dataclass(frozen=True, slots=True)
class Match:
    """`score` is 0 to 100, `name` that of the name alone; reasons in the order of the code list."""

    score: int
    name: int
    reasons: tuple[MatchReason, ...]
    parts: tuple[Part, ...] = ()
    """Each part of the question's name, in the way of writing that is likest."""


def match(asked: Known, known: Known) -> Match:
    """How alike they are."""
    name, reasons, parts = max(
        (_compare(one, other) for one in asked.forms for other in known.forms),
        key=lambda found: (found[0], -len(found[1])),
        default=(0.0, (), ()),
    )
    total, weight, said = _NAME * name, _NAME, list(reasons)
    if asked.born and known.born:
        alike, reason = compare_dates(asked.born, known.born)
        total, weight = total + _DATE * alike, weight + _DATE
        said.append(reason)
    if asked.sex and known.sex:
        total, weight = total + _SEX * (asked.sex == known.sex), weight + _SEX
        said.append(MatchReason.SEX if asked.sex == known.sex else MatchReason.SEX_DIFFERS)
    if asked.nationalities and known.nationalities:
        same = not set(asked.nationalities).isdisjoint(known.nationalities)
        total, weight = total + _NATIONALITY * (1.0 if same else _OTHER_NATIONALITY), weight + _NATIONALITY
        said.append(MatchReason.NATIONALITY if same else MatchReason.NATIONALITY_DIFFERS)
    return Match(round(100 * total / weight), round(100 * name), tuple(said), parts)


def _compare(asked: Form, known: Form) -> tuple[float, tuple[MatchReason, ...], tuple[Part, ...]]:
    """How alike two names are, 0 to 1, how they differ, and how each part of the first agrees."""
    if asked.tokens == known.tokens:
        alike, how = 1.0, [MatchReason.NAME]
        parts = tuple(Part(token, Agrees.SAME) for token in asked.tokens)
    else:
        alike, how, parts = _paired(asked.tokens, known.tokens)
        together, said = _together(asked.tokens, known.tokens)
        if together > alike:
            alike, how = together, [said]
            if together >= _TOGETHER:
                whole = together == _RUN_TOGETHER or said is MatchReason.NAME_PART_MISSING
                parts = tuple(Part(token, Agrees.SAME if whole else Agrees.ALIKE) for token in asked.tokens)
    if known.alias:
        how.append(MatchReason.ALIAS)
    if asked.original and known.original:
        how.append(MatchReason.ORIGINAL_SCRIPT)
    elif asked.original or known.original:
        how.append(MatchReason.TRANSLITERATED)
    return alike, tuple(how), parts


def _together(asked: tuple[str, ...], known: tuple[str, ...]) -> tuple[float, MatchReason]:
    """How alike names are without their spaces, as asked for and with the last part first, or one within the other."""
    there, ways = "".join(known), ("".join(asked), "".join(asked[-1:] + asked[:-1]))
    if ways[0] in there:
        beyond = _KNOWN_ALONE * (len(there) - len(ways[0]))
        return _RUN_TOGETHER * len(ways[0]) / (len(ways[0]) + beyond), MatchReason.NAME_PART_MISSING
    return _RUN_TOGETHER * max(_likeness(way, there) for way in ways), MatchReason.NAME_SPELLING


def _paired(asked: Sequence[str], known: Sequence[str]) -> tuple[float, list[MatchReason], tuple[Part, ...]]:
    pairs = _pairs(asked, known)
    paired = {one: known[other] for _, one, other in pairs}
    left = sum(len(token) for at, token in enumerate(asked) if all(at != one for _, one, _ in pairs))
    beyond = sum(len(token) for at, token in enumerate(known) if all(at != other for _, _, other in pairs))
    alike = size = 0.0
    for likeness, one, other in pairs:
        length = (len(asked[one]) + len(known[other])) / 2
        alike, size = alike + likeness * length, size + length
    reasons = []
    if any(likeness < 1.0 for likeness, _, _ in pairs) or not pairs:
        reasons.append(MatchReason.NAME_SPELLING)
    order = [other for _, _, other in sorted(pairs, key=lambda pair: pair[1])]
    if order != sorted(order):
        reasons.append(MatchReason.NAME_ORDER)
    if left or beyond:
        reasons.append(MatchReason.NAME_PART_MISSING)
    parts = tuple(Part(token, _agrees(token, paired.get(at))) for at, token in enumerate(asked))
    return alike / (size + _ASKED_ALONE * left + _KNOWN_ALONE * beyond), reasons or [MatchReason.NAME], parts


def _agrees(asked: str, known: str | None) -> Agrees:
    if known is None:
        return Agrees.NOT
    if asked == known:
        return Agrees.SAME
    if len(asked) == 1 or len(known) == 1:
        return Agrees.INITIAL
    return Agrees.SAME if skeleton(asked) == skeleton(known) else Agrees.ALIKE


def _pairs(asked: Sequence[str], known: Sequence[str]) -> list[tuple[float, int, int]]:
    """Each token at most once, the likest first; of two alike, those that stand at the same place."""
    every = [
        (likeness, -abs(one - other), one, other)
        for one, mine in enumerate(asked)
        for other, theirs in enumerate(known)
        if (likeness := _likeness(mine, theirs)) >= _ALIKE
    ]
    every.sort(reverse=True)
    pairs: list[tuple[float, int, int]] = []
    ones: set[int] = set()
    others: set[int] = set()
    for likeness, _, one, other in every:
        if one not in ones and other not in others:
            ones.add(one)
            others.add(other)
            pairs.append((likeness, one, other))
    return pairs


@lru_cache(maxsize=262_144)
def _likeness(one: str, other: str) -> float:
    if one == other:
        return 1.0
    if len(one) == 1 or len(other) == 1:
        return _INITIAL if one[0] == other[0] else 0.0
    alike: float = OSA.normalized_similarity(one, other)
    bones = skeleton(one)
    if bones == skeleton(other):
        return max(alike, _SAME_SKELETON if len(bones) > 2 else _SHORT_SKELETON)
    return alike
