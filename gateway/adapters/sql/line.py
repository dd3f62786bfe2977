"""SQLite's driver for SQLAlchemy: each connection in a thread of its own, and few trips to it.

A trip costs a gateway more than most statements: two threads wake each other and take turns at the interpreter's lock.
So a statement and its rows are one trip, BEGIN goes with the first statement, statements that give no rows go with the
next that does or with COMMIT, and a transaction that only read ends without one. SQLAlchemy's adapter for aiosqlite
takes a `Line` for a connection of aiosqlite's: `connect_args={"async_creator_fn": Line.open}`.

Rules: jobs run in their order, one at a time; of a trip the first error ends it, and nothing of it runs after that;
whoever is cancelled leaves a trip that still ends in its thread, and what comes then waits for it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, Generic, Self, TypeAlias, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.errors import Misuse

T = TypeVar("T")
Values: TypeAlias = Sequence[Any] | Mapping[str, Any]
"""A statement's parameters, by place or by name."""
Description: TypeAlias = Sequence[tuple[str, None, None, None, None, None, None]] | None
PRAGMAS: Final = (
    "busy_timeout=5000",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "cache_size=-2048",
    "secure_delete=ON",
)
"""The time-out first: to enter WAL mode is to wait for a lock already. What is deleted is overwritten with zeros."""
_PATIENCE: Final = 5.0
"""Seconds that those may take who enter WAL mode before us."""
_AGAIN: Final = 0.01
"""Seconds between two tries."""
_STATEMENTS: Final = 256
"""Prepared statements that a connection keeps."""


class _Trip(Generic[T]):
    """Jobs for the thread, of which the last one's result is wanted."""

    def __init__(self, before: Iterable[Callable[[], object]], last: Callable[[], T]) -> None:
        self._before, self._last = before, last
        self._loop = asyncio.get_running_loop()
        self.wanted: asyncio.Future[T] = self._loop.create_future()
        self.under_way = True
        """Also when nobody waits any more."""

    def run(self) -> None:
        """Do the jobs, in the thread."""
        try:
            for job in self._before:
                job()
            told = partial(self._resolve, self._last())
        except BaseException as error:  # noqa: BLE001  # whoever waits is told, whatever it is
            told = partial(self._fail, error)
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            self._loop.call_soon_threadsafe(told)

    def _resolve(self, result: T) -> None:
        self.under_way = False
        if not self.wanted.done():
            self.wanted.set_result(result)

    def _fail(self, error: BaseException) -> None:
        self.under_way = False
        if not self.wanted.done():
            self.wanted.set_exception(error)


