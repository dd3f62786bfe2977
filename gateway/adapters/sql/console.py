"""What the console reads, on SQL (`gateway.ports_console.Sightings`).

Pages go by (received, digest), newest first; each filter has an index that begins with it and goes on by time, so that
a page costs the same among a thousand and a million. A recipient is looked up in two parts: messages for it alone, by
an index, and messages for several, which are few, by time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Executable,
    Row,
    Select,
    and_,
    func,
    literal,
    literal_column,
    or_,
    select,
)

from gateway.adapters.sql import tables as t
from gateway.adapters.sql.database import Database
from gateway.ports_console import Acknowledged, Backlog, Outlook, Seen, Sought
from gateway.values import Leaf
from schemas.errors import Reason
from schemas.identity import Address

_MESSAGE: Final = t.message.c
_IS_REFUSED: Final[ColumnElement[bool]] = literal_column("NOT message.accepted")
"""As the index ix_message_refused has it: SQLite takes an index of some rows only for these very words."""
_ID_SIZE: Final = 16
_HASH_SIZE: Final = 32


class SqlSightings:
    """A `gateway.ports_console.Sightings` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _all(self, statement: Executable) -> Sequence[Row[*tuple[Any, ...]]]:
        async with self._database.read() as connection:
            return (await connection.execute(statement)).all()

    async def search(self, sought: Sought) -> Sequence[Seen]:
        """As the port says."""
        page = _messages().order_by(_MESSAGE.received.desc(), _MESSAGE.digest.desc()).limit(sought.limit)
        page = page.where(*_conditions(sought))
        if sought.recipient is None:
            return [_seen(row) for row in await self._all(_decided(page, newest=True))]
        alone = and_(
            _MESSAGE.recipient_count == literal(1, literal_execute=True), _MESSAGE.recipients == sought.recipient
        )
        among = (
            func.replace(" " + _MESSAGE.recipients + " ", f" {sought.recipient} ", "")
            != " " + _MESSAGE.recipients + " "
        )
        several = and_(_MESSAGE.recipient_count > literal(1, literal_execute=True), among)
        parts = [_decided(page.where(part), newest=True) for part in (alone, several)]
        found = [_seen(row) for part in parts for row in await self._all(part)]
        return sorted(found, key=lambda one: (one.received, one.digest), reverse=True)[: sought.limit]

    async def exchange(self, thread: bytes, limit: int) -> Sequence[Seen]:
        """As the port says."""
        within = or_(_MESSAGE.digest == thread, _MESSAGE.thread == thread)
        page = _messages().where(within).order_by(_MESSAGE.received, _MESSAGE.digest).limit(limit)
        return [_seen(row) for row in await self._all(_decided(page, newest=False))]

    async def about(self, digest: bytes, start: int, end: int) -> Sequence[Leaf]:
        """As the port says."""
        entry = t.leaf.c.entry
        if self._database.sqlite:
            named = func.instr(entry, digest) > 0
        else:
            named = entry.op("LIKE")(b"%" + _escaped(digest) + b"%")
        found = select(t.leaf.c.idx, entry).where(t.leaf.c.idx >= start, t.leaf.c.idx < end, named)
        return [Leaf(row.idx, row.entry) for row in await self._all(found.order_by(t.leaf.c.idx))]

    async def acknowledged(self, digest: bytes) -> Sequence[Acknowledged]:
        """As the port says."""
        kept = t.acknowledgement.c
        found = select(kept.recipient, kept.raw, kept.idx).where(kept.digest == digest).order_by(kept.idx)
        return [Acknowledged(Address(row.recipient), row.raw, row.idx) for row in await self._all(found)]

    async def backlogs(self) -> Sequence[Backlog]:
        """As the port says: what is in an inbox is counted by an index, and its first looked up alone."""
        found = {(row.inbox, row.link): _backlog(row) for row in await self._all(_placed())}
        for row in await self._all(_unplaced()):
            own = _backlog(row)
            other = found.get((row.inbox, row.link))
            if other is not None:
                own = replace(own, waiting=other.waiting, oldest=min(own.oldest, other.oldest))
            found[row.inbox, row.link] = own
        return [found[key] for key in sorted(found)]


