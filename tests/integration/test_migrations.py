"""The tables that migrations make are those that the program uses, and a database of another version is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from gateway.adapters.sql import Database, prepare
from gateway.adapters.sql.tables import metadata
from schemas.errors import Misuse, Unavailable
from tests.support import sqlite_url


def difference(connection: Connection) -> object:
    return compare_metadata(MigrationContext.configure(connection), metadata)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    found: str = request.getfixturevalue("fresh_database")
    return found


async def test_migrations_make_the_tables_that_the_program_uses(url: str) -> None:
    database = Database(url)
    await prepare(database)
    await prepare(database)
    async with database.read() as connection:
        assert await connection.run_sync(difference) == []
    await database.close()


async def test_gateways_that_start_at_once_migrate_once(url: str) -> None:
    databases = [Database(url) for _ in range(3)]
    await asyncio.gather(*(prepare(database) for database in databases))
    for database in databases:
        await prepare(database, migrate=False)
        await database.close()


async def test_a_database_of_another_version_is_refused(url: str) -> None:
    database = Database(url)
    with pytest.raises(Misuse):
        await prepare(database, migrate=False)
    await prepare(database)
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for migrate in (True, False):
        with pytest.raises(Misuse, match="9999"):
            await prepare(database, migrate=migrate)
    await database.close()


async def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    for url in (
        sqlite_url(tmp_path / "no" / "folder"),
        "postgresql+asyncpg://nobody:secret@127.0.0.1:1/none",
    ):
        database = Database(url)
        with pytest.raises(Unavailable) as gone:
            await prepare(database)
        assert "secret" not in str(gone.value)
        await database.close()
