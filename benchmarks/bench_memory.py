"""Memory of a gateway process that is kept busy: at minute ten against minute one, one run.

`make bench ONLY=memory LONG=1` takes an hour and has its end against its sixth minute; among all the others it takes
under two minutes, and has its end against a tenth of the way. What is resident is compared, private and shared pages
alike.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import Final

import psutil

from benchmarks import scenes
from benchmarks.compare import Measured, Question, told
from benchmarks.ground import Ground, posts

QUESTION: Final = Question(
    "memory",
    "resident memory of a gateway process at saturation, minute 10 against minute 1",
    "MiB",
    goal=1.1,
    packages=("aio-pika", "asyncpg", "cryptography", "sqlalchemy", "uvloop"),
)
SECONDS: Final = 600.0
BRIEF: Final = 100.0
LONG_SECONDS: Final = 3600.0
_CHUNK: Final = 500
_LOW: Final = 1000
"""The queues are filled again below so many."""
_SAID: Final = 10
"""How often the memory is said on the way."""


def run() -> Measured:
    """Measure."""
    return _measure(QUESTION, LONG_SECONDS if os.environ.get("BUREAUNET_BENCH_LONG") else SECONDS)


def brief() -> Measured:
    """Measure for so short that all measurements end within half an hour."""
    what = f"resident memory of a gateway process at saturation, second {BRIEF:.0f} against second {BRIEF / _SAID:.0f}"
    return _measure(replace(QUESTION, what=what), BRIEF)


def _measure(question: Question, seconds: float) -> Measured:
    with scenes.stage() as stage:
        early, late = stage.play(lambda made: _busy(made, seconds))
    return told(question, [(late, early)])


async def _busy(made: Ground, seconds: float) -> tuple[float, float]:
    """MiB at a tenth of the way, and at the end."""
    await made.load(list(posts(made.queries(_LOW))))
    await made.running.serve()
    try:
        process = psutil.Process(made.running.gateway.pid)
        async with asyncio.TaskGroup() as group:
            filling = group.create_task(_fill(made))
            seen = [await _later(made, process, seconds / _SAID) for _ in range(_SAID)]
            filling.cancel()
        return seen[0], seen[-1]
    finally:
        await made.running.drain()


async def _fill(made: Ground) -> None:
    """Keep the gateway busy, until cancelled."""
    while True:
        if await made.waiting() < _LOW:
            await made.load(list(posts(await asyncio.to_thread(made.queries, _CHUNK))), settled=False)
            await made.empty()
        else:
            await asyncio.sleep(0.2)


async def _later(made: Ground, process: psutil.Process, seconds: float) -> float:
    """MiB so many seconds later."""
    await asyncio.sleep(seconds)
    resident = process.memory_info().rss / 2**20
    print(f"  {resident:4.0f} MiB after {await made.entries()} entries", flush=True)
    return resident
