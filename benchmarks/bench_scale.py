"""One hop with two gateway processes against one, in turns. The ends are filled queues and cost nothing meanwhile.

It is while cores last: each gateway process may have SHARE of a core, by the kernel's own limit, so that two of them
leave the broker and the database what they need, as on a machine with more cores.
"""

from __future__ import annotations

from typing import Final

from benchmarks import scenes
from benchmarks.allowance import Allowance, allowance
from benchmarks.compare import Measured, Question, compare
from benchmarks.ground import Ground, posts

SHARE: Final = 0.2
"""Of one core, for each gateway process."""
ITEMS: Final = 2000
"""Messages of one round: they come when all processes are ready."""
IN_HAND: Final = 300
"""Messages of each process: with more, the first to begin takes most of a round, and the other has none."""
QUESTION: Final = Question(
    "scale",
    f"one hop with two gateway processes that may each have {SHARE} of a core, against one",
    "messages/s",
    goal=1.6,
    lower_is_better=False,
    packages=("aio-pika", "aiormq", "asyncpg", "cryptography", "uvloop"),
)


async def _limited(made: Ground, workers: int, limit: Allowance) -> float:
    made.settle(workers, in_hand=IN_HAND)
    await made.empty()
    pace = scenes.told("ours", await made.allowed(list(posts(made.queries(ITEMS))), limit))
    limit.lift()
    return pace.rate


def run() -> Measured:
    """Measure."""
    with scenes.stage() as stage, allowance(SHARE) as limit:

        def limited(workers: int) -> float:
            return stage.play(lambda made: _limited(made, workers, limit))

        return compare(QUESTION, lambda: limited(2), lambda: limited(1))
