"""One hop through one gateway process, against a plain relay that secures and records nothing, in turns.

Ours takes a submission from the broker, verifies its signature, checks it, records it in PostgreSQL with fsync on,
sends the sender a signed receipt and puts the copy into the recipient's inbox, both confirmed and mandatory, and
records that too. The other takes the same bytes from the same queues and puts them into the same inboxes.
"""

from __future__ import annotations

from typing import Final

from benchmarks import scenes
from benchmarks.compare import Measured, Question, compare

QUESTION: Final = Question(
    "relay",
    "one hop, admitted, recorded and consigned by one gateway process, against a plain aio-pika relay",
    "messages/s",
    goal=1.0,
    lower_is_better=False,
    packages=("aio-pika", "aiormq", "asyncpg", "cryptography", "uvloop"),
)

ROUNDS: Final = 7
"""A round is over in two seconds."""


def run() -> Measured:
    """Measure."""
    with scenes.stage() as stage:
        return compare(
            QUESTION,
            lambda: stage.play(scenes.through_ours).rate,
            lambda: stage.play(scenes.through_plain).rate,
            ROUNDS,
        )
