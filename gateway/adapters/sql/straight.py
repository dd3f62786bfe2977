"""Statements that go to PostgreSQL's driver as they are, within SQLAlchemy's transaction and on its connection.

For the few that every message needs: what SQLAlchemy does for a statement costs more than what the driver does.
Parameters are `$1`, `$2`; the driver prepares each text once for a connection. Errors are said in SQLAlchemy's words,
and a connection that turns out to be closed is given back as such, so that whoever translates them (database.py) and
the pool know no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.ext.asyncio import AsyncConnection

if TYPE_CHECKING:
    import asyncpg


async def fetch(connection: AsyncConnection, statement: str, *values: object) -> Sequence[Sequence[Any]]:
    """Run it: its rows, whose columns are found by place and by name.

    Raises:
        DBAPIError: what the driver said, or that the connection is gone.
    """
    import asyncpg  # noqa: PLC0415  # a gateway on SQLite needs no driver of PostgreSQL's

    if (driver := _driver(connection)) is None:
        begun = await connection.exec_driver_sql(statement, values)
        return [tuple(row) for row in begun.all()] if begun.returns_rows else []
    try:
        found: Sequence[Sequence[Any]] = await driver.fetch(statement, *values)
    except asyncpg.PostgresError as error:
        raise DBAPIError(statement, None, error, connection_invalidated=await _gone(connection, driver)) from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError) as error:
        await _gone(connection, driver)
        raise InterfaceError(statement, None, error) from error
    return found


def driver_of(connection: AsyncConnection) -> asyncpg.Connection:
    """The driver's own connection below one that is open."""
    below = connection.sync_connection
    assert below is not None  # noqa: S101  # it is open
    driver: asyncpg.Connection = below.connection.driver_connection
    return driver


def _driver(connection: AsyncConnection) -> asyncpg.Connection | None:
    """The driver's connection; None while SQLAlchemy's transaction is to begin, as it does with its first statement."""
    driver = driver_of(connection)
    return None if connection.in_transaction() and not driver.is_in_transaction() else driver


async def _gone(connection: AsyncConnection, driver: asyncpg.Connection) -> bool:
    """Whether the connection is closed: then nobody gets it again."""
    if not driver.is_closed():
        return False
    await connection.invalidate()
    return True
