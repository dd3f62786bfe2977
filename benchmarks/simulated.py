"""So many simulated bureaus in one process, for bench_simulator.py: `python -m benchmarks.simulated FOLDER COUNT`.

FOLDER is a copy of a made network. Order: the gateway is served and the operation opened; the bureaus open, which is
timed; they ask each other in a ring, and each query is answered: once to open the connections that a bureau at work
has, and again, which is timed; memory is what this process has more than before the first bureau. One line of JSON says
it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

from bureaus.client import Bureau
from bureaus.exchange import Received
from bureaus.exercises.catalogue import SECRETARIAT, exercises
from bureaus.exercises.plan import make_plan
from bureaus.sandbox.network import PrivateNetwork, Seat
from bureaus.secretariat.operations import first_version
from schemas.codes import Purpose
from schemas.identity import Address
from schemas.messages import WhereaboutsQuery, WhereaboutsResponse
from schemas.messages.codes import Asked, Finding
from schemas.operation import Phase

EXERCISE: Final = "world-week-2026"
QUERIES: Final = 380
"""Each is answered: twice as many messages."""
AT_ONCE: Final = 64
WITHIN: Final = 120.0
_QUERY: Final = WhereaboutsQuery(asked=(Asked.STATUS,), case="SYNTHETIC-1")
_ANSWER: Final = WhereaboutsResponse(finding=Finding.NO_TRACE)
_MIB: Final = 1024 * 1024


def seats() -> tuple[Seat, ...]:
    """Everybody of the exercise of the whole network."""
    return make_plan(exercises()[EXERCISE]).seats


async def measured(folder: Path, count: int) -> dict[str, float]:
    """Seconds to open all, MiB a bureau, messages a second."""
    network = PrivateNetwork(folder, seats(), made=True)
    network.limits = replace(network.limits, proofs=False)
    async with network, AsyncExitStack() as stack:
        plan = make_plan(exercises()[EXERCISE])
        office = await stack.enter_async_context(network.bureau(SECRETARIAT))
        await office.publish_operation(
            first_version(plan.operation, plan.members, owner=SECRETARIAT, phase=Phase.ACTIVE, now=int(time.time()))
        )
        before, begun = _resident(), time.perf_counter()
        bureaus = await _opened(network, plan.members[:count], stack)
        opened = time.perf_counter() - begun
        await _rate(bureaus, plan.operation.id)  # else the many would open most of theirs while they are timed
        rate = await _rate(bureaus, plan.operation.id)
        return {"seconds": opened, "mib": (_resident() - before) / count / _MIB, "rate": rate}


async def _opened(network: PrivateNetwork, codes: tuple[Address, ...], stack: AsyncExitStack) -> list[Bureau]:
    at_once = asyncio.Semaphore(16)

    async def enter(code: Address) -> Bureau:
        bureau = network.bureau(code)

        @bureau.on(WhereaboutsQuery)
        async def answer(query: Received) -> None:
            await query.answer(_ANSWER)

        async with at_once:
            return await bureau.__aenter__()

    bureaus = await asyncio.gather(*map(enter, codes))
    for bureau in bureaus:
        stack.push_async_exit(bureau)
    return bureaus


async def _rate(bureaus: list[Bureau], operation: str) -> float:
    at_once = asyncio.Semaphore(AT_ONCE)

    async def ask(number: int) -> None:
        asker, asked = bureaus[number % len(bureaus)], bureaus[(number + 1) % len(bureaus)]
        async with at_once:
            exchange = await asker.ask(_QUERY, to=[asked.address], operation=operation, purpose=Purpose.ARREST)
            answers = [answer async for answer in exchange.responses(WITHIN)]
        if len(answers) != 1:
            raise RuntimeError(f"{asked.address} did not answer {asker.address}")

    begun = time.perf_counter()
    await asyncio.gather(*map(ask, range(QUERIES)))
    return 2 * QUERIES / (time.perf_counter() - begun)


def _resident() -> int:
    """Bytes of memory of this process."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measured(Path(sys.argv[1]), int(sys.argv[2])))))
