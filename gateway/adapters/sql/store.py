"""The gateway's database on SQL: the reads of `ports.Store`, and its transactions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from sqlalchemy import ARRAY, ColumnElement, Executable, Row, any_, func, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.adapters.sql import facts
from gateway.adapters.sql import tables as t
from gateway.adapters.sql.clocks import ClockReads
from gateway.adapters.sql.copies import Copies
from gateway.adapters.sql.database import Database
from gateway.adapters.sql.rows import SIZE
from gateway.adapters.sql.straight import fetch
from gateway.adapters.sql.transaction import SqlTransaction, quarantined
from gateway.ports import (
    CopyKey,
    Leaf,
    MessageRow,
    Owed,
    Pending,
    Placed,
    Quarantined,
    Waiting,
)
from gateway.ports_facts import Asked, Known
from schemas.errors import Reason
from schemas.identity import Address

_T = TypeVar("_T")
_MESSAGES: Final = (
    select(t.message, t.body.c.sealed, t.outcome.c.idx, t.outcome.c.receipt)
    .join(t.outcome, t.outcome.c.digest == t.message.c.digest)
    .outerjoin(t.body, t.OF_MESSAGE)
)
"""What a `MessageRow` needs."""


def _addresses(text: str) -> tuple[Address, ...]:
    return tuple(Address(part) for part in text.split(" "))


class SqlStore(ClockReads):
    """A `ports.Store` on one database."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._copies = Copies(database)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqlTransaction]:
        """As the port says."""
        async with self.database.batch() as connection:
            transaction = SqlTransaction(connection, is_sqlite=self.database.sqlite)
            yield transaction
            await transaction.finish()

    async def _all(self, statement: Executable) -> Sequence[Row[*tuple[Any, ...]]]:
        async with self.database.read() as connection:
            return (await connection.execute(statement)).all()

    def _among(self, column: ColumnElement[_T], values: Sequence[_T]) -> ColumnElement[bool]:
        """The column is one of these: on PostgreSQL an array, so that any number of them is the same statement."""
        if self.database.sqlite:
            return column.in_(values)
        return column == any_(literal(list(values), ARRAY(column.type)))

    async def known(self, asked: Asked) -> Known:
        """As the port says."""
        return await facts.known(self.database, asked)

    async def message(self, digest: bytes) -> MessageRow | None:
        """As the port says."""
        rows = await self._all(_MESSAGES.where(t.message.c.digest == digest))
        return _message(rows[0]) if rows else None

    async def messages(self, digests: Sequence[bytes], max_bytes: int) -> Mapping[bytes, MessageRow]:
        """As the port says."""
        if not digests:
            return {}
        columns = t.message.c.digest, t.message.c.sealed_size
        there = await self._all(select(*columns).where(self._among(t.message.c.digest, digests)))
        sizes = {row.digest: row.sealed_size for row in there}
        chosen: list[bytes] = []
        for digest in digests:
            if digest not in sizes:
                continue
            max_bytes -= sizes[digest]
            if chosen and max_bytes < 0:
                break
            chosen.append(digest)
        rows = await self._all(_MESSAGES.where(self._among(t.message.c.digest, chosen))) if chosen else ()
        return {row.digest: _message(row) for row in rows}

    async def sealed(self, sealed_hash: bytes, reader: Address) -> bytes | None:
        """As the port says."""
        statement = (
            select(t.message.c.iss, t.message.c.recipients, t.body.c.sealed)
            .join(t.body, t.OF_MESSAGE)
            .where(t.message.c.sealed_hash == sealed_hash, t.message.c.accepted)
        )
        for row in await self._all(statement):
            if any(reader.covers(party) for party in (Address(row.iss), *_addresses(row.recipients))):
                return bytes(row.sealed)
        return None

    async def waiting(self, inbox: Address, after: int, limit: int, max_bytes: int) -> list[Waiting]:
        """As the port says."""
        return await self._copies.waiting(inbox, after, limit, max_bytes)

    async def heads_of_inboxes(self, inboxes: Sequence[Address]) -> Mapping[Address, int]:
        """As the port says."""
        return await self._copies.heads_of_inboxes(inboxes)

    async def lease_pending(self, now: int, lease: int, limit: int, max_bytes: int) -> list[Pending]:
        """As the port says."""
        return await self._copies.lease_pending(now, lease, limit, max_bytes)

    async def full_inboxes(self, inboxes: Sequence[Address], limit: int) -> frozenset[Address]:
        """As the port says."""
        return await self._copies.full_inboxes(inboxes, limit)

    async def held_back(self, full: frozenset[Address], limit: int) -> list[Placed]:
        """As the port says."""
        return await self._copies.held_back(full, limit)

    async def expired(self, now_seconds: int, limit: int) -> list[Placed]:
        """As the port says."""
        return await self._copies.expired(now_seconds, limit)

    async def owed(self, keys: Sequence[CopyKey]) -> Mapping[CopyKey, Owed]:
        """As the port says."""
        return await self._copies.owed(keys)

    async def size(self) -> int:
        """As the port says."""
        if self.database.sqlite:
            return int((await self.database.each(SIZE, ((),)))[0][0])
        async with self.database.asking() as connection:
            return int((await fetch(connection, SIZE))[0][0])

    async def leaves(self, start: int, end: int) -> list[Leaf]:
        """As the port says."""
        return await self._leaves(t.leaf.c.idx >= start, t.leaf.c.idx < end, limit=max(0, end - start))

    async def operation_leaves(self, operation: str, after: int, limit: int) -> list[Leaf]:
        """As the port says."""
        return await self._leaves(t.leaf.c.operation == operation, t.leaf.c.idx > after, limit=limit)

    async def _leaves(self, *where: ColumnElement[bool], limit: int) -> list[Leaf]:
        statement = select(t.leaf.c.idx, t.leaf.c.entry).where(*where).order_by(t.leaf.c.idx).limit(limit)
        return [Leaf(row.idx, row.entry) for row in await self._all(statement)]

    async def acknowledgement(self, evidence: bytes) -> bytes | None:
        """As the port says."""
        rows = await self._all(select(t.acknowledgement.c.raw).where(t.acknowledgement.c.evidence == evidence))
        return bytes(rows[0].raw) if rows else None

    async def acknowledgements(self, evidence: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """As the port says."""
        if not evidence:
            return {}
        columns = t.acknowledgement.c.evidence, t.acknowledgement.c.raw
        rows = await self._all(select(*columns).where(self._among(t.acknowledgement.c.evidence, evidence)))
        return {row.evidence: row.raw for row in rows}

    async def directories(self, after: int = -1) -> list[tuple[int, bytes]]:
        """As the port says."""
        table = t.directory_version
        statement = select(table.c.idx, table.c.statement).where(table.c.idx > after).order_by(table.c.idx)
        return [(row.idx, row.statement) for row in await self._all(statement)]

    async def operations(self, after: int = -1) -> list[tuple[int, bytes]]:
        """As the port says."""
        table = t.operation_version
        statement = select(table.c.idx, table.c.statement).where(table.c.idx > after).order_by(table.c.idx)
        return [(row.idx, row.statement) for row in await self._all(statement)]

    async def preferences(self, after: int = -1) -> list[tuple[int, bytes]]:
        """As the port says."""
        table = t.preference_version
        statement = select(table.c.idx, table.c.statement).where(table.c.idx > after).order_by(table.c.idx)
        return [(row.idx, row.statement) for row in await self._all(statement)]

    async def operators(self) -> tuple[int, bytes] | None:
        """As the port says."""
        table = t.operator_list
        rows = await self._all(select(table.c.idx, table.c.statement).order_by(table.c.version.desc()).limit(1))
        return (rows[0].idx, rows[0].statement) if rows else None

    async def current(self) -> bytes | None:
        """As the port says."""
        rows = await self._all(select(t.directory_current.c.statement))
        return bytes(rows[0].statement) if rows else None

    async def save_current(self, statement: bytes) -> None:
        """As the port says."""
        dialect = sqlite if self.database.sqlite else postgresql
        put = dialect.insert(t.directory_current).values(id=1, statement=statement)
        put = put.on_conflict_do_update(index_elements=["id"], set_={"statement": statement})
        async with self.database.write() as connection:
            await connection.execute(put)

    async def ping(self) -> None:
        """As the port says."""
        async with self.database.write() as connection:
            await connection.execute(update(t.probe).values(count=t.probe.c.count + 1))

    async def set_aside(self, after: int, limit: int) -> list[Quarantined]:
        """As the port says."""
        q = t.quarantine
        statement = (
            select(q.c.id, q.c.time, q.c.link, q.c.cause, q.c.type, func.length(q.c.body).label("size"))
            .where(q.c.id > after)
            .order_by(q.c.id)
            .limit(limit)
        )
        return [quarantined(row) for row in await self._all(statement)]

    async def one_set_aside(self, number: int) -> Quarantined | None:
        """As the port says."""
        rows = await self._all(select(t.quarantine).where(t.quarantine.c.id == number))
        return quarantined(rows[0], rows[0].body) if rows else None

    async def sealed_kept(self) -> tuple[int, int | None, int | None]:
        """How many sealed parts are kept, and the days (since the epoch) on which the first and the last are erased."""
        due = t.message.c.due
        counted = select(func.count().label("n"), func.min(due).label("first"), func.max(due).label("last"))
        (row,) = await self._all(counted.where(due.is_not(None)))
        return int(row.n), row.first, row.last

    async def quarantined(self) -> int:
        """How many bodies are set aside."""
        return int((await self._all(select(func.count().label("n")).select_from(t.quarantine)))[0].n)


def _message(row: Row[*tuple[Any, ...]]) -> MessageRow:
    return MessageRow(
        digest=row.digest,
        statement=row.statement,
        sealed=row.sealed,
        accepted=row.accepted,
        reason=None if row.reason is None else Reason(row.reason),
        index=row.idx,
        receipt=row.receipt,
        operation=row.operation,
        sender=Address(row.iss),
        recipients=_addresses(row.recipients),
        kind=row.kind,
    )
