"""One hop through one gateway process, with 190 bureaus on the network against a few: two networks, in turns.

Opening the queues of 190 bureaus takes a gateway seconds, in which it works already: the second half of a round counts.
"""

from __future__ import annotations

from typing import Final

from benchmarks import scenes
from benchmarks.compare import Measured, Question, compare
from benchmarks.ground import Ground, measured, posts

MANY: Final = 190
ITEMS: Final = 5000
"""Messages of one round."""
QUESTION: Final = Question(
    "bureaus",
    f"one hop with {MANY} bureaus that all send and receive, against {scenes.FEW}",
    "messages/s",
    goal=0.9,
    lower_is_better=False,
    packages=("aio-pika", "aiormq", "asyncpg", "cryptography", "uvloop"),
)


async def _through(made: Ground) -> float:
    await made.empty()
    await made.load(list(posts(made.queries(ITEMS))))
    return scenes.told("ours", measured(await made.marks(ITEMS), ITEMS, ITEMS // 2)).rate


def run() -> Measured:
    """Measure."""
    with scenes.stage(MANY) as many, scenes.stage() as few:
        return compare(QUESTION, lambda: many.play(_through), lambda: few.play(_through))
