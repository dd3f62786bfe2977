"""What several measurements share: a network kept up for all rounds, and one round of either side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import aio_pika

from benchmarks import beside
from benchmarks.ground import Ground, Pace, ground, posts
from schemas.directory import Link

T = TypeVar("T")
FEW: Final = 5
"""Bureaus of the usual network."""
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


_kept: list[Stage] = []
"""The usual network, once it was asked for while networks are kept."""
_keeper: list[ExitStack] = []


@contextmanager
def kept() -> Iterator[None]:
    """Several measurements share the usual network: making one takes longer than some of them."""
    with ExitStack() as stack:
        _keeper.append(stack)
        try:
            yield
        finally:
            _keeper.clear()
            _kept.clear()


@contextmanager
def stage(
    bureaus: int = FEW, link: Link = Link.AMQP, witnesses: int = 0, dishonest: int = 0, *, fresh: bool = False
) -> Iterator[Stage]:
    """A network for as long as the block lasts, its gateway at rest: one with nothing in its ledger if `fresh`."""
    if not _keeper or fresh or (bureaus, link, witnesses, dishonest) != (FEW, Link.AMQP, 0, 0):
        with _stage(bureaus, link, witnesses, dishonest) as made:
            yield made
        return
    if not _kept:
        _kept.append(_keeper[0].enter_context(_stage(bureaus, link, witnesses, dishonest)))
    kept_one = _kept[0]
    kept_one.made.settle()
    kept_one.play(purge)  # of what another may have left
    try:
        yield kept_one
    finally:
        kept_one.play(Ground.rest)


@contextmanager
def _stage(bureaus: int, link: Link, witnesses: int, dishonest: int) -> Iterator[Stage]:
    with asyncio.Runner() as runner:
        manager = ground(bureaus, link, witnesses, dishonest)
        made = runner.run(manager.__aenter__())
        try:
            yield Stage(made, runner)
        finally:
            runner.run(manager.__aexit__(None, None, None))


async def purge(made: Ground) -> None:
    """Throw away what waits for the gateway."""
    connection = await aio_pika.connect(made.broker_url, ssl_context=made.gateway_tls.client_context())
    try:
        channel = await (await connection.channel()).get_underlay_channel()
        for queue in made.sources:
            await channel.queue_purge(queue)
    finally:
        await connection.close()


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