class Line:
    """One connection. What SQLAlchemy's adapter asks of it is what aiosqlite's `Connection` has."""

    def __init__(self) -> None:
        self._connection: sqlite3.Connection | None = None
        self._trips: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._held: list[Callable[[], object]] = []
        self._newest: _Trip[Any] | None = None
        self._writes = False

    @classmethod
    async def open(cls, path: str, **options: Any) -> Line:  # noqa: ANN401  # sqlite3's own
        """A connection to the database in a file."""
        line = cls()
        Thread(target=_work, args=(line._trips,), name="sqlite", daemon=True).start()
        options |= {"check_same_thread": False, "isolation_level": None, "cached_statements": _STATEMENTS}
        try:
            line._connection = await line._go(partial(_connect, path, options))
        except BaseException:
            line.stop()
            raise
        return line

    @property
    def _conn(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.ProgrammingError("the connection is closed")
        return self._connection

    async def _go(self, job: Callable[[], T]) -> T:
        """One trip: what is held, and then this."""
        held, self._held = self._held, []
        trip = _Trip(held, job)
        self._newest = trip
        self._trips.put(trip.run)
        try:
            return await trip.wanted
        finally:
            if self._newest is trip and not trip.under_way:
                self._newest = None  # nor are its rows kept

    @property
    def _under_way(self) -> bool:
        """Whether the thread has something to do: then the connection is its own."""
        return self._newest is not None and self._newest.under_way

    # ---- transactions

    def begin(self, *, write: bool) -> None:
        """Begin a transaction with the next statement."""
        self._writes = write
        self._held = [partial(self._conn.execute, "BEGIN IMMEDIATE" if write else "BEGIN")]

    def post(self, sql: str, rows: Sequence[Values]) -> None:
        """Run a statement that gives nothing for each of these; what it raises comes with the next trip."""
        self._held.append(partial(self._conn.executemany, sql, rows))

    async def each(self, sql: str, rows: Sequence[Values]) -> list[tuple[Any, ...]]:
        """Run a statement for each of these: all rows that it gave."""
        return await self._go(partial(_each, self._conn, sql, rows))

    async def several(self, questions: Sequence[tuple[str, Sequence[Values]]]) -> list[list[tuple[Any, ...]]]:
        """Run each of these statements, which read, as `each` does, all on one view of the data: the rows of each."""
        return await self._go(partial(_several, self._conn, questions))

    async def ask(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """Run a statement: its rows."""
        return (await self.answer(sql, values))[0]

    async def answer(self, sql: str, values: Values) -> tuple[list[tuple[Any, ...]], Description, int, int | None]:
        """Run a statement: its rows, what they are, how many it changed, and the last row's number."""
        return await self._go(partial(_answer, self._conn, sql, values))

    async def commit(self) -> None:
        """Make it durable."""
        if len(self._held) > 1 or self._under_way or self._conn.in_transaction:
            await self._go(self._conn.commit)
        self._held = []

    async def rollback(self) -> None:
        """Undo it. Nothing waits where a transaction only read: it gives up its view, which is no work of the disk."""
        self._held = []
        if self._under_way or (self._writes and self._conn.in_transaction):
            await self._go(self._conn.rollback)
        else:
            self._conn.rollback()

    # ---- what SQLAlchemy's adapter asks besides

    def cursor(self) -> Cursor:
        """A cursor."""
        return Cursor(self)

    async def create_function(self, *given: Any, **named: Any) -> None:  # noqa: ANN401  # sqlite3's own
        """Give SQL a function of Python's."""
        await self._go(partial(self._conn.create_function, *given, **named))

    async def close(self) -> None:
        """Close it, after what is under way."""
        if self._connection is not None:
            self._held = []
            try:
                await self._go(self._connection.close)
            finally:
                self._connection = None
                self._trips.put(None)

    def stop(self) -> None:
        """Close it, without waiting for that."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._trips.put(connection.close)
        self._trips.put(None)


class Cursor:
    """A cursor as SQLAlchemy's adapter wants it. The rows are there when the statement is."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._rows: list[tuple[Any, ...]] = []
        self.description: Description = None
        self.rowcount, self.arraysize = -1, 1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        """Nothing has to be opened."""
        return self

    async def execute(self, sql: str, values: Values = ()) -> None:
        """Run a statement."""
        self._rows, self.description, self.rowcount, self.lastrowid = await self._line.answer(sql, values)

    async def executemany(self, sql: str, rows: Sequence[Values]) -> None:
        """Run a statement that gives no rows for each of these, with the next trip."""
        self._line.post(sql, rows)

    async def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows that were not given yet."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Nothing is open."""


def line_of(connection: AsyncConnection) -> Line:
    """The connection below one of SQLAlchemy's.

    Raises:
        Misuse: it is none of SQLite's, or closed.
    """
    below = None if connection.sync_connection is None else connection.sync_connection.connection.driver_connection
    if not isinstance(below, Line):
        raise Misuse("this connection is none of SQLite's")
    return below


def _work(trips: SimpleQueue[Callable[[], object] | None]) -> None:
    while (run := trips.get()) is not None:
        run()
        del run  # the rows of the last one are not kept until the next


def _connect(path: str, options: Mapping[str, Any]) -> sqlite3.Connection:
    connection: sqlite3.Connection = sqlite3.connect(path, **options)
    for pragma in PRAGMAS:
        _set(connection, pragma)
    return connection


def _set(connection: sqlite3.Connection, pragma: str) -> None:
    """Of two that enter WAL mode at once SQLite tells one that it is locked, whatever its time-out: it tries again."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.execute(f"PRAGMA {pragma}")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_AGAIN)
        else:
            return


def _each(connection: sqlite3.Connection, sql: str, rows: Sequence[Values]) -> list[tuple[Any, ...]]:
    return [found for row in rows for found in connection.execute(sql, row).fetchall()]


def _several(
    connection: sqlite3.Connection, questions: Sequence[tuple[str, Sequence[Values]]]
) -> list[list[tuple[Any, ...]]]:
    connection.execute("BEGIN")
    try:
        return [_each(connection, sql, rows) for sql, rows in questions]
    finally:
        connection.rollback()


def _answer(
    connection: sqlite3.Connection, sql: str, values: Values
) -> tuple[list[tuple[Any, ...]], Description, int, int | None]:
    cursor = connection.execute(sql, values)
    rows = cursor.fetchall() if cursor.description else []
    return rows, cursor.description, cursor.rowcount, cursor.lastrowid
