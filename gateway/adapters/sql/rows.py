"""Many rows in one statement on SQLite, as arrays.py does it for PostgreSQL: the text of a statement is made once.

The rows go to the driver as they are, without SQLAlchemy's work for each, and what gives nothing back goes there with
the next statement that does (line.py). So an error of such a statement comes with a later one, at the latest with the
COMMIT; the transaction is undone all the same. Values are of types that SQLite knows by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.sql.line import line_of
from gateway.adapters.sql.tables import Stage
from gateway.ports import OperationHead, Spent

_MARK: Final = f"UPDATE delivery SET state = {Stage.CONSIGNED.value}, idx = ? WHERE digest = ? AND recipient = ?"  # noqa: S608  # a number of ours
_SPEND: Final = """
    INSERT INTO spent (bureau, minute, messages, bytes) VALUES (?, ?, ?, ?)
    ON CONFLICT (bureau) DO UPDATE SET
        minute = CASE WHEN spent.minute >= excluded.minute THEN spent.minute ELSE excluded.minute END,
        messages = CASE WHEN spent.minute >= excluded.minute THEN spent.messages ELSE 0 END + excluded.messages,
        bytes = CASE WHEN spent.minute >= excluded.minute THEN spent.bytes ELSE 0 END + excluded.bytes
"""
_HEAD: Final = "UPDATE operation_head SET number = ?, leaf = ? WHERE operation = ?"
_NEXT: Final = "UPDATE log_seq SET next = next + ? WHERE id = 1 RETURNING next"
QUESTIONS: Final = {
    "decided": """
        SELECT outcome.digest, outcome.receipt, outcome.idx, message.accepted
        FROM outcome JOIN message ON message.digest = outcome.digest WHERE outcome.digest = ?
    """,
    "ids": "SELECT iss, cti, digest FROM message WHERE iss = ? AND cti = ?",
    "threads": """
        SELECT digest, operation, exercise, purpose, handling, iss, recipients, thread
        FROM message WHERE digest = ? AND accepted
    """,
    "spent": "SELECT bureau, messages, bytes FROM spent WHERE bureau = ? AND minute = ?",
    "copies": "SELECT digest, recipient, state, idx FROM delivery WHERE digest = ? AND recipient = ?",
    "owed": """
        SELECT copy.digest, copy.recipient, copy.inbox, 0, operation, kind, urgency, received
        FROM delivery AS copy JOIN message ON message.digest = copy.digest
        WHERE copy.digest = ?1 AND ?2 IN (copy.recipient, copy.inbox)
        UNION ALL
        SELECT done.digest, done.recipient, NULL, 1, operation, kind, urgency, received
        FROM acknowledgement AS done JOIN message ON message.digest = done.digest
        WHERE done.digest = ?1 AND (done.recipient = ?2 OR instr(done.recipient, '/') > 0)
    """,
    "head": "SELECT operation, number, leaf FROM operation_head WHERE operation = ?",
}
"""What a batch asks for each of its messages; a test looks at how SQLite would answer."""
SIZE: Final = "SELECT next FROM log_seq"
_LEAF: Final = "INSERT INTO leaf (idx, hash, entry, operation) VALUES (?, ?, ?, ?)"


def put(connection: AsyncConnection, table: Table, names: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    """Insert rows: their values, in the order of `names`."""
    if rows:
        line_of(connection).post(_insert(table, names), rows)


async def put_new(
    connection: AsyncConnection, table: Table, names: tuple[str, ...], rows: Sequence[tuple[object, ...]], key: str
) -> frozenset[bytes]:
    """Insert those rows that contradict none that is there: their values of `key`."""
    statement = f"{_insert(table, names)} ON CONFLICT DO NOTHING RETURNING {key}"
    found = await line_of(connection).each(statement, rows)
    return frozenset(row[0] for row in found)


def remove(connection: AsyncConnection, keys: Sequence[tuple[bytes, str]]) -> None:
    """Delete delivery rows."""
    line_of(connection).post("DELETE FROM delivery WHERE digest = ? AND recipient = ?", keys)


def spend(connection: AsyncConnection, spent: Sequence[Spent], minute: int) -> None:
    """Add to what bureaus spent in `minute`; a row of an earlier minute begins anew."""
    rows = [(one.bureau, minute, one.messages, one.size) for one in spent]
    line_of(connection).post(_SPEND, rows)


def mark(connection: AsyncConnection, consigned: Sequence[tuple[bytes, str, int]]) -> None:
    """Mark delivery rows as consigned."""
    line_of(connection).post(_MARK, [(index, digest, recipient) for digest, recipient, index in consigned])


async def heads(connection: AsyncConnection, operations: Sequence[str]) -> list[tuple[Any, ...]]:
    """Operation, number and leaf of the heads that are there."""
    return await line_of(connection).each(QUESTIONS["head"], [(operation,) for operation in operations])


async def copies(connection: AsyncConnection, keys: Sequence[tuple[bytes, str]]) -> list[tuple[Any, ...]]:
    """Digest, recipient, state and index of the delivery rows that are there, in the order asked."""
    return await line_of(connection).each(QUESTIONS["copies"], keys)


def save_heads(connection: AsyncConnection, changed: Mapping[str, OperationHead]) -> None:
    """Write heads back."""
    rows = [(head.number, head.leaf, name) for name, head in changed.items()]
    line_of(connection).post(_HEAD, rows)


async def take(connection: AsyncConnection, count: int) -> int:
    """Take so many places of the ledger: the index of the first."""
    return int((await line_of(connection).ask(_NEXT, (count,)))[0][0]) - count


def append(
    connection: AsyncConnection, entries: Sequence[tuple[bytes, str | None]], hashes: Sequence[bytes], at: int
) -> None:
    """Append leaves at the places taken from `at` on."""
    leaves = enumerate(zip(hashes, entries, strict=True), at)
    line_of(connection).post(_LEAF, [(index, hash_, *entry) for index, (hash_, entry) in leaves])


@cache
def _insert(table: Table, names: tuple[str, ...]) -> str:
    columns, places = ", ".join(f'"{name}"' for name in names), ", ".join("?" * len(names))
    return f"INSERT INTO {table.name} ({columns}) VALUES ({places})"  # noqa: S608  # names of our own
