"""When a link was last heard of: kept in memory, written together, not lost while the database is away."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gateway.adapters.memory import MemoryStore, SetClock
from gateway.adapters.memory.looks import MemoryLooks
from gateway.app.looking import hearing, hearing_taken
from gateway.ports import Arrival
from gateway.ports_looks import Presence
from gateway.presence import Presences
from schemas.directory import Link
from schemas.errors import Reason, Unavailable
from schemas.identity import Address

FR, BR = Address("FR"), Address("BR")


class Away(MemoryLooks):
    async def heard(self, seen: Sequence[Presence]) -> None:
        raise Unavailable(Reason.STORE, f"{len(seen)} are not written")


async def test_what_was_heard_is_written_once_and_kept_while_nobody_can_write() -> None:
    clock, looks = SetClock(1000), MemoryLooks(MemoryStore())
    heard = Presences(clock, 10)
    heard.heard(FR, Link.HTTP, "bureaunet/1")
    with pytest.raises(Unavailable):
        await heard.write(Away(MemoryStore()))
    clock.move(5)
    heard.heard(FR, Link.AMQP)
    heard.heard(BR, Link.HTTP)
    await heard.write(looks)
    found = await looks.presences()
    assert (found[FR].time, found[FR].way, found[FR].agent) == (1005, Link.AMQP, "bureaunet/1")
    assert found[BR] == Presence(BR, 1005, Link.HTTP)


async def test_what_a_program_calls_itself_is_printable_and_short() -> None:
    heard, looks = Presences(SetClock(1), 10), MemoryLooks(MemoryStore())
    heard.heard(FR, Link.HTTP, "bureaunet/1\x1b[2J" + "x" * 200)
    heard.heard(FR, Link.HTTP)
    await heard.write(looks)
    agent = (await looks.presences())[FR].agent
    assert (agent.startswith("bureaunet/1 [2Jx"), len(agent), agent.isprintable()) == (True, 80, True)


async def test_only_so_many_links_are_remembered() -> None:
    heard, looks = Presences(SetClock(1), 2), MemoryLooks(MemoryStore())
    for code in ("FR", "BR", "AR"):
        heard.heard(Address(code), Link.HTTP)
    await heard.write(looks)
    assert set(await looks.presences()) == {"BR", "AR"}


async def test_arrivals_from_the_broker_are_heard_where_the_broker_checked_whose_they_are() -> None:
    heard, looks, handled = Presences(SetClock(1), 9), MemoryLooks(MemoryStore()), list[Arrival]()

    async def handle(arrival: Arrival) -> None:
        handled.append(arrival)

    handler = hearing(handle, heard)
    strange = (("submit.FR", None), ("submit.FR", "IT"), ("submit.x\0", "x\0"), ("x", "MX"))
    for exchange, user in (("submit.FR", "FR"), *strange):
        await handler(Arrival(exchange, user, None, b""))
    for user, taken in (("BR", True), ("AR", False)):
        arrival = Arrival(f"submit.{user}", user, None, b"")
        assert hearing_taken(lambda *_: taken, heard)(arrival, lambda _error: None, lambda _task: None) is taken  # noqa: B023  # called at once
    await heard.write(looks)
    assert (set(await looks.presences()), len(handled)) == ({"FR", "BR"}, 5)
