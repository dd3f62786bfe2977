"""A lane that was closed while its connection still brings messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.adapters.rabbitmq.consumer import Lane
from gateway.adapters.rabbitmq.direct import Taken
from gateway.adapters.rabbitmq.hold import Hold
from gateway.adapters.rabbitmq.session import Timing
from gateway.ports import Arrival
from tests.broker_scene import Saw


class Queue:
    """A channel with one queue: whoever consumes it is given what `arrive` is called with."""

    arrive: Callable[[Taken], Awaitable[None]]

    async def set_qos(self, prefetch_count: int) -> None:
        assert prefetch_count

    async def get_queue(self, _name: str, *, ensure: bool) -> Queue:
        assert not ensure
        return self

    async def consume(self, arrive: Callable[[Taken], Awaitable[None]]) -> str:
        self.arrive = arrive
        return "tag"


def message(tag: int) -> Taken:
    nobody: Any = None  # nothing is acknowledged
    return Taken("submit", "FR", "envelope", b"body", tag, redelivered=False, channel=1, writer=nobody)


async def test_what_comes_after_the_close_is_not_in_hand_for_ever() -> None:
    """Other lanes of the session may still wait for their handlers, while the connection goes on."""
    handled: list[Arrival] = []

    async def never(arrival: Arrival) -> None:
        handled.append(arrival)
        await asyncio.Event().wait()

    hold, queue = Hold(1 << 20, Saw()), Queue()
    lane = Lane("submit.FR", never, Saw(), Timing(grace=0.01), 16, hold)
    await lane.open(queue)  # type: ignore[arg-type]  # it has all that a lane uses of a channel
    await queue.arrive(message(1))
    assert hold.held == 4
    await lane.close()
    assert hold.held == 0
    await queue.arrive(message(2))
    await asyncio.sleep(0)
    assert (hold.held, len(handled)) == (0, 1), "the broker gives it again"
