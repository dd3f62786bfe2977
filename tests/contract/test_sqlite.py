"""What only SQLite needs: its settings are in force, and another process may write beside the gateway."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import text

from gateway.adapters.sql import Database, SqlStore, prepare
from schemas.identity import Address
from tests.support import World, sqlite_url


async def test_a_commit_is_on_the_disk_and_references_hold(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path))
    async with database.read() as connection:
        found = [
            (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert found == ["wal", 2, 1]
    await database.close()


async def test_a_second_program_writes_to_the_same_file(tmp_path: Path) -> None:
    world = World()
    one, two = Database(sqlite_url(tmp_path)), Database(sqlite_url(tmp_path))
    await prepare(one)
    async with world.gateway(SqlStore(one)) as exchange:
        other = world.exchange(SqlStore(two))
        await other.start()
        sent = [world.envelope() for _ in range(10)]
        found = await asyncio.gather(
            *(world.send(exchange, e) for e in sent),
            other.publish_directory(world.renew()),
            other.publish_operation(Address("IPSG"), world.amend(name="Renamed")),
        )
        await other.stop()
    assert len(found) == 12
    assert await SqlStore(two).size() == 2 + 2 * len(sent) + 2
    for database in (one, two):
        await database.close()
