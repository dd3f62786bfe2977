"""Long polls: answered at once, woken by a commit or by the one question, and let go when their time is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest

from gateway.adapters.memory import MemoryStore
from gateway.delivery import Delivery
from gateway.exchange import Exchange
from gateway.settings import Pipeline
from schemas.errors import Unavailable
from schemas.identity import Address
from schemas.receipts import read_acceptance
from schemas.wire import ItemType
from tests.support import World

BR = Address("BR")


class CountingStore(MemoryStore):
    """Counts the questions for all who wait."""

    asked = 0

    async def heads_of_inboxes(self, inboxes: Sequence[Address]) -> Mapping[Address, int]:
        self.asked += 1
        return await super().heads_of_inboxes(inboxes)


@asynccontextmanager
async def delivering(
    world: World, store: MemoryStore, *, woken: bool, every: int = 20
) -> AsyncIterator[tuple[Delivery, Exchange]]:
    delivery = Delivery(store, world.watcher, Pipeline(inbox_poll_milliseconds=every))
    async with world.gateway(store) as exchange:
        if woken:
            exchange.consigned = delivery.wake
        await delivery.start()
        try:
            yield delivery, exchange
        finally:
            await delivery.stop()


async def test_what_waits_is_given_at_once_with_its_receipt() -> None:
    world, store = World(), MemoryStore()
    async with delivering(world, store, woken=False) as (delivery, exchange):
        envelope = world.envelope()
        outcome = await world.send(exchange, envelope)
        (item,) = await delivery.poll(BR, -1, 0, 50)
        assert (item.type, item.statement, item.sealed) == (ItemType.ENVELOPE, envelope.statement, envelope.sealed)
        keys = {world.acceptance.key_id: world.acceptance.public}
        assert read_acceptance(item.acceptance, world.network.id, keys).index == outcome.index
        assert await delivery.poll(BR, item.index, 0, 50) == []
        assert await delivery.poll(Address("AR"), -1, 0, 50) == []


@pytest.mark.parametrize(("woken", "every"), [(True, 60_000), (False, 20)])
async def test_who_waits_is_woken(*, woken: bool, every: int) -> None:
    world, store = World(), MemoryStore()
    async with delivering(world, store, woken=woken, every=every) as (delivery, exchange):
        polls = [asyncio.create_task(delivery.poll(BR, -1, 20, 50)) for _ in range(3)]
        await asyncio.sleep(0.01)
        assert delivery.waiting == 3
        envelope = world.envelope()
        await world.send(exchange, envelope)
        async with asyncio.timeout(60):
            found = await asyncio.gather(*polls)
        assert [[item.statement for item in items] for items in found] == [[envelope.statement]] * 3
        assert delivery.waiting == 0


async def test_all_who_wait_are_one_question_and_nobody_is_none() -> None:
    world, store = World(), CountingStore()
    async with delivering(world, store, woken=False, every=10) as (delivery, _):
        await asyncio.sleep(0.1)
        assert store.asked == 0
        polls = [asyncio.create_task(delivery.poll(Address(code), -1, 0.2, 50)) for code in ("BR", "AR", "FR") * 20]
        assert await asyncio.gather(*polls) == [[]] * 60
        assert 1 <= store.asked <= 25


async def test_a_poll_that_is_given_up_leaves_nothing_behind() -> None:
    world, store = World(), MemoryStore()
    async with delivering(world, store, woken=False) as (delivery, _):
        poll = asyncio.create_task(delivery.poll(BR, -1, 20, 50))
        await asyncio.sleep(0.01)
        poll.cancel()
        await asyncio.gather(poll, return_exceptions=True)
        assert delivery.waiting == 0


async def test_a_store_that_goes_away_and_comes_back_ends_no_poll() -> None:
    world, store = World(), MemoryStore()
    async with delivering(world, store, woken=False) as (delivery, exchange):
        poll = asyncio.create_task(delivery.poll(BR, -1, 20, 50))
        await asyncio.sleep(0.01)
        store.down = True
        with pytest.raises(Unavailable):
            await delivery.poll(BR, -1, 0, 50)
        async with asyncio.timeout(60):
            while not world.watcher.named("inboxes-unavailable"):  # noqa: ASYNC110 - a list watcher sets no event
                await asyncio.sleep(0.005)
        store.down = False
        await world.send(exchange, world.envelope())
        async with asyncio.timeout(60):
            assert len(await poll) == 1
