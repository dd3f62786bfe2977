"""One hop through one gateway process, against a plain relay that secures and records nothing, in turns.

Ours takes a submission from the broker, verifies its signature, checks it, records it in PostgreSQL with fsync on,
sends the sender a signed receipt and puts the copy into the recipient's inbox, both confirmed and mandatory, and
records that too. The other takes the same bytes from the same queue and puts them into the same inboxes.
"""

from __future__ import annotations

import asyncio
from typing import Final

from benchmarks import beside
from benchmarks.compare import Measured, Question, compare
from benchmarks.ground import Ground, ground, posts

QUESTION: Final = Question(
    "relay",
    "one hop, admitted, recorded and consigned by one gateway process, against a plain aio-pika relay",
    "messages/s",
    goal=1.0,
    lower_is_better=False,
    packages=("aio-pika", "aiormq", "asyncpg", "cryptography", "uvloop"),
)
ITEMS: Final = 8000


def run() -> Measured:
    """Measure."""
    with asyncio.Runner() as runner:
        manager = ground()
        made = runner.run(manager.__aenter__())
        try:
            return compare(QUESTION, lambda: runner.run(ours(made, ITEMS)), lambda: runner.run(plain(made, ITEMS)))
        finally:
            runner.run(manager.__aexit__(None, None, None))


async def ours(made: Ground, items: int) -> float:
    """Messages a second through a gateway process."""
    await made.empty()
    await made.load(list(posts(made.queries(items))))
    pace = await made.drained(items)
    print(f"  ours   {pace.rate:7.0f} messages/s, {pace.cpu:5.0f} us of its own CPU each", flush=True)
    return pace.rate


async def plain(made: Ground, items: int) -> float:
    """Messages a second through the plain relay."""
    await made.empty()
    await made.load(list(posts(made.queries(items))))
    pace = await beside.raw(made, items)
    print(f"  other  {pace.rate:7.0f} messages/s, {pace.cpu:5.0f} us of its own CPU each", flush=True)
    return pace.rate
