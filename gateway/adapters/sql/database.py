"""The connection to SQLite or PostgreSQL: engines, transactions, and errors in the words of schemas/errors.py.

SQLite: WAL, synchronous=FULL, foreign keys, one writer at a time in one process. PostgreSQL: read committed. An error
that may go away by itself (no connection, a deadlock, no room) is Unavailable; any other is Misuse, since the same call
would fail again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import Final, Protocol

from sqlalchemy import Connection, event, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from schemas.errors import Misuse, Reason, Unavailable

_PASSING: Final = frozenset({"08", "40", "53", "55", "57"})
"""SQLSTATE classes: connection, rollback (deadlock), resources, object in use, operator's intervention."""
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
_PRAGMAS: Final = (
    "busy_timeout=5000",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "cache_size=-16384",
    "secure_delete=ON",
)
"""The time-out first: to enter WAL mode is to wait for a lock already. What is deleted is overwritten with zeros."""


class _Cursor(Protocol):
    def execute(self, sql: str, /) -> object:
        """Run one statement."""

    def close(self) -> None:
        """End the cursor."""


class _Driver(Protocol):
    isolation_level: str | None

    def cursor(self) -> _Cursor:
        """A cursor."""

    def commit(self) -> None:
        """End the transaction."""


class Database:
    """One database by its SQLAlchemy URL: `sqlite+aiosqlite:///PATH` or `postgresql+asyncpg://...`."""

    def __init__(self, url: str, *, pool: int = 8) -> None:
        self.sqlite = make_url(url).get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(url, pool) if self.sqlite else _postgres_engine(url, pool)
        self._writer: asyncio.Lock | None = asyncio.Lock() if self.sqlite else None

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that may write.

        Raises:
            Unavailable: `store`. Misuse: the database refuses the very statement.
        """
        with translated():
            async with self._writer or nullcontext(), self.engine.connect() as connection:
                await connection.execution_options(bureaunet_write=True)
                async with connection.begin():
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
        await self.engine.dispose()


@contextmanager
def translated() -> Iterator[None]:
    """Say a driver's errors in the words of schemas/errors.py; the texts of drivers may hold data and are left out."""
    try:
        yield
    except SQLAlchemyError as error:
        if _passing(error):
            raise Unavailable(Reason.STORE, f"the database cannot serve now ({_name(error)})") from error
        raise Misuse(f"the database refused a statement ({_name(error)})") from error
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
    return error.connection_invalidated or (isinstance(state, str) and state[:2] in _PASSING)


def _sqlite_engine(url: str, pool: int) -> AsyncEngine:
    engine = create_async_engine(url, pool_size=pool, max_overflow=0)

    @event.listens_for(engine.sync_engine, "connect")
    def connected(driver: _Driver, _record: object) -> None:
        driver.isolation_level = None  # transactions begin where we say, below
        cursor = driver.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("bureaunet_no_begin", False):
            return
        write = options.get("bureaunet_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _postgres_engine(url: str, pool: int) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=pool,
        max_overflow=0,
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
