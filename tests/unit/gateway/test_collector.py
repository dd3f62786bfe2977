"""Batches: in order, bounded, halved down to the offender; a job learns its fate exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from gateway.collector import SMALL, Collector, Job
from gateway.settings import Pipeline
from schemas.errors import Misuse, Reason, Unavailable

Batch = Sequence[Job[int, int]]
LIMITS = Pipeline(linger_milliseconds=1, batch_items=8)


class Runner:
    """Doubles numbers; a negative one breaks its batch, zero finds the store away."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.offenders: list[int] = []
        self.offence: Callable[[int], Awaitable[None]] | None = None

    async def run(self, batch: Batch) -> None:
        self.batches.append([job.payload for job in batch])
        await asyncio.sleep(0)
        if any(job.payload == 0 for job in batch):
            raise Unavailable(Reason.STORE, "away")
        if any(job.payload < 0 for job in batch):
            raise ArithmeticError("a negative number")
        for job in batch:
            job.resolve(job.payload * 2)

    async def offend(self, job: Job[int, int], error: Exception) -> None:
        self.offenders.append(job.payload)
        if self.offence is not None:
            await self.offence(job.payload)
        job.fail(error)


@asynccontextmanager
async def running(runner: Runner, limits: Pipeline = LIMITS) -> AsyncIterator[Collector[int, int]]:
    collector: Collector[int, int] = Collector(runner.run, runner.offend, limits)
    collector.start()
    try:
        yield collector
    finally:
        await collector.stop()


async def put(collector: Collector[int, int], numbers: Sequence[int], size: int = 1) -> list[int | BaseException]:
    return await asyncio.gather(*(collector.put(number, size) for number in numbers), return_exceptions=True)


async def test_jobs_are_done_in_order_and_in_batches_of_the_size() -> None:
    runner = Runner()
    async with running(runner) as collector:
        assert await put(collector, range(1, 21)) == list(range(2, 42, 2))
    assert runner.batches == [list(range(1, 9)), list(range(9, 17)), list(range(17, 21))]


async def test_what_waited_while_a_batch_was_in_hand_does_not_linger() -> None:
    held, begun = asyncio.Event(), asyncio.Event()

    async def run(batch: Batch) -> None:
        begun.set()
        await held.wait()
        for job in batch:
            job.resolve(job.payload * 2)

    collector: Collector[int, int] = Collector(
        run, Runner().offend, Pipeline(linger_milliseconds=3_600_000, batch_items=2, batches_at_once=1)
    )
    collector.start()
    first = [collector.put(number, 1) for number in (1, 2)]  # a full batch
    async with asyncio.timeout(60):
        await begun.wait()
        third = collector.put(3, 1)
        held.set()
        assert await asyncio.gather(*first, third) == [2, 4, 6]
        await collector.stop()


async def test_offenders_stand_alone_in_the_end_and_the_rest_is_done() -> None:
    runner = Runner()
    async with running(runner) as collector:
        found = await put(collector, [1, 2, -3, 4, 5, 6, -7, 8])
    assert [one if isinstance(one, int) else type(one) for one in found] == [
        *[2, 4, ArithmeticError, 8, 10, 12],
        *[ArithmeticError, 16],
    ]
    assert runner.offenders == [-3, -7]


async def test_a_store_that_is_away_fails_the_batch_and_halves_nothing() -> None:
    runner = Runner()
    async with running(runner) as collector:
        found = await put(collector, [1, 0, 2])
        assert [type(one) for one in found] == [Unavailable] * 3
        assert await put(collector, [3]) == [6]
    assert len(runner.batches) == 2


async def test_a_driver_that_cancels_its_caller_does_not_end_the_queue() -> None:
    runner = Runner()

    async def offence(_: int) -> None:
        raise asyncio.CancelledError

    runner.offence = offence
    async with running(runner) as collector:
        (found,) = await put(collector, [-1])
        assert isinstance(found, Unavailable)
        assert await put(collector, [3]) == [6]


@pytest.mark.parametrize("error", [Misuse("refused"), RuntimeError("a fault"), Unavailable(Reason.STORE)])
async def test_an_offender_that_cannot_even_be_set_aside_stops_nobody(error: Exception) -> None:
    runner = Runner()

    async def offence(_: int) -> None:
        raise error

    runner.offence = offence
    async with running(runner) as collector:
        (found,) = await put(collector, [-1])
        assert isinstance(found, Misuse | Unavailable)
        assert await put(collector, [3]) == [6]


async def test_a_batch_is_bounded_in_bytes_and_a_larger_job_is_one_alone() -> None:
    runner = Runner()
    async with running(runner, Pipeline(linger_milliseconds=1, batch_bytes=10)) as collector:
        jobs = [collector.put(number, size) for number, size in ((1, 4), (2, 4), (3, 4), (4, 50), (5, 1))]
        assert await asyncio.gather(*jobs) == [2, 4, 6, 8, 10]
    assert runner.batches == [[1, 2], [3], [4], [5]]


