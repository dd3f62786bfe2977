"""Sealed parts go when their time is over, or by order; what was recorded of them stays: on every store."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from gateway import retention
from gateway.adapters.memory import ListInboxes, NoBodies
from gateway.adapters.sql import SqlBodies, SqlStore
from gateway.exchange import Exchange
from gateway.export import export_operation
from gateway.ports import Bodies
from gateway.retention import Erased, Order, Retention
from schemas.directory import Link
from schemas.envelope import Envelope
from schemas.errors import Forbidden, Malformed, Reason
from schemas.evidence import Entry, Event, read_entry
from schemas.exchanges import Report
from schemas.identity import Address
from schemas.record import verify_record
from schemas.wire import ItemType
from tests.support import NOW, Stores, World, sql_stores, sqlite_url

DAY = 24 * 3600 * 1000
OPERATOR = Order(bytes(32), b"\x01" * 32)


def bodies_of(stores: Stores) -> Bodies:
    return SqlBodies(stores.store.database) if isinstance(stores.store, SqlStore) else NoBodies()


def chore(world: World, stores: Stores, exchange: Exchange, items: int = 2) -> Retention:
    return Retention(exchange, stores.store, bodies_of(stores), world.clock, world.watcher, items=items)


async def order(world: World, stores: Stores, *envelopes: Envelope) -> Erased:
    digests = [envelope.digest for envelope in envelopes]
    return await retention.erase(stores.store, bodies_of(stores), world.clock, digests, OPERATOR)


async def entries(stores: Stores, event: Event) -> list[Entry]:
    found = [read_entry(leaf.entry) for leaf in await stores.store.leaves(0, await stores.store.size())]
    return [entry for entry in found if entry.event is event]


async def kept(stores: Stores, *envelopes: Envelope) -> list[bool]:
    rows = [await stores.store.message(envelope.digest) for envelope in envelopes]
    return [row is not None and row.sealed is not None for row in rows]


async def record(world: World, stores: Stores) -> Report:
    ledger = world.ledger(stores.tree)
    while await ledger.integrate(1000):
        pass
    await ledger.checkpoint()
    out = io.BytesIO()
    await export_operation(stores.store, stores.tree, world.network.raw, world.operation.id, out.write)
    out.seek(0)
    return verify_record(out.read, world.network)


async def test_what_is_due_is_erased_once_recorded_and_still_verifies(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        old = [world.envelope(to=["BR"]) for _ in range(5)]
        outcomes = [await world.send(exchange, envelope) for envelope in old]
        await exchange.evidence(Address("BR"), world.acknowledgement("BR", old[0].digest))
        world.clock.move(DAY)
        young = world.envelope()
        await world.send(exchange, young)
        work = chore(world, stores, exchange)
        world.clock.move(29 * DAY)
        await work.look()
        assert await kept(stores, *old, young) == [True] * 6, "for whole days"
        assert (await record(world, stores)).sealed == 6
        world.clock.move(DAY)
        await work.look()
        await work.look()
        assert await kept(stores, *old, young) == [False] * 5 + [True]
        erased = await entries(stores, Event.CONTENT_ERASED)
        assert {entry.digest for entry in erased} == {envelope.digest for envelope in old}
        assert [entry.operation for entry in erased] == [world.operation.id] * 5
        assert {(entry.reason, entry.key_id, entry.evidence) for entry in erased} == {(Reason.RETENTION, None, None)}
        assert world.watcher.named("erased")[0].fields == {"count": 5}
        report = await record(world, stores)
        assert (report.sealed, report.events[Event.CONTENT_ERASED]) == (1, 5)
        again = await world.send(exchange, old[0])
        assert again.repeated
        assert again.receipt == outcomes[0].receipt, "the first outcome stands"
        assert await kept(stores, old[0]) == [False], "and brings nothing back"


async def test_each_operation_says_how_long_and_the_gateway_how_long_at_most(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        await exchange.publish_operation(Address("IPSG"), world.amend(retention=0))
        short = world.envelope()
        await world.send(exchange, short)
        world.clock.move(1)
        await exchange.publish_operation(Address("IPSG"), world.amend(retention=10**9))
        long = world.envelope()
        await world.send(exchange, long)
        world.clock.move(DAY)
        await chore(world, stores, exchange).look()
        assert await kept(stores, short, long) == [False, True]
        world.clock.move(5 * 365 * DAY)
        await chore(world, stores, exchange).look()
        assert await kept(stores, short, long) == [False, False]


async def test_a_copy_that_waits_is_handed_over_as_its_statement_alone(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        envelope = world.envelope()
        await world.send(exchange, envelope)
        done = await order(world, stores, envelope)
        assert (done.gone, done.queues) == ((), ())
        (waiting,) = await stores.store.waiting(Address("BR"), -1, 10, 1000)
        assert (waiting.envelope.statement, waiting.envelope.sealed) == (envelope.statement, None)
        said = world.acknowledgement("BR", envelope.digest, reason=Reason.SEALED_HASH)
        await exchange.evidence(Address("BR"), said)
        assert [entry.reason for entry in await entries(stores, Event.CONTENT_HANDOVER_FAILURE)] == [Reason.SEALED_HASH]
        (entry,) = await entries(stores, Event.CONTENT_ERASED)
        assert (entry.reason, entry.key_id, entry.evidence) == (Reason.ORDERED, OPERATOR.key_id, OPERATOR.evidence)
        assert read_entry((await stores.store.leaves(done.entries[0], done.entries[0] + 1))[0].entry) == entry
        assert (await record(world, stores)).missing == {}


async def test_a_copy_that_was_never_placed_ends_and_its_queue_is_named(stores: Stores) -> None:
    world, inboxes = World(link=Link.AMQP), ListInboxes()
    async with world.gateway(stores.store, inboxes=inboxes) as exchange:
        placed = world.envelope("FR", ["AR"])
        await world.send(exchange, placed)
        await exchange.stop()  # which waits until what was begun is placed
        await exchange.start()
        inboxes.down = True
        pending = world.envelope("FR", ["BR"])
        await world.send(exchange, pending)
        done = await order(world, stores, pending, placed)
        assert done.queues == ("AR", "BR")
        (failure,) = await entries(stores, Event.CONTENT_CONSIGNMENT_FAILURE)
        assert (failure.digest, failure.party, failure.reason) == (pending.digest, "BR", Reason.ORDERED)
        world.clock.move(600_000)
        assert await stores.store.lease_pending(world.clock.now(), 1, 10, 10**6) == []
        async with stores.store.begin() as transaction:
            assert await transaction.redeliver(Address("AR"), world.clock.now()) == 0, "nothing is left to publish"
        await exchange.evidence(Address("AR"), world.acknowledgement("AR", placed.digest))
        assert len(await entries(stores, Event.CONTENT_HANDOVER)) == 1, "who has it already may still say so"
        await record(world, stores)


async def test_no_copy_can_be_placed_once_its_sealed_part_is_gone(stores: Stores) -> None:
    world = World(link=Link.AMQP)
    async with world.gateway(stores.store) as exchange:
        await exchange.publish_operation(Address("IPSG"), world.amend(retention=1))
        envelope = world.envelope(exp=NOW + 30 * 86_400)
        await world.send(exchange, envelope)
        end = (NOW // 86_400 + 2) * 86_400
        assert await stores.store.expired(end - 1, 10) == []
        assert [copy.digest for copy in await stores.store.expired(end, 10)] == [envelope.digest]


async def test_an_order_names_messages_that_were_accepted_and_does_nothing_twice(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        envelope, refused = world.envelope(), world.envelope(kind="gossip/1")
        for one in (envelope, refused):
            await world.send(exchange, one)
        for wrong in (refused, world.envelope()):
            with pytest.raises(Forbidden):
                await order(world, stores, envelope, wrong)
        with pytest.raises(Malformed):
            await order(world, stores)
        assert await kept(stores, envelope) == [True], "all of it or nothing"
        await order(world, stores, envelope)
        again = await order(world, stores, envelope)
        assert (again.entries, again.gone) == ((), (envelope.digest,))
        assert len(await entries(stores, Event.CONTENT_ERASED)) == 1


async def test_nothing_of_it_stays_in_quarantine(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        envelope, other = world.envelope(), world.envelope()
        await world.send(exchange, envelope)
        async with stores.store.begin() as transaction:
            for one in (envelope, other):
                body = world.submission(one).body
                await transaction.quarantine(Address("FR"), body, "KeyError", NOW * 1000, ItemType.ENVELOPE)
        await order(world, stores, envelope)
        (left,) = await stores.store.set_aside(-1, 10)
        whole = await stores.store.one_set_aside(left.id)
        assert whole is not None
        assert whole.body == world.submission(other).body


async def test_nothing_is_left_in_the_files_of_sqlite(tmp_path: Path) -> None:
    world = World()
    async with sql_stores(sqlite_url(tmp_path)) as stores, world.gateway(stores.store) as exchange:
        small, large, other = world.envelope(), world.envelope(content=bytes(300_000)), world.envelope()
        for envelope in (small, large, other):
            await world.send(exchange, envelope)
        assert traces(tmp_path, small, large, other) == [True] * 3
        await order(world, stores, small, large)
        assert traces(tmp_path, small, large, other) == [False, False, True]
        world.clock.move(31 * DAY)
        await chore(world, stores, exchange).look()
        assert traces(tmp_path, small, large, other) == [False] * 3


def traces(folder: Path, *envelopes: Envelope) -> list[bool]:
    """Whether a piece of each sealed part is in any file of a folder."""
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    sealed = [envelope.sealed or b"" for envelope in envelopes]
    pieces = [[part[at : at + 48] for at in range(64, len(part) - 48, 512)] for part in sealed]
    return [any(piece in file for file in files for piece in found) for found in pieces]
