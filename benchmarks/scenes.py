"""What several measurements share: a network kept up for all rounds, and one round of either side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from benchmarks import beside
from benchmarks.ground import Ground, Pace, ground, posts
from schemas.directory import Link

T = TypeVar("T")
ITEMS: Final = 4000
"""Messages of one round."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A network, and the loop that it lives in."""

    made: Ground
    runner: asyncio.Runner

    def play(self, round_: Callable[[Ground], Coroutine[object, object, T]]) -> T:
        """Run one round to its end."""
        return self.runner.run(round_(self.made))


@contextmanager
def stage(bureaus: int = 5, link: Link = Link.AMQP, witnesses: int = 0, dishonest: int = 0) -> Iterator[Stage]:
    """A network for as long as the block lasts."""
    with asyncio.Runner() as runner:
        manager = ground(bureaus, link, witnesses, dishonest)
        made = runner.run(manager.__aenter__())
        try:
            yield Stage(made, runner)
        finally:
            runner.run(manager.__aexit__(None, None, None))


async def through_ours(made: Ground, items: int = ITEMS) -> Pace:
    """One gateway over so many queries from filled queues."""
    await made.empty()
    await made.load(list(posts(made.queries(items))))
    return told("ours", await made.drained(items))


async def through_plain(made: Ground, items: int = ITEMS) -> Pace:
    """The plain relay over so many queries from filled queues."""
    await made.empty()
    await made.load(list(posts(made.queries(items))))
    return told("other", await beside.raw(made, items))


def told(name: str, pace: Pace) -> Pace:
    """Say how a round went, as it goes."""
    print(f"  {name:6} {pace.rate:7.0f}/s, {pace.cpu:5.0f} us of its own CPU each", flush=True)
    return pace
