"""What only SQLite needs: its settings are in force, and another process may write beside the gateway."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from sqlalchemy import event, text

from gateway.adapters.sql import Database, SqlStore, prepare
from gateway.adapters.sql.rows import QUESTIONS
from schemas.identity import Address
from tests.support import World, sql_stores, sqlite_url

ALLOWED = {"SCAN CONSTANT ROW", *(f"SCAN {table}" for table in ("log_seq", "tree_state", "probe"))}
ALLOWED |= {"SCAN some_copies", "SCAN some_attestations", "SCAN page"}
"""Tables of one row may be read from end to end; so may what a query took at most a page of."""


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


async def test_no_question_of_the_pipeline_reads_a_table_or_an_index_from_end_to_end(tmp_path: Path) -> None:
    world, asked = World(), list[tuple[str, Any]]()
    async with sql_stores(sqlite_url(tmp_path)) as stores, world.gateway(stores.store) as exchange:
        assert isinstance(stores.store, SqlStore)
        database = stores.store.database

        @event.listens_for(database.engine.sync_engine, "before_cursor_execute")
        def executed(_c: object, _cursor: object, sql: str, values: Any, _x: object, _many: object) -> None:  # noqa: ANN401 - the driver's own
            asked.append((sql, values))

        query = world.envelope()
        await world.send(exchange, query)
        await world.send(exchange, world.envelope(thread=query.digest))
        await exchange.evidence(Address("BR"), world.acknowledgement("BR", query.digest))
        await stores.store.waiting(Address("BR"), -1, 50, 1000)
        await stores.store.heads_of_inboxes([Address("BR"), Address("FR")])
        await stores.store.lease_pending(10, 10, 10, 10)
        async with stores.store.begin() as transaction:
            clock = (await transaction.due_clocks(1 << 50, 10))[0]
        await stores.store.attested_inboxes(1, 10)
        await stores.store.lease_attestations(10, 10, 10)
        await stores.store.overdue(clock, 10)
        await stores.store.clock_states()
        await stores.store.expired(10, 10)
        await stores.store.sealed(bytes(32), Address("BR"))
        await stores.store.message(query.digest)
        await stores.store.operation_leaves(world.operation.id, 1, 10)
        await stores.tree.subtree_tiles([(0, 1), (1, 2)])
        questions = [(sql, values) for sql, values in asked if sql.startswith("SELECT")]
        assert len(questions) > 8
        questions += [(sql, ("a", "b") if "?2" in sql else ("a",) * sql.count("?")) for sql in QUESTIONS.values()]
        for sql, values in questions:
            async with database.read() as connection:
                plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)).all()
            steps = [str(row.detail) for row in plan]
            assert not [step for step in steps if step.startswith("SCAN") and step not in ALLOWED], sql
            assert not [step for step in steps if step.endswith(("(iss=?)", "(level=?)"))], sql
