"""Connections that batches keep on PostgreSQL: what fails is undone, and what is lost is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import text

from gateway.adapters.sql import Database
from gateway.adapters.sql.straight import driver_of, fetch
from schemas.errors import Misuse, Unavailable

pytestmark = pytest.mark.postgres
_NUMBER = text("SELECT count(*) FROM number")
_SLEEP = "SELECT pg_sleep(20)"


@pytest_asyncio.fixture
async def database(fresh_database: str) -> AsyncIterator[Database]:
    made = Database(fresh_database, pool=4)
    async with made.write() as connection:
        await connection.execute(text("CREATE TABLE number (n integer PRIMARY KEY)"))
    yield made
    await made.close()


async def count(database: Database) -> int:
    async with database.read() as connection:
        return int((await connection.execute(_NUMBER)).scalar_one())


async def put(database: Database, *numbers: int) -> int:
    """Insert them in one batch, by SQLAlchemy's way and the driver's in turn: the server's process."""
    async with database.batch() as connection:
        for place, number in enumerate(numbers):
            if place % 2:
                await connection.execute(text("INSERT INTO number VALUES (:n)"), {"n": number})
            else:
                await fetch(connection, "INSERT INTO number VALUES ($1)", number)
        return int(driver_of(connection).get_server_pid())


async def test_a_batch_commits_as_a_whole_and_its_connection_is_used_again(database: Database) -> None:
    first = await put(database, 1, 2, 3)
    assert await count(database) == 3
    with pytest.raises(Misuse):
        await put(database, 4, 5, 1)
    assert await count(database) == 3, "undone as a whole"
    with pytest.raises(Misuse):
        await put(database, 6, 2)
    assert await count(database) == 3, "whichever way the statement that failed went"
    assert await put(database, 7) == first


async def test_what_raises_within_the_block_undoes_it(database: Database) -> None:
    async def batch() -> None:
        async with database.batch() as connection:
            await fetch(connection, "INSERT INTO number VALUES (1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await batch()
    assert await count(database) == 0


async def test_a_connection_that_is_lost_is_unavailable_and_then_replaced(database: Database) -> None:
    first = await put(database, 1)

    async def batch() -> None:
        async with database.batch() as connection:
            await fetch(connection, "INSERT INTO number VALUES (2)")
            async with database.write() as other:
                await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": first})
            await fetch(connection, "INSERT INTO number VALUES (3)")

    with pytest.raises(Unavailable):
        await batch()
    assert await put(database, 4) != first
    assert await count(database) == 2


async def test_who_is_cut_off_leaves_no_transaction_open(database: Database) -> None:
    begun = asyncio.Event()

    async def batch() -> None:
        async with database.batch() as connection:
            await fetch(connection, "INSERT INTO number VALUES (1)")
            begun.set()
            await fetch(connection, _SLEEP)

    task = asyncio.create_task(batch())
    await begun.wait()
    await asyncio.sleep(0.05)
    task.cancel()
    assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError)
    async with asyncio.timeout(10):
        await put(database, 1)  # it would wait for who has inserted the same
    assert await count(database) == 1


async def test_no_more_are_kept_than_half_of_the_pool_has(database: Database) -> None:
    async def busy(number: int) -> None:
        async with database.batch() as connection:
            await fetch(connection, "INSERT INTO number VALUES ($1)", number)
            await asyncio.sleep(0.05)

    await asyncio.gather(*(busy(number) for number in range(8)))
    assert await count(database) == 8
    await asyncio.gather(*(count(database) for _ in range(8)))  # what the pool has left is enough for others
