"""Connections to PostgreSQL that batches keep at hand, and their transactions without what SQLAlchemy does around one.

To take a connection from SQLAlchemy's pool, begin, end and give it back takes several times the CPU of the driver's own
BEGIN and COMMIT, and a batch of few messages does little else. So a few connections stay out of the pool, in its mode
AUTOCOMMIT, in which it begins nothing by itself, and the transaction is the driver's. Statements of SQLAlchemy's are
part of it as well.

Rules: a connection is used by one at a time. It is kept only when its transaction is over; one of which that is not
known is closed, and the server undoes what was begun. One that the server closed is not used again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.adapters.sql.straight import driver_of, fetch

if TYPE_CHECKING:
    import asyncpg

_PATIENCE: Final = 5.0
"""Seconds that a ROLLBACK may take before the connection is closed instead."""


class Held:
    """At most `kept` connections are kept when nobody uses them."""

    def __init__(self, engine: AsyncEngine, kept: int) -> None:
        self._engine, self._kept = engine, kept
        self._free: list[AsyncConnection] = []
        self._closed = False

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose statements are each by themselves. Raises what SQLAlchemy does."""
        connection = await self._take()
        try:
            yield connection
        except BaseException:
            await self._undo(connection)
            raise
        await self._give(connection)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: it commits when the block ends, and is undone when it raises. Raises what SQLAlchemy does."""
        async with self.asking() as connection:
            await fetch(connection, "BEGIN")
            yield connection
            await fetch(connection, "COMMIT")

    async def close(self) -> None:
        """Close those that nobody uses."""
        self._closed = True
        while self._free:
            await self._free.pop().close()

    async def _take(self) -> AsyncConnection:
        while self._free:
            connection = self._free.pop()
            if _lives(connection):
                return connection
            await _drop(connection)
        connection = await self._engine.connect()
        try:
            return await connection.execution_options(isolation_level="AUTOCOMMIT")
        except BaseException:
            await _drop(connection)
            raise

    async def _give(self, connection: AsyncConnection) -> None:
        if connection.in_transaction():  # SQLAlchemy's own, which it begins in words alone
            await connection.rollback()
        if not _lives(connection):
            await _drop(connection)
        elif self._closed or len(self._free) >= self._kept:
            await connection.close()
        else:
            self._free.append(connection)

    async def _undo(self, connection: AsyncConnection) -> None:
        """End what may have begun; a connection that does not do that is closed, and the server undoes it."""
        import asyncpg  # noqa: PLC0415  # as in straight.py

        if not _lives(connection):
            await _drop(connection)
            return
        driver: asyncpg.Connection = driver_of(connection)
        try:
            await driver.execute("ROLLBACK", timeout=_PATIENCE)
            await self._give(connection)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, DBAPIError):
            await _drop(connection)
        except BaseException:  # we are told to end while we wait
            await _drop(connection)
            raise


def _lives(connection: AsyncConnection) -> bool:
    """Whether the driver takes it for open."""
    return not connection.closed and not connection.invalidated and not driver_of(connection).is_closed()


async def _drop(connection: AsyncConnection) -> None:
    """Close it for good: nobody gets it from the pool again."""
    if not connection.closed:
        if not connection.invalidated:
            await connection.invalidate()
        await connection.close()
