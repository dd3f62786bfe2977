"""Where a saturated gateway process spends its time: `.venv/bin/python -m benchmarks.shares`.

Takes py-spy's samples of one process that empties filled queues, those alone in which it holds the interpreter's lock
or computes, and counts each for the innermost part of the gateway that it was in. py-spy comes with the programs that
are measured beside ours (`make bench` makes their environment), and may need the right to trace processes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks import beside, scenes
from benchmarks.ground import LOOK, Ground, posts

PARTS: Final[Sequence[tuple[str, tuple[str, ...]]]] = (
    ("signature", ("verify (schemas/keys", "sign (schemas/keys")),
    ("ledger", ("sqlalchemy/", "asyncpg/", "adapters/sql/", "gateway/ledger.py", "schemas/merkle.py")),
    ("broker client", ("aiormq/", "aio_pika/", "pamqp/", "adapters/rabbitmq/", "asyncio/streams.py", "ssl.py")),
    ("log and metrics", ("watching.py", "structlog/", "gateway/logs.py", "prometheus_client/")),
    ("decode and checks", ("schemas/", "gateway/")),
)
ITEMS: Final = 9_000
SECONDS: Final = 4
WARM: Final = 0.15
"""Of the items are through before samples are taken."""
_IDLE: Final = ("_worker (concurrent/futures", "select (selectors")


def part_of(stack: Sequence[str]) -> str:
    """The part of the gateway that a sample was in: the innermost frame decides."""
    for frame in reversed(stack):
        for name, places in PARTS:
            if any(place in frame for place in places):
                return name
    return "rest"


def shares(samples: Sequence[str]) -> dict[str, float]:
    """Each part's share of samples in py-spy's raw form, `frame;frame;... COUNT`."""
    counted: Counter[str] = Counter()
    for line in samples:
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        if not any(idle in frames[-1] for idle in _IDLE):
            counted[part_of(frames)] += int(count)
    return {name: count / counted.total() for name, count in counted.most_common()}


async def _sampled(made: Ground) -> list[str]:
    await made.load(list(posts(made.queries(ITEMS))))
    begun, out = await made.entries(), made.running.gateway_home.parent / "samples"
    draining = asyncio.create_task(made.drained(ITEMS))
    while await made.entries() - begun < 2 * ITEMS * WARM:  # noqa: ASYNC110  # the database tells nobody
        await asyncio.sleep(LOOK)
    spy = Path(beside.peers()).with_name("py-spy")
    said = ("--gil", "--duration", str(SECONDS), "--rate", "250", "--format", "raw", "--output", str(out))
    child = await asyncio.create_subprocess_exec(spy, "record", "--pid", str(made.running.gateway.pid), *said)
    if await child.wait() != 0:
        raise SystemExit("py-spy could not look at the gateway's process")
    scenes.told("ours", await draining)
    return (await asyncio.to_thread(out.read_text)).splitlines()


def main() -> None:
    """Measure and print."""
    with scenes.stage() as stage:
        for name, share in shares(stage.play(_sampled)).items():
            print(f"{name:18} {share:6.1%}")


if __name__ == "__main__":
    main()
