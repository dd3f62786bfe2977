"""What moves what is due: nothing waits for what takes long, and what fails is tried again by itself."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from bureaus.pump import Pump
from bureaus.settings import DEFAULT
from schemas.errors import Reason, Unavailable

LIMITS = replace(DEFAULT, backoff_first_seconds=0.01, backoff_last_seconds=0.02)
AT_ONCE = 4


class Post:
    """Numbers that are due, the lowest first, until they are settled; `work` says what becomes of one."""

    def __init__(self, work: Callable[[int], Awaitable[None]] | None = None) -> None:
        self.due: set[int] = set()
        self.tried: Counter[int] = Counter()
        self.order: list[int] = []
        self.held: dict[int, asyncio.Event] = {}
        self._work = work
        self._settled = asyncio.Condition()
        self.pump: Pump[int] = Pump(self.take, self.work, lambda number: number, LIMITS, AT_ONCE)

    async def take(self, most: int) -> list[int]:
        """The first that are due."""
        await asyncio.sleep(0)
        return sorted(self.due)[:most]

    async def work(self, number: int) -> None:
        """Settle one, once nothing holds it."""
        self.tried[number] += 1
        self.order.append(number)
        if number in self.held:
            await self.held[number].wait()
        if self._work is not None:
            await self._work(number)
        self.due.discard(number)
        async with self._settled:
            self._settled.notify_all()

    def post(self, *numbers: int) -> None:
        """These are due."""
        self.due |= set(numbers)
        self.pump.wake()

    async def until(self, left: set[int]) -> None:
        """Wait until only these are due."""
        async with asyncio.timeout(60), self._settled:
            await self._settled.wait_for(lambda: self.due == left)


@asynccontextmanager
async def running(pump: Pump[int]) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(pump.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, ValueError):
            await task


async def test_all_that_is_due_is_settled_once_and_in_order() -> None:
    post = Post()
    async with running(post.pump):
        post.post(*range(50))
        await post.until(set())
    assert set(post.tried.values()) == {1}
    assert post.order == sorted(post.order)


async def test_what_takes_long_holds_up_nothing_else() -> None:
    post = Post()
    post.held[0] = asyncio.Event()
    async with running(post.pump):
        post.post(*range(50))
        await post.until({0})
        post.post(50)
        await post.until({0})
        post.held[0].set()
        await post.until(set())
    assert set(post.tried.values()) == {1}


async def test_what_is_more_urgent_goes_though_as_many_as_may_be_are_in_hand() -> None:
    post = Post()
    slow = set(range(10, 10 + AT_ONCE))
    post.held = {number: asyncio.Event() for number in slow}
    async with running(post.pump):
        post.post(*slow)
        while set(post.order) != slow:  # noqa: ASYNC110  # they begin in the next turns
            await asyncio.sleep(0)
        post.post(*range(3))
        await post.until(slow)


async def test_what_fails_is_tried_again_while_the_rest_goes_on() -> None:
    async def work(number: int) -> None:
        if number == 0 and post.tried[0] < 4:
            raise Unavailable(Reason.UNREACHABLE, "not now")

    post = Post(work)
    async with running(post.pump):
        post.post(*range(20))
        await post.until(set())
    assert post.tried.pop(0) == 4
    assert set(post.tried.values()) == {1}


async def test_a_gateway_that_asks_to_wait_is_asked_nothing_until_then() -> None:
    told = asyncio.get_running_loop().time
    tries: list[float] = []

    async def work(number: int) -> None:
        tries.append(told())
        if number == 0 and post.tried[0] == 1:
            raise Unavailable(Reason.OVERLOADED, "later", retry_after=0.3)

    post = Post(work)
    async with running(post.pump):
        post.post(0)
        while not tries:  # noqa: ASYNC110  # it begins in the next turns
            await asyncio.sleep(0)
        post.post(1, 2)
        await post.until(set())
    assert min(tries[1:]) - tries[0] >= 0.29


async def test_what_the_store_cannot_say_now_is_asked_again() -> None:
    post = Post()
    failures = iter([True, True, False])

    async def take(most: int) -> list[int]:
        if next(failures, False):
            raise Unavailable(Reason.STORE, "full")
        return await post.take(most)

    post.pump = Pump(take, post.work, lambda number: number, LIMITS, AT_ONCE)
    async with running(post.pump):
        post.post(1)
        await post.until(set())


async def test_who_cannot_say_what_is_due_is_not_asked_again_by_each_that_wakes() -> None:
    post, asked = Post(), asyncio.Event()
    takes = 0

    async def take(most: int) -> list[int]:
        nonlocal takes
        takes += 1
        asked.set()
        if takes == 1:
            raise Unavailable(Reason.CHECKPOINT, "not yet", retry_after=0.3)
        return await post.take(most)

    post.pump = Pump(take, post.work, lambda number: number, LIMITS, AT_ONCE)
    async with running(post.pump):
        await asked.wait()
        for number in range(20):
            post.post(number)
            await asyncio.sleep(0)
        assert takes == 1
        await post.until(set())


async def test_a_fault_of_our_own_ends_it_and_cuts_off_what_is_in_hand() -> None:
    cut = asyncio.Event()

    async def work(number: int) -> None:
        if number == 0:
            raise ValueError("ours")
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()

    post = Post(work)
    post.post(0, 1)
    with pytest.raises(ValueError, match="ours"):
        async with asyncio.timeout(60):
            await post.pump.run()
    assert cut.is_set()
