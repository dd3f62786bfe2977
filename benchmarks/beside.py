"""Starts the programs that are measured beside ours, and reads how they went."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.ground import Ground, Mark, Pace, measured
from bureaus.sandbox.process import run
from schemas import wire
from schemas.codes import Urgency
from schemas.errors import Misuse

REPOSITORY: Final = Path(__file__).resolve().parents[1]
PEERS: Final = REPOSITORY / ".venv-bench" / "bin" / "python"
"""The environment with what nobody here wrote; `make bench` makes it."""


def environment() -> dict[str, str]:
    """What a program beside ours gets."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "PYTHONPATH": str(REPOSITORY)}


def arguments(made: Ground, items: int) -> list[str]:
    """What a relay is told: the gateway's own certificate, queue and exchange, and everybody's inboxes."""
    tls = made.gateway_tls
    files = ("--authority", str(tls.authority), "--certificate", str(tls.certificate), "--key", str(tls.key))
    keys = [wire.inbox_queue(address, Urgency.ROUTINE) for address in made.bureaus]
    where = ("--sources", *made.sources, "--keys", *keys)
    return ["--url", made.broker_url, *files, "--items", str(items), *where]


async def relayed(command: Sequence[str | Path], items: int) -> Pace:
    """Run a relay over `items`: how fast it went."""
    return measured(await marks(command), items)


async def marks(command: Sequence[str | Path]) -> list[Mark]:
    """Run a relay: where it was, again and again."""
    said = await run(command, environment=environment(), within=300.0)
    return [tuple(mark) for mark in json.loads(said.splitlines()[-1])]


async def raw(made: Ground, items: int) -> Pace:
    """The plain relay over what is in the gateway's queue."""
    return measured(await raw_marks(made, items), items)


async def raw_marks(made: Ground, items: int) -> list[Mark]:
    """As `raw`: where it was, again and again."""
    return await marks([sys.executable, "-m", "benchmarks.relays.raw", *arguments(made, items)])


def peers() -> Path:
    """The other environment's Python.

    Raises:
        Misuse: it was not made.
    """
    if not PEERS.exists():
        raise Misuse("run `make bench`: the environment with the programs to compare with is not there")
    return PEERS


async def compiled(source: Path, out: Path, *libraries: str) -> Path:
    """Compile a C program with gcc.

    Raises:
        Misuse: the compiler or a library is missing; the text says what to install.
    """
    command = ["gcc", "-O2", "-o", str(out), str(source), *(f"-l{name}" for name in libraries)]
    child = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await child.communicate()
    if child.returncode != 0:
        wanted = "apt-get install --no-install-recommends gcc libc6-dev librabbitmq-dev"
        raise Misuse(f"cannot compile {source.name}; as root: {wanted}\n{said.decode(errors='replace')}")
    return out
