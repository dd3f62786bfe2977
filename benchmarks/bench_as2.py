"""Whole exchanges against AS2, which a Python team would pick today: pyas2lib, signed, encrypted, with signed receipts.

`as2`: through one gateway process, each step from filled queues, against AS2 over HTTP with 16 in flight between two
processes. The ends' own work (sealing, opening, signing) was done before on our side and is part of AS2's figure: this
is what the exchange in the middle carries. `as2-cpu`: everything in one process on either side, both ends and our
gateway's pipeline included; nothing is left out and nothing travels.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks import beside, scenes
from benchmarks.compare import Measured, Question, compare
from benchmarks.ground import Ground, operation_of
from benchmarks.whole import InOneProcess, through_network

OVER_NETWORK: Final = Question(
    "as2",
    "a whole exchange through one gateway process from filled queues, against AS2 over HTTP with 16 in flight",
    "exchanges/s",
    goal=20,
    lower_is_better=False,
    packages=("aio-pika", "asyncpg", "cryptography", "uvloop", "pyas2lib=1.4.4"),
)
IN_ONE_PROCESS: Final = Question(
    "as2-cpu",
    "a whole exchange with both ends and the gateway in one process, against AS2 with both ends in one process",
    "exchanges/s",
    goal=1,
    lower_is_better=False,
    packages=("cryptography", "pyas2lib=1.4.4"),
)
EXCHANGES: Final = 1500
AS2_EXCHANGES: Final = 150
_PEER: Final = beside.REPOSITORY / "benchmarks" / "as2_peer.py"


def run() -> list[Measured]:
    """Measure both."""
    with TemporaryDirectory(prefix="bureaunet-as2-") as folder, scenes.stage() as stage:
        keys = Path(folder)
        over = compare(
            OVER_NETWORK,
            lambda: stage.play(_ours),
            lambda: _over_http(keys),
        )
        return [over, compare(IN_ONE_PROCESS, lambda: stage.play(_in_one_process), lambda: _as2_in_one_process(keys))]


async def _ours(made: Ground) -> float:
    return scenes.told("ours", await through_network(made, EXCHANGES)).rate


async def _in_one_process(made: Ground) -> float:
    whole = await InOneProcess.start(made, await asyncio.to_thread(operation_of, made))
    try:
        return await whole.rate(AS2_EXCHANGES)
    finally:
        await whole.stop()


def _as2_in_one_process(keys: Path) -> float:
    return float(_said(["cpu", str(keys), str(AS2_EXCHANGES // 2)]))


def _over_http(keys: Path) -> float:
    with _served(keys) as port:
        return float(_said(["send", str(keys), port, str(AS2_EXCHANGES)]))


def _said(arguments: list[str]) -> str:
    command = [str(beside.peers()), str(_PEER), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


@contextmanager
def _served(keys: Path) -> Iterator[str]:
    """The receiving end, as its own process: its port."""
    command = [str(beside.peers()), str(_PEER), "serve", str(keys)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None and child.stdout is not None  # noqa: S101, PT018  # both were asked for
        try:
            yield child.stdout.readline().strip()
        finally:
            child.stdin.close()
            child.wait(30)
