"""One hop through one gateway process, with 190 bureaus on the network against 5: two networks, in turns."""

from __future__ import annotations

from typing import Final

from benchmarks import scenes
from benchmarks.compare import Measured, Question, compare

QUESTION: Final = Question(
    "bureaus",
    "one hop with 190 bureaus that all send and receive, against 5",
    "messages/s",
    goal=0.9,
    lower_is_better=False,
    packages=("aio-pika", "aiormq", "asyncpg", "cryptography", "uvloop"),
)
MANY: Final = 190
FEW: Final = 5


def run() -> Measured:
    """Measure."""
    with scenes.stage(MANY) as many, scenes.stage(FEW) as few:
        return compare(
            QUESTION,
            lambda: many.play(scenes.through_ours).rate,
            lambda: few.play(scenes.through_ours).rate,
        )
