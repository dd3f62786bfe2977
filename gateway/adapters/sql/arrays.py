"""Many rows in one statement on PostgreSQL: each column goes as one array, and the server takes them apart.

A driver's `executemany` sends every row as a message of its own, and SQLAlchemy's many-row inserts make a new statement
for every number of rows; here the text of a statement is always the same, so that it is compiled and prepared once, and
the rows cost what their bytes cost. Rows go in in the order given: others wait for them in that order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    BigInteger,
    Boolean,
    Integer,
    LargeBinary,
    Row,
    SmallInteger,
    Table,
    Text,
    TextClause,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from gateway.adapters.sql.tables import Stage
from gateway.ports import Spent

Rows: TypeAlias = Sequence[Mapping[str, object]]
_TYPES: Final[Sequence[tuple[type[TypeEngine[Any]], str]]] = (
    (LargeBinary, "bytea"),
    (Text, "text"),
    (Boolean, "boolean"),
    (SmallInteger, "smallint"),
    (BigInteger, "bigint"),
    (Integer, "integer"),
)
_LOCK: Final = text(
    """
    SELECT digest, recipient, state, idx FROM delivery
    WHERE (digest, recipient) IN (SELECT * FROM unnest(CAST(:digests AS bytea[]), CAST(:recipients AS text[])))
    ORDER BY digest, recipient FOR UPDATE
    """
)
_MARK: Final = text(
    f"""
    UPDATE delivery SET state = {Stage.CONSIGNED.value}, idx = item.idx
    FROM unnest(CAST(:digests AS bytea[]), CAST(:recipients AS text[]), CAST(:indices AS bigint[]))
        AS item(digest, recipient, idx)
    WHERE delivery.digest = item.digest AND delivery.recipient = item.recipient
    """  # noqa: S608  # a number of ours
)


_SPEND: Final = text(
    """
    INSERT INTO spent (bureau, minute, messages, bytes)
    SELECT item.bureau, CAST(:minute AS bigint), item.messages, item.bytes
    FROM unnest(CAST(:bureaus AS text[]), CAST(:messages AS bigint[]), CAST(:sizes AS bigint[]))
        WITH ORDINALITY AS item(bureau, messages, bytes, ordinal)
    ORDER BY ordinal
    ON CONFLICT (bureau) DO UPDATE SET
        minute = CASE WHEN spent.minute >= excluded.minute THEN spent.minute ELSE excluded.minute END,
        messages = CASE WHEN spent.minute >= excluded.minute THEN spent.messages ELSE 0 END + excluded.messages,
        bytes = CASE WHEN spent.minute >= excluded.minute THEN spent.bytes ELSE 0 END + excluded.bytes
    """
)


async def put(connection: AsyncConnection, table: Table, rows: Rows) -> None:
    """Insert rows, all with the same columns."""
    if rows:
        await connection.execute(_insert(table, tuple(rows[0])), _columns(rows))


async def put_new(connection: AsyncConnection, table: Table, rows: Rows, key: str) -> frozenset[bytes]:
    """Insert those rows that contradict none that is there: their values of `key`."""
    found = await connection.execute(_insert(table, tuple(rows[0]), key), _columns(rows))
    return frozenset(row[0] for row in found)


async def spend(connection: AsyncConnection, spent: Sequence[Spent], minute: int) -> None:
    """Add to what bureaus spent in `minute`; a row of an earlier minute begins anew."""
    columns = {
        "bureaus": [one.bureau for one in spent],
        "messages": [one.messages for one in spent],
        "sizes": [one.size for one in spent],
    }
    await connection.execute(_SPEND, {"minute": minute, **columns})


async def lock(
    connection: AsyncConnection, digests: Sequence[bytes], recipients: Sequence[str]
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Lock delivery rows, in order: digest, recipient, state and index of those that are there."""
    return (await connection.execute(_LOCK, {"digests": digests, "recipients": recipients})).all()


async def mark(
    connection: AsyncConnection, digests: Sequence[bytes], recipients: Sequence[str], indices: Sequence[int]
) -> None:
    """Mark locked delivery rows as consigned."""
    await connection.execute(_MARK, {"digests": digests, "recipients": recipients, "indices": indices})


@cache
def _insert(table: Table, names: tuple[str, ...], key: str | None = None) -> TextClause:
    columns = ", ".join(f'"{name}"' for name in names)
    arrays = ", ".join(f"CAST(:{name} AS {_type(table, name)}[])" for name in names)
    rest = "" if key is None else f" ON CONFLICT DO NOTHING RETURNING {key}"
    return text(
        f"INSERT INTO {table.name} ({columns}) SELECT {columns} "  # noqa: S608  # names of our own tables and columns
        f"FROM unnest({arrays}) WITH ORDINALITY AS item({columns}, ordinal) ORDER BY ordinal{rest}"
    )


def _type(table: Table, name: str) -> str:
    kind = table.c[name].type
    return next(sql for known, sql in _TYPES if isinstance(kind, known))


def _columns(rows: Rows) -> dict[str, list[object]]:
    return {name: [row[name] for row in rows] for name in rows[0]}
