"""Submissions with a receipt over HTTPS, one gateway process on SQLite, against a handler that stores the same bytes.

The other is what one would write in an afternoon: aiohttp with mutual TLS, and one SQLite transaction, synchronous, for
all requests that wait meanwhile, answered when it is committed. It verifies nothing and signs nothing. The client is
the same, in this process, with IN_FLIGHT requests at a time.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import aiohttp

from benchmarks import beside, scenes
from benchmarks.compare import Measured, Question, compare
from benchmarks.ground import Ground
from bureaus.sandbox.process import Process, free_port
from schemas import wire
from schemas.directory import Link

QUESTION: Final = Question(
    "embedded",
    "submissions with a signed receipt over HTTPS on SQLite, against an aiohttp handler that stores the same bytes",
    "messages/s",
    goal=0.6,
    lower_is_better=False,
    packages=("aiohttp", "aiosqlite", "cryptography", "uvloop"),
)
ITEMS: Final = 1500
IN_FLIGHT: Final = 32


def run() -> Measured:
    """Measure."""
    with scenes.stage(2, Link.HTTP) as stage:
        return compare(QUESTION, lambda: stage.play(_ours), lambda: stage.play(_other))


async def _ours(made: Ground) -> float:
    await made.running.serve()
    try:
        return await _sent(made, f"{made.running.url}{wire.MESSAGES}")
    finally:
        await made.running.drain()


async def _other(made: Ground) -> float:
    folder, port, tls = Path(made.running.gateway_home).parent, free_port(), made.gateway_tls
    command = [sys.executable, "-m", "benchmarks.relays.keeper", str(port), str(folder / "kept.db")]
    keeper = Process(
        "keeper",
        [*command, str(tls.authority), str(tls.certificate), str(tls.key)],
        log=folder / "keeper.log",
        environment=beside.environment(),
    )
    keeper.start()
    try:
        await keeper.ready(lambda: _said(keeper), within=20.0)
        return await _sent(made, f"https://127.0.0.1:{port}{wire.MESSAGES}")
    finally:
        await keeper.stop()


async def _said(keeper: Process) -> bool:
    return "ready" in keeper.tail()


async def _sent(made: Ground, url: str) -> float:
    """Submissions a second."""
    sender, recipient = made.bureaus[:2]
    bodies = [wire.encode_submission(made.seal(sender, recipient)) for _ in range(ITEMS)]
    connector = aiohttp.TCPConnector(ssl=made.tls(sender).client_context(), limit=IN_FLIGHT)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(_post(session, url, bodies[-IN_FLIGHT + at :][:1]) for at in range(IN_FLIGHT)))
        rest = bodies[:-IN_FLIGHT]
        begun = time.perf_counter()
        await asyncio.gather(*(_post(session, url, rest[at::IN_FLIGHT]) for at in range(IN_FLIGHT)))
        return len(rest) / (time.perf_counter() - begun)


async def _post(session: aiohttp.ClientSession, url: str, bodies: Sequence[bytes]) -> None:
    for body in bodies:
        async with session.post(url, data=body, headers={"Content-Type": wire.CBOR_TYPE}) as answer:
            await answer.read()
            answer.raise_for_status()
