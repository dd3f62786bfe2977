"""The connection to SQLite or PostgreSQL: engines, transactions, and errors in the words of schemas/errors.py.

SQLite: WAL, synchronous=FULL, foreign keys, one writer at a time in one process. PostgreSQL: read committed. An error
that may go away by itself (no connection, a deadlock, no room) is Unavailable; any other is Misuse, since the same call
would fail again.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import Any, Final, Protocol

from sqlalchemy import Connection, event, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from gateway.adapters.sql.held import Held
from gateway.adapters.sql.line import Line, Values
from gateway.adapters.sql.sequences import tell_driver
from schemas.errors import Misuse, Reason, Unavailable

_PASSING: Final = frozenset({"08", "25", "40", "53", "55", "57", "58"})
"""SQLSTATE classes: connection, state of the transaction (such as that of a server that is the primary no more, and
takes no writes), rollback (deadlock), resources, object in use, operator's intervention, error of the system."""
_MOVED: Final = "23514"
"""A row was on its way into the default partition while its day's was made; no table has other checks (bodies.py)."""
_COMMAND_SECONDS: Final = 20
"""One statement may take so long; a connection that stands half-open is found out then."""
_SESSION: Final = {
    "statement_timeout": f"{_COMMAND_SECONDS}s",
    "idle_in_transaction_session_timeout": "10s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "20s",
}
"""How PostgreSQL finds out that we are gone: a session left half-open in its transaction holds locks that all need.

A session that waits for the rest of a message heeds neither of the first two (tried); from version 17 on it heeds
`_WHOLE_TRANSACTION`."""
_WHOLE_TRANSACTION: Final = """
    SELECT set_config('transaction_timeout', '30s', false)
    WHERE current_setting('server_version_num')::integer >= 170000
"""


class _Cursor(Protocol):
    def execute(self, sql: str, /) -> object:
        """Run one statement."""

    def close(self) -> None:
        """End the cursor."""


class _Driver(Protocol):
    def cursor(self) -> _Cursor:
        """A cursor."""

    def commit(self) -> None:
        """End the transaction."""


class Database:
    """One database by its SQLAlchemy URL: `sqlite+aiosqlite:///PATH` or `postgresql+asyncpg://...`."""

    def __init__(self, url: str, *, pool: int = 8) -> None:
        self.sqlite = make_url(url).get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(url, pool) if self.sqlite else _postgres_engine(url, pool)
        self._writing = self.engine.execution_options(bureaunet_write=True)
        self._reader: Line | None = None
        self._reading = asyncio.Lock()
        self._writer: asyncio.Lock | None = asyncio.Lock() if self.sqlite else None
        self._held = Held(self.engine, max(1, pool // 2))

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that may write.

        Raises:
            Unavailable: `store`. Misuse: the database refuses the very statement.
        """
        with translated():
            async with self._writer or nullcontext(), self._writing.begin() as connection:
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read from: one view of the data on SQLite, of each statement on PostgreSQL.

        Raises:
            Unavailable, Misuse: as `write`.
        """
        with translated():
            async with self.engine.connect() as connection:
                if not self.sqlite:  # each read is one statement, or needs no common view: spare the BEGIN and ROLLBACK
                    await connection.execution_options(isolation_level="AUTOCOMMIT")
                yield connection

    @asynccontextmanager
    async def batch(self) -> AsyncIterator[AsyncConnection]:
        """As `write`, for those who write all the time.

        Raises:
            Unavailable, Misuse: as `write`.
        """
        if self.sqlite:
            async with self.write() as connection:
                yield connection
            return
        with translated():
            async with self._held.writing() as connection:
                yield connection

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[AsyncConnection]:
        """As `read`, on PostgreSQL, for those who ask all the time.

        Raises:
            Unavailable, Misuse: as `write`.
        """
        with translated():
            async with self._held.asking() as connection:
                yield connection

    async def each(self, sql: str, rows: Sequence[Values]) -> list[tuple[Any, ...]]:
        """Ask SQLite the same of each of these, of what is committed when it is asked: all rows that it gives.

        Raises:
            Unavailable, Misuse: as `write`.
        """
        with translated():
            return await (await self._reads()).each(sql, rows)

    async def several(self, questions: Sequence[tuple[str, Sequence[Values]]]) -> list[list[tuple[Any, ...]]]:
        """Ask SQLite several things of one moment, each as `each` does: the rows of each.

        Raises:
            Unavailable, Misuse: as `write`.
        """
        with translated():
            return await (await self._reads()).several(questions)

    async def _reads(self) -> Line:
        """The connection that the questions of batches share: they come one after another."""
        async with self._reading:
            if self._reader is None:
                self._reader = await Line.open(self.engine.url.database or "")
        return self._reader

    @asynccontextmanager
    async def migrating(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that may write, whose statements take as long as they need.

        Raises:
            Unavailable, Misuse: as `write`.
        """
        if self.sqlite:
            async with self.write() as connection:
                yield connection
            return
        engine = create_async_engine(self.engine.url, pool_size=1, max_overflow=0, connect_args={"timeout": 10})
        try:
            with translated():
                async with engine.begin() as connection:
                    yield connection
        finally:
            await engine.dispose()

    async def close(self) -> None:
        """Close every connection."""
        await self._held.close()
        await self.engine.dispose()
        if self._reader is not None:
            await self._reader.close()
            self._reader = None


@contextmanager
def translated() -> Iterator[None]:
    """Say a driver's errors in the words of schemas/errors.py; the texts of drivers may hold data and are left out."""
    try:
        yield
    except SQLAlchemyError as error:
        if _passing(error):
            raise Unavailable(Reason.STORE, f"the database cannot serve now ({_name(error)})") from error
        raise Misuse(f"the database refused a statement ({_name(error)})") from error
    except sqlite3.OperationalError as error:  # of what goes to SQLite's driver without SQLAlchemy
        raise Unavailable(Reason.STORE, "the database cannot serve now (OperationalError)") from error
    except sqlite3.Error as error:
        raise Misuse(f"the database refused a statement ({type(error).__name__})") from error
    except (OSError, TimeoutError) as error:
        raise Unavailable(Reason.STORE, f"the database cannot be reached ({type(error).__name__})") from error


def _name(error: SQLAlchemyError) -> str:
    return type(error.orig if isinstance(error, DBAPIError) and error.orig is not None else error).__name__


def _passing(error: SQLAlchemyError) -> bool:
    if isinstance(error, OperationalError | InterfaceError | PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or (isinstance(state, str) and (state[:2] in _PASSING or state == _MOVED))


def _sqlite_engine(url: str, pool: int) -> AsyncEngine:
    engine = create_async_engine(
        url, pool_size=pool, max_overflow=0, pool_use_lifo=True, connect_args={"async_creator_fn": Line.open}
    )

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("bureaunet_no_begin", False):
            return
        line = connection.connection.driver_connection
        if isinstance(line, Line):
            line.begin(write=options.get("bureaunet_write", False))

    return engine


def _postgres_engine(url: str, pool: int) -> AsyncEngine:
    tell_driver()
    engine = create_async_engine(
        url,
        pool_size=pool,
        max_overflow=0,
        pool_use_lifo=True,  # few connections, that know the statements already
        isolation_level="READ COMMITTED",
        connect_args={"timeout": 10, "command_timeout": _COMMAND_SECONDS, "server_settings": _SESSION},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def connected(driver: _Driver, _record: object) -> None:
        cursor = driver.cursor()
        cursor.execute(_WHOLE_TRANSACTION)
        cursor.close()
        driver.commit()

    return engine
