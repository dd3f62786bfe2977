"""Memory of a gateway process that is kept busy: at the end against a tenth of the way, one run.

Ten minutes and an hour are what is promised; by default the run is shorter, so that all measurements end within half
an hour. `make bench ONLY=memory LONG=1` takes an hour. What is resident is compared, private and shared pages alike.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import Final

import psutil

from benchmarks import scenes
from benchmarks.compare import Measured, Question, told
from benchmarks.ground import Ground, posts

QUESTION: Final = Question(
    "memory",
    "resident memory of a gateway process at saturation, at the end of the run against a tenth of the way",
    "MiB",
    goal=1.1,
    packages=("aio-pika", "asyncpg", "cryptography", "sqlalchemy", "uvloop"),
)
SECONDS: Final = 90.0
LONG_SECONDS: Final = 3600.0
_CHUNK: Final = 500
_LOW: Final = 1000
"""The queues are filled again below so many."""


def run() -> Measured:
    """Measure."""
    seconds = LONG_SECONDS if os.environ.get("BUREAUNET_BENCH_LONG") else SECONDS
    with scenes.stage() as stage:
        early, late = stage.play(lambda made: _busy(made, seconds))
    return told(QUESTION, [(late, early)])


async def _busy(made: Ground, seconds: float) -> tuple[float, float]:
    """MiB at a tenth of the way, and at the end."""
    await made.load(list(posts(made.queries(_LOW))))
    await made.running.serve()
    begun, early = time.monotonic(), 0.0
    try:
        process = psutil.Process(made.running.gateway.pid)
        while (passed := time.monotonic() - begun) < seconds:
            if not early and passed > seconds / 10:
                early = _resident(process)
            if await made.waiting() < _LOW:
                await made.load(list(posts(await asyncio.to_thread(made.queries, _CHUNK))), settled=False)
                await made.empty()
            else:
                await asyncio.sleep(0.2)
        late = _resident(process)
        print(f"  {await made.entries()} entries, {early:.0f} MiB, {late:.0f} MiB", flush=True)
        return early, late
    finally:
        await made.running.drain()


def _resident(process: psutil.Process) -> float:
    return process.memory_info().rss / 2**20
