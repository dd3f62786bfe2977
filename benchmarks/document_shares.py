"""What one document asked from a border unit costs: `make bench TABLE=document_shares` (ARGS="[QUESTIONS]").

Prints microseconds of CPU for each question of the unit, the gateway and the secretariat, many asked at once over HTTP
among a thousand records, beyond what each takes at rest, and the most that the cores can carry by it; then, of each
process, the parts of its time. CPU depends less on what else the machine does than a rate. Samples are py-spy's, which
comes with the programs that are measured beside ours (`make bench` makes their environment) and may need the right to
trace processes. A thread that waits for a disk computes nothing, and is not counted. `PLAIN=1` leaves the samples out,
which cost a little themselves; `KEEP=DIR` keeps them there.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks import beside
from benchmarks.bench_documents import FEW
from benchmarks.document_border import QUERIES, Asking, border
from benchmarks.document_records import fill
from benchmarks.shares import Parts, shares

PARTS: Final[Parts] = (
    ("log lines", ("structlog/", "logging/__init__", "bureaus/logs.py", "gateway/logs.py", "gateway/watching.py")),
    ("keys: sign, verify, seal, open", ("schemas/keys", "schemas/sealing", "schemas/hpke", "cryptography/")),
    ("TLS", ("ssl.py", "asyncio/sslproto.py")),
    ("HTTP", ("aiohttp/", "yarl/", "multidict/", "bureaus/links/", "gateway/api/", "asyncio/timeouts.py")),
    ("the SDK's store", ("bureaus/store/",)),
    ("ledger", ("gateway/adapters/sql/", "gateway/ledger.py", "schemas/merkle.py")),
    ("SQLAlchemy and driver", ("sqlalchemy/", "aiosqlite/", "asyncpg/")),
    ("registry", ("bureaus/secretariat/",)),
    ("content", ("pydantic/", "schemas/messages/")),
    ("CBOR, statements, receipts", ("schemas/",)),
    ("pipeline", ("gateway/",)),
    ("the rest of the SDK", ("bureaus/", "benchmarks/")),
    ("event loop", ("asyncio/", "selectors.py", "threading.py", "queue.py", "concurrent/")),
)
SECONDS: Final = 8
_RATE: Final = 100


async def _spied(folder: Path, pids: Mapping[str, int]) -> None:
    """Samples of each process, in a file of its name."""
    spy = Path(beside.peers()).with_name("py-spy")
    said = ("--duration", str(SECONDS), "--rate", str(_RATE), "--format", "raw", "--nonblocking")
    commands = [(spy, "record", "--pid", str(pid), *said, "--output", str(folder / name)) for name, pid in pids.items()]
    children = [
        await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL) for command in commands
    ]
    for child in children:
        if await child.wait() != 0:
            raise SystemExit("py-spy could not look at a process")


async def _asked(folder: Path, queries: int, *, plain: bool) -> Asking:
    registry = folder / "few.db"
    await fill(registry, FEW)
    async with border(folder / "network") as unit:
        watch = None if plain else lambda pids: _spied(folder, pids)
        return await unit.asking(registry, FEW, queries, watch)


def main(queries: int, *, plain: bool) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="documents-") as name:
        folder = Path(os.environ.get("KEEP", name))
        asked = asyncio.run(_asked(folder, queries, plain=plain))
        total, cores = sum(asked.costs.values()), os.cpu_count() or 1
        print(f"{'CPU':30}{'us a question':>16}{'at rest, ms a second':>24}")
        for process, each in asked.costs.items():
            print(f"  {process:28}{each:16.0f}{asked.rest[process]:24.0f}")
        rest = sum(asked.rest.values())
        print(f"  {'all':28}{total:16.0f}{rest:24.0f}")
        print(f"{f'at most, {cores} cores busy, a second':30}{(cores - rest / 1e3) / total * 1e6:16.0f}")
        print(f"{'as it went, a second':30}{asked.rate:16.0f}")
        for process in () if plain else asked.costs:
            print(process)
            for part, share in shares((folder / process).read_text().splitlines(), PARTS).items():
                print(f"  {part:32}{share:6.1%}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else QUERIES, plain=bool(os.environ.get("PLAIN")))
