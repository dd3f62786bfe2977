"""What only PostgreSQL can do: lose its connections, and be shared by many processes."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from gateway.adapters.sql import Database, SqlStore
from gateway.ports import Outcome
from gateway.settings import Pipeline
from schemas.errors import Unavailable
from schemas.identity import Address
from tests.support import World, sql_stores

pytestmark = pytest.mark.postgres


async def test_lost_connections_are_unavailable_and_then_it_goes_on(fresh_database: str) -> None:
    world = World()
    async with sql_stores(fresh_database) as stores, world.gateway(stores.store) as exchange:
        await world.send(exchange, world.envelope())
        other = Database(fresh_database)
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        async with other.write() as connection:
            await connection.execute(text(others + "AND pid <> pg_backend_pid()"))
        await other.close()
        envelope = world.envelope()
        found = [await asyncio.gather(world.send(exchange, envelope), return_exceptions=True) for _ in range(5)]
        kinds = [type(one) for (one,) in found]
        assert Unavailable in kinds
        assert kinds[-1] is Outcome, "the pool has let go of every lost connection"


async def test_four_gateways_under_load_leave_no_gap_and_lose_no_message(fresh_database: str) -> None:
    world = World()
    async with sql_stores(fresh_database) as stores, world.gateway(stores.store) as first:
        databases = [Database(fresh_database, pool=3) for _ in range(3)]
        limits = Pipeline(linger_milliseconds=1, batch_items=7)
        exchanges = [world.exchange(SqlStore(database), limits) for database in databases]
        for exchange in exchanges:
            await exchange.start()
        sent = [world.envelope() for _ in range(60)]
        copies = [(e, exchange) for e in sent for exchange in (*exchanges, first)]
        outcomes = await asyncio.gather(*(world.send(exchange, e) for e, exchange in reversed(copies)))
        said = world.acknowledgement("BR", sent[0].digest)
        await asyncio.gather(*(exchange.evidence(Address("BR"), said) for exchange in exchanges))
        for exchange, database in zip(exchanges, databases, strict=True):
            await exchange.stop()
            await database.close()
        assert all(outcome.accepted for outcome in outcomes)
        assert len({outcome.receipt for outcome in outcomes}) == len(sent)
        size = await stores.store.size()
        assert size == 2 + 2 * len(sent) + 1
        assert [leaf.index for leaf in await stores.store.leaves(0, size)] == list(range(size))
