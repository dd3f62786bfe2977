"""Copies for the broker: owed from the commit on, published, confirmed, recorded once, whatever is lost between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from gateway.adapters.memory import ListInboxes
from gateway.settings import Pipeline
from schemas.directory import Link
from schemas.evidence import Event, read_entry
from schemas.identity import Address
from tests.support import NOW, Stores, World

LEASE = 30_000
MANY = 1 << 24
"""Bytes: no limit for these tests."""


async def events(stores: Stores) -> list[Event]:
    size = await stores.store.size()
    return [read_entry(leaf.entry).event for leaf in await stores.store.leaves(2, size)]


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await done():  # noqa: ASYNC110 - it is the store that is looked at, which sets no event
            await asyncio.sleep(0.005)


async def there(stores: Stores, count: int) -> bool:
    return len(await events(stores)) >= count


async def unplaced(world: World) -> bool:
    return bool(world.watcher.named("unplaced"))


async def test_a_confirmed_copy_is_consigned_and_then_handed_over(stores: Stores) -> None:
    world, inboxes = World(link=Link.AMQP), ListInboxes()
    async with world.gateway(stores.store, inboxes=inboxes) as exchange:
        envelope = world.envelope("FR", ["BR", "AR"])
        outcome = await world.send(exchange, envelope)
        await until(lambda: there(stores, 3))
        assert await events(stores) == [Event.SUBMISSION_ACCEPTANCE, *[Event.CONTENT_CONSIGNMENT] * 2]
        assert {copy.consignment.recipient for copy in inboxes.published} == {"BR", "AR"}
        copy = inboxes.published[0]
        assert (copy.envelope, copy.receipt, copy.index) == (envelope, outcome.receipt, outcome.index)
        assert await stores.store.waiting(Address("BR"), -1, 50, 1 << 20) == []
        await exchange.evidence(Address("BR"), world.acknowledgement("BR", envelope.digest))
        assert (await events(stores))[-1] is Event.CONTENT_HANDOVER
        world.clock.move(LEASE * 10)
        assert await exchange.republish() == 0


async def test_without_a_broker_copies_wait_and_are_published_when_it_is_back(stores: Stores) -> None:
    world, inboxes = World(link=Link.AMQP), ListInboxes(down=True)
    async with world.gateway(stores.store, inboxes=inboxes) as exchange:
        assert (await world.send(exchange, world.envelope())).accepted
        await until(lambda: unplaced(world))
        inboxes.down = False
        assert await exchange.republish() == 0, "it is leased to the process that failed"
        world.clock.move(LEASE)
        assert await exchange.republish() == 1
        assert await events(stores) == [Event.SUBMISSION_ACCEPTANCE, Event.CONTENT_CONSIGNMENT]
        assert [copy.attempts for copy in inboxes.published] == [1]


async def test_a_copy_that_is_not_confirmed_comes_again_later_and_later(stores: Stores) -> None:
    world, inboxes = World(link=Link.AMQP), ListInboxes(refuse=True)
    async with world.gateway(stores.store, inboxes=inboxes) as exchange:
        await world.send(exchange, world.envelope())
        waits: list[int] = []
        for _ in range(5):
            waited = 0
            while not await exchange.republish():
                world.clock.move(LEASE)
                waited += 1
            waits.append(waited)
        assert waits == [1, 2, 4, 8, 8]
        assert await events(stores) == [Event.SUBMISSION_ACCEPTANCE]


async def test_one_copy_is_leased_to_one_process(stores: Stores) -> None:
    world = World(link=Link.AMQP)
    async with world.gateway(stores.store) as exchange:
        for _ in range(6):
            await world.send(exchange, world.envelope())
        now = world.clock.now() + LEASE
        leased = await asyncio.gather(*(stores.store.lease_pending(now, LEASE, 4, MANY) for _ in range(3)))
        digests = [copy.consignment.digest for found in leased for copy in found]
        assert len(digests) == len(set(digests)) == 6
        assert await stores.store.lease_pending(now, LEASE, 4, MANY) == []


async def test_large_copies_are_leased_few_at_a_time(stores: Stores) -> None:
    world = World(link=Link.AMQP)
    async with world.gateway(stores.store) as exchange:
        sent = [world.envelope() for _ in range(3)]
        for envelope in sent:
            await world.send(exchange, envelope)
        now, room = world.clock.now() + LEASE, len(sent[0].sealed or b"") * 5 // 2
        assert len(await stores.store.lease_pending(now, LEASE, 9, room)) == 2
        assert len(await stores.store.lease_pending(now, LEASE, 9, 1)) == 1


async def test_an_acknowledgement_that_overtakes_the_confirmation_consigns_first(stores: Stores) -> None:
    world, inboxes = World(link=Link.AMQP), ListInboxes(refuse=True)
    async with world.gateway(stores.store, inboxes=inboxes) as exchange:
        envelope = world.envelope()
        await world.send(exchange, envelope)
        await exchange.evidence(Address("BR"), world.acknowledgement("BR", envelope.digest))
        inboxes.refuse = False
        world.clock.move(LEASE * 10)
        assert await exchange.republish() == 0
    assert await events(stores) == [
        Event.SUBMISSION_ACCEPTANCE,
        Event.CONTENT_CONSIGNMENT,
        Event.CONTENT_HANDOVER,
    ]


async def test_a_copy_not_placed_in_time_fails_once_and_late_evidence_still_counts(
    stores: Stores,
) -> None:
    world = World(link=Link.AMQP)
    async with world.gateway(stores.store) as exchange:
        envelope = world.envelope(exp=NOW + 60)
        await world.send(exchange, envelope)
        assert await stores.store.expired(NOW + 59, 10) == []
        expired = await stores.store.expired(NOW + 60, 10)
        assert [copy.key for copy in expired] == [(envelope.digest, "BR")]
        world.clock.move(LEASE * 10)
        assert await exchange.republish() == 0, "what has expired is not published any more"
        await exchange.fail(expired)
        await exchange.fail(expired)
        assert await stores.store.expired(NOW + 600, 10) == []
        await exchange.evidence(Address("BR"), world.acknowledgement("BR", envelope.digest))
    assert await events(stores) == [
        Event.SUBMISSION_ACCEPTANCE,
        Event.CONTENT_CONSIGNMENT_FAILURE,
        Event.CONTENT_HANDOVER,
    ]


async def test_a_batch_with_everything_in_it_keeps_its_order(stores: Stores) -> None:
    world, inboxes = World(link=Link.AMQP), ListInboxes(refuse=True)
    async with world.gateway(stores.store, Pipeline(linger_milliseconds=30), inboxes) as exchange:
        first = world.envelope("FR", ["BR", "AR"])
        await world.send(exchange, first)
        await asyncio.gather(
            exchange.evidence(Address("BR"), world.acknowledgement("BR", first.digest)),
            world.send(exchange, world.envelope(kind="gossip/1")),
            world.send(exchange, world.envelope()),
            exchange.publish_operation(Address("IPSG"), world.amend(name="Renamed")),
        )
    leaves = await stores.store.operation_leaves(world.operation.id, -1, 99)
    found = [read_entry(leaf.entry) for leaf in leaves]
    assert [entry.number for entry in found] == list(range(1, len(found) + 1))
    assert {entry.event for entry in found[2:]} >= {
        Event.OPERATION_UPDATED,
        Event.SUBMISSION_REJECTION,
        Event.SUBMISSION_ACCEPTANCE,
        Event.CONTENT_HANDOVER,
    }
