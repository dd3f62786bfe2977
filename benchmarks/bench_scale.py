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
from benchmarks.ground import Ground, posts

SHARE: Final = 0.3
"""Of one core, for each gateway process."""
LIMITED: Final = 2000
"""Messages of one round with it: they come when all processes are ready."""
ITEMS: Final = 8000
"""Messages of one round without it: half of them may be through before a second process is ready."""
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


async def _limited(made: Ground, workers: int, limit: Allowance) -> float:
    made.settle(workers)
    await made.empty()
    pace = scenes.told("ours", await made.allowed(list(posts(made.queries(LIMITED))), limit))
    limit.lift()
    return pace.rate


async def _unlimited(made: Ground, workers: int) -> float:
    made.settle(workers)
    return (await scenes.through_ours(made, ITEMS)).rate


def run() -> list[Measured]:
    """Measure."""
    with scenes.stage() as stage, allowance(SHARE) as limit:

        def limited(workers: int) -> float:
            return stage.play(lambda made: _limited(made, workers, limit))

        def unlimited(workers: int) -> float:
            return stage.play(lambda made: _unlimited(made, workers))

        return [
            compare(QUESTION, lambda: limited(2), lambda: limited(1)),
            compare(UNLIMITED, lambda: unlimited(2), lambda: unlimited(1)),
        ]
