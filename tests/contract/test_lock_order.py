"""Transactions of several processes lock rows in one order, whatever they look for first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine

import pytest
import pytest_asyncio
from sqlalchemy import text

from gateway.adapters.sql import Database, SqlStore
from tests.support import World, sql_stores

pytestmark = pytest.mark.postgres
_WAITS = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@pytest_asyncio.fixture
async def database(fresh_database: str) -> AsyncIterator[Database]:
    async with sql_stores(fresh_database):
        made = Database(fresh_database)
        yield made
        await made.close()


async def until_it_waits(database: Database, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
    """Begin it, until the database holds it up."""
    task = asyncio.create_task(work)
    async with asyncio.timeout(60):
        while not task.done():
            async with database.read() as connection:
                if (await connection.execute(text(_WAITS))).scalar_one():
                    break
            await asyncio.sleep(0.02)
    return task


async def test_an_order_and_what_is_due_do_not_hold_each_other_up(database: Database) -> None:
    world, store = World(), SqlStore(database)
    async with world.gateway(store) as exchange:
        envelopes = [world.envelope() for _ in range(2)]
        for envelope in envelopes:
            await world.send(exchange, envelope)
    low, high = sorted(envelope.digest for envelope in envelopes)
    async with database.write() as connection:
        for digest, day in ((low, 2), (high, 1)):  # what is due first comes last by digest
            await connection.execute(text("UPDATE message SET due = :d WHERE digest = :g"), {"d": day, "g": digest})

    async def chore() -> None:
        async with store.begin() as transaction:
            assert [one.digest for one in await transaction.due(9, 10)] == [low, high]

    async with store.begin() as order:
        assert len(await order.held([low])) == 1
        waiting = await until_it_waits(database, chore())
        assert len(await order.held([high])) == 1, "nobody has it who waits for the other"
    await waiting

    async def late() -> None:
        async with store.begin() as transaction:
            assert await transaction.due(9, 10) == [], "an order took both meanwhile"

    async with store.begin() as order:
        await order.held([low, high])
        waiting = await until_it_waits(database, late())
        await order.erase([low, high])
    await waiting
