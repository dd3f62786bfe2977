"""What the console looks at besides messages, on every store: clocks by page, answer times, links, requests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.clocks import OPEN, Clock, State, Terms
from gateway.ports_looks import Approval, Awaited, Presence
from schemas.codes import Urgency
from schemas.directory import Link
from schemas.identity import Address
from tests.support import Stores, World

SHOWN = frozenset({*OPEN, State.OVERDUE, State.ESCALATED})


def clock(number: int, recipient: str, due: int, state: State, **more: object) -> Clock:
    made = Clock(
        bytes([number]) * 32, Address(recipient), Address("FR"), "op", "q/1", Urgency.ROUTINE, 0, due, Terms(9, 9)
    )
    return replace(made, state=state, **more)  # type: ignore[arg-type]  # fields by name


def place(one: Clock) -> tuple[int, bytes, Address]:
    return one.due, one.query, one.recipient


async def test_clocks_are_read_by_pages_those_due_first_first(stores: Stores) -> None:
    made = [
        clock(1, "BR", 30, State.AWAITING),
        clock(2, "BR", 10, State.ESCALATED, urgency=Urgency.URGENT),
        clock(3, "AR", 10, State.OVERDUE),
        clock(4, "AR/desk", 20, State.MORE_TIME),
        clock(5, "AR", 5, State.ANSWERED),
        clock(6, "BR", 20, State.INTERIM),
    ]
    async with stores.store.begin() as transaction:
        await transaction.open_clocks(made)
    seen: list[Clock] = []
    while page := await stores.looks.awaited(Awaited(SHOWN, after=place(seen[-1]) if seen else None, limit=2)):
        assert len(page) <= 2
        seen += page
    assert [one.query[0] for one in seen] == [2, 3, 4, 6, 1]

    async def numbers(**asked: object) -> list[int]:
        found = await stores.looks.awaited(Awaited(SHOWN, **asked))  # type: ignore[arg-type]  # fields by name
        return [one.query[0] for one in found]

    assert await numbers(bureau="AR") == [3, 4]
    assert await numbers(urgency=Urgency.URGENT) == [2]
    assert await numbers(bureau="AR", after=place(made[2])) == [4]
    assert await stores.looks.awaited(Awaited([State.AWAITING])) == [made[0]]


async def test_answer_times_are_from_the_query_to_its_final_answer(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        opened = world.clock.now()
        world.clock.move(4000)
        answer = await world.send(exchange, world.envelope("BR", ["FR"]), "BR")
        made = [
            clock(1, "BR", 9, State.ANSWERED, opened=opened, answer=answer.digest),
            clock(2, "AR", 9, State.OVERDUE, opened=opened),
        ]
        async with stores.store.begin() as transaction:
            await transaction.open_clocks(made)
        assert {str(who): list(took) for who, took in (await stores.looks.answer_times()).items()} == {"BR": [4000]}


async def test_a_link_is_heard_of_and_its_program_is_not_forgotten(stores: Stores) -> None:
    fr = Presence(Address("FR"), 10, Link.HTTP, "bureaunet/1")
    await stores.looks.heard([fr, Presence(Address("BR"), 5, Link.AMQP)])
    await stores.looks.heard([Presence(Address("FR"), 30, Link.AMQP)])
    await stores.looks.heard([replace(fr, time=20, agent="older")])
    await stores.looks.heard([])
    found = await stores.looks.presences()
    assert found[Address("FR")] == Presence(Address("FR"), 30, Link.AMQP, "bureaunet/1")
    assert found[Address("BR")] == Presence(Address("BR"), 5, Link.AMQP, "")


async def test_requests_wait_until_they_have_acted(stores: Stores) -> None:
    kept, subject = stores.approvals, b"s" * 32
    rows = [Approval(bytes([n]) * 32, "content.erase/1", subject, n, b"one", "ada", "why") for n in (1, 2, 3)]
    for row in rows:
        await kept.bring(row)
    await kept.bring(replace(rows[0], statement=b"two", account="bo"))
    assert await kept.approval(rows[0].id) == replace(rows[0], statement=b"two")
    assert [one.made for one in await kept.approvals(2, None, 9)] == [3, 2]
    (newest,) = await kept.approvals(0, None, 1)
    assert [one.made for one in await kept.approvals(0, (newest.made, newest.id), 9)] == [2, 1]
    async with stores.store.begin() as transaction:
        await transaction.use_request(rows[2].id)
    assert [one.used for one in await kept.approvals(0, None, 9)] == [True, False, False]
    assert [one.made for one in await kept.about("content.erase/1", subject)] == [2, 1]
    assert await kept.about("content.erase/1", b"t" * 32) == []
    assert await kept.approval(b"n" * 32) is None


async def test_a_database_says_how_it_is(stores: Stores) -> None:
    found = await stores.looks.condition()
    if found.product == "memory":
        pytest.skip("a store in memory has nothing to say of itself")
    assert found.product.split()[0] in {"SQLite", "PostgreSQL"}
    assert (found.size > 0, found.revision >= "0008", found.in_use <= found.pool, found.replicas) == (
        True,
        True,
        True,
        (),
    )
