"""What the gateway's database says, read once, read-only, by code of the suite's own: SQLite or PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import asyncpg

PENDING: Final = 0
"""States of a copy, as the database writes them."""
CONSIGNED: Final = 1


@dataclass
class Books:
    """The tables that matter, as they stand."""

    leaves: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    """(index, hash, entry), ascending."""
    checkpoints: list[tuple[int, str]] = field(default_factory=list)
    """(size, note), ascending."""
    messages: dict[bytes, tuple[str, bool, bytes, bytes | None]] = field(default_factory=dict)
    """Digest -> (sender, accepted, statement, digest that it answers)."""
    outcomes: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)
    """Digest -> (index, receipt)."""
    copies: dict[tuple[bytes, str], tuple[int, str]] = field(default_factory=dict)
    """(digest, recipient) -> (state, link) of what is not handed over."""
    acknowledged: set[tuple[bytes, str]] = field(default_factory=set)
    quarantined: int = 0
    size: int = 0
    """What the sequence row says."""


class _Rows(Protocol):
    async def all(self, sql: str) -> Sequence[Any]:
        """Rows of a question; their columns are as in it."""


class _Sqlite:
    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)

    async def all(self, sql: str) -> Sequence[Any]:
        return self._connection.execute(sql).fetchall()

    def close(self) -> None:
        self._connection.close()


class _Postgres:
    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def all(self, sql: str) -> Sequence[Any]:
        rows: Sequence[Any] = await self._connection.fetch(sql)
        return rows


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the gateway is."""

    undelivered: int
    handled: int
    """Messages that a bureau with the SDK acknowledged as processed: each leads to one answer."""
    answers: int
    """Those that were accepted."""
    unsigned: int = 0
    """Entries that no checkpoint covers yet."""


def _path(url: str) -> Path | None:
    head = "sqlite+aiosqlite:///"
    return Path(url.removeprefix(head)) if url.startswith(head) else None


async def _ask_progress(rows: _Rows, responders: Collection[str]) -> Progress:
    undelivered = await rows.all("SELECT count(*) FROM delivery")
    handled = await rows.all("SELECT recipient, count(*) FROM acknowledgement GROUP BY recipient")
    answers = await rows.all("SELECT count(*) FROM message WHERE re IS NOT NULL AND accepted")
    signed = await rows.all("SELECT max(size) FROM checkpoint")
    entries = await rows.all("SELECT next FROM log_seq")
    done = sum(int(count) for recipient, count in handled if recipient in responders)
    return Progress(int(undelivered[0][0]), done, int(answers[0][0]), int(entries[0][0]) - int(signed[0][0] or 0))


async def progress(url: str, responders: Collection[str]) -> Progress:
    """What is still to be handed over, and how many answers there are to what these bureaus handled."""
    path = _path(url)
    if path is not None:
        reader = _Sqlite(path)
        try:
            return await _ask_progress(reader, responders)
        finally:
            reader.close()
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=5)
    try:
        return await _ask_progress(_Postgres(connection), responders)
    finally:
        await connection.close()


async def read_books(url: str) -> Books:
    """Read everything, in one view of the data."""
    path = _path(url)
    if path is not None:
        reader = _Sqlite(path)
        try:
            await reader.all("BEGIN")
            return await _read(reader)
        finally:
            reader.close()
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=10)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await _read(_Postgres(connection))
    finally:
        await connection.close()


async def _read(rows: _Rows) -> Books:
    books = Books()
    books.size = int((await rows.all("SELECT next FROM log_seq"))[0][0])
    leaves = await rows.all("SELECT idx, hash, entry FROM leaf ORDER BY idx")
    books.leaves = [(index, bytes(leaf), bytes(entry)) for index, leaf, entry in leaves]
    books.checkpoints = [
        (size, note) for size, note in await rows.all("SELECT size, note FROM checkpoint ORDER BY size")
    ]
    for digest, iss, accepted, statement, re in await rows.all(
        "SELECT digest, iss, accepted, statement, re FROM message"
    ):
        books.messages[bytes(digest)] = str(iss), bool(accepted), bytes(statement), None if re is None else bytes(re)
    for digest, index, receipt in await rows.all("SELECT digest, idx, receipt FROM outcome"):
        books.outcomes[bytes(digest)] = index, bytes(receipt)
    for digest, recipient, state, link in await rows.all("SELECT digest, recipient, state, link FROM delivery"):
        books.copies[bytes(digest), recipient] = state, link
    for digest, recipient in await rows.all("SELECT digest, recipient FROM acknowledgement"):
        books.acknowledged.add((bytes(digest), recipient))
    books.quarantined = int((await rows.all("SELECT count(*) FROM quarantine"))[0][0])
    return books
