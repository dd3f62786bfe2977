"""One transaction of the SQL store: the writes of `ports.Transaction`, in the order that it tells.

Statements are the same on SQLite and PostgreSQL but for those that every message needs: on PostgreSQL their rows go as
arrays (arrays.py), and the sequence row is taken in the same statement that inserts the leaves, so that it is held from
there to the commit and no longer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    LargeBinary,
    Row,
    Table,
    Text,
    Update,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    tuple_,
    update,
)

from gateway.adapters.sql import arrays, erasure
from gateway.adapters.sql import tables as t
from gateway.adapters.sql.clocks import SqlClocks
from gateway.adapters.sql.tables import Stage
from gateway.ports import Consignment, CopyKey, Handover, Held, NewMessage, OperationHead, Quarantined, Unplaced
from schemas.directory import Link
from schemas.identity import Address
from schemas.merkle import leaf_hash
from schemas.wire import ItemType

_APPEND: Final = text(
    """
    WITH taken AS (UPDATE log_seq SET next = next + :count WHERE id = 1 RETURNING next - :count AS base),
    added AS (
        INSERT INTO leaf (idx, hash, entry, operation)
        SELECT taken.base + item.ordinal - 1, item.hash, item.entry, item.operation
        FROM taken, unnest(:hashes, :entries, :operations) WITH ORDINALITY AS item(hash, entry, operation, ordinal)
    )
    SELECT base FROM taken
    """
).bindparams(
    bindparam("hashes", type_=ARRAY(LargeBinary)),
    bindparam("entries", type_=ARRAY(LargeBinary)),
    bindparam("operations", type_=ARRAY(Text)),
)


class SqlTransaction(SqlClocks):
    """A `ports.Transaction` on one connection."""

    async def insert_messages(self, messages: Sequence[NewMessage]) -> frozenset[bytes]:
        """As the port says."""
        if not messages:
            return frozenset()
        new = [_message_row(message) for message in messages]
        if self._sqlite:
            statement = self._insert(t.message).on_conflict_do_nothing().returning(t.message.c.digest)
            inserted = frozenset(row.digest for row in await self._connection.execute(statement, new))
        else:
            inserted = await arrays.put_new(self._connection, t.message, new, "digest")
        bodies = [
            {"digest": message.statement.digest, "day": message.due, "sealed": message.sealed}
            for message in messages
            if message.due is not None and message.statement.digest in inserted
        ]
        await self._put(t.body, bodies)
        return inserted

    async def _put(self, table: Table, rows: arrays.Rows) -> None:
        """Insert rows, if there are any."""
        if not self._sqlite:
            await arrays.put(self._connection, table, rows)
        elif rows:
            await self._connection.execute(insert(table), rows)

    async def insert_consignments(self, consignments: Sequence[Consignment], lease_until: int) -> None:
        """As the port says."""
        await self._put(t.delivery, [_delivery_row(copy, Stage.PENDING, None, lease_until) for copy in consignments])

    async def insert_consigned(self, consigned: Sequence[tuple[Consignment, int]]) -> None:
        """As the port says."""
        await self._put(t.delivery, [_delivery_row(copy, Stage.CONSIGNED, index, 0) for copy, index in consigned])

    async def lock_copies(self, keys: Sequence[CopyKey]) -> Mapping[CopyKey, bool]:
        """As the port says."""
        if not keys:
            return {}
        rows = await self._lock_copies(keys)
        return {(row.digest, Address(row.recipient)): row.state == Stage.PENDING and row.idx is None for row in rows}

    async def _lock_copies(self, keys: Sequence[CopyKey]) -> Sequence[Row[*tuple[Any, ...]]]:
        if not self._sqlite:
            return await arrays.lock(self._connection, [key[0] for key in keys], [str(key[1]) for key in keys])
        columns = t.delivery.c.digest, t.delivery.c.recipient
        statement = (
            select(*columns, t.delivery.c.state, t.delivery.c.idx)
            .where(tuple_(*columns).in_(sorted(keys)))
            .order_by(*columns)
        )
        return (await self._connection.execute(statement)).all()

    async def remove_copies(self, keys: Sequence[CopyKey]) -> None:
        """As the port says."""
        if keys:
            columns = t.delivery.c.digest, t.delivery.c.recipient
            await self._connection.execute(delete(t.delivery).where(tuple_(*columns).in_(list(keys))))

    async def mark_consigned(self, consigned: Sequence[tuple[bytes, Address, int]]) -> None:
        """As the port says."""
        if not consigned:
            return
        if not self._sqlite:
            digests, recipients, indices = zip(*consigned, strict=True)
            await arrays.mark(self._connection, digests, [str(one) for one in recipients], indices)
        else:
            rows = [{"d": digest, "r": str(recipient), "i": index} for digest, recipient, index in consigned]
            statement = _one_copy().values(state=Stage.CONSIGNED.value, idx=bindparam("i"))
            await self._connection.execute(statement, rows)

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

    async def lock_operations(self, ids: Sequence[str]) -> Mapping[str, OperationHead]:
        """As the port says."""
        if not ids:
            return {}
        ordered = sorted(set(ids))
        heads = t.operation_head
        locked = select(heads).where(heads.c.operation.in_(ordered)).order_by(heads.c.operation).with_for_update()
        rows = (await self._connection.execute(locked)).all()
        if len(rows) < len(ordered):  # the first entry of an operation
            fresh = [{"operation": name, "number": 0, "leaf": None} for name in ordered]
            await self._connection.execute(self._insert(heads).on_conflict_do_nothing(), fresh)
            rows = (await self._connection.execute(locked)).all()
        return {row.operation: OperationHead(row.number, row.leaf) for row in rows}

    async def save_operations(self, heads: Mapping[str, OperationHead]) -> None:
        """As the port says."""
        if heads:
            table = t.operation_head
            statement = (
                update(table)
                .where(table.c.operation == bindparam("o"))
                .values(number=bindparam("n"), leaf=bindparam("l"))
            )
            rows = [{"o": name, "n": head.number, "l": head.leaf} for name, head in sorted(heads.items())]
            await self._connection.execute(statement, rows)

    async def append(self, entries: Sequence[tuple[bytes, str | None]]) -> int:
        """As the port says."""
        hashes = [leaf_hash(entry) for entry, _ in entries]
        if self._sqlite:
            return await self._append_rows(entries, hashes)
        result = await self._connection.execute(
            _APPEND,
            {
                "count": len(entries),
                "hashes": hashes,
                "entries": [entry for entry, _ in entries],
                "operations": [operation for _, operation in entries],
            },
        )
        return int(result.scalar_one())

    async def _append_rows(self, entries: Sequence[tuple[bytes, str | None]], hashes: Sequence[bytes]) -> int:
        sequence = t.log_seq
        taken = update(sequence).values(next=sequence.c.next + len(entries)).returning(sequence.c.next)
        base = (await self._connection.execute(taken)).scalar_one() - len(entries)
        rows = [
            {"idx": base + ordinal, "hash": hashes[ordinal], "entry": entry, "operation": operation}
            for ordinal, (entry, operation) in enumerate(entries)
        ]
        if rows:
            await self._connection.execute(insert(t.leaf), rows)
        return int(base)

    async def save_receipts(self, receipts: Mapping[bytes, tuple[int, bytes]]) -> None:
        """As the port says."""
        rows = [{"digest": d, "idx": index, "receipt": receipt} for d, (index, receipt) in receipts.items()]
        await self._put(t.outcome, rows)

    async def save_acknowledgements(self, acknowledgements: Sequence[tuple[Handover, int]]) -> None:
        """As the port says."""
        rows = [
            {
                "digest": handover.signed.acknowledgement.digest,
                "recipient": str(handover.owed.recipient),
                "evidence": handover.evidence,
                "raw": handover.signed.raw,
                "idx": index,
            }
            for handover, index in acknowledgements
        ]
        await self._put(t.acknowledgement, rows)

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


def _one_copy() -> Update:
    table = t.delivery
    return update(table).where(table.c.digest == bindparam("d"), table.c.recipient == bindparam("r"))


def _delivery_row(copy: Consignment, stage: Stage, index: int | None, lease_until: int) -> dict[str, object]:
    return {
        "digest": copy.digest,
        "recipient": str(copy.recipient),
        "inbox": str(copy.inbox),
        "link": str(copy.link),
        "state": stage.value,
        "idx": index,
        "expires": copy.expires,
        "lease_until": lease_until,
        "attempts": 0,
    }


def _message_row(message: NewMessage) -> dict[str, object]:
    statement, header = message.statement, message.statement.header
    return {
        "digest": statement.digest,
        "iss": str(header.iss),
        "cti": bytes(header.cti) if message.claims_id else None,
        "operation": header.sub,
        "kind": header.kind,
        "exercise": header.exercise,
        "purpose": str(header.purpose),
        "handling": str(header.handling),
        "urgency": str(header.urgency),
        "thread": header.thread,
        "re": header.re,
        "answer": None if header.answer is None else str(header.answer),
        "until": header.until,
        "reply_by": header.reply_by,
        "expires": header.exp,
        "recipients": " ".join(header.aud),
        "recipient_count": len(header.aud),
        "sealed_hash": statement.sealed_hash,
        "sealed_size": len(message.sealed or b""),
        "statement": statement.raw,
        "accepted": message.accepted,
        "reason": None if message.reason is None else str(message.reason),
        "received": message.received,
        "due": message.due,
    }
