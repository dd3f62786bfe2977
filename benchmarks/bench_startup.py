"""`bureaunet --help`, against importing aiohttp, pydantic and cryptography: what a shell waits for."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Final

from benchmarks.compare import Measured, Question, compare

QUESTION: Final = Question(
    "startup",
    "bureaunet --help, against python -c 'import aiohttp, pydantic, cryptography'",
    "ms",
    goal=1.5,
    packages=("aiohttp", "pydantic", "cryptography"),
)


def run() -> Measured:
    """Measure."""
    return compare(
        QUESTION,
        lambda: _run([sys.executable, "-m", "bureaus", "--help"]),
        lambda: _run([sys.executable, "-c", "import aiohttp, pydantic, cryptography"]),
    )


def _run(command: Sequence[str]) -> float:
    """Milliseconds that the command takes."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - begun) * 1000
