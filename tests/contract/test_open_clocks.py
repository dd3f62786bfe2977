"""What a step of the answer clock costs with 100,000 open clocks: as much as with a few, in questions and rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import Dialect, event, text
from sqlalchemy.dialects import postgresql, sqlite

from gateway.adapters.sql import SqlStore
from gateway.adapters.sql.clocks import due_clocks
from gateway.answers import Answers, Tools
from gateway.clocks import Clock
from gateway.settings import Chores
from gateway.standing import Standing
from schemas.identity import Address
from tests.support import NOW, World, sql_stores, sqlite_url

OPEN = 100_000
STEP = 10
FAR = (NOW + 10_000_000) * 1000


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    found: str = request.getfixturevalue("fresh_database")
    return found


@pytest_asyncio.fixture
async def store(url: str) -> AsyncIterator[SqlStore]:
    async with sql_stores(url) as made:
        assert isinstance(made.store, SqlStore)
        yield made.store


@contextmanager
def statements(store: SqlStore) -> Iterator[list[str]]:
    """The statements that are executed meanwhile, but for the looks at new versions, which the time alone asks for."""
    found: list[str] = []

    def executed(_c: object, _cursor: object, sql: str, *_rest: Any) -> None:  # noqa: ANN401  # the driver's own
        if "version.idx" not in sql:
            found.append(sql)

    event.listen(store.database.engine.sync_engine, "before_cursor_execute", executed)
    yield found
    event.remove(store.database.engine.sync_engine, "before_cursor_execute", executed)


async def fill(store: SqlStore, first: Clock, count: int) -> None:
    """So many more open clocks, due long from now."""
    for start in range(0, count, 20_000):
        numbers = range(start, start + 20_000)
        async with store.begin() as transaction:
            await transaction.open_clocks(
                [replace(first, query=b"o" * 16 + n.to_bytes(16), due=FAR + n, next_at=FAR + n) for n in numbers]
            )


async def due(store: SqlStore, first: Clock, mark: bytes) -> None:
    """A step's worth of clocks that are due at once."""
    clocks = [replace(first, query=mark * 31 + bytes([n]), opened=0, due=n, next_at=n) for n in range(1, STEP + 1)]
    async with store.begin() as transaction:
        await transaction.open_clocks(clocks)


async def rows_read(store: SqlStore, now: int) -> int:
    """The most rows that a node of the plan reads to find what is due; on SQLite there is the plan alone."""
    question = due_clocks(now, STEP)
    dialect: Dialect = sqlite.dialect() if store.database.sqlite else postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's
    chosen = str(question.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    async with store.database.read() as connection:
        if store.database.sqlite:
            plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {chosen}")).all()
            assert ["ix_answer_clock_next_at" in str(row.detail) for row in plan] == [True]
            return STEP
        await connection.execute(text("ANALYZE answer_clock"))
        explained = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {chosen}")
        node = explained.scalar_one()[0]["Plan"]
    read = 0
    while True:
        read = max(read, node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
        if "Plans" not in node:
            assert node.get("Index Name") == "ix_answer_clock_next_at"
            return int(read)
        (node,) = node["Plans"]


async def test_a_step_costs_what_is_due_and_not_what_is_open(store: SqlStore) -> None:
    world = World()
    async with world.gateway(store) as exchange:
        query = world.envelope()
        await world.send(exchange, query)
        (first,) = await store.clocks(query.digest)
        tools = Tools(exchange, world.acceptance, Standing(world.watcher), None, lambda _inboxes: None)
        answers = Answers(store, tools, world.clock, world.watcher, Chores(answers_items=STEP))
        taken: list[tuple[list[str], list[str]]] = []
        for mark, more in ((b"a", 0), (b"b", OPEN)):
            await fill(store, first, more)
            await due(store, first, mark)
            if more:
                assert await rows_read(store, world.clock.now()) == STEP
            with statements(store) as step:
                assert await answers.step() == STEP
            asked = world.envelope()
            with statements(store) as answered:
                await world.send(exchange, asked)
                await exchange.evidence(Address("BR"), world.acknowledgement("BR", asked.digest))
            taken.append((step, answered))
        assert taken[0] == taken[1]
        assert sum((await store.clock_states()).values()) == OPEN + 3 + 2 * STEP
