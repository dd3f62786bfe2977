"""Many rows in one statement on PostgreSQL: each column goes as one array, and the server takes them apart.

A driver's `executemany` sends every row as a message of its own, and SQLAlchemy's many-row inserts make a new statement
for every number of rows; here the text of a statement is always the same, so that it is compiled and prepared once, and
the rows cost what their bytes cost (straight.py). Rows go in in the order given: others wait for them in that order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeAlias

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

Rows: TypeAlias = Sequence[Mapping[str, object]]
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
_HEADS: Final = """
    SELECT operation, number, leaf FROM operation_head WHERE operation = ANY($1::text[]) AND /*after*/ TRUE
    ORDER BY operation COLLATE "C" FOR UPDATE
"""
_FIRST: Final = """
    INSERT INTO operation_head (operation, number)
    SELECT item, 0 FROM unnest($1::text[]) AS item ORDER BY item COLLATE "C"
    ON CONFLICT DO NOTHING
"""
_APPEND: Final = """
    WITH taken AS (
        UPDATE log_seq SET next = next + $1::bigint WHERE id = 1 AND /*after*/ TRUE RETURNING next - $1::bigint AS base
    ),
    added AS (
        INSERT INTO leaf (idx, hash, entry, operation)
        SELECT taken.base + item.ordinal - 1, item.hash, item.entry, item.operation
        FROM taken, unnest($2::bytea[], $3::bytea[], $4::text[])
            WITH ORDINALITY AS item(hash, entry, operation, ordinal)
    ),
    chained AS (
        UPDATE operation_head SET number = item.number, leaf = item.leaf
        FROM unnest($5::text[], $6::bigint[], $7::bytea[]) AS item(operation, number, leaf)
        WHERE operation_head.operation = item.operation
    )
    SELECT base FROM taken
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


def put(together: Together, table: Table, rows: Rows) -> None:
    """Insert rows, all with the same columns in the same order."""
    if rows:
        together.post(_insert(table, tuple(rows[0])), *_columns(rows))


async def put_messages(together: Together, messages: Rows, bodies: Sequence[tuple[bytes, bytes]]) -> frozenset[bytes]:
    """Insert messages that contradict none that is there, with their bodies (digest, sealed part): their digests."""
    digests, sealed = zip(*bodies, strict=True) if bodies else ((), ())
    found = await together.ask(_messages(tuple(messages[0])), *_columns(messages), digests, sealed)
    return frozenset(row[0] for row in found)


def spend(together: Together, spent: Sequence[Spent], minute: int) -> None:
    """Add to what bureaus spent in `minute`; a row of an earlier minute begins anew."""
    if spent:
        bureaus, messages, sizes = zip(*((one.bureau, one.messages, one.size) for one in spent), strict=True)
        together.post(_SPEND, minute, bureaus, messages, sizes)


async def lock(together: Together, digests: Sequence[bytes], recipients: Sequence[str]) -> Sequence[Sequence[Any]]:
    """Lock delivery rows, in order: digest, recipient, state and index of those that are there."""
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


async def heads(together: Together, names: Sequence[str]) -> Sequence[Sequence[Any]]:
    """Lock the heads of these operations, in order, making those that are not there: operation, number and leaf."""
    found = await together.ask(_HEADS, names)
    if len(found) < len(names):
        await together.ask(_FIRST, names)  # by itself: what it makes is not seen within the same statement
        found = await together.ask(_HEADS, names)
    return found


async def append(
    together: Together,
    entries: Sequence[tuple[bytes, str | None]],
    hashes: Sequence[bytes],
    changed: Mapping[str, OperationHead],
) -> int:
    """Take the sequence row, insert leaves, and write locked heads back: the index of the first leaf."""
    data, operations = [entry for entry, _ in entries], [operation for _, operation in entries]
    names = sorted(changed)
    numbers, leaves = [changed[name].number for name in names], [changed[name].leaf for name in names]
    found = await together.ask(_APPEND, len(entries), hashes, data, operations, names, numbers, leaves)
    return int(found[0][0])


@cache
def _insert(table: Table, names: tuple[str, ...]) -> str:
    columns = ", ".join(f'"{name}"' for name in names)
    arrays = ", ".join(f"${place}::{_type(table, name)}[]" for place, name in enumerate(names, 1))
    return (
        f"INSERT INTO {table.name} ({columns}) SELECT {columns} "  # noqa: S608  # names of our own tables and columns
        f"FROM unnest({arrays}) WITH ORDINALITY AS item({columns}, ordinal) ORDER BY ordinal"
    )


@cache
def _messages(names: tuple[str, ...]) -> str:
    place = len(names) + 1
    return f"""
        WITH added AS ({_insert(t.message, names)} ON CONFLICT DO NOTHING RETURNING digest, due),
        bodies AS (
            INSERT INTO body (digest, day, sealed) SELECT digest, added.due, item.sealed
            FROM unnest(${place}::bytea[], ${place + 1}::bytea[]) AS item(digest, sealed) JOIN added USING (digest)
        )
        SELECT digest FROM added
    """  # noqa: S608  # as above


def _type(table: Table, name: str) -> str:
    kind = table.c[name].type
    return next(sql for known, sql in _TYPES if isinstance(kind, known))


def _columns(rows: Rows) -> Iterable[Sequence[object]]:
    """Rows with the same columns in the same order, the other way round."""
    return zip(*(row.values() for row in rows), strict=True)
