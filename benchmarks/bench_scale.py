"""One hop with two gateway processes against one, in turns. The ends are filled queues and cost nothing meanwhile.

On two cores the broker and the database take their share too: what two processes gain there is bounded by what is left.
"""

from __future__ import annotations

from typing import Final

from benchmarks import scenes
from benchmarks.compare import Measured, Question, compare
from benchmarks.ground import Ground

QUESTION: Final = Question(
    "scale",
    "one hop with two gateway processes, against one",
    "messages/s",
    goal=1.6,
    lower_is_better=False,
    packages=("aio-pika", "aiormq", "asyncpg", "cryptography", "uvloop"),
)


async def _with(made: Ground, workers: int) -> float:
    made.settle(workers)
    return (await scenes.through_ours(made)).rate


def run() -> Measured:
    """Measure."""
    with scenes.stage() as stage:
        return compare(
            QUESTION,
            lambda: stage.play(lambda made: _with(made, 2)),
            lambda: stage.play(lambda made: _with(made, 1)),
        )
