"""What only PostgreSQL can do: lose its connections, and be shared by many processes."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from uuid import uuid4

import pytest
from sqlalchemy import make_url, text

from gateway.adapters.memory import ListInboxes
from gateway.adapters.sql import Database, SqlLeases, SqlStore, SqlTree, prepare
from gateway.adapters.sql.facts import KNOWN
from gateway.ports import Outcome
from gateway.settings import Pipeline
from schemas.directory import Link
from schemas.errors import Misuse, Unavailable
from schemas.identity import Address
from tests.support import World, sql_stores
from tools.repo_files import ROOT

pytestmark = pytest.mark.postgres
_END_OTHERS = text(
    "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_LEFT = text("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(:ended)")


async def end_others(database: Database) -> None:
    """End all other sessions on the database, and wait until they have ended: a server's process may take a while."""
    async with database.write() as connection:
        ended = [row.pid for row in await connection.execute(_END_OTHERS)]
    left = len(ended)
    async with asyncio.timeout(60):
        while left:
            await asyncio.sleep(0.01)
            async with database.read() as connection:  # each time anew: a transaction sees one list to its end
                left = (await connection.execute(_LEFT, {"ended": ended})).scalar_one()


async def test_lost_connections_are_unavailable_and_then_it_goes_on(fresh_database: str) -> None:
    world = World()
    async with sql_stores(fresh_database) as stores, world.gateway(stores.store) as exchange:
        await world.send(exchange, world.envelope())
        other = Database(fresh_database)
        await end_others(other)
        await other.close()
        envelope = world.envelope()
        found = [await asyncio.gather(world.send(exchange, envelope), return_exceptions=True) for _ in range(5)]
        kinds = [type(one) for (one,) in found]
        assert set(kinds) <= {Unavailable, Outcome}
        assert kinds[-1] is Outcome, "every lost connection was let go of"


async def test_a_server_that_takes_no_writes_is_unavailable_and_then_it_goes_on(fresh_database: str) -> None:
    """As the primary that became a standby: nothing is wrong with the messages, none is refused or set aside."""
    world, name = World(), make_url(fresh_database).database
    read_only = f'ALTER DATABASE "{name}" SET default_transaction_read_only = '
    async with sql_stores(fresh_database) as stores, world.gateway(stores.store) as exchange:
        other = Database(fresh_database, pool=1)
        envelope = world.envelope()
        found: list[object] = []
        for value in ("on", "off"):
            async with other.write() as connection:
                await connection.execute(text("SET TRANSACTION READ WRITE"))
                await connection.execute(text(read_only + value))
            await end_others(other)
            for _ in range(3):
                found += await asyncio.gather(world.send(exchange, envelope), return_exceptions=True)
        await other.close()
        assert {type(one) for one in found[:3]} == {Unavailable}
        assert isinstance(found[-1], Outcome)
        assert found[-1].accepted
        aside: object = None
        async with asyncio.timeout(60):
            while aside is None:
                with suppress(Unavailable):  # the sessions of the pool were ended too, and are noticed one by one
                    aside = await stores.store.set_aside(-1, 1)
        assert aside == []


async def test_a_batch_asks_in_time_that_grows_with_its_size_alone_before_anything_was_counted(
    fresh_database: str,
) -> None:
    """A plan for any values, of tables that were empty: each row is looked up in what is asked, or by its key."""
    world = World()
    async with sql_stores(fresh_database) as stores, world.gateway(stores.store) as exchange:
        await world.send(exchange, world.envelope())
        assert isinstance(stores.store, SqlStore)
        async with stores.store.database.write() as connection:
            for statement in "SET LOCAL plan_cache_mode = force_generic_plan", f"PREPARE known AS {KNOWN}":
                await connection.exec_driver_sql(statement)
            explained = await connection.exec_driver_sql("EXPLAIN EXECUTE known('{}', '{}', '{}', '{}', 5)")
            plan = [str(row[0]).strip() for row in explained.all()]
            await connection.exec_driver_sql("DEALLOCATE known")
    assert any("unnest" in step for step in plan)
    assert not [step for step in plan if step.startswith(("Filter:", "Join Filter:")) and "ANY" in step], plan


async def test_the_server_ends_sessions_that_we_left_half_open(fresh_database: str) -> None:
    database = Database(fresh_database)
    names = ("idle_in_transaction_session_timeout", "statement_timeout", "tcp_keepalives_idle", "transaction_timeout")
    async with database.read() as connection:
        shown = [(await connection.execute(text(f"SHOW {name}"))).scalar_one() for name in names]
    assert shown == ["10s", "20s", "10", "30s"]
    async with database.migrating() as connection:  # which takes as long as it needs
        assert (await connection.execute(text("SHOW statement_timeout"))).scalar_one() == "0"
    await database.close()


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


def documented_grants(role: str) -> list[str]:
    """The statements that docs/architecture.md tells an operator to run, for another role."""
    block = (ROOT / "docs/architecture.md").read_text("utf-8").split("```sql\n")[1].split("```")[0]
    return [line.replace("gateway", role) for line in block.splitlines()]


async def test_a_gateway_works_with_a_role_that_cannot_change_the_ledger(fresh_database: str) -> None:
    role = f"role_{uuid4().hex}"
    owner, world = Database(fresh_database), World(link=Link.AMQP)
    await prepare(owner)
    async with owner.write() as connection:
        for statement in (f"CREATE ROLE {role} LOGIN PASSWORD 'made-up'", *documented_grants(role)):
            await connection.execute(text(statement))
    url = make_url(fresh_database).set(username=role, password="made-up")  # noqa: S106 - a role of this test alone
    limited = Database(url.render_as_string(hide_password=False))
    try:
        await prepare(limited, migrate=False)
        store, inboxes = SqlStore(limited), ListInboxes()
        async with world.gateway(store, inboxes=inboxes) as exchange:
            envelope = world.envelope()
            assert (await world.send(exchange, envelope)).accepted
            await exchange.evidence(Address("BR"), world.acknowledgement("BR", envelope.digest))
            await store.lease_pending(world.clock.now(), 1, 1, 1)
            await exchange.fail(await store.expired(0, 1))
        ledger = world.ledger(SqlTree(limited))
        await ledger.integrate(1000)
        assert await ledger.checkpoint()
        assert await SqlLeases(limited).acquire("ledger", "one", 1, 2)
        await store.save_current(b"statement")
        await store.ping()
        for change in ("UPDATE leaf SET entry = ''", "DELETE FROM checkpoint", "TRUNCATE tile"):
            with pytest.raises(Misuse):
                await run(limited, change)
    finally:
        await limited.close()
        await run(owner, f"DROP OWNED BY {role}")
        await run(owner, f"DROP ROLE {role}")
        await owner.close()


async def run(database: Database, statement: str) -> None:
    async with database.write() as connection:
        await connection.execute(text(statement))


async def test_a_process_whose_clock_is_ahead_keeps_no_chore_from_the_others(fresh_database: str) -> None:
    database = Database(fresh_database)
    await prepare(database)
    leases, now = SqlLeases(database), time.time_ns() // 1_000_000
    ahead = now + 600_000
    assert await leases.acquire("ledger", "fast", ahead, ahead + 3000)
    assert not await leases.acquire("ledger", "right", now, now + 3000)
    async with asyncio.timeout(60):  # and not only after the ten minutes
        while not await leases.acquire("ledger", "right", now, now + 3000):  # noqa: ASYNC110  # a lease ends by itself
            await asyncio.sleep(0.1)
    await database.close()
