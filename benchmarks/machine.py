"""What one message costs the whole machine, by program: `make bench TABLE=machine` (ARGS="[BUREAUS [ROUNDS]]").

Prints microseconds of CPU for one message of the gateway, the broker and the database, the same for one acknowledgement
of a recipient, then for the plain relay and its broker, all from filled queues: on a machine whose cores are all busy
their sum decides how fast anything can go. Each program's time is read from /proc between a fifth and 95% of the way.
Least of several rounds, by the sum: other work on the machine takes time from all of them, but hardly CPU.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from benchmarks import beside, scenes
from benchmarks.ground import FROM, TO, Ground, Mark, measured, posts
from benchmarks.whole import ENTRIES_OF_A_HANDOVER, acknowledgement, recipient_of
from schemas.wire import ItemType

ITEMS: Final = 6_000
ROUNDS: Final = 3
LOOK: Final = 0.1
"""Seconds between two looks at everybody's time."""
_TICKS: Final = os.sysconf("SC_CLK_TCK")
GATEWAY: Final = "the process in the middle"
_NAMES: Final = (GATEWAY, "RabbitMQ", "PostgreSQL: sessions", "PostgreSQL: all else")
_SESSION: Final = b"postgres: bureaunet"
Costs: TypeAlias = dict[str, float]
"""Seconds or microseconds of CPU, by the names above."""


@dataclass(frozen=True, slots=True)
class Round:
    """One run: messages a second, and microseconds of CPU for each message by program."""

    rate: float
    costs: Costs

    @property
    def total(self) -> float:
        """Of all programs."""
        return sum(self.costs.values())


def _family(pid: int) -> list[int]:
    """A process and all that it started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    except OSError:  # it ended
        return []
    return [pid, *(one for child in children for one in _family(int(child)))]


def _seconds(pid: int) -> float:
    """CPU that a process has spent, without its children's; 0 where it ended."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return 0.0
    fields = said.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def family_seconds(pid: int) -> float:
    """CPU that a process and all that it started have spent."""
    return sum(_seconds(one) for one in _family(pid))


def _title(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


class Meter:
    """Adds up what the broker's and the database's processes spend; what one that ended had spent is kept."""

    def __init__(self, made: Ground) -> None:
        running = made.running
        assert running.broker is not None  # noqa: S101  # the ground is over AMQP
        assert running.postgres is not None  # noqa: S101  # as above
        self._broker, self._database = running.broker.process.pid, running.postgres.process.pid
        self._spent: dict[int, tuple[str, float]] = {}

    def read(self) -> Costs:
        """Seconds of CPU so far."""
        for pid in _family(self._broker):
            self._spent[pid] = "RabbitMQ", _seconds(pid)
        for pid in _family(self._database):
            name = "PostgreSQL: sessions" if _title(pid).startswith(_SESSION) else "PostgreSQL: all else"
            self._spent[pid] = name, _seconds(pid)
        found = dict.fromkeys(_NAMES, 0.0)
        for name, seconds in self._spent.values():
            found[name] += seconds
        return found


async def _watched(made: Ground, run: Callable[[], Awaitable[Sequence[Mark]]], items: int) -> Round:
    """Run it, and see what everybody spends meanwhile."""
    looks: list[tuple[float, Costs]] = []
    meter = Meter(made)

    async def look() -> None:
        while True:
            looks.append((time.perf_counter(), meter.read()))
            await asyncio.sleep(LOOK)

    looking = asyncio.create_task(look())
    try:
        marks = await run()
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    pace = measured(marks, items)
    first = next(mark for mark in marks if mark[1] >= items * FROM)
    last = next(mark for mark in marks if mark[1] >= items * TO)
    before = next(look for look in looks if look[0] >= first[0])
    after = next((look for look in looks if look[0] >= last[0]), looks[-1])
    each = 1e6 / (pace.rate * (after[0] - before[0]))
    costs = {name: (after[1][name] - before[1][name]) * each for name in _NAMES}
    costs[GATEWAY] = pace.cpu
    return Round(pace.rate, costs)


async def ours(made: Ground, items: int = ITEMS) -> Round:
    """Through one gateway process."""
    await made.empty()
    await made.load(list(posts(made.queries(items))))
    return await _watched(made, lambda: made.marks(items), items)


async def acknowledged(made: Ground, items: int = ITEMS) -> Round:
    """Acknowledgements of as many messages, through one gateway process."""
    queries = made.queries(items)
    await made.empty()
    await made.load(list(posts(queries)))
    await made.drained(items)
    sent = [(recipient_of(one), one) for _, one in queries]
    await made.load([(by, ItemType.EVIDENCE, acknowledgement(made, one, by)) for by, one in sent])
    return await _watched(made, lambda: made.marks(items, ENTRIES_OF_A_HANDOVER), items)


async def plain(made: Ground, items: int = ITEMS) -> Round:
    """Through the plain relay."""
    await made.empty()
    await made.load(list(posts(made.queries(items))))
    return await _watched(made, lambda: beside.raw_marks(made, items), items)


def table(rows: Sequence[tuple[str, Round]]) -> str:
    """One column for each run."""
    lines = [f"{'CPU of the whole machine, us a message':40}" + "".join(f"{name:>16}" for name, _ in rows)]
    lines += [f"  {name:38}" + "".join(f"{one.costs[name]:16.0f}" for _, one in rows) for name in _NAMES]
    sums = [one.total for _, one in rows]
    lines.append(f"  {'all':38}" + "".join(f"{each:16.0f}" for each in sums))
    cores = os.cpu_count() or 1
    lines.append(
        f"{f'at most, with {cores} cores busy, messages/s':40}"
        + "".join(f"{cores / each * 1e6:16.0f}" for each in sums)
    )
    lines.append(f"{'as it went, messages/s':40}" + "".join(f"{one.rate:16.0f}" for _, one in rows))
    return "\n".join(lines)


def main(bureaus: int, rounds: int) -> None:
    """Measure and print."""
    with scenes.stage(bureaus) as stage:
        found = [(stage.play(ours), stage.play(acknowledged), stage.play(plain)) for _ in range(rounds)]
    columns = zip(("ours", "acknowledged", "plain relay"), zip(*found, strict=True), strict=True)
    print(table([(name, min(some, key=lambda one: one.total)) for name, some in columns]))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5, int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS)
