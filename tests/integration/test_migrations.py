"""The tables that migrations make are those that the program uses, and a database of another version is refused."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, select, text

from gateway.adapters.sql import Database, SqlStore, SqlTree, prepare
from gateway.adapters.sql.schema import config, revision
from gateway.adapters.sql.schema import migrate as migrate_to
from gateway.adapters.sql.tables import metadata
from schemas.errors import Misuse, Unavailable
from schemas.identity import Address
from schemas.wire import ItemType
from tests.support import World, sqlite_url

LATER = {("quarantine", "type")}
"""Columns that came after the first revision, whose values are lost on the way down."""
TABLES_LATER = {"spent", "answer_clock"}
"""Tables that came after the first revision and have rows here, lost likewise."""
PARTITION = re.compile(r"body_(\d+|default)")


def difference(connection: Connection) -> object:
    options = {"include_name": lambda name, kind, _: not (kind == "table" and PARTITION.fullmatch(name or ""))}
    return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


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
    with pytest.raises(Misuse, match=r"a newer gateway made it\..*migrate --to \d{4}"):
        await prepare(database)
    with pytest.raises(Misuse, match="9999"):
        await migrate_to(database, "head")
    await database.close()


async def rows(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table that the program uses now."""
    found: dict[str, list[tuple[object, ...]]] = {}
    async with database.read() as connection:
        for table in (table for table in metadata.sorted_tables if table.name not in TABLES_LATER):
            columns = [column for column in table.c if (table.name, column.name) not in LATER]
            answer = await connection.execute(select(*columns).order_by(*table.primary_key.columns))
            found[table.name] = [tuple(row) for row in answer]
    return found


async def test_each_revision_is_taken_back_and_made_again_around_data(url: str) -> None:
    world = World()
    database = Database(url)
    await prepare(database)
    store, tree = SqlStore(database), SqlTree(database)
    async with world.gateway(store) as exchange:
        outcomes = [await world.send(exchange, world.envelope("FR", ["BR", "AR"])) for _ in range(3)]
        await exchange.evidence(Address("BR"), world.acknowledgement("BR", outcomes[0].digest))
    async with store.begin() as transaction:
        await transaction.quarantine(Address("FR"), b"no envelope", "KeyError", 1, ItemType.ENVELOPE)
    ledger = world.ledger(tree)
    await ledger.integrate(1000)
    note = await ledger.checkpoint()
    assert note is not None
    before = await rows(database)
    assert all(before[name] for name in ("message", "body", "outcome", "delivery", "leaf", "checkpoint", "quarantine"))

    async with database.read() as connection:
        scripts = await connection.run_sync(lambda c: list(ScriptDirectory.from_config(config(c)).walk_revisions()))
    for script in scripts:
        below = script.down_revision
        if isinstance(below, str):
            await migrate_to(database, below)
            assert await revision(database) == below
            await migrate_to(database, script.revision)
            await migrate_to(database, below)
    oldest = scripts[-1].revision
    assert await revision(database) == oldest
    with pytest.raises(Misuse, match="migrate"):
        await prepare(database, migrate=False)
    await prepare(database)
    assert await rows(database) == before
    async with database.read() as connection:
        assert await connection.run_sync(difference) == []
    assert [item.item for item in await store.set_aside(-1, 10)] == [None]
    async with world.gateway(store) as exchange:
        assert (await world.send(exchange, world.envelope())).accepted

    with pytest.raises(Misuse, match="no revision"):
        await migrate_to(database, "0000")
    await migrate_to(database, "base")
    async with database.read() as connection:
        assert await connection.run_sync(lambda c: inspect(c).get_table_names()) == ["alembic_version"]
    await prepare(database)
    assert await store.size() == 0
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
