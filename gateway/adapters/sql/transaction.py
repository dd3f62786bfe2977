"""One transaction of the SQL store: the writes of `ports.Transaction`, in the order that it tells.

Statements are the same on SQLite and PostgreSQL but for those that every message needs. On SQLite their rows go to the
driver as they are (rows.py). On PostgreSQL they go as arrays (arrays.py), and the sequence row is taken in the same
statement that inserts the leaves, so that it is held from there to the commit and no longer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import (
    Row,
    Update,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from gateway.adapters.sql import arrays, erasure, rows
from gateway.adapters.sql import tables as t
from gateway.adapters.sql.clocks import SqlClocks
from gateway.adapters.sql.tables import Stage
from gateway.ports import Consignment, CopyKey, Handover, Held, NewMessage, OperationHead, Quarantined, Unplaced
from schemas.directory import Link
from schemas.identity import Address
from schemas.merkle import leaf_hash
from schemas.wire import ItemType

_DELIVERY: Final = ("digest", "recipient", "inbox", "link", "state", "idx", "expires", "lease_until", "attempts")
_MESSAGE: Final = (
    "digest",
    "iss",
    "cti",
    "operation",
    "kind",
    "exercise",
    "purpose",
    "handling",
    "urgency",
    "thread",
    "re",
    "answer",
    "until",
    "reply_by",
    "expires",
    "recipients",
    "recipient_count",
    "sealed_hash",
    "sealed_size",
    "statement",
    "accepted",
    "reason",
    "received",
    "due",
)


class SqlTransaction(SqlClocks):
    """A `ports.Transaction` on one connection."""

    _heads: Mapping[str, OperationHead] = MappingProxyType({})
    """To be written with the next entries."""
    _marked = _appended = False
    """Whether copies were marked, or entries appended, and that perhaps not sent."""

    async def insert(
        self,
        messages: Sequence[NewMessage],
        copies: Sequence[Consignment] = (),
        lease_until: int = 0,
        touched: Sequence[CopyKey] = (),
    ) -> tuple[frozenset[bytes], Mapping[CopyKey, bool]]:
        """As the port says."""
        new = [_message_row(message) for message in messages]
        pending = [_delivery_row(copy, Stage.PENDING.value, None, lease_until) for copy in copies]
        keys = [(digest, str(recipient)) for digest, recipient in touched]
        if not self._sqlite:
            bodies = [(one.statement.digest, one.sealed) for one in messages if one.sealed is not None]
            return await self._insert_at_once(new, bodies, pending, keys)
        kept = [(one.statement.digest, one.due, one.sealed) for one in messages if one.sealed is not None]
        inserted = await rows.put_new(self._connection, t.message, _MESSAGE, new, "digest") if new else frozenset()
        self._put(t.body, ("digest", "day", "sealed"), [body for body in kept if body[0] in inserted])
        self._put(t.delivery, _DELIVERY, [copy for copy in pending if copy[0] in inserted])
        return inserted, _owing(await rows.copies(self._connection, keys) if keys else ())

    async def _insert_at_once(
        self,
        messages: Sequence[tuple[object, ...]],
        bodies: Sequence[tuple[bytes, bytes]],
        copies: Sequence[tuple[object, ...]],
        touched: Sequence[tuple[bytes, str]],
    ) -> tuple[frozenset[bytes], Mapping[CopyKey, bool]]:
        """All in one statement, where there is something to insert."""
        if not messages:
            return frozenset(), _owing(await arrays.lock(self._together, touched) if touched else ())
        new = arrays.New(_MESSAGE, messages), arrays.New(("digest", "sealed"), bodies), arrays.New(_DELIVERY, copies)
        found = await arrays.insert(self._together, *new, touched)
        return frozenset(row[0] for row in found if row[1] is None), _owing(
            [row for row in found if row[1] is not None]
        )

    async def insert_consigned(self, consigned: Sequence[tuple[Consignment, int]]) -> None:
        """As the port says."""
        new = [_delivery_row(copy, Stage.CONSIGNED.value, index, 0) for copy, index in consigned]
        self._put(t.delivery, _DELIVERY, new)

    async def remove_copies(self, keys: Sequence[CopyKey]) -> None:
        """As the port says."""
        gone = [(digest, str(recipient)) for digest, recipient in keys]
        if gone and self._sqlite:
            rows.remove(self._connection, gone)
        elif gone:
            if self._marked:  # perhaps the same rows, which one statement changes but once
                await self.finish()
            arrays.remove(self._together, gone)

    async def mark_consigned(self, consigned: Sequence[tuple[bytes, Address, int]]) -> None:
        """As the port says."""
        if not consigned:
            return
        if not self._sqlite:
            digests, recipients, indices = zip(*consigned, strict=True)
            self._marked = True
            arrays.mark(self._together, digests, [str(one) for one in recipients], indices)
        else:
            rows.mark(self._connection, [(digest, str(recipient), index) for digest, recipient, index in consigned])

    async def mark_failed(self, failed: Sequence[CopyKey]) -> None:
        """As the port says."""
        if failed:
            rows = [{"d": digest, "r": str(recipient)} for digest, recipient in failed]
            await self._connection.execute(_one_copy().values(state=Stage.FAILED.value), rows)

    async def redeliver(self, inbox: Address, now: int) -> int:
        """As the port says."""
        copies = t.delivery
        columns = copies.c.digest, copies.c.recipient
        chosen = (
            select(*columns)
            .where(copies.c.state == Stage.CONSIGNED.value, copies.c.inbox == str(inbox))
            .where(copies.c.link == str(Link.AMQP), copies.c.expires * 1000 > now)
            .order_by(*columns)  # the order in which everybody locks them
            .with_for_update()
        )
        rows = [{"d": row.digest, "r": row.recipient} for row in await self._connection.execute(chosen)]
        if rows:
            await self._connection.execute(_one_copy().values(state=Stage.PENDING.value, lease_until=now), rows)
        return len(rows)

    async def keep_consigned(self, keys: Sequence[CopyKey]) -> None:
        """As the port says."""
        if keys:
            rows = [{"d": digest, "r": str(recipient)} for digest, recipient in keys]
            again = t.delivery.c.state == Stage.PENDING.value, t.delivery.c.idx.is_not(None)
            await self._connection.execute(_one_copy().where(*again).values(state=Stage.CONSIGNED.value), rows)

    async def take(self, ids: Collection[str], count: int) -> tuple[Mapping[str, OperationHead], int]:
        """As the port says."""
        ordered = sorted(ids)
        if not self._sqlite:
            if self._appended:  # heads that were perhaps not sent
                await self.finish()
            return await arrays.take(self._together, ordered, count)
        known = await rows.heads(self._connection, ordered) if ordered else []
        if len(known) < len(ordered):  # the first entry of an operation
            fresh = [{"operation": name, "number": 0, "leaf": None} for name in ordered]
            await self._connection.execute(self._insert(t.operation_head).on_conflict_do_nothing(), fresh)
            known = await rows.heads(self._connection, ordered)
        heads = {name: OperationHead(number, leaf) for name, number, leaf in known}
        return heads, await rows.take(self._connection, count)

    async def save_operations(self, heads: Mapping[str, OperationHead]) -> None:
        """As the port says."""
        if heads and self._sqlite:
            rows.save_heads(self._connection, heads)
        else:
            self._heads = heads  # they go with the entries that they are chained to, in one statement

    async def append(self, entries: Sequence[tuple[bytes, str | None]], at: int | None = None) -> int:
        """As the port says."""
        base = (await self.take((), len(entries)))[1] if at is None else at
        hashes = [leaf_hash(entry) for entry, _ in entries]
        if self._sqlite:
            rows.append(self._connection, entries, hashes, base)
            return base
        heads, self._heads, self._appended = self._heads, {}, True
        arrays.append(self._together, entries, hashes, heads, base)
        return base

    async def save_receipts(self, receipts: Mapping[bytes, tuple[int, bytes]]) -> None:
        """As the port says."""
        kept = [(digest, index, receipt) for digest, (index, receipt) in receipts.items()]
        self._put(t.outcome, ("digest", "idx", "receipt"), kept)

    async def save_acknowledgements(self, acknowledgements: Sequence[tuple[Handover, int]]) -> None:
        """As the port says."""
        kept = [
            (
                handover.signed.acknowledgement.digest,
                str(handover.owed.recipient),
                handover.evidence,
                handover.signed.raw,
                index,
            )
            for handover, index in acknowledgements
        ]
        self._put(t.acknowledgement, ("digest", "recipient", "evidence", "raw", "idx"), kept)

    async def quarantine(self, link: Address, body: bytes, cause: str, time: int, item: ItemType | None = None) -> None:
        """As the port says."""
        kind = None if item is None else str(item)
        row = {"time": time, "link": str(link), "cause": cause, "body": body, "type": kind}
        await self._connection.execute(insert(t.quarantine), row)

    async def quarantined(self, link: Address) -> tuple[int, int]:
        """As the port says."""
        own = func.count().filter(t.quarantine.c.link == str(link))
        counted = select(own.label("own"), func.count().label("all")).select_from(t.quarantine)
        row = (await self._connection.execute(counted)).one()
        return int(row[0]), int(row[1])

    async def take_quarantined(self, number: int) -> Quarantined | None:
        """As the port says."""
        taken = delete(t.quarantine).where(t.quarantine.c.id == number).returning(*t.quarantine.c)
        row = (await self._connection.execute(taken)).first()
        return None if row is None else quarantined(row, row.body)

    async def held(self, digests: Sequence[bytes]) -> list[Held]:
        """As the port says."""
        return await erasure.held(self._connection, digests)

    async def due(self, day: int, limit: int) -> list[Held]:
        """As the port says."""
        return await erasure.due(self._connection, day, limit)

    async def erase(self, digests: Sequence[bytes]) -> Unplaced:
        """As the port says."""
        return await erasure.erase(self._connection, digests, is_sqlite=self._sqlite)


def quarantined(row: Row[*tuple[Any, ...]], body: bytes | None = None) -> Quarantined:
    """A row of the quarantine; without `body` the row has its `size`."""
    item = None if row.type is None else ItemType(row.type)
    size = row.size if body is None else len(body)
    return Quarantined(row.id, row.time, Address(row.link), row.cause, item, size, body)


def _owing(locked: Iterable[Sequence[Any]]) -> Mapping[CopyKey, bool]:
    """Of rows with digest, recipient, state and index: whether each copy still owes its consignment."""
    pending = Stage.PENDING.value  # looked up once
    return {(digest, Address(name)): state == pending and idx is None for digest, name, state, idx in locked}


def _one_copy() -> Update:
    table = t.delivery
    return update(table).where(table.c.digest == bindparam("d"), table.c.recipient == bindparam("r"))


def _delivery_row(copy: Consignment, stage: int, index: int | None, lease_until: int) -> tuple[object, ...]:
    """In the order of `_DELIVERY`."""
    return (
        copy.digest,
        str(copy.recipient),
        str(copy.inbox),
        str(copy.link),
        stage,
        index,
        copy.expires,
        lease_until,
        0,
    )


def _message_row(message: NewMessage) -> tuple[object, ...]:
    """In the order of `_MESSAGE`."""
    statement, header = message.statement, message.statement.header
    return (
        statement.digest,
        str(header.iss),
        bytes(header.cti) if message.claims_id else None,
        header.sub,
        header.kind,
        header.exercise,
        str(header.purpose),
        str(header.handling),
        str(header.urgency),
        header.thread,
        header.re,
        None if header.answer is None else str(header.answer),
        header.until,
        header.reply_by,
        header.exp,
        " ".join(header.aud),
        len(header.aud),
        statement.sealed_hash,
        len(message.sealed or b""),
        statement.raw,
        message.accepted,
        None if message.reason is None else str(message.reason),
        message.received,
        message.due,
    )
