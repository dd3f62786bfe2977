"""How long the slowest hundredth of urgent messages takes under a routine flood, against a network with nothing else.

One gateway process on RabbitMQ and PostgreSQL with its default limits but for quotas. The flood is what one cannot do
worse: every bureau's queue of routine submissions is full before the gateway starts and stays so while the urgent ones
go, at a slow and even pace, from each bureau to the next.
"""

from __future__ import annotations

import asyncio
import statistics
from typing import Final

from benchmarks import ends, scenes
from benchmarks.compare import Measured, Question, compare
from benchmarks.ground import Ground, posts
from schemas.codes import Urgency

QUESTION: Final = Question(
    "urgent",
    "99th percentile of urgent messages from submission to handover under a routine flood, against without one",
    "ms",
    goal=2,
    packages=("aio-pika", "aiormq", "asyncpg", "cryptography", "uvloop"),
)
RATE: Final = 40
"""Urgent messages a second."""
COUNT: Final = 240
"""Of one round."""
FLOOD: Final = 6_000
"""Routine messages that wait when a round begins: more than a gateway does meanwhile."""
SETTINGS: Final = """\
[pipeline]
link_per_minute = 100000000
bureau_per_minute = 100000000
bureau_bytes_per_minute = 1000000000000
"""


def run() -> Measured:
    """Measure."""
    with scenes.stage() as stage:
        (stage.made.running.gateway_home / "gateway.toml").write_text(SETTINGS)
        return compare(
            QUESTION,
            lambda: stage.play(lambda made: _slowest(made, FLOOD)),
            lambda: stage.play(lambda made: _slowest(made, 0)),
        )


async def _slowest(made: Ground, flood: int) -> float:
    """The 99th percentile in milliseconds, with so many routine messages before the gateway."""
    await made.empty()
    await scenes.purge(made)
    load = await asyncio.to_thread(lambda: ends.prepare(made, made.queries(COUNT, Urgency.URGENT)))
    sealed = await asyncio.to_thread(made.queries, flood)  # it takes a while, and connections want to be kept alive
    await made.load([*posts(sealed)])
    await made.running.serve()
    try:
        seen = await ends.carry(made, load, RATE, Urgency.URGENT)
        left = await made.waiting()
    finally:
        await made.running.drain()
    assert left or not flood, "the flood was over before the urgent messages were"  # noqa: S101  # of ours
    waits = [arrived - due for due, arrived in seen]
    slowest = float(statistics.quantiles(waits, n=100)[-1]) * 1000
    half, done = statistics.median(waits) * 1000, flood - left
    name = "flood" if flood else "idle"
    print(f"  {name:5} 50% {half:.1f} ms, 99% {slowest:.1f} ms of {len(waits)}; {done} routine ones beside", flush=True)
    return slowest
