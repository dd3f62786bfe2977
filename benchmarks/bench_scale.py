"""One hop with two gateway processes against one, in turns. The ends are filled queues and cost nothing meanwhile.

`scale` is while cores last: each gateway process may have SHARE of a core, by the kernel's own limit, so that two of
them leave the broker and the database what they need, as on a machine with more cores. `scale-unlimited` is the same
without a limit: there two processes are bounded by what broker and database leave of two cores.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from benchmarks import scenes
from benchmarks.allowance import Allowance, allowance
from benchmarks.compare import Measured, Question, compare
from benchmarks.ground import Ground
from benchmarks.scenes import Stage

SHARE: Final = 0.3
"""Of one core, for each gateway process."""
ITEMS: Final = 2000
"""Messages of one round with it."""
QUESTION: Final = Question(
    "scale",
    f"one hop with two gateway processes that may each have {SHARE} of a core, against one",
    "messages/s",
    goal=1.6,
    lower_is_better=False,
    packages=("aio-pika", "aiormq", "asyncpg", "cryptography", "uvloop"),
)
UNLIMITED: Final = replace(
    QUESTION,
    name="scale-unlimited",
    what="one hop with two gateway processes on all of the machine, against one",
    goal=1.0,
)


async def _with(made: Ground, workers: int, items: int, limit: Allowance | None) -> float:
    made.settle(workers)
    made.allowance = limit
    try:
        return (await scenes.through_ours(made, items)).rate
    finally:
        made.allowance = None
        if limit is not None:
            limit.lift()


def _compared(stage: Stage, question: Question, items: int, limit: Allowance | None = None) -> Measured:
    def with_workers(workers: int) -> float:
        return stage.play(lambda made: _with(made, workers, items, limit))

    return compare(question, lambda: with_workers(2), lambda: with_workers(1))


def run() -> list[Measured]:
    """Measure."""
    with scenes.stage() as stage, allowance(SHARE) as limit:
        return [_compared(stage, QUESTION, ITEMS, limit), _compared(stage, UNLIMITED, scenes.ITEMS)]
