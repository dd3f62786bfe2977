"""Server time of each page of the console with a million exchanges, against the same page with a thousand.

Two gateway processes, each on a database of one PostgreSQL; one reader asks both in turn, page by page, and the time
is that from the request to the last byte of the answer, over loopback. For each page there is the median of each round,
and the 99th percentile of all its requests.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from benchmarks.compare import ROUNDS, Measured, Question, told
from benchmarks.console_scene import Reader, Scene, scene
from bureaus.sandbox.postgres import Postgres
from tests.integration.gateway_network import OPERATION, QUERY

SMALL, LARGE = 1_000, 1_000_000
BRIEF: Final = 100_000
ASKED: Final = 25
"""Requests of one round to each side, for one page: so many that the slowest hundredth is not one request."""
GOAL: Final = 3.0
_MORE: Final = re.compile(r"before=(\d+)\.")
_RANDOM: Final = random.Random(1)  # noqa: S311  # which exchanges are opened; nothing secret
Paths = Callable[[Scene], Iterator[str]]


def _always(path: str) -> Paths:
    return lambda _scene: itertools.repeat(path)


def _exchange(at: Scene) -> Iterator[str]:
    """Exchanges of both ends, with their proofs."""
    while True:
        yield f"/exchanges/{_RANDOM.choice(at.opened)}"


def _prefix(at: Scene) -> Iterator[str]:
    while True:
        yield f"/exchanges?id={_RANDOM.choice(at.opened)[:16]}"


def _behind(at: Scene) -> Iterator[str]:
    """A page from the middle of all."""
    assert at.reader is not None  # noqa: S101  # it signed in when the scene was made
    newest = _MORE.search(at.reader.page("/exchanges"))
    assert newest is not None  # noqa: S101  # there are more than one page
    half = int(newest[1]) - 30 * 86_400_000
    return itertools.repeat(f"/exchanges?before={half}.{'80' * 32}")


PAGES: Final[dict[str, Paths]] = {
    "overview": _always("/"),
    "exchanges": _always("/exchanges"),
    "exchanges-behind": _behind,
    "exchanges-sender": _always("/exchanges?sender=BR"),
    "exchanges-recipient": _always("/exchanges?recipient=AR"),
    "exchanges-operation": _always(f"/exchanges?operation={OPERATION}"),
    "exchanges-kind": _always(f"/exchanges?kind={QUERY}"),
    "exchanges-refused": _always("/exchanges?state=refused"),
    "exchanges-waiting": _always("/exchanges?state=waiting"),
    "exchanges-several": _always(f"/exchanges?sender=BR&recipient=AR&operation={OPERATION}&kind={QUERY}"),
    "exchanges-none": _always(f"/exchanges?sender=XX&operation={OPERATION}"),
    "exchanges-id": _prefix,
    "exchange": _exchange,
    "operations": _always("/operations"),
    "operation": _always(f"/operations/{OPERATION}"),
    "overdue": _always("/overdue"),
    "overdue-open": _always("/overdue?state=open"),
    "bureaus": _always("/bureaus"),
    "bureau": _always("/bureaus/BR"),
    "quarantine": _always("/quarantine"),
    "approvals": _always("/approvals"),
    "broker": _always("/broker"),
    "ledger": _always("/ledger"),
    "audit": _always("/audit"),
}
"""By name, the paths that are asked for in turn."""


def run() -> list[Measured]:
    """Measure."""
    return asyncio.run(_run(LARGE))


def brief() -> list[Measured]:
    """Measure with fewer exchanges: to fill in a million takes longer than to measure them."""
    return asyncio.run(_run(BRIEF))


async def _run(count: int) -> list[Measured]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(Postgres())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bureaunet-bench-")))
        small = await stack.enter_async_context(scene(folder / "small", server, SMALL))
        large = await stack.enter_async_context(scene(folder / "large", server, count))
        assert large.filled is not None  # noqa: S101  # it was filled when it was made
        print(f"  filled {large.filled.exchanges} exchanges, {large.filled.leaves} entries", flush=True)
        found = [await asyncio.to_thread(_measure, name, paths, large, small) for name, paths in PAGES.items()]
    print(_table(found, f"1e{len(str(count)) - 1}"), flush=True)
    return list(itertools.chain.from_iterable(found))


def _table(found: Sequence[tuple[Measured, Measured]], many: str) -> str:
    """All pages in one look: medians and 99th percentiles in milliseconds, with so many exchanges and a thousand."""
    lines = [f"  {'page':22}{many + ': median':>12}{'p99':>8}{'1e3: median':>14}{'p99':>8}{'ratio':>8}"]
    for half, slow in found:
        ours, other = (f"{one.median:.1f}" for one in (half.ours, half.other))
        slowest, others = (f"{one.median:.1f}" for one in (slow.ours, slow.other))
        page = half.name.removeprefix("console-")
        lines.append(f"  {page:22}{ours:>12}{slowest:>8}{other:>14}{others:>8}{half.ratio.median:>8.2f}")
    return "\n".join(lines)


def _measure(name: str, paths: Paths, large: Scene, small: Scene) -> tuple[Measured, Measured]:
    """The page's median, and its 99th percentile."""
    for at in (large, small):
        _reader(at).rest()
    sides = [(_reader(at), paths(at)) for at in (large, small)]
    rounds: list[tuple[list[float], list[float]]] = []
    for _ in range(ROUNDS + 1):
        took: tuple[list[float], list[float]] = ([], [])
        for turn in range(ASKED):
            for side in (0, 1) if turn % 2 else (1, 0):  # neither is always the one after the other
                reader, asked = sides[side]
                took[side].append(reader.milliseconds(next(asked)))
        rounds.append(took)
    counted = rounds[1:]  # the first warmed up
    medians = [(statistics.median(ours), statistics.median(other)) for ours, other in counted]
    ours, other = (sorted(itertools.chain.from_iterable(one[side] for one in counted)) for side in (0, 1))
    what = f"console page {name} at 1e{len(str(large.exchanges)) - 1} exchanges, against at 1e3 (PostgreSQL)"
    median = told(_question(f"console-{name}", f"{what}: median of {ASKED}"), medians)
    slow = [(_slowest(ours), _slowest(other))]
    return median, told(_question(f"console-{name}-p99", f"{what}: 99th percentile of {len(ours)}"), slow)


def _question(name: str, what: str) -> Question:
    return Question(name, what, "ms", GOAL, packages=("aiohttp", "asyncpg", "sqlalchemy"))


def _slowest(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[-1]


def _reader(at: Scene) -> Reader:
    assert at.reader is not None  # noqa: S101  # it signed in when the scene was made
    return at.reader
