"""A full inbox holds up its own bureau's mail, with evidence, and nobody else's."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gateway.adapters.memory import MemoryStore
from gateway.ports import Store
from gateway.settings import Pipeline
from schemas.directory import Link
from schemas.errors import Reason
from schemas.evidence import Entry, Event, read_entry
from schemas.identity import Address
from tests.support import Stores, World

LIMITS = Pipeline(linger_milliseconds=0, inbox_items=2)
MANY = 1 << 24


async def inbox(store: Store, code: str) -> list[bytes]:
    return [item.digest for item in await store.waiting(Address(code), -1, 50, MANY)]


async def entries(store: Store, event: Event) -> list[Entry]:
    found = [read_entry(leaf.entry) for leaf in await store.leaves(0, await store.size())]
    return [entry for entry in found if entry.event is event]


async def test_what_finds_no_room_is_kept_and_others_get_theirs(stores: Stores) -> None:
    world, store = World(), stores.store
    async with world.gateway(store, LIMITS) as exchange:
        first = [await world.send(exchange, world.envelope("FR", ["BR"])) for _ in range(2)]
        assert await exchange.make_room() == 0
        assert [seen.fields["inbox"] for seen in world.watcher.named("inbox-full")] == ["BR"]
        world.clock.move(1)
        third = await world.send(exchange, world.envelope("FR", ["BR", "AR"]))
        assert third.accepted
        assert await inbox(store, "BR") == [outcome.digest for outcome in first]
        assert await inbox(store, "AR") == [third.digest]
        assert await exchange.make_room() == 0, "there is no room yet"
        assert await exchange.republish() == 0, "it is not the broker's"
        await exchange.evidence(Address("BR"), world.acknowledgement("BR", first[0].digest))
        assert await exchange.make_room() == 1
        assert await inbox(store, "BR") == [first[1].digest, third.digest]
        assert await exchange.make_room() == 0
    told = [(entry.digest, entry.party) for entry in await entries(store, Event.CONTENT_CONSIGNMENT)]
    assert told[-2:] == [(third.digest, "AR"), (third.digest, "BR")]
    assert len(set(told)) == len(told) == 4


async def test_a_copy_that_finds_no_room_until_its_end_is_recorded_as_failed(stores: Stores) -> None:
    world, store = World(), stores.store
    async with world.gateway(store, LIMITS) as exchange:
        for _ in range(2):
            await world.send(exchange, world.envelope("FR", ["BR"]))
        await exchange.look_at_inboxes()
        kept = await world.send(exchange, world.envelope("FR", ["BR"], exp=world.clock.now() // 1000 + 60))
        world.clock.move(61_000)
        await exchange.fail(await store.expired(world.clock.now() // 1000, 10))
        assert await exchange.make_room() == 0
        await exchange.evidence(Address("BR"), world.acknowledgement("BR", (await inbox(store, "BR"))[0]))
        assert await exchange.make_room() == 0
    (failure,) = await entries(store, Event.CONTENT_CONSIGNMENT_FAILURE)
    assert (failure.digest, failure.party, failure.reason) == (kept.digest, "BR", Reason.EXPIRED)


async def test_only_the_inboxes_that_were_asked_for_are_counted(stores: Stores) -> None:
    world, store = World(), stores.store
    async with world.gateway(store, LIMITS) as exchange:
        for recipients in (["BR"], ["BR", "AR"]):
            await world.send(exchange, world.envelope("FR", recipients))
    br, ar = Address("BR"), Address("AR")
    assert await store.full_inboxes([br, ar], 2) == {br}
    assert await store.full_inboxes([br, ar], 1) == {br, ar}
    assert await store.full_inboxes([ar], 1) == {ar}
    assert await store.full_inboxes([ar], 2) == await store.full_inboxes([], 1) == frozenset()


@pytest.mark.parametrize(("link", "asked"), [(Link.HTTP, {"FR", "BR", "AR", "IPSG"}), (Link.AMQP, set())])
async def test_a_look_asks_for_http_inboxes_alone(link: Link, asked: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    memory, looked = MemoryStore(), list[Sequence[Address]]()

    async def full(inboxes: Sequence[Address], limit: int) -> frozenset[Address]:
        assert limit == LIMITS.inbox_items
        looked.append(inboxes)
        return frozenset()

    monkeypatch.setattr(memory, "full_inboxes", full)
    async with World(link=link).gateway(memory, LIMITS) as exchange:
        await exchange.look_at_inboxes()
    assert [set(map(str, inboxes)) for inboxes in looked] == [asked]
