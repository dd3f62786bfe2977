"""What a shell waits for, and what a program waits for: `--help`, and from the SDK's import to a first receipt.

Both against importing aiohttp, pydantic and cryptography, which anything of this kind has to. Our sources are turned
into bytecode first, as an installer does with packages: where PYTHONDONTWRITEBYTECODE is set no run would do it.
"""

from __future__ import annotations

import compileall
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Final

from benchmarks import beside, scenes
from benchmarks.compare import Measured, Question, compare
from benchmarks.ground import OPERATION, Ground
from schemas.directory import Link

_OURS: Final = ("bureaus", "schemas")
ROUNDS: Final = 15
"""Each takes a second, and is short enough for the machine to disturb much of it."""
PACKAGES: Final = ("aiohttp", "pydantic", "cryptography")
HELP: Final = Question(
    "startup",
    "bureaunet --help, against python -c 'import aiohttp, pydantic, cryptography'",
    "ms",
    goal=1.5,
    packages=PACKAGES,
)
FIRST: Final = Question(
    "startup-sdk",
    "a program from import to its first receipt, against python -c 'import aiohttp, pydantic, cryptography'",
    "ms",
    goal=2.5,
    packages=PACKAGES,
)
_IMPORTS: Final = [sys.executable, "-c", "import aiohttp, pydantic, cryptography"]
_PROGRAM: Final = """
import asyncio, sys
from bureaus.client import Bureau
from schemas.codes import Purpose
from schemas.messages import WhereaboutsQuery
from schemas.messages.codes import Asked

async def main(home, to, operation):
    async with Bureau.open(home) as bureau:
        query = WhereaboutsQuery(asked=(Asked.STATUS,), case="SYNTHETIC-1")
        exchange = await bureau.ask(query, to=[to], operation=operation, purpose=Purpose.ARREST)
        await exchange.accepted()

asyncio.run(main(*sys.argv[1:]))
"""


def run() -> list[Measured]:
    """Measure both."""
    for package in _OURS:
        compileall.compile_dir(beside.REPOSITORY / package, quiet=2)
    help_ = compare(HELP, lambda: _run([sys.executable, "-m", "bureaus", "--help"]), lambda: _run(_IMPORTS), ROUNDS)
    with scenes.stage(2, Link.HTTP) as stage:
        stage.play(_serve)
        made = stage.made
        sender, recipient = made.bureaus
        program = [sys.executable, "-c", _PROGRAM, str(made.running.home(sender)), str(recipient), OPERATION]
        return [help_, compare(FIRST, lambda: _run(program), lambda: _run(_IMPORTS), ROUNDS)]


async def _serve(made: Ground) -> None:
    await made.running.serve()


def _run(command: Sequence[str]) -> float:
    """Milliseconds that the command takes."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - begun) * 1000