def _placed() -> Select[*tuple[Any, ...]]:
    """Of each inbox, the copies in it, and when the first of them was received: indices are in that order."""
    first, copy = t.delivery.alias("first"), t.delivery.c
    here: ColumnElement[int] = literal_column(str(t.Stage.CONSIGNED.value))
    counted = (
        select(copy.inbox, copy.link, func.count().label("waiting"), func.min(copy.idx).label("idx"))
        .where(copy.state == here)
        .group_by(copy.inbox, copy.link)
        .subquery("counted")
    )
    same = and_(first.c.inbox == counted.c.inbox, first.c.idx == counted.c.idx, first.c.state == here)
    columns = counted.c.inbox, counted.c.link, literal(0).label("pending"), counted.c.waiting
    joined = counted.join(first, same).join(t.message, _MESSAGE.digest == first.c.digest)
    return select(*columns, _MESSAGE.received.label("oldest")).select_from(joined)


def _unplaced() -> Select[*tuple[Any, ...]]:
    """Of each inbox, the copies that are not in it yet: they have no index, and are few while all is well."""
    copy = t.delivery.c
    columns = copy.inbox, copy.link, func.count().label("pending"), literal(0).label("waiting")
    return (
        select(*columns, func.min(_MESSAGE.received).label("oldest"))
        .join(t.message, _MESSAGE.digest == copy.digest)
        .where(copy.state == literal_column(str(t.Stage.PENDING.value)))
        .group_by(copy.inbox, copy.link)
    )


def _backlog(row: Row[*tuple[Any, ...]]) -> Backlog:
    return Backlog(Address(row.inbox), row.link, int(row.pending), int(row.waiting), row.oldest)


def _messages() -> Select[*tuple[Any, ...]]:
    columns = ("digest", "received", "iss", "recipients", "operation", "kind", "urgency", "accepted", "reason")
    return select(*(_MESSAGE[name] for name in (*columns, "thread", "re", "answer", "exercise")))


def _decided(page: Select[*tuple[Any, ...]], *, newest: bool) -> Select[*tuple[Any, ...]]:
    """A page of messages with the indices of their decisions, which are looked up for the page alone."""
    some = page.subquery("page")
    order = (some.c.received, some.c.digest) if not newest else (some.c.received.desc(), some.c.digest.desc())
    joined = some.outerjoin(t.outcome, t.outcome.c.digest == some.c.digest)
    return select(*some.c, t.outcome.c.idx).select_from(joined).order_by(*order)


def _conditions(sought: Sought) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if sought.since is not None:
        found.append(_MESSAGE.received >= sought.since)
    if sought.until is not None:
        found.append(_MESSAGE.received < sought.until)
    exact = ((_MESSAGE.iss, sought.sender), (_MESSAGE.operation, sought.operation), (_MESSAGE.kind, sought.kind))
    found += [column == value for column, value in exact if value is not None]
    if sought.outlook is not None:
        found.append(_outlook(sought.outlook))
    if sought.id is not None:
        found.append(_identified(sought.id))
    if sought.before is not None:
        received, digest = sought.before
        # The first part lets an index on time begin at the right place; the second breaks ties.
        found.append(_MESSAGE.received <= received)
        found.append(or_(_MESSAGE.received < received, _MESSAGE.digest < digest))
    return found


def _outlook(outlook: Outlook) -> ColumnElement[bool]:
    match outlook:
        case Outlook.ACCEPTED:
            return _MESSAGE.accepted
        case Outlook.REFUSED:
            return _IS_REFUSED
        case Outlook.WAITING:
            unread = t.delivery.c.state.in_((t.Stage.PENDING, t.Stage.CONSIGNED))
            return _MESSAGE.digest.in_(select(t.delivery.c.digest).where(unread))


def _identified(name: bytes) -> ColumnElement[bool]:
    last = name + b"\xff" * (_HASH_SIZE - len(name))
    beginning = and_(_MESSAGE.digest >= name, _MESSAGE.digest <= last)
    return or_(_MESSAGE.cti == name, beginning) if len(name) == _ID_SIZE else beginning


def _escaped(digest: bytes) -> bytes:
    """A pattern that stands for these bytes."""
    return b"".join(b"\\" + bytes([byte]) if byte in b"%_\\" else bytes([byte]) for byte in digest)


def _seen(row: Row[*tuple[Any, ...]]) -> Seen:
    return Seen(
        digest=row.digest,
        received=row.received,
        sender=Address(row.iss),
        recipients=tuple(Address(part) for part in row.recipients.split(" ")),
        operation=row.operation,
        kind=row.kind,
        urgency=row.urgency,
        accepted=row.accepted,
        reason=None if row.reason is None else Reason(row.reason),
        thread=row.thread or row.digest,
        re=row.re,
        answer=row.answer,
        index=row.idx,
        exercise=row.exercise,
    )
