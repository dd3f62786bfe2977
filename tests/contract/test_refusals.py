"""Refusals of named senders at the gateway, on every store: published, kept, applied, and never taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from gateway.exchange import Exchange
from gateway.settings import Pipeline
from schemas.directory import ParticipantKind, State
from schemas.errors import BureaunetError, Reason
from schemas.evidence import Event, read_entry
from schemas.identity import Address
from schemas.keys import SigningKey
from schemas.preferences import Preferences, sign_preferences
from tests.support import NOW, Office, Stores, World


def refusals(world: World, owner: str, version: int, *refused: str, by: SigningKey | None = None) -> bytes:
    said = Preferences(Address(owner), version, NOW, frozenset(map(Address, refused)))
    return sign_preferences(said, world.network.id, by or world.office(owner).signing)


async def outcome(world: World, exchange: Exchange, sender: str, to: Sequence[str]) -> Reason | None:
    sent = await world.send(exchange, world.envelope(sender, to), str(Address(sender).bureau))
    assert sent.index is not None
    return sent.reason


async def test_a_refused_sender_reaches_nobody_with_that_message_and_others_with_the_next(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        assert await outcome(world, exchange, "FR", ["BR"]) is None
        index = await exchange.publish_preferences(Address("BR"), refusals(world, "BR", 1, "FR"))
        assert await outcome(world, exchange, "FR", ["AR", "BR"]) is Reason.SENDER_REFUSED
        assert await outcome(world, exchange, "FR", ["AR"]) is None
        assert await outcome(world, exchange, "AR", ["BR"]) is None
        assert await outcome(world, exchange, "BR", ["FR"]) is None
        inboxes = await stores.store.heads_of_inboxes([Address("AR"), Address("BR")])
        entry = read_entry((await stores.store.leaves(index, index + 1))[0].entry)
    assert set(inboxes) == {Address("AR"), Address("BR")}
    assert (entry.event, entry.party) == (Event.PREFERENCES_UPDATED, Address("BR"))
    assert (entry.key_id, entry.operation) == (world.offices["BR"].signing.key_id, None)


async def test_a_bureau_refuses_for_its_units_and_a_unit_for_itself(stores: Stores) -> None:
    world = World()
    unit = Office(Address("BR/airport"), kind=ParticipantKind.UNIT)
    world.offices["BR/airport"] = unit
    world.offices["FR"].units = ("border",)
    world.first_directory()
    async with world.gateway(stores.store) as exchange:
        await exchange.publish_preferences(Address("BR"), refusals(world, "BR/airport", 1, "AR"))
        assert await outcome(world, exchange, "AR", ["BR/airport"]) is Reason.SENDER_REFUSED
        assert await outcome(world, exchange, "AR", ["BR"]) is None
        await exchange.publish_preferences(Address("BR"), refusals(world, "BR", 1, "FR"))
        assert await outcome(world, exchange, "FR", ["BR/airport"]) is Reason.SENDER_REFUSED
        assert await outcome(world, exchange, "FR/border", ["BR"]) is Reason.SENDER_REFUSED


async def test_an_older_version_never_comes_back(stores: Stores) -> None:
    world = World()
    first, second = refusals(world, "BR", 1, "FR"), refusals(world, "BR", 2)
    async with world.gateway(stores.store) as exchange:
        await exchange.publish_preferences(Address("BR"), first)
        index = await exchange.publish_preferences(Address("BR"), second)
        size = await stores.store.size()
        assert await exchange.publish_preferences(Address("BR"), second) == index
        for raw in (first, refusals(world, "BR", 2, "AR"), refusals(world, "BR", 4)):
            with pytest.raises(BureaunetError) as caught:
                await exchange.publish_preferences(Address("BR"), raw)
            assert caught.value.reason is Reason.VERSION_ORDER
        assert await stores.store.size() == size
        assert await outcome(world, exchange, "FR", ["BR"]) is None


async def test_refusals_hold_after_a_restart_and_a_rotation_and_reach_other_processes(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange, world.gateway(stores.store) as other:
        await exchange.publish_preferences(Address("BR"), refusals(world, "BR", 1, "FR"))
        async with asyncio.timeout(60):
            while Address("BR") not in other.trust.preferences:  # noqa: ASYNC110  # the poll sets no event
                await asyncio.sleep(0.05)
        assert await outcome(world, other, "FR", ["BR"]) is Reason.SENDER_REFUSED
    async with world.gateway(stores.store) as exchange:
        assert await outcome(world, exchange, "FR", ["BR"]) is Reason.SENDER_REFUSED


@pytest.mark.parametrize(
    ("link", "owner", "state", "reason"),
    [
        ("FR", "BR", State.ACTIVE, Reason.LINK_IDENTITY),
        ("BR", "BR/nowhere", State.ACTIVE, Reason.RECIPIENT_UNKNOWN),
        ("BR", "BR", State.SUSPENDED, Reason.SENDER_SUSPENDED),
    ],
)
async def test_refusals_are_of_whom_the_link_speaks_for(
    stores: Stores, link: str, owner: str, state: State, reason: Reason
) -> None:
    world = World()
    world.offices["BR"].state = state
    world.first_directory()
    async with world.gateway(stores.store) as exchange:
        with pytest.raises(BureaunetError) as caught:
            await exchange.publish_preferences(Address(link), refusals(world, owner, 1, "AR"))
        assert caught.value.reason is reason


async def test_a_strange_key_refuses_for_nobody(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        forged = refusals(world, "BR", 1, "AR", by=SigningKey.generate())
        with pytest.raises(BureaunetError) as caught:
            await exchange.publish_preferences(Address("BR"), forged)
        assert caught.value.reason is Reason.KEY_UNKNOWN


async def test_statements_in_a_minute_are_bounded(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store, Pipeline(linger_milliseconds=0, statements_per_minute=2)) as exchange:
        for version in (1, 2):
            await exchange.publish_preferences(Address("BR"), refusals(world, "BR", version, "AR"))
        with pytest.raises(BureaunetError) as caught:
            await exchange.publish_preferences(Address("BR"), refusals(world, "BR", 3))
        assert caught.value.reason is Reason.LINK_QUOTA
        await exchange.publish_preferences(Address("FR"), refusals(world, "FR", 1, "AR"))
        world.clock.move(60_000)
        await exchange.publish_preferences(Address("BR"), refusals(world, "BR", 3))
        versions = [world.amend(name=f"Renamed {number}") for number in range(3)]
        first, _ = [await exchange.publish_operation(Address("IPSG"), version) for version in versions[:2]]
        with pytest.raises(BureaunetError) as again:
            await exchange.publish_operation(Address("IPSG"), versions[2])
        assert again.value.reason is Reason.LINK_QUOTA
        assert await exchange.publish_operation(Address("IPSG"), versions[0]) == first, "the same again costs nothing"


async def test_several_processes_share_a_bureaus_quota(stores: Stores) -> None:
    world = World()
    limits = Pipeline(linger_milliseconds=0, bureau_per_minute=3)
    async with world.gateway(stores.store, limits) as one, world.gateway(stores.store, limits) as other:
        found = [await outcome(world, exchange, "FR", ["BR"]) for exchange in (one, other, one)]
        assert found == [None, None, None]
        for exchange in (one, other):
            assert await outcome(world, exchange, "FR", ["BR"]) is Reason.QUOTA
        assert await outcome(world, other, "AR", ["BR"]) is None
        world.clock.move(60_000)
        assert await outcome(world, other, "FR", ["BR"]) is None
    async with world.gateway(stores.store, limits) as again:  # what was spent outlives the process
        for _ in range(2):
            assert await outcome(world, again, "FR", ["BR"]) is None
        assert await outcome(world, again, "FR", ["BR"]) is Reason.QUOTA
