"""Requests and notices as rows: read and written here alone, inside the caller's transaction."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Row, Select, and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat.notices.values import NoticeState, RequestState
from bureaus.secretariat.registry import notices as tables
from schemas import messages
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages.codes import NoticeColour
from schemas.messages.notice_codes import Issue
from schemas.messages.notices import NoticeBody, NoticeDecision

_MARK: Final = 32
"""Characters of a content's mark: 128 bits."""
_REQUEST: Final = [column for column in tables.request.c if column.name != "content"]


@dataclass(frozen=True, slots=True)
class Request:
    """A request or an update on screening, without what it says. Times are seconds since the epoch."""

    id: int
    digest: bytes
    owner: Address
    reference: str
    issue: Issue
    number: str | None
    colour: NoticeColour
    state: RequestState
    needed: int
    flagged: bool
    kind: str
    received: int
    due: int
    decided: int | None
    escalated: int | None


@dataclass(frozen=True, slots=True)
class Approval:
    """Who publishes it, and why where that had to be said."""

    who: str
    time: int
    why: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A published notice or diffusion, without what it says."""

    number: str
    diffusion: bool
    owner: Address
    reference: str
    colour: NoticeColour
    state: NoticeState
    version: int
    denied: tuple[str, ...]
    shown: tuple[str, ...]
    published: int
    review: int
    asked: int | None
    ended: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Content:
    """What a row says: the message, and its attachments as views of what is stored."""

    message: NoticeBody
    attachments: tuple[memoryview, ...]
    mark: str
    """Tells it from what the row says at another time."""


def read(kind: str, content: bytes) -> Content:
    """A stored content.

    Raises:
        Malformed: it is none.
    """
    message, attachments = messages.decode_whole(kind, content)
    if not isinstance(message, NoticeBody):
        raise Misuse(f"{kind} is no notice")
    return Content(message, attachments, hashlib.sha256(content).hexdigest()[:_MARK])


# ------------------------------------------------------------------------------------------ requests


async def requests(connection: AsyncConnection, *where: ColumnElement[bool]) -> list[Request]:
    """Requests, those that are due first in front."""
    query = select(*_REQUEST).where(*where).order_by(tables.request.c.due, tables.request.c.id)
    return [_request(row) for row in await connection.execute(query)]


async def request(connection: AsyncConnection, number: int, *, lock: bool = False) -> Request:
    """One request; `lock` keeps it from other transactions until the end of this one.

    Raises:
        Misuse: there is none.
    """
    query = select(*_REQUEST).where(tables.request.c.id == number)
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        raise Misuse(f"there is no request {number}")
    return _request(row)


async def content_of(connection: AsyncConnection, number: int) -> Content:
    """What a request says now."""
    query = select(tables.request.c.kind, tables.request.c.content).where(tables.request.c.id == number)
    row = (await connection.execute(query)).one()
    return read(row.kind, bytes(row.content))


async def approvals(connection: AsyncConnection, number: int) -> list[Approval]:
    """Who approved a request as it stands, in order."""
    table = tables.approval
    query = select(table.c.who, table.c.time, table.c.why).where(table.c.request == number).order_by(table.c.time)
    return [Approval(*row) for row in await connection.execute(query)]


async def change(connection: AsyncConnection, request_id: int, **values: object) -> None:
    """Set columns of a request."""
    await connection.execute(update(tables.request).where(tables.request.c.id == request_id).values(values))


async def decide(connection: AsyncConnection, digest: bytes, decision: NoticeDecision) -> None:
    """Have a message of a bureau's answered by this decision."""
    await connection.execute(insert(tables.decision).values(digest=digest, content=messages.encode(decision)))


# ------------------------------------------------------------------------------------------ notices


async def notices(connection: AsyncConnection, *where: ColumnElement[bool]) -> list[Notice]:
    """Notices and diffusions, the newest first."""
    query = select(tables.notice).where(*where).order_by(tables.notice.c.published.desc(), tables.notice.c.number)
    return [_notice(row) for row in await connection.execute(query)]


async def notice(connection: AsyncConnection, number: str, *, lock: bool = False) -> Notice | None:
    """One notice or diffusion, by its number; `lock` keeps it from other transactions until the end of this one."""
    query = select(tables.notice).where(tables.notice.c.number == number)
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else _notice(row)


async def diffusion(connection: AsyncConnection, owner: Address, reference: str) -> Notice | None:
    """One diffusion, by its owner and the owner's reference."""
    table = tables.notice
    same = and_(table.c.owner == str(owner), table.c.reference == reference, table.c.diffusion.is_(True))
    found = await notices(connection, same)
    return found[0] if found else None


