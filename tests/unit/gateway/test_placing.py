"""Copies for the broker while it is slow: bounded in hand, and the rest published when its lease ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.adapters.memory import ListInboxes, MemoryStore
from gateway.ports import Pending
from gateway.settings import Pipeline
from schemas.directory import Link
from tests.support import World


@dataclass
class Slow(ListInboxes):
    """Confirms nothing before it may."""

    may: asyncio.Event = field(default_factory=asyncio.Event)
    held: int = 0
    most: int = 0

    async def publish(self, pending: Sequence[Pending]) -> list[bool]:
        self.held += len(pending)
        self.most = max(self.most, self.held)
        await self.may.wait()
        self.held -= len(pending)
        return await super().publish(pending)


async def test_a_slow_broker_bounds_what_is_in_hand_and_nothing_is_forgotten() -> None:
    world, store, inboxes = World("FR", "BR", link=Link.AMQP), MemoryStore(), Slow()
    limits = Pipeline(placing_items=5, linger_milliseconds=0)
    async with world.gateway(store, limits, inboxes) as exchange:
        for _ in range(12):
            assert (await world.send(exchange, world.envelope("FR", ["BR"]))).accepted, "senders do not wait for it"
        assert (inboxes.held, inboxes.most) == (5, 5)
        assert len(world.watcher.named("placing-deferred")) == 7
        inboxes.may.set()
        world.clock.move((limits.lease_seconds + 1) * 1000)
        while await exchange.republish():
            pass
    assert len({copy.consignment.digest for copy in inboxes.published}) == 12


async def test_bytes_in_hand_are_bounded_and_one_batch_is_always_taken() -> None:
    world, store, inboxes = World("FR", "BR", link=Link.AMQP), MemoryStore(), Slow()
    async with world.gateway(store, Pipeline(placing_bytes=1, linger_milliseconds=0), inboxes) as exchange:
        for _ in range(3):
            await world.send(exchange, world.envelope("FR", ["BR"]))
            await asyncio.sleep(0)
        assert inboxes.held == 1
        inboxes.may.set()
