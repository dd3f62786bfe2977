"""What a message and its acknowledgement cost by the size of their batch: `make bench TABLE=batches`.

The gateway's pipeline in this process, over PostgreSQL, without a broker: microseconds of CPU for one message, and for
one acknowledgement, of this process (that of whoever submits it, a task and a future, is within) and of PostgreSQL's
processes, each the least of several rounds. A batch of few costs its trips to the database, one of many its rows. Each
batch is recorded before the next is sent; the confirmations of one go with the next.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import uvloop

from benchmarks.machine import family_seconds
from bureaus.sandbox.postgres import Postgres
from gateway.adapters.memory import ListInboxes
from gateway.adapters.sql import Database, SqlStore, prepare
from gateway.exchange import Exchange
from gateway.settings import Pipeline
from schemas.directory import Link
from schemas.identity import Address
from tests.support import World

T = TypeVar("T")
MESSAGES: Final = {1: 500, 8: 1_200, 64: 2_400, 256: 2_560}
"""Of a round, by the size of its batches."""
ROUNDS: Final = 3
CONTENT: Final = bytes(1500)
_QUOTAS: Final = Pipeline(linger_milliseconds=0, bureau_per_minute=100_000_000, link_per_minute=100_000_000)
_BY: Final = "BR"


async def _round(server: Postgres, size: int) -> tuple[float, float, float, float]:
    """CPU for one message, of this process and of PostgreSQL, and the same for one acknowledgement."""
    database = Database(await server.create_database(f"batches_{time.time_ns()}"))
    await prepare(database)
    world = World(link=Link.AMQP)
    try:
        async with world.gateway(SqlStore(database), _QUOTAS, inboxes=ListInboxes()) as exchange:

            async def spent(
                items: Sequence[T], put: Callable[[T], Awaitable[object]], together: int
            ) -> tuple[float, float]:
                gc.collect()
                own, theirs = time.process_time(), family_seconds(server.process.pid)
                await _in_batches(exchange, items, put, together)
                own, theirs = time.process_time() - own, family_seconds(server.process.pid) - theirs
                return own / len(items) * 1e6, theirs / len(items) * 1e6

            def acknowledge(body: bytes) -> Awaitable[None]:
                return exchange.evidence(Address(_BY), body)

            async def both(count: int, together: int) -> tuple[float, float, float, float]:
                sealed = [world.envelope(content=CONTENT) for _ in range(count)]
                signed = [world.acknowledgement(_BY, one.digest) for one in sealed]
                own, theirs = await spent(sealed, lambda one: world.send(exchange, one), together)
                own_acks, their_acks = await spent(signed, acknowledge, together)
                return own, theirs, own_acks, their_acks

            await both(64, 8)  # warms up
            return await both(MESSAGES[size], size)
    finally:
        await database.close()


async def _in_batches(exchange: Exchange, items: Sequence[T], put: Callable[[T], Awaitable[object]], size: int) -> None:
    for start in range(0, len(items), size):
        await asyncio.gather(*(put(one) for one in items[start : start + size]))
    while exchange.waiting:  # noqa: ASYNC110  # the last confirmations
        await asyncio.sleep(0.01)


async def main(sizes: Sequence[int]) -> None:
    """Measure and print."""
    print(f"{'CPU, us each':16}{'message':>20}{'acknowledgement':>32}")
    print(f"{'in a batch':16}" + f"{'gateway':>14}{'PostgreSQL':>16}" * 2)
    async with Postgres() as server:
        for size in sizes:
            found = [await _round(server, size) for _ in range(ROUNDS)]
            own, theirs, own_acks, their_acks = (min(column) for column in zip(*found, strict=True))
            print(f"{size:<16}{own:14.0f}{theirs:16.0f}{own_acks:14.0f}{their_acks:16.0f}", flush=True)


if __name__ == "__main__":
    uvloop.run(main([int(size) for size in sys.argv[1:]] or list(MESSAGES)))
