"""SQLite's driver: what goes together to its thread comes out as if each statement had gone alone."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text

from gateway.adapters.sql import Database
from gateway.adapters.sql.line import Line, line_of
from schemas.errors import Misuse
from tests.support import sqlite_url

PUT = "INSERT INTO held VALUES (?)"
HELD = text("SELECT number FROM held ORDER BY number")


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(sqlite_url(tmp_path))
    async with made.write() as connection:
        await connection.execute(text("CREATE TABLE held (number INTEGER PRIMARY KEY)"))
    yield made
    await made.close()


async def put(database: Database, *several: list[int]) -> None:
    async with database.write() as connection:
        for numbers in several:
            line_of(connection).post(PUT, [(number,) for number in numbers])


async def held(database: Database) -> list[int]:
    async with database.read() as connection:
        return list((await connection.execute(HELD)).scalars())


async def test_what_gives_no_rows_is_done_before_what_asks_for_it(database: Database) -> None:
    async with database.write() as connection:
        line_of(connection).post(PUT, [(1,), (2,)])
        assert list((await connection.execute(HELD)).scalars()) == [1, 2]
        await connection.execute(text("INSERT INTO held VALUES (:n)"), [{"n": 3}, {"n": 4}])
    assert await held(database) == [1, 2, 3, 4]


async def test_a_refused_row_is_told_with_the_commit_and_nothing_stays(database: Database) -> None:
    with pytest.raises(Misuse):
        await put(database, [1, 1], [2])
    assert await held(database) == []


async def test_after_a_refused_row_nothing_of_the_trip_is_done(database: Database) -> None:
    async with database.write() as connection:
        line = line_of(connection)
        line.post(PUT, [(1,), (1,)])
        with pytest.raises(sqlite3.IntegrityError):
            await line.each(f"{PUT} RETURNING number", [(2,)])
        await line.rollback()
    assert await held(database) == []


async def test_a_transaction_without_a_statement_takes_no_lock(database: Database) -> None:
    other = Database(str(database.engine.url))
    async with database.write(), other.write() as connection:
        line_of(connection).post(PUT, [(1,)])
    await other.close()
    assert await held(database) == [1]


async def test_a_read_has_one_view_to_its_end_and_no_longer(database: Database) -> None:
    async with database.read() as connection:
        assert list((await connection.execute(HELD)).scalars()) == []
        async with database.write() as writing:
            line_of(writing).post(PUT, [(1,)])
        assert list((await connection.execute(HELD)).scalars()) == []
    assert await held(database) == [1]


async def test_who_is_cancelled_leaves_nothing_half_done(database: Database) -> None:
    async def slow() -> None:
        async with database.write() as connection:
            line_of(connection).post(PUT, [(number,) for number in range(200_000)])
            await line_of(connection).ask("SELECT count(*) FROM held")

    work = asyncio.create_task(slow())
    await asyncio.sleep(0.01)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    async with database.write() as connection:
        line_of(connection).post(PUT, [(7,)])
    assert await held(database) == [7]


async def test_those_who_open_a_new_database_at_once_all_do(tmp_path: Path) -> None:
    """SQLite tells one of two that enter WAL mode together that it is locked, whatever its time-out."""
    for number in range(60):
        path = str(tmp_path / f"{number}.db")
        for line in await asyncio.gather(*(Line.open(path) for _ in range(4))):
            await line.close()
