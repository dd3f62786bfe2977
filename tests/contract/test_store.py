"""The rules that every store keeps, driven through the pipeline: the fake, SQLite and PostgreSQL."""

from __future__ import annotations

from schemas import wire
from schemas.evidence import Event, read_entry
from schemas.identity import Address
from schemas.receipts import read_acceptance
from tests.support import Stores, World


async def events(stores: Stores) -> list[Event]:
    size = await stores.store.size()
    return [read_entry(leaf.entry).event for leaf in await stores.store.leaves(0, size)]


async def test_an_admitted_message_is_recorded_receipted_and_waits_for_its_recipient(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        envelope = world.envelope("FR", ["BR", "AR"])
        outcome = await world.send(exchange, envelope)
        assert outcome.accepted
        said = read_acceptance(outcome.receipt, world.network.id, {world.acceptance.key_id: world.acceptance.public})
        assert (said.digest, said.index, said.accepted) == (envelope.digest, outcome.index, True)
        (item,) = await stores.store.waiting(Address("BR"), -1, 50, 1 << 20)
        assert (item.envelope, item.receipt) == (envelope, outcome.receipt)
    assert await events(stores) == [
        Event.DIRECTORY_UPDATED,
        Event.OPERATION_UPDATED,
        Event.SUBMISSION_ACCEPTANCE,
        Event.CONTENT_CONSIGNMENT,
        Event.CONTENT_CONSIGNMENT,
    ]
    entry = read_entry((await stores.store.leaves(said.index or 0, 99))[0].entry)
    assert (entry.time, entry.digest, entry.number) == (said.time, envelope.digest, 2)


async def test_the_same_again_gets_the_first_outcome_and_takes_no_effect(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        envelope = world.envelope()
        first = await world.send(exchange, envelope)
        size = await stores.store.size()
        again = await world.send(exchange, envelope)
        assert again.repeated
        assert (again.receipt, again.index, again.accepted) == (first.receipt, first.index, True)
        assert await stores.store.size() == size


async def test_a_handover_empties_the_inbox_once(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        envelope = world.envelope()
        await world.send(exchange, envelope)
        said = world.acknowledgement("BR", envelope.digest)
        await exchange.evidence(Address("BR"), said)
        await exchange.evidence(Address("BR"), said)
        assert await stores.store.waiting(Address("BR"), -1, 50, 1 << 20) == []
    assert (await events(stores))[-2:] == [Event.CONTENT_CONSIGNMENT, Event.CONTENT_HANDOVER]
    assert wire.MAX_ITEMS == 50
