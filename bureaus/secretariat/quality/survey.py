"""The registry's records and notices, looked at one after another: what each lacks, is there twice, stale, overdue.

Order of work: every notice in force and every record that a bureau sent is read and scored (`scores`), compared
(`duplicates`), and held against arrests and results: who was arrested is wanted no more, so that a red notice or a
record that asks for the arrest is stale until its owner ends it. `measured` gives what an operation's progress says.

Rules: a report names records and notices by their owners' references, never a person; records that stand on a notice
are the notice's, and are not counted twice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat import reports
from bureaus.secretariat.databases import records
from bureaus.secretariat.notices import book
from bureaus.secretariat.notices.values import NoticeState
from bureaus.secretariat.quality import duplicates, scores
from bureaus.secretariat.quality.duplicates import Entry, Pair
from bureaus.secretariat.quality.scores import Score
from bureaus.secretariat.registry import notices as notice_tables
from bureaus.secretariat.registry.arrests import arrest
from bureaus.secretariat.registry.databases import record as record_table
from schemas import messages
from schemas.identity import Address
from schemas.messages.codes import NoticeColour, ResultKind
from schemas.messages.databases import DatabaseRecord
from schemas.messages.documents import IdentityDocument
from schemas.messages.search_codes import HitAction

if TYPE_CHECKING:
    from pydantic import JsonValue

RECORD: Final = "record"
NOTICE_SORT: Final = "notice"


@dataclass(frozen=True, slots=True)
class Looked:
    """One record or notice, scored."""

    sort: str
    owner: str
    name: str
    """`OWNER REFERENCE` of a record, a notice's number."""
    score: Score
    stale: str = ""
    """Why, where it is."""
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found. `time` in seconds since the epoch."""

    time: int
    looked: tuple[Looked, ...]
    pairs: tuple[Pair, ...]

    def sort(self, sort: str) -> list[Looked]:
        """The records, or the notices."""
        return [one for one in self.looked if one.sort == sort]

    def measured(self) -> dict[str, int]:
        """Counts, as an operation's measure keeps them; `share` is the mean in thousandths."""
        found: dict[str, int] = {}
        for sort in (NOTICE_SORT, RECORD):
            these = self.sort(sort)
            found[f"{sort}s"] = len(these)
            found[f"{sort}s_complete"] = sum(one.score.complete for one in these)
            found[f"{sort}s_share"] = round(1000 * sum(one.score.share for one in these) / len(these)) if these else 0
        found["duplicates"] = len(self.pairs)
        found["stale"] = sum(bool(one.stale) for one in self.looked)
        found["overdue"] = sum(one.overdue for one in self.looked)
        return found

    def missing(self) -> dict[str, int]:
        """How many lack what, the most frequent first."""
        return dict(Counter(name for one in self.looked for name in one.score.missing).most_common())

    def by_owner(self) -> dict[str, dict[str, float]]:
        """For each owner: how many, how many complete, and the mean share."""
        groups: defaultdict[str, list[Looked]] = defaultdict(list)
        for one in self.looked:
            groups[one.owner].append(one)
        return {
            owner: {
                "looked": len(these),
                "complete": sum(one.score.complete for one in these),
                "share": round(sum(one.score.share for one in these) / len(these), 3),
            }
            for owner, these in sorted(groups.items())
        }

    def to_json(self) -> dict[str, JsonValue]:
        """One object for machines; only what lacks something, is stale or overdue stands in `items`."""
        items: list[JsonValue] = [
            {
                "sort": one.sort,
                "owner": one.owner,
                "name": one.name,
                "share": round(one.score.share, 3),
                "complete": one.score.complete,
                "missing": list(one.score.missing),
                "wrong": list(one.score.wrong),
                "stale": one.stale,
                "overdue": one.overdue,
            }
            for one in self.looked
            if one.score.missing or one.score.wrong or one.stale or one.overdue
        ]
        return {
            "time": self.time,
            "counts": dict(self.measured()),
            "missing": dict(self.missing()),
            "owners": {owner: dict(found) for owner, found in self.by_owner().items()},
            "duplicates": [asdict(pair) for pair in self.pairs],
            "items": items,
        }


