"""What a transaction posts on PostgreSQL goes with its questions: in order, in few trips, and undone with the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import event, text

from gateway import ledger
from gateway.adapters.memory import ListInboxes
from gateway.adapters.sql import Database, SqlStore, prepare
from gateway.adapters.sql.together import Together
from gateway.ports import Spent
from schemas.directory import Link
from schemas.errors import Misuse
from schemas.evidence import Entry, Event, read_entry
from schemas.merkle import leaf_hash
from tests.support import World

pytestmark = pytest.mark.postgres
_SPEND = "INSERT INTO spent (bureau, minute, messages, bytes) VALUES ($1::text, 1, $2::bigint, 0)"
_WAITS = "SELECT count(*) FROM pg_locks WHERE NOT granted"
_ASK = "SELECT messages, $1::bigint FROM spent WHERE bureau = $2::text AND /*after*/ TRUE"


@pytest_asyncio.fixture
async def database(fresh_database: str) -> AsyncIterator[Database]:
    made = Database(fresh_database)
    await prepare(made)
    yield made
    await made.close()


async def test_what_is_posted_runs_before_the_question_and_the_last_of_it_before_the_commit(database: Database) -> None:
    async with database.write() as connection:
        together = Together(connection)
        together.post(_SPEND, "FR", 1)
        together.post(_SPEND, "BR", 2)
        assert await together.ask(_ASK, 7, "FR") == [], "the parts of one statement see the same state"
        assert [tuple(row) for row in await together.ask(_ASK, 7, "BR")] == [(2, 7)]
        together.post(_SPEND, "AR", 3)
        await together.finish()
        await together.finish()
    async with database.read() as connection:
        rows = (await connection.execute(text("SELECT bureau, messages FROM spent ORDER BY messages"))).all()
    assert [tuple(row) for row in rows] == [("FR", 1), ("BR", 2), ("AR", 3)]


async def test_what_is_posted_takes_its_locks_before_the_question_does(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("INSERT INTO spent VALUES ('FR', 1, 1, 1)"))
        await connection.execute(text("INSERT INTO operation_head VALUES ('one', 0, NULL)"))
    store = SqlStore(database)

    async def batch() -> None:
        async with store.begin() as transaction:
            await transaction.spend([Spent("FR", 1, 1)], 1)
            await transaction.take(["one"], 0)

    async with database.write() as holder:
        await holder.execute(text("SELECT * FROM spent FOR UPDATE"))
        waiting = asyncio.create_task(batch())
        async with asyncio.timeout(10), database.read() as connection:
            while not (await connection.execute(text(_WAITS))).scalar_one():  # noqa: ASYNC110  # nobody tells us
                await asyncio.sleep(0.01)
        await holder.execute(text("SELECT * FROM operation_head FOR UPDATE NOWAIT"))  # it waits, and holds no head
    await waiting


async def test_the_sequence_row_is_taken_after_the_heads(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("INSERT INTO operation_head VALUES ('one', 0, NULL)"))
    store = SqlStore(database)

    async def batch() -> tuple[int, int]:
        async with store.begin() as transaction:
            heads, first = await transaction.take(["one"], 1)
        return heads["one"].number, first

    async with database.write() as holder:
        await holder.execute(text("SELECT * FROM operation_head FOR UPDATE"))
        waiting = asyncio.create_task(batch())
        async with asyncio.timeout(10), database.read() as connection:
            while not (await connection.execute(text(_WAITS))).scalar_one():  # noqa: ASYNC110  # nobody tells us
                await asyncio.sleep(0.01)
        await holder.execute(text("UPDATE log_seq SET next = next + 7"))  # it waits, and does not hold this row
        await holder.execute(text("UPDATE operation_head SET number = 5"))
    assert await waiting == (5, 7), "what another changed and took while it waited counts"


async def test_those_who_record_at_once_leave_one_chain_for_each_operation_and_no_gap(database: Database) -> None:
    store = SqlStore(database)
    ids = ("one", "two", "three", None)

    async def batch(number: int) -> None:
        drafts = [Entry(Event.REFUSAL_SUMMARY, number, operation=ids[(number + at) % 4]) for at in (0, 1, 0)]
        async with store.begin() as transaction:
            first = await ledger.record(transaction, drafts[:2])
            second = await ledger.record(transaction, drafts[2:])  # the head that it has is the one just written
        assert second[0][0] == first[-1][0] + 1

    await asyncio.gather(*(batch(number) for number in range(40)))
    leaves = await store.leaves(0, 200)
    assert [leaf.index for leaf in leaves] == list(range(120))
    for operation in ids[:3]:
        before, number = None, 0
        for leaf in leaves:
            found = read_entry(leaf.entry)
            if found.operation == operation:
                number += 1
                assert (found.number, found.previous) == (number, before)
                before = leaf_hash(leaf.entry)
        assert number == 30


async def test_what_cannot_be_posted_undoes_the_transaction_before_its_commit(database: Database) -> None:
    store = SqlStore(database)

    async def receipt_of_nothing() -> None:
        async with store.begin() as transaction:
            await transaction.append([(b"entry", None)])
            await transaction.save_receipts({bytes(32): (0, b"of a message that is not there")})

    with pytest.raises(Misuse):
        await receipt_of_nothing()
    assert await store.size() == 0


async def test_a_batch_takes_few_trips_to_the_database(database: Database) -> None:
    world, inboxes, trips = World(link=Link.AMQP), ListInboxes(refuse=True), list[str]()

    @event.listens_for(database.engine.sync_engine, "checkout")
    def checked_out(driver: object, _record: object, _proxy: object) -> None:
        below = getattr(driver, "driver_connection", None)
        if below is not None and below not in seen:
            seen.append(below)
            below.add_query_logger(lambda record: trips.append(record.query))

    seen: list[object] = []
    async with world.gateway(SqlStore(database), inboxes=inboxes) as exchange:
        for _ in range(2):
            trips.clear()
            assert (await world.send(exchange, world.envelope())).accepted
        decided = list(trips)
    assert decided[0].lstrip().startswith("SELECT 0,"), "all that it must know, in one question"
    begun, ended = (next(n for n, trip in enumerate(decided) if trip.startswith(word)) for word in ("BEGIN", "COMMIT"))
    assert begun == 1
    assert ended - begun - 1 == 3, "messages, bodies and copies; quotas, heads and places; leaves and receipts"
