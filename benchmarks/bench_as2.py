"""Whole exchanges against AS2, which a Python team would pick today: pyas2lib, signed, encrypted, with signed receipts.

An exchange is the same on both sides: a query and its answer, each signed, encrypted, receipted, and taken.

`as2`: through one gateway process, each step from filled queues, against AS2 over HTTP with 16 in flight between two
processes. AS2 has nobody in the middle: what it does is its ends' work, each with a core of its own here. Of ours it is
what the middle carries; the ends seal, open and sign before, since they are 190 machines and the middle is one.
`as2-cpu`: everything in one process on either side, both ends and our gateway's pipeline; nothing is left out and
nothing travels.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks import beside, scenes
from benchmarks.compare import Measured, Question, compare
from benchmarks.ground import Ground, operation_of
from benchmarks.whole import InOneProcess, through_network
from bureaus.sandbox.process import free_port

OVER_NETWORK: Final = Question(
    "as2",
    "query and answer, receipted and handed over, through one gateway process, against the same over AS2, 16 in flight",
    "exchanges/s",
    goal=20,
    lower_is_better=False,
    packages=("aio-pika", "asyncpg", "cryptography", "uvloop", "pyas2lib=1.4.4"),
)
IN_ONE_PROCESS: Final = Question(
    "as2-cpu",
    "query and answer, receipted, both ends and the gateway in one process, against the same over AS2 in one process",
    "exchanges/s",
    goal=1,
    lower_is_better=False,
    packages=("cryptography", "pyas2lib=1.4.4"),
)
EXCHANGES: Final = 800
AS2_EXCHANGES: Final = 100
_PEER: Final = beside.REPOSITORY / "benchmarks" / "as2_peer.py"


def run() -> list[Measured]:
    """Measure both."""
    with TemporaryDirectory(prefix="bureaunet-as2-") as folder, scenes.stage() as stage:
        keys = Path(folder)

        def beside_ours(round_: Callable[[Path], float]) -> float:
            return stage.play(lambda _made: asyncio.to_thread(round_, keys))  # our connections go on beating meanwhile

        over = compare(OVER_NETWORK, lambda: stage.play(_ours), lambda: beside_ours(_over_http))
        return [
            over,
            compare(IN_ONE_PROCESS, lambda: stage.play(_in_one_process), lambda: beside_ours(_as2_in_one_process)),
        ]


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
    ours, theirs = str(free_port()), str(free_port())
    with _answering(keys, theirs, ours):
        return float(_said(["ask", str(keys), ours, theirs, str(AS2_EXCHANGES)]))


def _said(arguments: list[str]) -> str:
    command = [str(beside.peers()), str(_PEER), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


@contextmanager
def _answering(keys: Path, port: str, peer: str) -> Iterator[None]:
    """The end that answers, as its own process."""
    command = [str(beside.peers()), str(_PEER), "answer", str(keys), port, peer]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None and child.stdout is not None  # noqa: S101, PT018  # both were asked for
        try:
            child.stdout.readline()
            yield
        finally:
            child.stdin.close()
            child.wait(30)
