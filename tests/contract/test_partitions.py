"""Sealed parts on PostgreSQL lie in a partition a day: made ahead, never missing, dropped whole, gone from the disk."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway import retention
from gateway.adapters.sql import Database, SqlBodies, SqlStore
from gateway.retention import AHEAD, Order, Retention
from schemas.errors import Misuse, Unavailable
from schemas.evidence import Event, read_entry
from schemas.identity import Address
from tests.broker_scene import eventually
from tests.contract.test_retention import DAY, kept, traces
from tests.support import NOW, World, sql_stores

pytestmark = pytest.mark.postgres
TODAY = NOW // 86_400


async def partitions(database: Database) -> dict[str, int]:
    """Name -> rows."""
    async with database.read() as connection:
        names = await connection.execute(
            text("SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'body'::regclass")
        )
        found = {}
        for (name,) in names.all():
            found[name] = (await connection.execute(text(f"SELECT count(*) FROM {name}"))).scalar_one()  # noqa: S608
    return found


async def test_days_are_made_ahead_and_dropped_whole_and_none_is_ever_missing(fresh_database: str) -> None:
    world = World()
    async with sql_stores(fresh_database) as stores, world.gateway(stores.store) as exchange:
        assert isinstance(stores.store, SqlStore)
        database = stores.store.database
        bodies = SqlBodies(database)
        work = Retention(exchange, stores.store, bodies, world.clock, world.watcher)
        early = world.envelope()
        await world.send(exchange, early)
        assert await partitions(database) == {"body_default": 1}, "there is a place before anything was made ahead"
        await work.look()
        ahead = {f"body_{TODAY + 30 + 1 + day}": 0 for day in range(AHEAD + 1)}
        assert await partitions(database) == {"body_default": 0, **ahead, f"body_{TODAY + 31}": 1}
        world.clock.move(DAY)
        late = world.envelope()
        await world.send(exchange, late)
        assert (await partitions(database))[f"body_{TODAY + 32}"] == 1
        await exchange.publish_operation(Address("IPSG"), world.amend(retention=300))
        long = world.envelope()
        await world.send(exchange, long)
        assert (await partitions(database))["body_default"] == 1
        world.clock.move(30 * DAY)
        await work.look()
        assert await kept(stores, early, late, long) == [False, True, True]
        found = await partitions(database)
        assert f"body_{TODAY + 31}" not in found
        assert found["body_default"] == 0
        assert found[f"body_{TODAY + 1 + 301}"] == 1
        await work.look()
        assert await partitions(database) == found


async def test_what_comes_while_its_day_is_made_finds_its_place(fresh_database: str) -> None:
    """One insert holds the default partition, the day's waits for it, and another insert comes meanwhile."""
    world = World()
    put = text("INSERT INTO body (digest, day, sealed) VALUES (:digest, :day, 'sealed')")
    async with sql_stores(fresh_database) as stores, world.gateway(stores.store) as exchange:
        assert isinstance(stores.store, SqlStore)
        database = stores.store.database
        sent = [world.envelope() for _ in range(2)]
        for envelope in sent:
            await world.send(exchange, envelope)
        async with database.write() as connection:
            await connection.execute(text("DELETE FROM body"))

        async def insert(digest: bytes) -> None:
            async with database.write() as connection:
                await connection.execute(put, {"digest": digest, "day": TODAY})

        async def waiting(count: int) -> bool:
            async with database.read() as connection:
                found = await connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))
                return bool(found.scalar_one() >= count)

        async with database.write() as connection:
            await connection.execute(put, {"digest": sent[0].digest, "day": TODAY})
            making = asyncio.create_task(SqlBodies(database).prepare([TODAY]))
            await eventually(lambda: waiting(1))
            inserting = asyncio.create_task(insert(sent[1].digest))
            await eventually(lambda: waiting(2))
        await asyncio.gather(making, inserting)
        assert await partitions(database) == {"body_default": 0, f"body_{TODAY}": 2}


async def test_sealed_parts_that_fit_stay_in_their_rows_and_none_is_compressed(fresh_database: str) -> None:
    world = World()
    async with sql_stores(fresh_database) as stores, world.gateway(stores.store) as exchange:
        assert isinstance(stores.store, SqlStore)
        database = stores.store.database
        await Retention(exchange, stores.store, SqlBodies(database), world.clock, world.watcher).look()
        small, large = world.envelope(content=bytes(2_000)), world.envelope(content=bytes(20_000))
        apart = text(
            "SELECT coalesce(sum(pg_relation_size(c.reltoastrelid)), 0)::bigint, bool_and(a.attstorage = 'e')"
            " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'sealed'"
            " WHERE c.relname = :name"
        ).bindparams(name=f"body_{TODAY + 31}")
        found = []
        for envelope in small, large:
            assert envelope.sealed is not None
            await world.send(exchange, envelope)
            async with database.read() as connection:
                found.append(tuple((await connection.execute(apart)).one()))
            message = await stores.store.message(envelope.digest)
            assert message is not None
            assert message.sealed == envelope.sealed
        assert found[0] == (0, True)
        assert found[1][0] > 20_000