@dataclass(slots=True)
class _Looking:
    """What is gathered on the way."""

    now: int
    today: date
    held: dict[str, str]
    """A notice's number or a record's -> who arrested."""
    arrested: frozenset[tuple[str, str]]
    """(bureau, reference) of cases whose result is an arrest."""
    looked: list[Looked] = field(default_factory=list)
    entries: dict[str, list[Entry]] = field(default_factory=lambda: {RECORD: [], NOTICE_SORT: []})

    def stale(self, owner: str, *numbers: str) -> str:
        """Why it is stale, or nothing."""
        for number in numbers:
            if number in self.held:
                return f"arrested by {self.held[number]}"
            if (Address(owner).bureau, number) in self.arrested:
                return "arrested by its owner's own report"
        return ""


async def survey(
    connection: AsyncConnection, *, now: int, owners: Collection[str] | None = None, operation: str | None = None
) -> Survey:
    """Look at what these bureaus own, or everybody; results are those of `operation`, where one is named."""
    cases = [] if operation is None else await reports.standing(connection, operation)
    listed = [] if operation is None else await reports.cases(connection, operation)
    done = {(one.word.bureau, one.word.reference) for one in cases if one.word.result is ResultKind.ARRESTED}
    numbers = {(one.bureau, one.notice) for one in listed if one.notice and (one.bureau, one.reference) in done}
    held = {row.number: row.bureau for row in await connection.execute(select(arrest.c.number, arrest.c.bureau))}
    looking = _Looking(now, datetime.fromtimestamp(now, UTC).date(), held, frozenset(done | numbers))
    await _notices(connection, looking, owners)
    await _records(connection, looking, owners)
    pairs = [pair for sort in (NOTICE_SORT, RECORD) for pair in duplicates.pairs(looking.entries[sort])]
    return Survey(now, tuple(looking.looked), tuple(pairs))


def _wanted(owner: str, owners: Collection[str] | None) -> bool:
    return owners is None or Address(owner).bureau in owners


async def _notices(connection: AsyncConnection, looking: _Looking, owners: Collection[str] | None) -> None:
    for one in await book.notices(connection, notice_tables.notice.c.state == NoticeState.IN_FORCE):
        if not _wanted(str(one.owner), owners):
            continue
        body = (await book.version(connection, one.number, one.version)).message
        owner = str(one.owner)
        found = scores.score_notice(body, owner, looking.today)
        stale = looking.stale(owner, one.number, one.reference) if one.colour is NoticeColour.RED else ""
        looking.looked.append(Looked(NOTICE_SORT, owner, one.number, found, stale, one.review < looking.now))
        if body.person is not None:
            looking.entries[NOTICE_SORT].append(Entry(one.number, owner, body.person, body.person.documents))


async def _records(connection: AsyncConnection, looking: _Looking, owners: Collection[str] | None) -> None:
    rows = await connection.stream(select(record_table).order_by(record_table.c.id))
    async for row in rows:  # read as they are looked at, not all before
        if row.reference.startswith(records.NOTICE) or not _wanted(row.owner, owners):
            continue
        message = messages.decode(DatabaseRecord.KIND, bytes(row.content))
        if not isinstance(message, DatabaseRecord):
            continue
        name = f"{row.owner} {row.reference}"
        found = scores.score_record(message, row.owner, looking.today)
        numbers = [
            row.reference,
            records.number(row.id),
            *([message.notice.number] if message.notice is not None else []),
        ]
        stale = looking.stale(row.owner, *numbers) if HitAction.ARREST in message.actions else ""
        looking.looked.append(Looked(RECORD, row.owner, name, found, stale, row.review < looking.now))
        looking.entries[RECORD].append(Entry(name, row.owner, message.person, tuple(_documents(message))))


def _documents(message: DatabaseRecord) -> Iterator[IdentityDocument]:
    if message.document is not None:
        yield message.document.document
    if message.person is not None:
        yield from message.person.documents
