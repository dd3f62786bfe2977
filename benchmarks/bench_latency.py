"""How long the slowest hundredth of messages takes from submission to the recipient, at half of what a gateway can do.

Both sides get the same messages at the same pace from the same ends (benchmarks/ends.py). What a gateway can do
is found in the same way, with the ends at work: they send at the rate at which it empties filled queues, which is more
than it can do with them beside, and what arrives a second is the saturated rate. Between two rounds nothing is kept
but the networks.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final

from benchmarks import beside, ends, scenes
from benchmarks.compare import Measured, Question, compare
from benchmarks.ground import FROM, TO, Ground
from bureaus.sandbox.process import Process

QUESTION: Final = Question(
    "latency",
    "99th percentile from submission to handover at half the saturated rate, against a plain relay at the same rate",
    "ms",
    goal=3,
    packages=("aio-pika", "aiormq", "asyncpg", "cryptography", "uvloop"),
)
SATURATING: Final = 3000
"""Messages to find the saturated rate with."""
SECONDS: Final = 5
"""Of one round."""


def run() -> Measured:
    """Measure."""
    with scenes.stage() as stage:
        rate = half(stage)
        return compare(
            QUESTION,
            lambda: stage.play(lambda made: _slowest(made, rate, gateway(made))),
            lambda: stage.play(lambda made: _slowest(made, rate, plain(made))),
        )


def half(stage: scenes.Stage) -> float:
    """Half of the messages a second that go through ours with the ends at work."""
    alone = stage.play(lambda made: scenes.through_ours(made, SATURATING)).rate
    full = min(stage.play(lambda made: saturated(made, alone)), alone)
    print(f"  {full:.0f} messages/s with the ends at work: at {full / 2:.0f} messages/s", flush=True)
    return full / 2


async def saturated(made: Ground, offered: float) -> float:
    """Messages a second that arrive of so many sent a second, through ours."""
    seen = sorted(arrived for _, arrived in await carried(made, offered, gateway(made)))
    first, last = int(len(seen) * FROM), int(len(seen) * TO)
    return (last - first) / (seen[last] - seen[first])


async def carried(made: Ground, rate: float, serving: AbstractAsyncContextManager[object]) -> list[tuple[float, float]]:
    """Send at this rate for a while, with one of the two in the middle: when each was due, and when it arrived."""
    await made.empty()
    total = int(rate * SECONDS) // len(made.bureaus) * len(made.bureaus)
    load = await asyncio.to_thread(ends.prepare, made, made.queries(total))
    async with serving:
        return await ends.carry(made, load, rate)


async def _slowest(made: Ground, rate: float, serving: AbstractAsyncContextManager[object]) -> float:
    """The 99th percentile in milliseconds, with one of the two in the middle."""
    waits = [arrived - due for due, arrived in await carried(made, rate, serving)]
    slowest = float(statistics.quantiles(waits, n=100)[-1]) * 1000
    print(f"  50% {statistics.median(waits) * 1000:.1f} ms, 99% {slowest:.1f} ms of {len(waits)}", flush=True)
    return slowest


@asynccontextmanager
async def gateway(made: Ground) -> AsyncIterator[None]:
    """A gateway process in the middle."""
    await made.running.serve()
    try:
        yield
    finally:
        await made.running.drain()


@asynccontextmanager
async def plain(made: Ground) -> AsyncIterator[Process]:
    """The plain relay in the middle."""
    log = Path(made.running.gateway_home).parent / "relay.log"
    command = [sys.executable, "-m", "benchmarks.relays.raw", *beside.arguments(made, 0)]
    relay = Process("relay", command, log=log, environment=beside.environment())
    relay.start()
    await asyncio.sleep(2.0)  # it says nothing when it is ready
    try:
        yield relay
    finally:
        await relay.stop()
