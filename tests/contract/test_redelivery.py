"""A purged inbox: what was consigned and not handed over goes out again, the same, and the ledger has it once."""

from __future__ import annotations

import asyncio
import hashlib

from gateway.adapters.memory import ListInboxes
from gateway.exchange import Exchange
from gateway.operators import Action, operator_id
from gateway.redelivery import redeliver
from schemas.directory import Link
from schemas.envelope import Envelope
from schemas.evidence import Entry, Event, read_entry
from schemas.identity import Address
from tests.support import NOW, Stores, World

BR = Address("BR")
SENT = [Event.SUBMISSION_ACCEPTANCE, Event.CONTENT_CONSIGNMENT]


async def entries(stores: Stores) -> list[Entry]:
    """All but the directory's and the operation's."""
    return [read_entry(leaf.entry) for leaf in await stores.store.leaves(2, await stores.store.size())]


async def events(stores: Stores) -> list[Event]:
    return [entry.event for entry in await entries(stores)]


async def consigned(world: World, stores: Stores, exchange: Exchange, envelope: Envelope | None = None) -> Envelope:
    envelope = envelope or world.envelope()
    before = len(await entries(stores))
    await world.send(exchange, envelope)
    async with asyncio.timeout(60):
        while len(await entries(stores)) < before + 2:  # noqa: ASYNC110  # the store sets no event
            await asyncio.sleep(0.005)
    return envelope


async def test_what_was_not_handed_over_is_published_again_and_recorded_once(stores: Stores) -> None:
    world, inboxes = World(link=Link.AMQP), ListInboxes()
    operator = operator_id(world.network.id, "ada")
    async with world.gateway(stores.store, inboxes=inboxes) as exchange:
        done, lost = [await consigned(world, stores, exchange) for _ in range(2)]
        await consigned(world, stores, exchange, world.envelope(to=["AR"]))
        await exchange.evidence(BR, world.acknowledgement("BR", done.digest))
        (first,) = [copy for copy in inboxes.published if copy.consignment.digest == lost.digest]
        inboxes.published.clear()
        again = await redeliver(stores.store, world.clock, operator, BR)
        assert again.copies == 1
        act = (await entries(stores))[-1]
        assert (act.event, act.kind, act.key_id) == (Event.OPERATOR_ACTION, Action.REDELIVER, operator)
        assert act.digest == hashlib.sha256(b"BR").digest()
        assert await exchange.republish() == 1
        (copy,) = inboxes.published
        assert (copy.consignment, copy.envelope, copy.index, copy.receipt) == (
            first.consignment,
            lost,
            first.index,
            first.receipt,
        )
        world.clock.move(10 * 60_000)
        assert await exchange.republish() == 0, "its confirmation settled it"
        await exchange.evidence(BR, world.acknowledgement("BR", lost.digest))
        assert (await redeliver(stores.store, world.clock, operator, BR)).copies == 0
    handed = Event.CONTENT_HANDOVER
    assert await events(stores) == [*SENT * 3, handed, Event.OPERATOR_ACTION, handed, Event.OPERATOR_ACTION]


async def test_it_may_come_back_before_it_is_published_again(stores: Stores) -> None:
    world, inboxes = World(link=Link.AMQP), ListInboxes()
    async with world.gateway(stores.store, inboxes=inboxes) as exchange:
        envelope = await consigned(world, stores, exchange)
        assert (await redeliver(stores.store, world.clock, bytes(32), BR)).copies == 1
        await exchange.evidence(BR, world.acknowledgement("BR", envelope.digest))
        assert await exchange.republish() == 0
    assert await events(stores) == [*SENT, Event.OPERATOR_ACTION, Event.CONTENT_HANDOVER]


async def test_what_expires_meanwhile_does_not_become_a_failure(stores: Stores) -> None:
    world, inboxes = World(link=Link.AMQP), ListInboxes()
    async with world.gateway(stores.store, inboxes=inboxes) as exchange:
        envelope = await consigned(world, stores, exchange, world.envelope(exp=NOW + 60))
        assert (await redeliver(stores.store, world.clock, bytes(32), BR)).copies == 1
        world.clock.move(60_000)
        expired = await stores.store.expired(NOW + 60, 10)
        assert [copy.key for copy in expired] == [(envelope.digest, BR)]
        await exchange.fail(expired)
        assert await stores.store.expired(NOW + 60, 10) == []
        assert (await redeliver(stores.store, world.clock, bytes(32), BR)).copies == 0, "it is too late for it"
    assert await events(stores) == [*SENT, Event.OPERATOR_ACTION, Event.OPERATOR_ACTION]


async def test_an_inbox_over_http_is_left_alone(stores: Stores) -> None:
    world = World(link=Link.HTTP)
    async with world.gateway(stores.store) as exchange:
        await consigned(world, stores, exchange)
        assert (await redeliver(stores.store, world.clock, bytes(32), BR)).copies == 0
    assert len(await stores.store.waiting(BR, -1, 50, 1 << 20)) == 1
