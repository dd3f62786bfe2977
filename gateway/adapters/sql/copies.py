"""Copies on their way, on SQL: what waits in HTTP inboxes, what is to be published, what expired, what is owed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Row,
    Select,
    bindparam,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    select,
    tuple_,
    union_all,
    update,
)

from gateway.adapters.sql import arrays
from gateway.adapters.sql import tables as t
from gateway.adapters.sql.database import Database
from gateway.adapters.sql.rows import QUESTIONS
from gateway.adapters.sql.tables import Place, Stage
from gateway.ports import Consignment, CopyKey, Owed, Pending, Placed, Waiting
from schemas.codes import Urgency
from schemas.directory import Link
from schemas.envelope import Envelope
from schemas.identity import Address
from schemas.wire import INLINE_RECIPIENTS

_DOUBLINGS: Final = 3
"""A lease doubles so many times at most."""


class Copies:
    """The reads of delivery rows, and the leases of those to publish."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self, inbox: Address, after: int, limit: int, max_bytes: int) -> list[Waiting]:
        """As `ports.Store.waiting`."""
        copies = t.delivery
        async with self._database.read() as connection:
            chosen = _fitting((await connection.execute(_waiting(inbox, after, limit))).all(), max_bytes)
            found = [Waiting.attestation(row.idx, row.attestation) for row in chosen if row.digest is None]
            picked = [(row.digest, row.idx) for row in chosen if row.digest is not None]
            if not picked:
                return found
            digests, indices = zip(*picked, strict=True)  # a bureau and its unit have two copies in one inbox
            wanted = _contents(copies.c.idx).where(copies.c.digest.in_(digests), copies.c.idx.in_(indices))
            rows = (await connection.execute(wanted)).all()
        found += [
            Waiting(row.idx, row.digest, row.receipt, Envelope(row.statement, row.sealed), row.recipient_count)
            for row in rows
        ]
        return sorted(found, key=lambda item: item.index)

    async def heads_of_inboxes(self, inboxes: Sequence[Address]) -> Mapping[Address, int]:
        """As `ports.Store.heads_of_inboxes`."""
        copies = t.delivery
        statement = (
            select(copies.c.inbox, func.max(copies.c.idx).label("head"))
            .where(*_in_inbox(), copies.c.inbox.in_([str(inbox) for inbox in inboxes]))
            .group_by(copies.c.inbox)
        )
        async with self._database.read() as connection:
            return {Address(row.inbox): row.head for row in (await connection.execute(statement)).all()}

    async def lease_pending(self, now: int, lease: int, limit: int, max_bytes: int) -> list[Pending]:
        """As `ports.Store.lease_pending`."""
        copies = t.delivery
        chosen = (
            select(
                copies.c.digest,
                copies.c.recipient,
                copies.c.attempts,
                t.message.c.sealed_size,
                t.message.c.recipient_count,
            )
            .join(t.message, t.message.c.digest == copies.c.digest)
            .where(_at(Stage.PENDING), copies.c.lease_until <= now, copies.c.expires > now // 1000)
            .where(copies.c.link == str(Link.AMQP))
            .order_by(copies.c.lease_until)
            .limit(limit)
            .with_for_update(skip_locked=True, of=copies)
        )
        renewed = (
            update(copies)
            .where(copies.c.digest == bindparam("d"), copies.c.recipient == bindparam("r"))
            .values(lease_until=bindparam("u"), attempts=copies.c.attempts + 1)
        )
        async with self._database.write() as connection:
            found = _fitting((await connection.execute(chosen)).all(), max_bytes)
            if not found:
                return []
            leases = [
                {"d": row.digest, "r": row.recipient, "u": now + (lease << min(row.attempts + 1, _DOUBLINGS))}
                for row in found
            ]
            await connection.execute(renewed, leases)
            mine = [(row.digest, row.recipient) for row in found]
            wanted = _contents(t.outcome.c.idx).where(tuple_(copies.c.digest, copies.c.recipient).in_(mine))
            rows = (await connection.execute(wanted)).all()
        return [_pending(row) for row in rows]

    async def full_inboxes(self, inboxes: Sequence[Address], limit: int) -> frozenset[Address]:
        """As `ports.Store.full_inboxes`. Asked by inbox, it reads nothing of what lies on the broker, however much."""
        if not inboxes:
            return frozenset()
        inbox = t.delivery.c.inbox
        asked = inbox.in_([str(one) for one in inboxes])
        statement = select(inbox).where(*_in_inbox(), asked).group_by(inbox).having(func.count() >= limit)
        async with self._database.read() as connection:
            return frozenset(Address(row.inbox) for row in (await connection.execute(statement)).all())

    async def held_back(self, full: frozenset[Address], limit: int) -> list[Placed]:
        """As `ports.Store.held_back`."""
        copies = t.delivery
        statement = (
            select(copies.c.digest, copies.c.recipient, t.message.c.operation, t.message.c.kind)
            .join(t.message, t.message.c.digest == copies.c.digest)
            .where(_at(Stage.PENDING), copies.c.link == str(Link.HTTP))
            .where(copies.c.inbox.not_in([str(inbox) for inbox in full]))
            .order_by(t.message.c.received, copies.c.digest)
            .limit(limit)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
        return [Placed(row.digest, Address(row.recipient), row.operation, row.kind) for row in rows]

    async def expired(self, now_seconds: int, limit: int) -> list[Placed]:
        """As `ports.Store.expired`."""
        copies = t.delivery
        statement = (
            select(copies.c.digest, copies.c.recipient, t.message.c.operation, t.message.c.kind)
            .join(t.message, t.message.c.digest == copies.c.digest)
            .where(_at(Stage.PENDING), copies.c.expires <= now_seconds)
            .limit(limit)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
        return [Placed(row.digest, Address(row.recipient), row.operation, row.kind) for row in rows]

    async def owed(self, keys: Sequence[CopyKey]) -> Mapping[CopyKey, Owed]:
        """As `ports.Store.owed`: one question for what is still there and what was acknowledged."""
        if not keys:
            return {}
        asked = [(digest, str(address)) for digest, address in keys]
        if self._database.sqlite:
            rows = await self._database.each(QUESTIONS["owed"], asked)
        else:
            async with self._database.asking() as connection:
                rows = [tuple(row) for row in await arrays.owed(connection, asked)]
        by_digest: dict[bytes, list[_Copy]] = {}
        for copy in map(_Copy._make, rows):
            by_digest.setdefault(copy.digest, []).append(copy)
        found = ((key, _nearest(by_digest.get(key[0], ()), key[1])) for key in keys)
        return {key: owed for key, owed in found if owed is not None}


class _Copy(NamedTuple):
    """What `owed` asks of a copy: one that is still there, or one that was acknowledged, whose inbox is not known."""

    digest: bytes
    recipient: str
    inbox: str | None
    acknowledged: bool
    operation: str
    kind: str
    urgency: str
    received: int


def _of_unit(row: _Copy, address: Address) -> bool:
    """Whether the row is an acknowledgement of a unit of `address`: its inbox is not known any more."""
    return bool(row.acknowledged) and address.covers(Address(row.recipient))


def _nearest(rows: Sequence[_Copy], address: Address) -> Owed | None:
    """Of one message's copies the one for `address`: its own rather than one of its inbox, open rather than done."""
    own = [row for row in rows if address in (row.recipient, row.inbox) or _of_unit(row, address)]
    best = min(own, key=lambda row: (row.recipient != address, row.acknowledged), default=None)
    if best is None:
        return None
    urgency = Urgency(best.urgency)
    return Owed(Address(best.recipient), best.operation, best.kind, bool(best.acknowledged), urgency, best.received)


def _at(stage: Stage) -> ColumnElement[bool]:
    """As a literal, so that partial indices apply whatever plan a prepared statement has."""
    return t.delivery.c.state == literal_column(str(stage.value))


def _in_inbox() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _at(Stage.CONSIGNED), t.delivery.c.link == str(Link.HTTP)


def _waiting(inbox: Address, after: int, limit: int) -> Select[*tuple[Any, ...]]:
    """What waits in an inbox, by index: copies and attestations, of one moment, so that a cursor passes over none."""
    copies, attested = t.delivery, t.attestation
    of_copies = (
        select(
            copies.c.idx,
            copies.c.digest,
            t.message.c.sealed_size,
            t.message.c.recipient_count,
            cast(null(), LargeBinary).label("attestation"),
        )
        .join(t.message, t.message.c.digest == copies.c.digest)
        .where(*_in_inbox(), copies.c.inbox == str(inbox), copies.c.idx > after)
        .order_by(copies.c.idx)
        .limit(limit)
        .subquery("some_copies")
    )
    nothing = cast(null(), LargeBinary).label("digest"), literal(0).label("sealed_size"), literal(0).label("count")
    of_attestations = (
        select(attested.c.idx, *nothing, attested.c.statement)
        .where(attested.c.state == literal_column(str(Place.INBOX.value)))
        .where(attested.c.inbox == str(inbox), attested.c.idx > after)
        .order_by(attested.c.idx)
        .limit(limit)
        .subquery("some_attestations")
    )
    both = union_all(select(of_copies), select(of_attestations)).subquery("page")
    return select(both).order_by(both.c.idx).limit(limit)


def _contents(index: ColumnElement[int]) -> Select[*tuple[Any, ...]]:
    """What an inbox item needs; the sealed part only where it travels in the item."""
    inline = case((t.message.c.recipient_count <= INLINE_RECIPIENTS, t.body.c.sealed)).label("sealed")
    return (
        select(
            t.delivery.c.digest,
            t.delivery.c.recipient,
            t.delivery.c.inbox,
            t.delivery.c.link,
            t.delivery.c.expires,
            t.delivery.c.attempts,
            index.label("idx"),
            t.outcome.c.receipt,
            t.message.c.statement,
            t.message.c.urgency,
            t.message.c.operation,
            t.message.c.kind,
            t.message.c.recipient_count,
            inline,
        )
        .join(t.message, t.message.c.digest == t.delivery.c.digest)
        .join(t.outcome, t.outcome.c.digest == t.delivery.c.digest)
        .outerjoin(t.body, t.OF_MESSAGE)
    )


def _fitting(rows: Sequence[Row[*tuple[Any, ...]]], max_bytes: int) -> list[Row[*tuple[Any, ...]]]:
    """The first rows whose inline sealed parts fit, and at least one."""
    fitting: list[Row[*tuple[Any, ...]]] = []
    left = max_bytes
    for row in rows:
        left -= row.sealed_size if row.recipient_count <= INLINE_RECIPIENTS else 0
        if fitting and left < 0:
            break
        fitting.append(row)
    return fitting


def _pending(row: Row[*tuple[Any, ...]]) -> Pending:
    copy = Consignment(
        row.digest,
        Address(row.recipient),
        Address(row.inbox),
        Link(row.link),
        Urgency(row.urgency),
        row.expires,
    )
    envelope = Envelope(row.statement, row.sealed)
    return Pending(copy, row.idx, row.receipt, envelope, row.recipient_count, row.operation, row.kind, row.attempts)
