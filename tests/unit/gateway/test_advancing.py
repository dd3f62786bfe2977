"""An exercise's time passes between batches and signatures, never within one; answered when nothing is in hand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.adapters.memory import MemoryStore
from gateway.advancing import Advancing, Moment
from gateway.exercise_clock import ExerciseClock
from gateway.passing import Turn
from gateway.ports import Placed
from schemas.errors import Misuse
from tests.support import NOW


class Pipeline:
    """A pipeline with so many jobs that wait."""

    def __init__(self) -> None:
        self.turn = Turn()
        self.waiting = 0
        self.barriers = 0

    async def fail(self, copies: Sequence[Placed]) -> None:
        assert not copies
        self.barriers += 1


class Chores:
    """Chores that note at which time they caught up."""

    def __init__(self, clock: ExerciseClock) -> None:
        self.signing = asyncio.Lock()
        self.clock = clock
        self.caught_up: list[int] = []

    async def catch_up(self) -> None:
        self.caught_up.append(self.clock.now())


class Scene:
    """One gateway's time, without the gateway."""

    def __init__(self, folder: Path) -> None:
        self.clock = ExerciseClock(folder, NOW)
        self.pipeline, self.chores = Pipeline(), Chores(self.clock)
        self.advancing = Advancing(self.clock, MemoryStore(), self.pipeline, self._answer, self.chores)

    async def _answer(self) -> None:
        raise AssertionError("no answer clock is due here")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


async def test_it_goes_there_catches_up_and_is_answered(scene: Scene) -> None:
    assert await scene.advancing.to(NOW + 1000) == Moment(NOW + 1000, None)
    assert await scene.advancing.moment() == Moment(NOW + 1000, None)
    assert scene.chores.caught_up == [NOW + 1000]
    assert scene.pipeline.barriers == 1
    with pytest.raises(Misuse, match="does not go back"):
        await scene.advancing.to(NOW)
    assert scene.clock.now() == NOW + 1000


@pytest.mark.parametrize("held", ["batch", "signature"])
async def test_it_waits_for_a_batch_and_for_a_signature_that_began(scene: Scene, held: str) -> None:
    async with scene.pipeline.turn.shared() if held == "batch" else scene.chores.signing:
        passing = asyncio.create_task(scene.advancing.to(NOW + 1000))
        await asyncio.sleep(0.05)
        assert scene.clock.now() == NOW
    await asyncio.wait_for(passing, 60)
    assert scene.clock.now() == NOW + 1000


async def test_it_is_not_answered_while_something_waits(scene: Scene) -> None:
    scene.pipeline.waiting = 1
    passing = asyncio.create_task(scene.advancing.to(NOW + 1000))
    await asyncio.sleep(0.05)
    assert scene.clock.now() == NOW + 1000
    assert not passing.done()
    scene.pipeline.waiting = 0
    assert (await asyncio.wait_for(passing, 60)).now == NOW + 1000
