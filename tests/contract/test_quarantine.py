"""What an operator does with the quarantine: each act is an entry, and released bytes have one outcome."""

from __future__ import annotations

import hashlib

import pytest

from gateway.aside import Unprocessed, set_aside
from gateway.operators import Action, operator_id
from gateway.ports import Quarantined, Store
from gateway.quarantine import Quarantine
from gateway.settings import Pipeline
from schemas import wire
from schemas.errors import Forbidden, Malformed, Reason
from schemas.evidence import Entry, Event, read_entry
from schemas.identity import Address
from schemas.wire import ItemType
from tests.support import Stores, World


class Desk:
    """An operator at a store."""

    def __init__(self, store: Store) -> None:
        self.world, self.store = World(), store
        self.operator = operator_id(self.world.network.id, "ada")
        self.quarantine = Quarantine(self.store, self.world.clock, self.operator)

    async def put(self, body: bytes, item: ItemType | None = ItemType.ENVELOPE, link: str = "FR") -> Quarantined:
        async with self.store.begin() as transaction:
            await transaction.quarantine(Address(link), body, "KeyError", self.world.clock.now(), item)
        return (await self.store.set_aside(-1, 100))[-1]

    async def actions(self) -> list[Entry]:
        entries = [read_entry(leaf.entry) for leaf in await self.store.leaves(0, await self.store.size())]
        return [entry for entry in entries if entry.event is Event.OPERATOR_ACTION]


async def test_each_look_is_an_entry_that_names_the_operator_by_an_id(stores: Stores) -> None:
    desk = Desk(stores.store)
    item = await desk.put(b"bytes")
    assert [found.id for found in await desk.quarantine.items()] == [item.id]
    shown = await desk.quarantine.show(item.id)
    assert (shown.body, shown.size) == (b"bytes", 5)
    listed, seen = await desk.actions()
    assert (listed.kind, listed.digest) == (Action.QUARANTINE_LIST, None)
    assert (seen.kind, seen.digest, seen.key_id) == (
        Action.QUARANTINE_SHOW,
        hashlib.sha256(b"bytes").digest(),
        desk.operator,
    )
    assert desk.operator != operator_id(desk.world.network.id, "bob")


async def test_what_is_discarded_is_gone_and_the_ledger_says_why(stores: Stores) -> None:
    desk = Desk(stores.store)
    item = await desk.put(b"bytes")
    index = await desk.quarantine.discard(item.id, Reason.UNREADABLE)
    assert await desk.quarantine.items() == []
    first = (await desk.actions())[0]
    assert (first.kind, first.reason, index) == (Action.QUARANTINE_DISCARD, Reason.UNREADABLE, 0)
    with pytest.raises(Forbidden, match="not-found"):
        await desk.quarantine.discard(item.id, Reason.UNREADABLE)


async def test_a_released_envelope_is_decided_once_and_gone(stores: Stores) -> None:
    desk = Desk(stores.store)
    envelope = desk.world.envelope()
    async with desk.world.gateway(desk.store) as exchange:
        numbers = [(await desk.put(wire.encode_submission(envelope))).id for _ in range(2)]
        first, second = [await desk.quarantine.release(number, exchange) for number in numbers]
    assert first.accepted
    assert (second.accepted, second.index) == (True, first.index)
    assert [(entry.kind, entry.reason) for entry in await desk.actions()] == [(Action.QUARANTINE_RELEASE, None)] * 2
    assert await desk.quarantine.items() == []


async def test_what_is_refused_for_good_leaves_and_what_is_unreadable_stays(stores: Stores) -> None:
    desk = Desk(stores.store)
    now = desk.world.clock.now() // 1000
    expired = desk.world.envelope(iat=now - 20, exp=now - 10)
    async with desk.world.gateway(desk.store) as exchange:
        gone = await desk.quarantine.release((await desk.put(wire.encode_submission(expired))).id, exchange)
        stays = await desk.quarantine.release((await desk.put(b"never an envelope")).id, exchange)
    assert (gone.done, gone.accepted, gone.reason) == (True, False, Reason.EXPIRED)
    assert (stays.done, stays.accepted, stays.index) == (False, False, None)
    assert [entry.reason for entry in await desk.actions()] == [Reason.EXPIRED, stays.reason]
    assert len(await desk.quarantine.items()) == 1


@pytest.mark.parametrize("item", [ItemType.EVIDENCE, None])
async def test_released_evidence_goes_where_evidence_goes(stores: Stores, item: ItemType | None) -> None:
    desk = Desk(stores.store)
    async with desk.world.gateway(desk.store) as exchange:
        outcome = await desk.world.send(exchange, desk.world.envelope())
        word = desk.world.acknowledgement("BR", outcome.digest)
        wrong = await desk.put(word, item, link="AR")
        assert not (await desk.quarantine.release(wrong.id, exchange)).done
        right = await desk.put(word, item, link="BR")
        assert (await desk.quarantine.release(right.id, exchange)).done
    events = [read_entry(leaf.entry).event for leaf in await desk.store.leaves(0, 100)]
    assert Event.CONTENT_HANDOVER in events


async def test_over_its_bounds_bytes_are_not_kept_and_it_is_said(stores: Stores) -> None:
    world, store = World(), stores.store
    limits = Pipeline(quarantine_items=3, quarantine_items_per_link=2)

    async def put(link: str) -> bool:
        found = Unprocessed(Address(link), b"bytes", "KeyError", world.clock.now(), ItemType.ENVELOPE)
        return await set_aside(store, world.watcher, limits, found)

    assert [await put(link) for link in ("FR", "FR", "FR", "BR", "BR", "AR")] == [True, True, False, True, False, False]
    assert [item.link for item in await store.set_aside(-1, 10)] == ["FR", "FR", "BR"]
    dropped = [seen.fields for seen in world.watcher.named("quarantine-dropped")]
    assert [(fields["link"], fields["reason"]) for fields in dropped] == [
        ("FR", Reason.LINK_QUOTA),
        ("BR", Reason.OVERLOADED),
        ("AR", Reason.OVERLOADED),
    ]
    assert {(fields["cause"], fields["size"]) for fields in dropped} == {("KeyError", 5)}
    async with store.begin() as transaction:
        await transaction.take_quarantined((await store.set_aside(-1, 10))[0].id)
    assert await put("FR"), "there is room again"


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_an_operator_has_a_name(name: str) -> None:
    with pytest.raises(Malformed):
        operator_id(bytes(32), name)
