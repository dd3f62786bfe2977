"""Who had the cores while messages came at a set pace: what is in the middle, broker, database, all else, nobody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import psutil

from benchmarks.ground import Ground
from benchmarks.machine import GATEWAY, Costs, Meter

LOOK: Final = 0.1
"""Seconds between two looks."""
REST, STOLEN, IDLE = "the ends and all else", "taken by other machines", "nobody"


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen of one run: what had been spent, by time.monotonic()."""

    looks: list[tuple[float, Costs]] = field(default_factory=list)

    def spent(self, begun: float, ended: float) -> Costs:
        """What part of one core each had, between two moments."""
        first = next(look for look in self.looks if look[0] >= begun)
        last = next(look for look in reversed(self.looks) if look[0] <= ended)
        return {name: (last[1][name] - first[1][name]) / (last[0] - first[0]) for name in last[1]}


@asynccontextmanager
async def watching(made: Ground, middle: Callable[[], float]) -> AsyncIterator[Watched]:
    """Look, again and again, while the block lasts; `middle` says what the process in the middle has spent."""
    watched, meter = Watched(), Meter(made)

    async def look() -> None:
        while True:
            watched.looks.append((time.monotonic(), _spent(meter, middle())))
            await asyncio.sleep(LOOK)

    looking = asyncio.create_task(look())
    try:
        yield watched
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


def _spent(meter: Meter, middle: float) -> Costs:
    everybody = psutil.cpu_times()
    found = {GATEWAY: middle} | {name: seconds for name, seconds in meter.read().items() if name != GATEWAY}
    busy = everybody.user + everybody.nice + everybody.system + everybody.irq + everybody.softirq
    rest = {REST: busy - sum(found.values()), STOLEN: everybody.steal, IDLE: everybody.idle + everybody.iowait}
    return found | rest
