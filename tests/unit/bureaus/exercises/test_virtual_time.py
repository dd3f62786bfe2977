"""Virtual time: it passes when nobody has anything to do, in whole steps, and the same way each time."""

from __future__ import annotations

import asyncio

import pytest

from bureaus.exercises import virtual_time
from bureaus.exercises.virtual_time import GATEWAY, VirtualTime
from schemas.errors import Misuse, Unavailable
from schemas.identity import Address

FR, BR = Address("FR"), Address("BR")


class Advances:
    """A gateway's clock that notes where it was told to go."""

    def __init__(self) -> None:
        self.told: list[int] = []

    async def to(self, milliseconds: int) -> None:
        await asyncio.sleep(0)
        self.told.append(milliseconds)


class Scene:
    """A time that begins at 0, with steps of a second, and what happened when."""

    def __init__(self) -> None:
        self.gateway = Advances()
        self.time = VirtualTime(self.gateway, 0, 1000)
        self.seen: list[tuple[int, str]] = []

    def note(self, what: str) -> None:
        self.seen.append((self.time.now(), what))

    async def waits(self, name: str, *seconds: float, first: bool = False) -> None:
        for one in seconds:
            await self.time.until(self.time.now() + int(one * 1000), first=first)
            self.note(name)


async def test_a_week_passes_in_the_order_of_times_and_in_whole_steps() -> None:
    scene = Scene()
    scene.time.start(scene.waits("b", 0.2, 604_800))
    scene.time.start(scene.waits("a", 1, 3600.5))
    await scene.time.run(10**12)
    assert scene.seen == [(1000, "b"), (1000, "a"), (3_602_000, "a"), (604_801_000, "b")]
    assert scene.gateway.told == [1000, 3_602_000, 604_801_000]
    assert scene.time.steps == 3


async def test_nothing_happens_after_the_end_and_who_is_first_goes_first() -> None:
    scene = Scene()
    scene.time.start(scene.waits("people", 5, 100))
    scene.time.start(scene.waits("trouble", 5, first=True))
    await scene.time.run(60_000)
    assert scene.seen == [(5000, "trouble"), (5000, "people")]
    await scene.time.aclose()


async def test_time_waits_for_a_message_that_is_on_its_way() -> None:
    scene = Scene()
    scene.time.start(scene.waits("later", 10))
    scene.time.fly(b"1", FR, BR)

    async def arrive() -> None:
        await asyncio.sleep(0.05)
        scene.note("arrived")
        scene.time.land(b"1", BR)

    arriving = asyncio.create_task(arrive())
    await scene.time.run(60_000)
    await arriving
    assert scene.seen == [(0, "arrived"), (10_000, "later")]


async def test_a_message_that_came_before_it_was_said_to_fly_holds_up_nothing() -> None:
    scene = Scene()
    scene.time.land(b"1", BR)
    scene.time.fly(b"1", FR, BR)
    scene.time.start(scene.waits("later", 10))
    await scene.time.run(60_000)
    assert scene.seen == [(10_000, "later")]


@pytest.mark.parametrize("away", [FR, BR, GATEWAY])
async def test_who_is_cut_off_holds_up_no_time_and_goes_on_after_the_mend(away: Address) -> None:
    scene = Scene()
    scene.time.fly(b"1", FR, BR)
    scene.time.cut(away)

    async def act() -> None:
        await scene.time.reachable(FR)
        await scene.time.reachable(BR)
        scene.note("acted")

    async def mend() -> None:
        await scene.time.sleep(10)
        scene.time.land(b"1", BR)
        scene.time.mend(away)

    scene.time.start(act())
    scene.time.start(mend())
    await scene.time.run(60_000)
    assert scene.seen == [(10_000, "acted")]
    assert scene.gateway.told == ([] if away == GATEWAY else [10_000])


async def test_what_somebody_fails_for_the_run_fails_for() -> None:
    scene = Scene()

    async def fail() -> None:
        await scene.time.sleep(1)
        raise Misuse("so it is")

    scene.time.start(fail())
    with pytest.raises(Misuse, match="so it is"):
        await scene.time.run(60_000)


async def test_what_comes_to_no_end_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_time, "PATIENCE", 0.05)
    scene = Scene()
    scene.time.start(scene.waits("never", 10))
    scene.time.fly(b"1", FR, BR)
    with pytest.raises(Unavailable, match="a message from FR to BR"):
        await scene.time.run(60_000)
    scene.time.lose(b"1")
    await scene.time.run(60_000)
    assert scene.seen == [(10_000, "never")]


async def test_time_waits_as_long_as_there_is_something_to_do_that_nobody_is_counted_for() -> None:
    scene = Scene()
    left = ["publish", "send"]

    async def tend() -> bool:
        if not left:
            return False
        scene.note(left.pop(0))
        return True

    scene.time.before_passing = tend
    scene.time.start(scene.waits("later", 10))
    await scene.time.run(60_000)
    assert scene.seen == [(0, "publish"), (0, "send"), (10_000, "later")]


async def test_what_nobody_is_counted_for_and_comes_to_no_end_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_time, "PATIENCE", 0.05)
    scene = Scene()

    async def tend() -> bool:
        await asyncio.Event().wait()
        return True

    scene.time.before_passing = tend
    with pytest.raises(Unavailable, match="services came to no end"):
        await scene.time.run(60_000)
