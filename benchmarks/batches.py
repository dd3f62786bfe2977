"""What a message costs by the size of its batch: `.venv/bin/python -m benchmarks.batches`.

The gateway's pipeline in this process, over PostgreSQL, without a broker: microseconds of CPU for one message of this
process (that of whoever submits it, a task and a future, is within) and of PostgreSQL's processes, each the least of
several rounds. A batch of few messages costs its trips to the database, one of many its rows. Each batch is recorded
before the next is sent; the confirmations of one go with the next.
"""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Final

import uvloop

from benchmarks.machine import family_seconds
from bureaus.sandbox.postgres import Postgres
from gateway.adapters.memory import ListInboxes
from gateway.adapters.sql import Database, SqlStore, prepare
from gateway.exchange import Exchange
from gateway.settings import Pipeline
from schemas.directory import Link
from schemas.envelope import Envelope
from tests.support import World

MESSAGES: Final = {1: 500, 8: 1_200, 64: 2_400, 256: 2_560}
"""Of a round, by the size of its batches."""
ROUNDS: Final = 3
CONTENT: Final = bytes(1500)
_QUOTAS: Final = Pipeline(linger_milliseconds=0, bureau_per_minute=100_000_000, link_per_minute=100_000_000)


async def _round(server: Postgres, size: int) -> tuple[float, float]:
    """CPU for one message, of this process and of PostgreSQL."""
    database = Database(await server.create_database(f"batches_{time.time_ns()}"))
    await prepare(database)
    world = World(link=Link.AMQP)
    try:
        async with world.gateway(SqlStore(database), _QUOTAS, inboxes=ListInboxes()) as exchange:
            await _send(world, exchange, [world.envelope() for _ in range(64)], 8)
            count = MESSAGES[size]
            sealed = [world.envelope(content=CONTENT) for _ in range(count)]
            gc.collect()
            own, theirs = time.process_time(), family_seconds(server.process.pid)
            await _send(world, exchange, sealed, size)
            spent = time.process_time() - own, family_seconds(server.process.pid) - theirs
    finally:
        await database.close()
    return spent[0] / count * 1e6, spent[1] / count * 1e6


async def _send(world: World, exchange: Exchange, envelopes: list[Envelope], size: int) -> None:
    for start in range(0, len(envelopes), size):
        await asyncio.gather(*(world.send(exchange, one) for one in envelopes[start : start + size]))
    while exchange.waiting:  # noqa: ASYNC110  # the last confirmations
        await asyncio.sleep(0.01)


async def main() -> None:
    """Measure and print."""
    print(f"{'messages in a batch':24}{'gateway, us':>14}{'PostgreSQL, us':>16}")
    async with Postgres() as server:
        for size in MESSAGES:
            found = [await _round(server, size) for _ in range(ROUNDS)]
            own, theirs = (min(column) for column in zip(*found, strict=True))
            print(f"{size:<24}{own:14.0f}{theirs:16.0f}", flush=True)


if __name__ == "__main__":
    uvloop.run(main())
