"""A lane that was closed while its connection still brings messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pamqp.frame
import pytest
from pamqp import commands

from gateway.adapters.rabbitmq import frames
from gateway.adapters.rabbitmq.hold import Hold
from gateway.adapters.rabbitmq.lane import Lane, Moments
from gateway.adapters.rabbitmq.outgoing import Outgoing
from gateway.adapters.rabbitmq.session import Timing
from gateway.adapters.rabbitmq.sorting import Taken
from gateway.ports import Arrival, Owned
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
    return Taken("submit", "FR", "envelope", b"body", tag, redelivered=False, channel=1, outgoing=Outgoing(nobody))


async def test_what_comes_after_the_close_is_not_in_hand_for_ever() -> None:
    """Other lanes of the session may still wait for their handlers, while the connection goes on."""
    handled: list[Arrival] = []

    async def never(arrival: Arrival) -> None:
        handled.append(arrival)
        await asyncio.Event().wait()

    hold, queue = Hold(1 << 20, Saw()), Queue()
    lane = Lane("submit.FR", never, Saw(), Timing(grace=0.01), 16, hold, Moments())
    await lane.open(queue)  # type: ignore[arg-type]  # it has all that a lane uses of a channel
    await queue.arrive(message(1))
    assert hold.held == 4
    await lane.close()
    assert hold.held == 0
    await queue.arrive(message(2))
    await asyncio.sleep(0)
    assert (hold.held, len(handled)) == (0, 1), "the broker gives it again"


async def test_what_goes_on_with_a_message_that_was_taken_ends_with_the_lane() -> None:
    """Else each session while the store is away leaves its messages in memory for ever, beside the next one's."""
    going: list[asyncio.Task[None]] = []

    async def waits() -> None:
        await asyncio.Event().wait()

    def taking(_arrival: Arrival, _told: Callable[[BaseException | None], None], own: Owned) -> bool:
        going.append(asyncio.create_task(waits()))
        asyncio.get_running_loop().call_later(0.1 * (len(going) - 1), own, going[-1])
        return True

    queue = Queue()
    lane = Lane("submit.FR", never, Saw(), Timing(grace=0.01), 16, Hold(1 << 20, Saw()), Moments(), taking)
    await lane.open(queue)  # type: ignore[arg-type]  # it has all that a lane uses of a channel
    await queue.arrive(message(1))
    await queue.arrive(message(2))
    await asyncio.sleep(0)
    await lane.close()
    async with asyncio.timeout(60):
        found = await asyncio.gather(*going, return_exceptions=True)
    assert [type(one) for one in found] == [asyncio.CancelledError] * 2, "also what goes on only after the close"


class Noting:
    """A stream's writing end that notes the tags up to which everything is acknowledged."""

    def __init__(self, tags: list[int]) -> None:
        self.tags = tags

        self.transport = self

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes) -> None:
        _, _, frame = pamqp.frame.unmarshal(data)
        assert isinstance(frame, commands.Basic.Ack)
        assert frame.multiple
        self.tags.append(frame.delivery_tag)

    async def drain(self) -> None:
        pass


def noted(tag: int, tags: list[int]) -> Taken:
    writer: Any = Noting(tags)  # it has all that is used of a stream
    return Taken("submit", "FR", "envelope", b"body", tag, redelivered=False, channel=1, outgoing=Outgoing(writer))


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not reached():  # noqa: ASYNC110  # a list has no event
            await asyncio.sleep(0.001)


async def never(_arrival: Arrival) -> None:
    raise AssertionError("all are taken at once")


async def test_many_are_acknowledged_in_one_word_and_few_a_moment_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.adapters.rabbitmq.lane.ACKNOWLEDGE", 2.0)  # where it is not compiled: else half of it
    decided: list[Callable[[BaseException | None], None]] = []
    tags: list[int] = []

    def taking(_arrival: Arrival, told: Callable[[BaseException | None], None], _own: Owned) -> bool:
        decided.append(told)
        return True

    queue = Queue()
    lane = Lane("submit.FR", never, Saw(), Timing(grace=0.5), 16, Hold(1 << 20, Saw()), Moments(), taking)
    await lane.open(queue)  # type: ignore[arg-type]  # it has all that a lane uses of a channel
    for tag in range(1, 12):
        await queue.arrive(noted(tag, tags))
    for told in decided[1:9]:
        told(None)
    await asyncio.sleep(0.01)
    assert tags == [], "the first is not decided"
    decided[0](None)
    await until(lambda: tags == [9])
    decided[9](None)
    await asyncio.sleep(0.01)
    assert tags == [9], "it is not half of what may be in hand"
    await until(lambda: tags == [9, 10])
    decided[10](RuntimeError("lost"))
    with pytest.raises(RuntimeError, match="lost"):
        await lane.acknowledging
    await lane.close()


async def test_what_lanes_say_at_one_moment_goes_out_in_one_write() -> None:
    written: list[bytes] = []

    class Writing(Noting):
        def write(self, data: bytes) -> None:
            written.append(data)

    writer: Any = Writing([])
    outgoing, moments, lanes = Outgoing(writer), Moments(), list[Lane]()

    def taking(_arrival: Arrival, told: Callable[[BaseException | None], None], _own: Owned) -> bool:
        told(None)
        return True

    for channel in (1, 2, 3):
        queue = Queue()
        lanes.append(Lane(f"submit.{channel}", never, Saw(), Timing(), 16, Hold(1 << 20, Saw()), moments, taking))
        await lanes[-1].open(queue)  # type: ignore[arg-type]  # it has all that a lane uses of a channel
        await queue.arrive(
            Taken("submit", "FR", "envelope", b"body", 1, redelivered=False, channel=channel, outgoing=outgoing)
        )
    await until(lambda: bool(written))
    await asyncio.sleep(0.01)
    assert written == [b"".join(frames.acknowledge(channel, 1) for channel in (1, 2, 3))]
    for lane in lanes:
        await lane.close()
