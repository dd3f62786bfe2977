"""Where a saturated gateway process spends its time: `make bench TABLE=shares` (ARGS="[BUREAUS]" or "embedded").

Takes py-spy's samples of one process that empties the filled queues of 5 bureaus or so many, or with `embedded` of one
on SQLite that takes submissions over HTTPS: those alone in which it holds the interpreter's lock or computes. Each
counts for the innermost part of the gateway that it was in. What is compiled is known by its functions' names in C,
which begin with the module's. py-spy comes with the programs that are measured beside ours (`make bench` makes their
environment), and may need the right to trace processes.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

import psutil

from benchmarks import bench_embedded, beside, scenes
from benchmarks.ground import LOOK, Ground, Pace, posts
from schemas.directory import Link
from tools.repo_files import ROOT

Parts: TypeAlias = Sequence[tuple[str, tuple[str, ...]]]
"""Names of parts, and what a frame has in it that belongs to one; the first that fits is it."""
PARTS: Final[Parts] = (
    ("signature", ("verify (schemas/keys", "sign (schemas/keys", "keys___SigningPublic___verify", "nacl/", "sodium")),
    ("ledger", ("sqlalchemy/", "asyncpg/", "adapters/sql/", "gateway/ledger.py", "schemas/merkle.py")),
    ("broker client", ("aiormq/", "aio_pika/", "pamqp/", "adapters/rabbitmq/", "asyncio/streams.py", "ssl.py")),
    ("HTTP", ("aiohttp/", "gateway/api/", "asyncio/timeouts.py")),
    ("log and metrics", ("watching.py", "structlog/", "gateway/logs.py", "prometheus_client/")),
    ("decode and checks", ("schemas/", "gateway/")),
)
ITEMS: Final = 24_000
EMBEDDED_ITEMS: Final = 9_000
SECONDS: Final = 10
RATE: Final = 60
"""Samples a second. py-spy stops the process for each: with 250 one run gave the ledger 2% and the next one 30%."""
WARM: Final = 0.15
"""Of the items are through before samples are taken."""
_COMPILED: Final = "(bureaunet__mypyc"
_IDLE: Final = ("_worker (concurrent/futures", "select (selectors")


@cache
def compiled() -> dict[str, str]:
    """How the names in C of each compiled module's functions may begin -> the module's path.

    mypyc takes as many of a module's last names as tell it from the others.
    """
    listed = (ROOT / "compiled-modules.txt").read_text("utf-8").splitlines()
    paths = [name for line in listed if (name := line.partition("#")[0].strip())]
    found: dict[str, str] = {}
    for path in paths:
        names = path.removesuffix(".py").split("/")
        found |= {f"{'___'.join(names[at:])}___": path for at in range(len(names))}
    return found


def source_of(frame: str) -> str:
    """A frame with the path of its source, where it is one of a compiled module."""
    if _COMPILED not in frame:
        return frame
    name = frame.removeprefix("CPyDef_").removeprefix("CPyPy_")
    return next((f"{name} ({path})" for begins, path in compiled().items() if name.startswith(begins)), frame)


def part_of(stack: Sequence[str], parts: Parts = PARTS) -> str:
    """The part of the process that a sample was in: the innermost frame decides."""
    for frame in map(source_of, reversed(stack)):
        for name, places in parts:
            if any(place in frame for place in places):
                return name
    return "rest"


def shares(samples: Sequence[str], parts: Parts = PARTS) -> dict[str, float]:
    """Each part's share of samples in py-spy's raw form, `frame;frame;... COUNT`."""
    counted: Counter[str] = Counter()
    for line in samples:
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        if not any(idle in frames[-1] for idle in _IDLE):
            counted[part_of(frames, parts)] += int(count)
    return {name: count / counted.total() for name, count in counted.most_common()}


async def _sampled(made: Ground) -> list[str]:
    await made.load(list(posts(made.queries(ITEMS))))
    begun = await made.entries()
    draining = asyncio.create_task(made.drained(ITEMS))
    while await made.entries() - begun < 2 * ITEMS * WARM:  # noqa: ASYNC110  # the database tells nobody
        await asyncio.sleep(LOOK)
    samples = await _spied(made)
    scenes.told("ours", await draining)
    return samples


async def _sampled_embedded(made: Ground) -> list[str]:
    await made.running.serve()
    try:
        await bench_embedded.submitted(made)  # warms up
        sending = asyncio.create_task(bench_embedded.submitted(made, EMBEDDED_ITEMS))
        process = psutil.Process(made.running.gateway.pid)
        idle = sum(process.cpu_times()[:2])
        while sum(process.cpu_times()[:2]) - idle < WARM:  # noqa: ASYNC110  # until they are sealed, it rests
            await asyncio.sleep(LOOK)
        samples = await _spied(made)
        scenes.told("ours", Pace(await sending, (sum(process.cpu_times()[:2]) - idle) / EMBEDDED_ITEMS * 1e6))
        return samples
    finally:
        await made.running.drain()


async def _spied(made: Ground) -> list[str]:
    """Samples of the gateway's process."""
    out = made.running.gateway_home.parent / "samples"
    spy = Path(beside.peers()).with_name("py-spy")
    how = ("--native", "--gil", "--duration", str(SECONDS), "--rate", str(RATE))
    said = ("--pid", str(made.running.gateway.pid), *how, "--format", "raw", "--output", str(out))
    child = await asyncio.create_subprocess_exec(spy, "record", *said)
    if await child.wait() != 0:
        raise SystemExit("py-spy could not look at the gateway's process")
    return (await asyncio.to_thread(out.read_text)).splitlines()


def main(bureaus: int, *, embedded: bool) -> None:
    """Measure and print."""
    with scenes.stage(2, Link.HTTP) if embedded else scenes.stage(bureaus) as stage:
        for name, share in shares(stage.play(_sampled_embedded if embedded else _sampled)).items():
            print(f"{name:18} {share:6.1%}")


if __name__ == "__main__":
    said = sys.argv[1] if len(sys.argv) > 1 else ""
    main(int(said) if said.isdigit() else scenes.FEW, embedded=said == "embedded")
