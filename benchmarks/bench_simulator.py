"""190 simulated bureaus in one process on this machine, against 10: start-up, memory, and messages a second.

All are real bureaus of the SDK, with their own keys, stores and connections; the gateway is a process of its own beside
them, on SQLite. A process of bureaus is started anew for each figure (benchmarks/simulated.py), on a fresh copy of one
network of 190. Both sides send the same number of messages.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks import beside, simulated
from benchmarks.compare import ROUNDS, Measured, Question, told
from bureaus.sandbox.network import PrivateNetwork
from bureaus.sandbox.process import run as run_program

MANY, FEW = 190, 10
_PACKAGES: Final = ("aiohttp", "cryptography")
QUESTIONS: Final = {
    "seconds": Question(
        "simulator-start",
        f"seconds a bureau to open {MANY} bureaus in one process, against {FEW}",
        "s",
        goal=1.5,
        packages=_PACKAGES,
    ),
    "mib": Question(
        "simulator-memory",
        f"memory a bureau of {MANY} bureaus in one process after a busy minute, against {FEW}",
        "MiB",
        goal=1.2,
        packages=_PACKAGES,
    ),
    "rate": Question(
        "simulator-rate",
        f"messages a second among {MANY} bureaus in one process, gateway beside, against {FEW}",
        "a second",
        goal=0.5,
        lower_is_better=False,
        packages=_PACKAGES,
    ),
}


def run() -> Sequence[Measured]:
    """Measure."""
    with tempfile.TemporaryDirectory(prefix="simulator-") as folder:
        made = Path(folder) / "made"
        asyncio.run(PrivateNetwork(made, simulated.seats()).make())
        _one(made, FEW)
        rounds = [(_one(made, MANY), _one(made, FEW)) for _ in range(ROUNDS)]
    return [told(question, [(many[name], few[name]) for many, few in rounds]) for name, question in QUESTIONS.items()]


def _one(made: Path, count: int) -> dict[str, float]:
    fresh = made.with_name("fresh")
    shutil.copytree(made, fresh)
    try:
        command = [sys.executable, "-m", "benchmarks.simulated", str(fresh), str(count)]
        said = asyncio.run(run_program(command, environment=beside.environment(), within=300.0))
    finally:
        shutil.rmtree(fresh)
    found: dict[str, float] = json.loads(said.splitlines()[-1])
    opened, memory, rate = found["seconds"], found["mib"], found["rate"]
    print(
        f"  {count:3} bureaus: open in {opened:.1f} s, {memory:.2f} MiB each, {rate:.0f} messages a second", flush=True
    )
    return found | {"seconds": opened / count}
