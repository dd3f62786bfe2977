"""Answers questions: candidates by key, the comparison, then what the asker may see.

Order of work: keys of the question; numbers of records under those keys; the rows; the comparison of each; denial and
visibility; the answer. Rules:

- a denied or silent record goes through the same look-up and the same comparison as every other, and is left out at the
  end: the asker's answer is that of a database without it, in bytes and in work (but where more records share a
  name's keys than the matcher is given, `name_candidates`: there it may stand in another's place; and where it is the
  one more bearer of a name that chance.py rounds up at);
- a hit is a document's number, or a name with a whole date of birth that speaks for it; else candidates for a person;
- a candidate is alike enough, and few enough persons of the index would agree as well by chance (chance.py); a hit is
  left out for no such reason, since any bureau can make a name common with records of its own;
- a silent record that would have been a hit is a hit all the same, of which its owner alone is told;
- no owner fills an answer, or what the matcher is given, with its own records while others have some: a flood of them
  would hide another's.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat.databases import documents, names, records
from bureaus.secretariat.databases.census import NOBODY, Census
from bureaus.secretariat.databases.chance import WHOLE_DATES, Commonness, by_chance
from bureaus.secretariat.databases.lookups import Lookups
from bureaus.secretariat.databases.matcher import Known, match
from bureaus.secretariat.databases.records import Kept
from bureaus.secretariat.registry import Registry
from bureaus.secretariat.settings import Settings
from schemas.identity import Address
from schemas.messages.codes import Visibility
from schemas.messages.databases import (
    MOST_FOUND,
    DatabaseAnswer,
    DatabaseQuery,
    DocumentQuestion,
    Found,
    NameQuestion,
)
from schemas.messages.search_codes import MatchReason, Search

_SPEAKS: Final = frozenset({MatchReason.BIRTH_DATE, MatchReason.BIRTH_DATE_SWAPPED})
"""What a name needs beside it to be a hit: a whole date of birth. Too many people share a name and a year."""
_EXACT: Final = 100
_NAMES_AT_ONCE: Final = 16
"""Names compared before others have their turn: a record may have dozens."""


@dataclass(frozen=True, slots=True)
class Matched:
    """A record with why it was found. `shown` says whether the asker sees anything of it."""

    record: Kept
    score: int
    reasons: tuple[MatchReason, ...]
    hit: bool
    shown: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """What to say, and the hits that owners hear of: shown ones and silent ones."""

    answer: DatabaseAnswer
    hits: tuple[Matched, ...]


class Searching:
    """The databases as they are asked."""

    def __init__(self, registry: Registry, settings: Settings) -> None:
        self._registry = registry
        self._settings = settings
        self._lookups = Lookups(registry)
        self._census = Census(settings)

    async def answer(self, asker: Address, query: DatabaseQuery) -> Answered:
        """Answer a question.

        Raises:
            Unavailable: the registry cannot serve now.
        """
        if query.document is not None:
            matched = _documents(asker, query.document, await self._lookups.find(query.document.number))
        elif query.person is not None:
            matched = await self._names(asker, query.person)
        else:
            matched = []
        return _said(matched)

    async def _names(self, asker: Address, question: NameQuestion) -> list[Matched]:
        keys = names.question_keys(question)
        if not keys:
            return []
        async with self._registry.reading() as connection:
            there = await _candidates(connection, keys, self._settings.name_candidates)
            common = await self._census.common(connection, names.bones(question)) if there else NOBODY
        return await compared(asker, question, there, common, self._settings)


async def _candidates(connection: AsyncConnection, keys: Iterable[int], most: int) -> list[Kept]:
    """As many records as the matcher is given; of an owner that has more than half of them, half where others have any.

    The index is asked again once at most, whoever has how many.
    """
    numbers = await records.candidates(connection, keys, most)
    there = await records.by_id(connection, numbers)
    owner, count = Counter(one.owner for one in there).most_common(1)[0] if there else (None, 0)
    if owner is None or len(numbers) < most or count <= most // 2:
        return there
    others = await records.by_id(connection, await records.candidates(connection, keys, most // 2, but=owner))
    return [one for one in there if one.owner == owner][: most - len(others)] + others


def _documents(asker: Address, question: DocumentQuestion, there: Sequence[Kept]) -> list[Matched]:
    matched = []
    for one in there:
        reasons = max((documents.match(question, own) for own in documents.documents(one.message)), key=len, default=())
        if reasons and not one.denies(asker):
            matched.append(Matched(one, _EXACT, reasons, hit=True, shown=_shown(one, asker)))
    return matched


async def compared(
    asker: Address, question: NameQuestion, there: Sequence[Kept], common: Commonness, settings: Settings
) -> list[Matched]:
    """What the records that were found come to, best first. Others have their turn in between: names may be many."""
    asked = Known.asked(question)
    matched, names_since = [], 0
    for one in there:
        if not one.names:
            continue
        known = Known.decode(one.names)
        if (names_since := names_since + len(known.forms)) > _NAMES_AT_ONCE:
            names_since = 0
            await asyncio.sleep(0)
        alike = match(asked, known)
        if alike.score < settings.name_candidate_score or one.denies(asker):
            continue
        chance = by_chance(alike.parts, alike.reasons, common)
        dated = not WHOLE_DATES.isdisjoint(alike.reasons)
        hit = alike.score >= settings.name_hit_score and not _SPEAKS.isdisjoint(alike.reasons)
        if not hit and chance > (settings.name_by_chance_dated if dated else settings.name_by_chance):
            continue
        matched.append(
            (-alike.score, chance, one.id, Matched(one, alike.score, alike.reasons, hit, _shown(one, asker)))
        )
    return [one for *_, one in sorted(matched, key=lambda found: found[:3])]


def _shown(one: Kept, asker: Address) -> bool:
    """A silent record is shown to its owner alone."""
    return one.visibility != Visibility.SILENT or one.owner == asker.bureau


def _fair(matched: Sequence[Matched]) -> list[Matched]:
    """As many as an answer has, best first; of one owner half of them, and more only where room is left."""
    counts: Counter[str] = Counter()
    places = []
    for place, one in enumerate(matched):
        counts[one.record.owner] += 1
        places.append((counts[one.record.owner] > MOST_FOUND // 2, place))
    return [matched[place] for place in sorted(place for _, place in sorted(places)[:MOST_FOUND])]


def _said(matched: Sequence[Matched]) -> Answered:
    shown = _fair([one for one in matched if one.shown])
    found = Search.HIT if any(one.hit for one in shown) else Search.CANDIDATES
    answer = DatabaseAnswer(result=found if shown else Search.NO_HIT, found=tuple(map(_found, shown)))
    silent = [one for one in matched if not one.shown]
    return Answered(answer, tuple(one for one in (*shown, *silent) if one.hit))


def _found(one: Matched) -> Found:
    there = one.record
    if there.visibility == Visibility.AGENCY_ONLY:
        return Found(
            record=there.number,
            kind=there.kind,
            owner=there.contact,
            score=one.score,
            reasons=one.reasons,
            visibility=Visibility.AGENCY_ONLY,
        )
    said = there.message
    return Found(
        record=there.number,
        kind=there.kind,
        owner=there.contact,
        score=one.score,
        reasons=one.reasons,
        person=said.person,
        document=said.document,
        notice=said.notice,
        actions=said.actions,
        conditions=said.conditions,
    )
