"""Many rows in one statement on PostgreSQL: each column goes as one array, and the server takes them apart.

A driver's `executemany` sends every row as a message of its own, and SQLAlchemy's many-row inserts make a new statement
for every number of rows; here the text of a statement is always the same, so that it is compiled and prepared once, and
the rows cost what their bytes cost (straight.py). Rows go in in the order given: others wait for them in that order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from gateway.adapters.sql import tables as t
from gateway.adapters.sql.straight import fetch
from gateway.adapters.sql.tables import Stage
from gateway.adapters.sql.together import Together
from gateway.ports import OperationHead, Spent

_TYPES: Final[Sequence[tuple[type[TypeEngine[Any]], str]]] = (
    (LargeBinary, "bytea"),
    (Text, "text"),
    (Boolean, "boolean"),
    (SmallInteger, "smallint"),
    (BigInteger, "bigint"),
    (Integer, "integer"),
)
_LOCK: Final = """
    SELECT digest, recipient, state, idx FROM delivery
    WHERE (digest, recipient) IN (SELECT * FROM unnest($1::bytea[], $2::text[])) AND /*after*/ TRUE
    ORDER BY digest, recipient COLLATE "C" FOR UPDATE
"""
_MARK: Final = f"""
    UPDATE delivery SET state = {Stage.CONSIGNED.value}, idx = item.idx
    FROM unnest($1::bytea[], $2::text[], $3::bigint[]) AS item(digest, recipient, idx)
    WHERE delivery.digest = item.digest AND delivery.recipient = item.recipient
"""  # noqa: S608  # a number of ours
_SPEND: Final = """
    INSERT INTO spent (bureau, minute, messages, bytes)
    SELECT item.bureau, $1::bigint, item.messages, item.bytes
    FROM unnest($2::text[], $3::bigint[], $4::bigint[]) WITH ORDINALITY AS item(bureau, messages, bytes, ordinal)
    ORDER BY ordinal
    ON CONFLICT (bureau) DO UPDATE SET
        minute = CASE WHEN spent.minute >= excluded.minute THEN spent.minute ELSE excluded.minute END,
        messages = CASE WHEN spent.minute >= excluded.minute THEN spent.messages ELSE 0 END + excluded.messages,
        bytes = CASE WHEN spent.minute >= excluded.minute THEN spent.bytes ELSE 0 END + excluded.bytes
"""
_TAKE: Final = """
    WITH locked AS (
        SELECT operation, number, leaf FROM operation_head WHERE operation = ANY($1::text[]) AND /*after*/ TRUE
            AND (SELECT count(*) FROM operation_head WHERE operation = ANY($1::text[])) = cardinality($1::text[])
        ORDER BY operation COLLATE "C" FOR UPDATE
    ),
    taken AS (
        UPDATE log_seq SET next = next + $2::bigint
        WHERE id = 1 AND (SELECT count(*) FROM locked) = cardinality($1::text[]) AND /*after*/ TRUE
        RETURNING next - $2::bigint AS base
    )
    SELECT base, operation, number, leaf FROM taken LEFT JOIN locked ON TRUE
"""
"""Nothing is locked or taken where a head is missing: who waits for one that is being made holds no other meanwhile."""
_FIRST: Final = """
    INSERT INTO operation_head (operation, number)
    SELECT item, 0 FROM unnest($1::text[]) AS item ORDER BY item COLLATE "C"
    ON CONFLICT DO NOTHING
"""
_APPEND: Final = """
    INSERT INTO leaf (idx, hash, entry, operation)
    SELECT $1::bigint + item.ordinal - 1, item.hash, item.entry, item.operation
    FROM unnest($2::bytea[], $3::bytea[], $4::text[]) WITH ORDINALITY AS item(hash, entry, operation, ordinal)
"""
_CHAIN: Final = """
    UPDATE operation_head SET number = item.number, leaf = item.leaf
    FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS item(operation, number, leaf)
    WHERE operation_head.operation = item.operation
"""
_OWED: Final = """
    WITH asked AS (SELECT DISTINCT digest, address FROM unnest($1::bytea[], $2::text[]) AS item(digest, address))
    SELECT copy.digest, copy.recipient, copy.inbox, false, operation, kind, urgency, received
    FROM asked JOIN delivery AS copy ON copy.digest = asked.digest AND asked.address IN (copy.recipient, copy.inbox)
    JOIN message ON message.digest = copy.digest
    UNION ALL
    SELECT done.digest, done.recipient, NULL, true, operation, kind, urgency, received
    FROM asked JOIN acknowledgement AS done
        ON done.digest = asked.digest AND (done.recipient = asked.address OR strpos(done.recipient, '/') > 0)
    JOIN message ON message.digest = done.digest
"""
_REMOVE: Final = """
    DELETE FROM delivery USING unnest($1::bytea[], $2::text[]) AS item(digest, recipient)
    WHERE delivery.digest = item.digest AND delivery.recipient = item.recipient
"""


def put(together: Together, table: Table, names: tuple[str, ...], rows: Iterable[Sequence[object]]) -> None:
    """Insert rows: their values, in the order of `names`."""
    if columns := list(zip(*rows, strict=True)):
        together.post(_insert(table, names), *columns)


@dataclass(frozen=True, slots=True)
class New:
    """Rows to insert: their columns' names, and the values of each in that order."""

    names: tuple[str, ...]
    rows: Sequence[Sequence[object]]

    @property
    def columns(self) -> Sequence[Sequence[object]]:
        """The values of each column."""
        return list(zip(*self.rows, strict=True)) if self.rows else [()] * len(self.names)