async def test_what_comes_while_its_day_is_made_is_told_to_come_again(fresh_database: str) -> None:
    world = World()
    async with sql_stores(fresh_database) as stores, world.gateway(stores.store) as exchange:
        assert isinstance(stores.store, SqlStore)
        database, envelope, day = stores.store.database, world.envelope(), TODAY + 31
        async with database.write() as making:
            for statement in (
                f"CREATE TABLE body_{day} (LIKE body INCLUDING ALL)",
                "LOCK TABLE body_default IN ACCESS EXCLUSIVE MODE",
                f"ALTER TABLE body ATTACH PARTITION body_{day} FOR VALUES FROM ({day}) TO ({day + 1})",
            ):
                await making.execute(text(statement))
            sending = asyncio.create_task(world.send(exchange, envelope))
            await until_something_waits_for_a_lock(database)
        with pytest.raises(Unavailable):
            await sending
        assert (await world.send(exchange, envelope)).accepted
        assert await partitions(database) == {"body_default": 0, f"body_{day}": 1}


async def until_something_waits_for_a_lock(database: Database) -> None:
    """Wait for it, for 10 seconds at most."""
    async with asyncio.timeout(60), database.read() as connection:
        while not (await connection.execute(text("SELECT 1 FROM pg_locks WHERE NOT granted"))).all():  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.01)


async def test_nothing_is_left_in_the_data_directory_but_in_its_log(fresh_database: str) -> None:
    world = World()
    async with sql_stores(fresh_database) as stores, world.gateway(stores.store) as exchange:
        assert isinstance(stores.store, SqlStore)
        database = stores.store.database
        bodies = SqlBodies(database)
        work = Retention(exchange, stores.store, bodies, world.clock, world.watcher)
        await work.look()
        ordered, stray, due = world.envelope(), world.envelope(content=bytes(100_000)), world.envelope()
        await world.send(exchange, ordered)
        await world.send(exchange, due)
        await exchange.publish_operation(Address("IPSG"), world.amend(retention=300))
        await world.send(exchange, stray)
        folder = await tables(database)
        assert traces(folder, ordered, stray, due) == [True] * 3
        digests = [ordered.digest, stray.digest]
        await retention.erase(stores.store, bodies, world.clock, digests, Order(bytes(32)))
        await run(database, "CHECKPOINT")
        assert traces(folder, ordered, stray, due) == [False, False, True]
        world.clock.move(31 * DAY)
        await work.look()
        await run(database, "CHECKPOINT")
        assert traces(folder, ordered, stray, due) == [False] * 3


async def test_a_role_that_owns_nothing_erases_and_says_what_it_could_not_do(fresh_database: str) -> None:
    world = World()
    async with sql_stores(fresh_database) as stores, world.gateway(stores.store) as exchange:
        assert isinstance(stores.store, SqlStore)
        database, owner = stores.store.database, "reader_of_bodies"
        await Retention(exchange, stores.store, SqlBodies(database), world.clock, world.watcher).look()
        envelope = world.envelope()
        await world.send(exchange, envelope)
        limited = Database(fresh_database)
        bodies = SqlBodies(limited)
        try:
            await run(database, f"CREATE ROLE {owner}")
            await run(database, f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {owner}")
            async with limited.write() as connection:
                await connection.execute(
                    text(f"ALTER ROLE bureaunet IN DATABASE {database.engine.url.database} SET role = {owner}")
                )
            await limited.engine.dispose()
            world.clock.move(31 * DAY)
            with pytest.raises(Misuse):
                await Retention(exchange, SqlStore(limited), bodies, world.clock, world.watcher).look()
            assert await kept(stores, envelope) == [False]
            erased = [read_entry(leaf.entry) for leaf in await stores.store.leaves(0, 100)]
            assert [entry.event for entry in erased][-1] is Event.CONTENT_ERASED
            assert world.watcher.named("retention-unprepared")
        finally:
            await limited.close()
            await run(database, f"ALTER ROLE bureaunet IN DATABASE {database.engine.url.database} RESET role")
            await run(database, f"DROP OWNED BY {owner}")
            await run(database, f"DROP ROLE {owner}")


async def tables(database: Database) -> Path:
    """Where this database's tables are; the write-ahead log is elsewhere."""
    async with database.write() as connection:
        await connection.execute(text("CHECKPOINT"))
        folder = (await connection.execute(text("SHOW data_directory"))).scalar_one()
        number = (
            await connection.execute(text("SELECT oid FROM pg_database WHERE datname = current_database()"))
        ).scalar_one()
    return Path(folder, "base", str(number))


async def run(database: Database, statement: str) -> None:
    async with database.write() as connection:
        await connection.execute(text(statement))