async def test_the_queue_is_bounded_but_for_our_own_jobs() -> None:
    runner = Runner()
    async with running(runner, Pipeline(linger_milliseconds=20, queue_items=2)) as collector:
        first = [collector.put(1, 1), collector.put(2, 1)]
        with pytest.raises(Unavailable) as full:
            collector.put(3, 1)
        assert full.value.reason is Reason.OVERLOADED
        own = collector.put(4, 1, force=True)
        assert collector.waiting == 3
        assert await asyncio.gather(*first, own) == [2, 4, 8]
        assert await collector.put(5, 1) == 10


async def test_the_queue_is_bounded_in_bytes_and_takes_one_larger_job_when_it_is_empty() -> None:
    limits = Pipeline(linger_milliseconds=20, queue_bytes=16 << 20)
    async with running(Runner(), limits) as collector:
        large = collector.put(1, 17 << 20)
        with pytest.raises(Unavailable):
            collector.put(2, 1)
        assert await large == 2
        assert await collector.put(2, 1) == 4


class Held(Runner):
    """A runner whose batches end when they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def run(self, batch: Batch) -> None:
        self.batches.append([job.payload for job in batch])
        await self.gate.wait()
        for job in batch:
            job.resolve(job.payload * 2)


@asynccontextmanager
async def two(express: Held, others: Held) -> AsyncIterator[tuple[Collector[int, int], Collector[int, int]]]:
    """A collector, and one behind it."""
    first: Collector[int, int] = Collector(express.run, express.offend, LIMITS)
    second: Collector[int, int] = Collector(
        others.run, others.offend, LIMITS.model_copy(update={"batch_items": 256, "queue_items": 1000}), behind=first
    )
    first.start()
    second.start()
    try:
        yield first, second
    finally:
        express.gate.set()
        others.gate.set()
        await first.stop()
        await second.stop()


async def begun(runner: Runner, count: int) -> None:
    async with asyncio.timeout(60):
        while len(runner.batches) < count:  # noqa: ASYNC110  # a list has no event
            await asyncio.sleep(0.001)


async def test_a_batch_of_many_holds_up_none_of_the_collector_before_it() -> None:
    express, others = Held(), Held()
    async with two(express, others) as (first, second):
        waiting = [second.put(number, 1) for number in range(1, 201)]
        await begun(others, 1)
        express.gate.set()
        assert await asyncio.wait_for(first.put(7, 1), 60) == 14
        assert not any(job.done() for job in waiting)


async def test_who_is_behind_lets_the_batch_in_hand_end_and_then_takes_few_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.collector._LATELY", 60.0)  # where it is not compiled: else for a second
    express, others = Held(), Held()
    async with two(express, others) as (first, second):
        urgent = first.put(7, 1)
        await begun(express, 1)
        waiting = [second.put(number, 1) for number in range(1, 201)]
        await asyncio.sleep(0.02)  # its linger is over long since
        assert others.batches == []
        others.gate.set()
        express.gate.set()
        assert await urgent == 14
        await asyncio.wait_for(asyncio.gather(*waiting), 60)
    assert max(map(len, others.batches)) == SMALL


async def test_a_batch_begins_beside_the_first_only_when_half_of_it_waits() -> None:
    runner = Held()
    async with running(runner, LIMITS.model_copy(update={"batches_at_once": 2})) as collector:
        waiting = [collector.put(1, 1)]
        await begun(runner, 1)
        waiting += [collector.put(number, 1) for number in (2, 3, 4)]
        await asyncio.sleep(0.01)
        assert runner.batches == [[1]]
        waiting += [collector.put(5, 1)]
        await begun(runner, 2)
        waiting += [collector.put(number, 1) for number in range(6, 20)]
        await asyncio.sleep(0.01)
        assert runner.batches == [[1], [2, 3, 4, 5]], "two at once, and no more"
        runner.gate.set()
        assert await asyncio.wait_for(asyncio.gather(*waiting), 60) == list(range(2, 40, 2))


async def test_a_patient_job_goes_with_the_next_batch_and_begins_one_when_its_patience_is_over() -> None:
    runner = Runner()
    async with running(runner) as collector:
        patient = collector.put(1, 1, patience=30)
        await asyncio.sleep(0.02)
        assert not patient.done()
        assert collector.waiting == 1
        assert await collector.put(2, 1) == 4
        assert await patient == 2
        assert runner.batches == [[1, 2]]
        assert await asyncio.wait_for(collector.put(3, 1, patience=0.01), 30) == 6
        last = collector.put(4, 1, patience=30)
    assert await last == 8, "who stops waits for no patience"