async def insert(
    together: Together, messages: New, bodies: New, copies: New, touched: Sequence[tuple[bytes, str]]
) -> Sequence[Sequence[Any]]:
    """Insert messages that contradict none that is there, their bodies and copies, and then lock the copies touched.

    Of each message inserted its digest and three times nothing, of each copy locked what `lock` gives.
    """
    digests, recipients = zip(*touched, strict=True) if touched else ((), ())
    asked = _inserting(messages.names, copies.names)
    return await together.ask(asked, *messages.columns, *bodies.columns, *copies.columns, digests, recipients)


def spend(together: Together, spent: Sequence[Spent], minute: int) -> None:
    """Add to what bureaus spent in `minute`; a row of an earlier minute begins anew."""
    if spent:
        bureaus, messages, sizes = zip(*((one.bureau, one.messages, one.size) for one in spent), strict=True)
        together.post(_SPEND, minute, bureaus, messages, sizes)


async def lock(together: Together, keys: Sequence[tuple[bytes, str]]) -> Sequence[Sequence[Any]]:
    """Lock delivery rows, in order: digest, recipient, state and index of those that are there."""
    digests, recipients = zip(*keys, strict=True)
    return await together.ask(_LOCK, digests, recipients)


async def owed(connection: AsyncConnection, asked: Sequence[tuple[bytes, str]]) -> Sequence[Sequence[Any]]:
    """Copies of a message that are for an address, or in its inbox, or were acknowledged: copies.py has the columns."""
    digests, addresses = zip(*asked, strict=True)
    return await fetch(connection, _OWED, digests, addresses)


def remove(together: Together, keys: Sequence[tuple[bytes, str]]) -> None:
    """Delete locked delivery rows."""
    digests, recipients = zip(*keys, strict=True)
    together.post(_REMOVE, digests, recipients)


def mark(together: Together, digests: Sequence[bytes], recipients: Sequence[str], indices: Sequence[int]) -> None:
    """Mark locked delivery rows as consigned."""
    together.post(_MARK, digests, recipients, indices)


async def take(together: Together, names: Sequence[str], count: int) -> tuple[dict[str, OperationHead], int]:
    """Lock the heads of these operations, in order, making those that are not there, and take places in the ledger."""
    found = await together.ask(_TAKE, names, count)
    if not found:
        await together.ask(_FIRST, names)  # by itself: what it makes is not seen within the same statement
        found = await together.ask(_TAKE, names, count)
    heads = {name: OperationHead(number, leaf) for _, name, number, leaf in found if name is not None}
    return heads, int(found[0][0])


def append(
    together: Together,
    entries: Sequence[tuple[bytes, str | None]],
    hashes: Sequence[bytes],
    changed: Mapping[str, OperationHead],
    at: int,
) -> None:
    """Insert leaves at the places taken from `at` on, and write locked heads back."""
    data, operations = [entry for entry, _ in entries], [operation for _, operation in entries]
    together.post(_APPEND, at, hashes, data, operations)
    if changed:
        names = sorted(changed)
        together.post(_CHAIN, names, [changed[name].number for name in names], [changed[name].leaf for name in names])


@cache
def _insert(table: Table, names: tuple[str, ...]) -> str:
    return f"{_into(table, names, 1, '')} ORDER BY ordinal"


def _into(table: Table, names: tuple[str, ...], place: int, joined: str) -> str:
    """Insert what arrays from `$place` on give, a column each, where it can be `joined`."""
    columns = ", ".join(f'"{name}"' for name in names)
    arrays = ", ".join(f"${at}::{_type(table, name)}[]" for at, name in enumerate(names, place))
    return (
        f"INSERT INTO {table.name} ({columns}) SELECT {columns} "  # noqa: S608  # names of our own tables and columns
        f"FROM unnest({arrays}) WITH ORDINALITY AS item({columns}, ordinal) {joined}"
    )


@cache
def _inserting(messages: tuple[str, ...], copies: tuple[str, ...]) -> str:
    body = len(messages) + 1
    copy = body + 2
    touched = copy + len(copies)
    return f"""
        WITH added AS ({_insert(t.message, messages)} ON CONFLICT DO NOTHING RETURNING digest, due),
        bodies AS (
            INSERT INTO body (digest, day, sealed) SELECT digest, added.due, item.sealed
            FROM unnest(${body}::bytea[], ${body + 1}::bytea[]) AS item(digest, sealed) JOIN added USING (digest)
        ),
        copies AS ({_into(t.delivery, copies, copy, "JOIN added USING (digest)")} ORDER BY ordinal),
        locked AS (
            SELECT digest, recipient, state, idx FROM delivery
            WHERE (digest, recipient) IN (SELECT * FROM unnest(${touched}::bytea[], ${touched + 1}::text[]))
                AND (SELECT count(*) FROM added) >= 0
            ORDER BY digest, recipient COLLATE "C" FOR UPDATE
        )
        SELECT digest, NULL, NULL, NULL FROM added UNION ALL SELECT digest, recipient, state, idx FROM locked
    """  # noqa: S608  # as above


def _type(table: Table, name: str) -> str:
    kind = table.c[name].type
    return next(sql for known, sql in _TYPES if isinstance(kind, known))
