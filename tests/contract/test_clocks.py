"""Answer clocks, in every store: opened, moved and locked with the batch; attestations in inboxes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from gateway.clocks import Attested, Clock, State
from schemas.answer_times import AnswerTime
from schemas.codes import Answer, Urgency
from schemas.directory import Link
from schemas.envelope import Envelope
from schemas.errors import Reason
from schemas.identity import Address
from tests.support import NOW, RESPONSE, Stores, World

MANY = 1 << 24
FR, BR, AR = Address("FR"), Address("BR"), Address("AR")
TIMES = (AnswerTime("whereabouts.query", Urgency.ROUTINE, 100, 200, (50,), 2),)


def reply(world: World, query: Envelope, sender: str, answer: Answer, until: int | None = None) -> Envelope:
    """An answer of `sender` to FR."""
    claims: dict[str, Any] = {
        "kind": RESPONSE,
        "thread": query.digest,
        "re": query.digest,
        "answer": answer,
        "until": until,
    }
    return world.envelope(sender, ["FR"], **claims)


async def states(stores: Stores, query: Envelope) -> dict[str, State]:
    return {str(clock.recipient): clock.state for clock in await stores.store.clocks(query.digest)}


async def test_a_query_has_a_clock_for_each_recipient_and_answers_move_their_senders_alone(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        await exchange.publish_operation(Address("IPSG"), world.amend(times=TIMES))
        query = world.envelope("FR", ["BR", "AR"])
        outcome = await world.send(exchange, query)
        assert outcome.accepted
        found = await stores.store.clocks(query.digest)
        assert [(one.recipient, one.sender, one.operation) for one in found] == [
            (AR, FR, world.operation.id),
            (BR, FR, world.operation.id),
        ]
        assert {(one.opened, one.due, one.next_at) for one in found} == {
            (NOW * 1000, (NOW + 100) * 1000, (NOW + 50) * 1000)
        }
        await exchange.evidence(BR, world.acknowledgement("BR", query.digest))
        await exchange.evidence(BR, world.acknowledgement("BR", query.digest, reason=Reason.STRUCTURE))  # the second
        assert await states(stores, query) == {"AR": State.AWAITING, "BR": State.ACKNOWLEDGED}
        more = reply(world, query, "BR", Answer.MORE_TIME, NOW + 150)
        assert (await world.send(exchange, more, "BR")).accepted
        later = next(one for one in await stores.store.clocks(query.digest) if one.recipient == BR)
        assert (later.state, later.due, later.answer) == (State.MORE_TIME, (NOW + 150) * 1000, more.digest)
        assert (await world.send(exchange, reply(world, query, "BR", Answer.FINAL), "BR")).accepted
        await exchange.evidence(AR, world.acknowledgement("AR", query.digest, reason=Reason.STRUCTURE))
        assert await states(stores, query) == {"AR": State.REFUSED, "BR": State.ANSWERED}
        assert [(one.next_at, one.reason) for one in await stores.store.clocks(query.digest)] == [
            (None, Reason.STRUCTURE),
            (None, None),
        ]
        assert await stores.store.clock_states() == {}


async def test_what_is_refused_or_awaits_no_answer_has_no_clock(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        told = world.envelope(kind="result/1")
        assert (await world.send(exchange, told)).accepted
        refused = world.envelope(kind="gossip/1")
        assert not (await world.send(exchange, refused)).accepted
        for envelope in (told, refused):
            assert await stores.store.clocks(envelope.digest) == []
        asked = world.envelope(kind="result/1", reply_by=NOW + 60)
        assert (await world.send(exchange, asked)).accepted
        assert [clock.due for clock in await stores.store.clocks(asked.digest)] == [(NOW + 60) * 1000]


async def opened(stores: Stores, world: World, count: int) -> list[Clock]:
    """So many open clocks, due one after another."""
    async with world.gateway(stores.store) as exchange:
        query = world.envelope()
        await world.send(exchange, query)
        (first,) = await stores.store.clocks(query.digest)
    clocks = [
        replace(first, query=number.to_bytes(32), due=number, next_at=number, recipient=(BR, AR)[number % 2])
        for number in range(1, count + 1)
    ]
    async with stores.store.begin() as transaction:
        await transaction.open_clocks(clocks)
    return clocks


async def test_due_clocks_come_in_order_and_what_another_transaction_holds_is_left_out(stores: Stores) -> None:
    clocks = await opened(stores, World(), 5)
    async with stores.store.begin() as transaction:
        assert await transaction.due_clocks(3, 2) == clocks[:2]
        await transaction.save_clocks([replace(clocks[0], next_at=None, state=State.ESCALATED, stage=4)])
    async with stores.store.begin() as transaction:
        (first, second) = await transaction.due_clocks(3, 10)
        assert [first, second] == clocks[1:3]
        assert await transaction.due_clocks(0, 10) == []
        await transaction.save_clocks(
            [
                replace(one, state=State.OVERDUE, next_at=100, reason=Reason.STRUCTURE, answer=b"a" * 32)
                for one in (first, second)
            ]
        )
    silent = await stores.store.overdue(None, 2)
    assert [clock.due for clock in silent] == [1, 2]
    assert await stores.store.overdue(silent[-1], 2) == [
        replace(clocks[2], state=State.OVERDUE, next_at=100, reason=Reason.STRUCTURE, answer=b"a" * 32)
    ]
    assert await stores.store.clock_states() == {State.AWAITING: 3, State.OVERDUE: 2, State.ESCALATED: 1}


async def test_two_takers_share_what_is_due(stores: Stores) -> None:
    clocks = await opened(stores, World(), 8)
    taken: list[Clock] = []

    async def take() -> None:
        while True:
            async with stores.store.begin() as transaction:
                found = await transaction.due_clocks(100, 3)
                await asyncio.sleep(0)
                await transaction.save_clocks([replace(one, next_at=None) for one in found])
            if not found:
                return
            taken.extend(found)

    await asyncio.gather(take(), take())
    assert sorted(clock.due for clock in taken) == [clock.due for clock in clocks]


async def test_a_rolled_back_step_leaves_clocks_as_they_were(stores: Stores) -> None:
    clocks = await opened(stores, World(), 1)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012  # what raises is the block's end
        async with stores.store.begin() as transaction:
            await transaction.save_clocks([replace(clocks[0], next_at=None)])
            await transaction.put_attestations([Attested(50, FR, Link.HTTP, b"s", 1)])
            _ = 1 // 0
    assert await stores.store.clocks(clocks[0].query) == clocks
    assert await stores.store.attested_inboxes(-1, 10) == {}


async def test_attestations_stand_among_the_copies_of_an_inbox_by_index(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        for _ in range(2):
            await world.send(exchange, world.envelope())
        first, second = (item.index for item in await stores.store.waiting(BR, -1, 50, MANY))
        between, last = first + 1, await stores.store.size()
        made = [Attested(index, BR, Link.HTTP, bytes([index]), NOW) for index in (between, last)]
        made += [Attested(between, FR, Link.HTTP, b"f", NOW), Attested(between, AR, Link.AMQP, b"b", NOW)]
        async with stores.store.begin() as transaction:
            await transaction.put_attestations(made[1:])
            await transaction.put_attestations(made[:1])
        expected = sorted([first, between, second, last])

        async def indices(after: int, limit: int, size: int = MANY) -> list[int]:
            return [item.index for item in await stores.store.waiting(BR, after, limit, size)]

        assert await indices(-1, 50) == expected
        assert await indices(-1, 2) == expected[:2]
        assert await indices(first, 2) == expected[1:3]
        room = len((await stores.store.waiting(BR, -1, 50, MANY))[0].envelope.sealed or b"") + 1
        assert await indices(-1, 50, room) == expected[: expected.index(second)]  # none passes over what did not fit
        (item,) = await stores.store.waiting(FR, -1, 50, MANY)
        assert (item.type, item.envelope.statement, item.receipt) == ("receipt", b"f", b"")
        assert await stores.store.waiting(AR, first, 50, MANY) == []
        assert await stores.store.attested_inboxes(-1, 10) == {BR: last, FR: between}
        assert await stores.store.attested_inboxes(-1, 2) == {BR: between, FR: between}
        assert await stores.store.attested_inboxes(between, 10) == {BR: last}


async def test_attestations_for_the_broker_are_leased_until_they_are_placed_and_all_are_forgotten(
    stores: Stores,
) -> None:
    made = [Attested(index, AR, Link.AMQP, b"b", index) for index in (1, 2, 3)]
    made.append(Attested(4, BR, Link.HTTP, b"h", 4))
    async with stores.store.begin() as transaction:
        await transaction.put_attestations(made)
    assert await stores.store.lease_attestations(1000, 50, 2) == made[:2]
    assert await stores.store.lease_attestations(1000, 50, 10) == [made[2]]
    await stores.store.mark_attested(made[:1])
    assert await stores.store.lease_attestations(1049, 50, 10) == []
    assert await stores.store.lease_attestations(1050, 50, 10) == made[1:3]
    assert await stores.store.forget_attestations(4, 2) == 2
    assert await stores.store.forget_attestations(4, 2) == 1
    assert await stores.store.forget_attestations(4, 2) == 0
    assert [item.index for item in await stores.store.waiting(BR, -1, 50, MANY)] == [4]
    assert await stores.store.lease_attestations(9999, 50, 10) == []
