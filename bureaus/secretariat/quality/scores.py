"""What one record or notice lacks, and its share of what there could be. Pure.

A table of points says what counts: each item has a weight, and whether the record is incomplete without it. Nothing is
scored that does not apply (a charge counts for who is wanted). What contradicts itself is found by the rules of
screening (notices/rules.py: dates, check digits), so that one house has one opinion.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from bureaus.secretariat.notices import rules
from bureaus.secretariat.notices.rules import Weight
from schemas.messages.codes import NoticeColour
from schemas.messages.databases import DatabaseRecord, RecordDocument
from schemas.messages.fields import date_precision
from schemas.messages.notices import NoticeBody, Thing
from schemas.messages.person import Person
from schemas.messages.search_codes import HitAction

_WANTED: Final = frozenset({NoticeColour.RED})
_DATES: Final = 8
_DOCUMENTS: Final = 9


@dataclass(frozen=True, slots=True)
class Score:
    """One record or notice. `points` of `most`; `missing` is by name of the item, `wrong` in words."""

    points: int
    most: int
    missing: tuple[str, ...]
    """All that it has not."""
    lacking: tuple[str, ...]
    """Of those, what it is incomplete without."""
    wrong: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.points / self.most if self.most else 1.0

    @property
    def complete(self) -> bool:
        """Whether it lacks nothing that it needs, and does not contradict itself."""
        return not self.lacking and not self.wrong


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a record may have."""

    name: str
    weight: int
    needed: bool
    has: bool


def of_person(person: Person, *, wanted: bool) -> Iterator[Item]:
    """What a person block has."""
    name, born = person.name, person.birth_date
    yield Item("whole name", 3, needed=True, has=bool(name.original or (name.family and name.given)))
    yield Item("year of birth", 2, needed=True, has=born is not None)
    yield Item("day of birth", 1, needed=False, has=born is not None and date_precision(born) == 3)
    yield Item("sex", 1, needed=True, has=person.sex is not None)
    yield Item("nationality", 2, needed=True, has=bool(person.nationalities))
    yield Item("place of birth", 1, needed=False, has=bool(person.birth_place or person.birth_country))
    yield Item("documents", 2, needed=False, has=bool(person.documents))
    described = [person.height_cm, person.weight_kg, person.eyes, person.hair, person.marks]
    yield Item("description", 1, needed=False, has=sum(map(bool, described)) > 1)
    yield Item("languages", 1, needed=False, has=bool(person.languages))
    if wanted:
        yield Item("charge", 2, needed=True, has=bool(person.charges))
        named = any(warrant.reference or warrant.authority for warrant in person.warrants)
        yield Item("warrant", 2, needed=True, has=named)


def of_document(listed: RecordDocument) -> Iterator[Item]:
    """What the record of a travel document has."""
    document = listed.document
    yield Item("issuer", 3, needed=True, has=document.issuer is not None)
    yield Item("check digit", 2, needed=False, has=document.check_digit is not None)
    yield Item("date of loss", 1, needed=False, has=listed.since is not None)
    yield Item("date of expiry", 1, needed=False, has=document.expires is not None)


def of_thing(thing: Thing) -> Iterator[Item]:
    """What a notice about a thing has."""
    yield Item("description", 3, needed=True, has=thing.description is not None)
    yield Item("place", 1, needed=False, has=thing.place is not None)
    yield Item("date", 1, needed=False, has=thing.date is not None)


def score_record(record: DatabaseRecord, owner: str, today: date) -> Score:
    """A record of the databases."""
    items = [Item("conditions", 1, needed=False, has=record.conditions is not None)]
    items.append(Item("action", 2, needed=True, has=bool(record.actions)))
    wrong: tuple[str, ...] = ()
    if record.person is not None:
        wanted = HitAction.ARREST in record.actions
        items += of_person(record.person, wanted=wanted)
        looked = NoticeBody(colour=NoticeColour.BLUE, person=record.person)
        wrong = tuple(f.found for f in rules.screen(looked, owner, today) if f.rule == _DATES)
    if record.document is not None:
        items += of_document(record.document)
    return _scored(items, wrong)


def score_notice(notice: NoticeBody, owner: str, today: date) -> Score:
    """A notice. What screening says that it lacks, it is incomplete without."""
    findings = [one for one in rules.screen(notice, owner, today) if one.weight is Weight.LACKS]
    wrong = tuple(one.found for one in findings if one.rule == _DATES)
    rule_items = {one.name for one in findings if one.rule not in (_DATES, _DOCUMENTS)}
    items = [
        Item("facts", 2, needed=False, has=notice.facts is not None),
        Item("picture or prints", 3, needed=False, has=bool(notice.attachments)),
        *(Item(name, 2, needed=True, has=False) for name in sorted(rule_items)),
    ]
    if notice.person is not None:
        items += of_person(notice.person, wanted=notice.colour in _WANTED)
    if notice.thing is not None:
        items += of_thing(notice.thing)
    return _scored(items, wrong)


def _scored(items: list[Item], wrong: tuple[str, ...]) -> Score:
    return Score(
        points=sum(item.weight for item in items if item.has),
        most=sum(item.weight for item in items),
        missing=tuple(item.name for item in items if not item.has),
        lacking=tuple(item.name for item in items if item.needed and not item.has),
        wrong=wrong,
    )
