"""The secretariat's registry: its own database, beside the SDK's store, on SQLite or PostgreSQL.

`Registry.open(url)` brings the tables to this version and opens the engine; `writing` is one transaction, `reading` one
connection. Each room's tables stand in a module of its own here, on `tables.METADATA`; versions are in migrations/.

tables.py    METADATA, which every table belongs to
audit.py     what every person and the service did; added to, never changed
outgoing.py  messages that follow from a row, written in its transaction and sent after it
versions.py  brings a database to a version, up or down
<room>.py    the tables of a room

Rules: SQLite in WAL mode with synchronous=FULL, one writer at a time, what is deleted is overwritten. PostgreSQL in
read committed. A driver's error is Unavailable where it may pass and Misuse else; its text, which may hold data, is
left out.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, nullcontext
from typing import Final, Protocol, Self

from sqlalchemy import Connection, event, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bureaus.exchange import Bell
from bureaus.secretariat.registry import versions
from schemas.errors import Misuse, Reason, Unavailable

__all__ = ["Registry"]

BACKENDS: Final = ("sqlite+aiosqlite", "postgresql+asyncpg")
_PRAGMAS: Final = (
    "busy_timeout=5000",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",
)
_WAL_SECONDS: Final = 5.0
"""So long the file is given to enter WAL mode, which SQLite does not wait for by itself where two try at once."""
_PASSING: Final = frozenset({"08", "40", "53", "55", "57"})
"""SQLSTATE classes: connection, rollback (deadlock), resources, object in use, operator's intervention."""
_COMMAND_SECONDS: Final = 20
_SESSION: Final = {"statement_timeout": f"{_COMMAND_SECONDS}s", "idle_in_transaction_session_timeout": "20s"}
_WRITES: Final = "bureaunet_write"


class _Cursor(Protocol):
    def execute(self, sql: str, /) -> object:
        """Run one statement."""

    def close(self) -> None:
        """End the cursor."""


class _Driver(Protocol):
    isolation_level: str | None

    def cursor(self) -> _Cursor:
        """A cursor."""


class Registry:
    """One database by its SQLAlchemy URL: `sqlite+aiosqlite:///PATH` or `postgresql+asyncpg://USER@HOST/NAME`."""

    def __init__(self, url: str, *, pool: int = 8) -> None:
        """Raises Misuse where the URL is of another kind."""
        parsed = _parsed(url)
        self.url = url
        self.sqlite = parsed == BACKENDS[0]
        self.engine: AsyncEngine = _sqlite(url, pool) if self.sqlite else _postgres(url, pool)
        self._writes = self.engine.execution_options(**{_WRITES: True})
        self._writer: asyncio.Lock | None = asyncio.Lock() if self.sqlite else None
        self.written = Bell()
        """Rung after each transaction of this process that was committed."""

    @classmethod
    async def open(cls, url: str, *, pool: int = 8) -> Self:
        """The registry at `url`, its tables brought to this version.

        Raises:
            Misuse: not such a URL, or the tables are of a later version. Unavailable: `store`.
        """
        registry = cls(url, pool=pool)
        try:
            if registry.sqlite:
                with _translated():
                    await asyncio.to_thread(_enter_wal, registry.engine.url.database or "")
            async with registry.reading() as connection:
                newest = await connection.run_sync(versions.is_newest)
            if not newest:
                await registry.migrate(versions.HEAD)
        except BaseException:
            await registry.aclose()
            raise
        return registry

    async def migrate(self, target: str) -> None:
        """Bring the tables to a revision, up or down: `head`, `base` (no tables), or its number.

        Raises:
            Misuse: there is no such revision, or the tables are of a later version. Unavailable: `store`.
        """
        with _translated():
            async with self._writer or nullcontext(), self._writes.begin() as connection:
                if not self.sqlite:  # a new index on millions of rows takes longer than a statement may
                    await connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                await connection.run_sync(versions.move, target)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that may write; on SQLite BEGIN IMMEDIATE, so that what it read stays true.

        Raises:
            Unavailable: `store`. Misuse: the database refuses the very statement.
        """
        with _translated():
            async with self._writer or nullcontext(), self._writes.begin() as connection:
                yield connection
        self.written.ring()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read from: one view of the data on SQLite, of each statement on PostgreSQL.

        Raises:
            Unavailable, Misuse: as `writing`.
        """
        with _translated():
            async with self.engine.connect() as connection:
                yield connection

    async def aclose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        if _passing(error):
            raise Unavailable(Reason.STORE, f"the registry cannot serve now ({_name(error)})") from error
        raise Misuse(f"the registry refused a statement ({_name(error)})") from error
    except (OSError, TimeoutError) as error:
        raise Unavailable(Reason.STORE, f"the registry cannot be reached ({type(error).__name__})") from error


def _name(error: SQLAlchemyError) -> str:
    return type(error.orig if isinstance(error, DBAPIError) and error.orig is not None else error).__name__


def _passing(error: SQLAlchemyError) -> bool:
    if isinstance(error, OperationalError | InterfaceError | PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or (isinstance(state, str) and state[:2] in _PASSING)


def _parsed(url: str) -> str:
    try:
        name = make_url(url).drivername
    except SQLAlchemyError:
        name = ""
    if name not in BACKENDS:  # the URL may hold a password and is not repeated
        raise Misuse("a registry is sqlite+aiosqlite:///FILE or postgresql+asyncpg://USER@HOST/NAME")
    return name


def _enter_wal(path: str) -> None:
    """Put the file into WAL mode, in which it stays. Raises OSError where that cannot be."""
    ends = time.monotonic() + _WAL_SECONDS
    while True:
        try:
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                raise OSError(error.sqlite_errorname) from error
            time.sleep(0.02)
        else:
            return


def _sqlite(url: str, pool: int) -> AsyncEngine:
    engine = create_async_engine(url, pool_size=pool, max_overflow=0)

    @event.listens_for(engine.sync_engine, "connect")
    def connected(driver: _Driver, _record: object) -> None:
        driver.isolation_level = None  # sqlite3 begins nothing by itself: `begun` does
        cursor = driver.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgres(url: str, pool: int) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=pool,
        max_overflow=0,
        isolation_level="READ COMMITTED",
        connect_args={"timeout": 10, "command_timeout": None, "server_settings": _SESSION},
    )