async def keep_ending(
    connection: AsyncConnection, owner: Address, reference: str, *, place: int, why: str, now: int
) -> None:
    """Keep the end of a diffusion that did not come yet, in place of an older one. `place` is its ledger index."""
    table = tables.diffusion_ending
    same = table.c.owner == str(owner), table.c.reference == reference
    if (await connection.execute(select(table.c.place).where(*same, table.c.place >= place))).first() is not None:
        return
    await connection.execute(delete(table).where(*same))
    values = {"owner": str(owner), "reference": reference, "place": place, "why": why, "time": now}
    await connection.execute(insert(table).values(values))


async def ended_before(connection: AsyncConnection, entry: Notice, place: int) -> str | None:
    """Why a diffusion that comes with this ledger index was ended by a later message already; None where it was not."""
    table = tables.diffusion_ending
    same = table.c.owner == str(entry.owner), table.c.reference == entry.reference
    kept = (await connection.execute(delete(table).where(*same).returning(table.c.place, table.c.why))).first()
    return None if kept is None or kept.place < place else str(kept.why)


async def forget_endings(connection: AsyncConnection, before: int) -> None:
    """Delete endings of before a time, in seconds since the epoch, whose diffusions never came."""
    await connection.execute(delete(tables.diffusion_ending).where(tables.diffusion_ending.c.time < before))


async def version(connection: AsyncConnection, number: str, which: int) -> Content:
    """What a notice says in one version.

    Raises:
        Misuse: there is no such version.
    """
    table = tables.version
    query: Select[tuple[str, bytes]] = select(table.c.kind, table.c.content)
    row = (await connection.execute(query.where(table.c.number == number, table.c.version == which))).one_or_none()
    if row is None:
        raise Misuse(f"{number} has no version {which}")
    return read(row.kind, bytes(row.content))


async def has_version_of(connection: AsyncConnection, digest: bytes) -> bool:
    """Whether a message led to a version already."""
    query = select(tables.version.c.number).where(tables.version.c.digest == digest)
    return (await connection.execute(query)).first() is not None


async def put(connection: AsyncConnection, entry: Notice) -> None:
    """Write a notice: new, or in place of what stood under its number."""
    values = {
        "diffusion": entry.diffusion,
        "owner": str(entry.owner),
        "reference": entry.reference,
        "colour": entry.colour,
        "state": entry.state,
        "version": entry.version,
        "denied": json.dumps(entry.denied),
        "shown": json.dumps(entry.shown),
        "published": entry.published,
        "review": entry.review,
        "asked": entry.asked,
        "ended": entry.ended,
        "why": entry.why,
    }
    done = await connection.execute(update(tables.notice).where(tables.notice.c.number == entry.number).values(values))
    if not done.rowcount:
        await connection.execute(insert(tables.notice).values(number=entry.number, **values))


async def add_version(
    connection: AsyncConnection, entry: Notice, issue: Issue, digest: bytes, kind: str, content: bytes
) -> None:
    """Keep what was published as a version."""
    values = {"number": entry.number, "version": entry.version, "issue": issue, "digest": digest}
    await connection.execute(insert(tables.version).values(**values, time=entry.published, kind=kind, content=content))


async def next_number(connection: AsyncConnection, series: str, year: int) -> str:
    """The next number of a series in a year, such as `R-1/2026`: none is given twice."""
    table, name = tables.counter, f"{series}/{year}"
    counted = update(table).where(table.c.series == name).values(last=table.c.last + 1).returning(table.c.last)
    last = (await connection.execute(counted)).scalar_one_or_none()
    if last is None:
        await connection.execute(insert(table).values(series=name, last=1))
        last = 1
    return f"{series}-{last}/{year}"


async def count(connection: AsyncConnection) -> dict[str, int]:
    """Notices and diffusions by state."""
    query = select(tables.notice.c.state, func.count().label("many")).group_by(tables.notice.c.state)
    return {str(row.state): int(row.many) for row in await connection.execute(query)}


def _request(row: Row[tuple[object, ...]]) -> Request:
    return Request(
        row.id,
        bytes(row.digest),
        Address.parse(row.owner),
        row.reference,
        Issue(row.issue),
        row.number,
        NoticeColour(row.colour),
        RequestState(row.state),
        row.needed,
        bool(row.flagged),
        row.kind,
        row.received,
        row.due,
        row.decided,
        row.escalated,
    )


def _notice(row: Row[tuple[object, ...]]) -> Notice:
    return Notice(
        row.number,
        bool(row.diffusion),
        Address.parse(row.owner),
        row.reference,
        NoticeColour(row.colour),
        NoticeState(row.state),
        row.version,
        tuple(json.loads(row.denied)),
        tuple(json.loads(row.shown)),
        row.published,
        row.review,
        row.asked,
        row.ended,
        row.why,
    )
