"""One transaction of the SQL store: the writes of `ports.Transaction`, in the order that it tells.

Statements are the same on SQLite and PostgreSQL but for those that every message needs. On SQLite their rows go to the
driver as they are (rows.py). On PostgreSQL they go as arrays (arrays.py), and the sequence row is taken in the same
statement that inserts the leaves, so that it is held from there to the commit and no longer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

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


class SqlTransaction(SqlClocks):
    """A `ports.Transaction` on one connection."""

    _heads: Mapping[str, OperationHead] = MappingProxyType({})
    """To be written with the next entries."""
    _marked = False
    """Whether copies were marked, and that perhaps not sent."""

    async def insert_messages(self, messages: Sequence[NewMessage]) -> frozenset[bytes]:
        """As the port says."""
        if not messages:
            return frozenset()
        new = [_message_row(message) for message in messages]
        kept = [(one.statement.digest, one.due, one.sealed) for one in messages if one.sealed is not None]
        if not self._sqlite:
            return await arrays.put_messages(self._together, new, [(digest, sealed) for digest, _, sealed in kept])
        inserted = await rows.put_new(self._connection, t.message, new, "digest")
        bodies = [
            {"digest": digest, "day": due, "sealed": sealed} for digest, due, sealed in kept if digest in inserted
        ]
        self._put(t.body, bodies)
        return inserted

    async def insert_consignments(self, consignments: Sequence[Consignment], lease_until: int) -> None:
        """As the port says."""
        self._put(t.delivery, [_delivery_row(copy, Stage.PENDING, None, lease_until) for copy in consignments])

    async def insert_consigned(self, consigned: Sequence[tuple[Consignment, int]]) -> None:
        """As the port says."""
        self._put(t.delivery, [_delivery_row(copy, Stage.CONSIGNED, index, 0) for copy, index in consigned])

    async def lock_copies(self, keys: Sequence[CopyKey]) -> Mapping[CopyKey, bool]:
        """As the port says."""
        if not keys:
            return {}
        locked = await self._lock_copies(keys)
        return {(row[0], Address(row[1])): row[2] == Stage.PENDING and row[3] is None for row in locked}

    async def _lock_copies(self, keys: Sequence[CopyKey]) -> Sequence[Sequence[Any]]:
        """Digest, recipient, state and index of each that is there; on SQLite the transaction itself is the lock."""
        if self._sqlite:
            return await rows.copies(self._connection, [(digest, str(recipient)) for digest, recipient in keys])
        return await arrays.lock(self._together, [key[0] for key in keys], [str(key[1]) for key in keys])

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

    async def lock_operations(self, ids: Sequence[str]) -> Mapping[str, OperationHead]:
        """As the port says."""
        if not ids:
            return {}
        ordered = sorted(set(ids))
        known: Sequence[Sequence[Any]]
        if self._sqlite:
            known = await rows.heads(self._connection, ordered)
            if len(known) < len(ordered):  # the first entry of an operation
                fresh = [{"operation": name, "number": 0, "leaf": None} for name in ordered]
                await self._connection.execute(self._insert(t.operation_head).on_conflict_do_nothing(), fresh)
                known = await rows.heads(self._connection, ordered)
        else:
            known = await arrays.heads(self._together, ordered)
        return {name: OperationHead(number, leaf) for name, number, leaf in known}

    async def save_operations(self, heads: Mapping[str, OperationHead]) -> None:
        """As the port says."""
        if heads and self._sqlite:
            rows.save_heads(self._connection, heads)
        else:
            self._heads = heads  # they go with the entries that they are chained to, in one statement

    async def append(self, entries: Sequence[tuple[bytes, str | None]]) -> int:
        """As the port says."""
        hashes = [leaf_hash(entry) for entry, _ in entries]
        if self._sqlite:
            return await rows.append(self._connection, entries, hashes)
        heads, self._heads = self._heads, {}
        return await arrays.append(self._together, entries, hashes, heads)

    async def save_receipts(self, receipts: Mapping[bytes, tuple[int, bytes]]) -> None:
        """As the port says."""
        kept = [{"digest": d, "idx": index, "receipt": receipt} for d, (index, receipt) in receipts.items()]
        self._put(t.outcome, kept)

    async def save_acknowledgements(self, acknowledgements: Sequence[tuple[Handover, int]]) -> None:
        """As the port says."""
        kept = [
            {
                "digest": handover.signed.acknowledgement.digest,
                "recipient": str(handover.owed.recipient),
                "evidence": handover.evidence,
                "raw": handover.signed.raw,
                "idx": index,
            }
            for handover, index in acknowledgements
        ]
        self._put(t.acknowledgement, kept)

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
