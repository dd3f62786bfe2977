"""Submissions with a receipt over HTTPS, one gateway process on SQLite, against a handler that stores the same bytes.

The others are what one would write in an afternoon, aiohttp with mutual TLS and SQLite, and in another: `embedded` is
against one transaction for each request, `embedded-grouped` against one for all requests that wait meanwhile, which is
how the gateway does it too. Both commit durably before they answer, verify nothing and sign nothing. The client is the
same, in this process, with IN_FLIGHT requests at a time.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import aiohttp

from benchmarks import beside, scenes
from benchmarks.compare import ROUNDS, Measured, Question, told
from benchmarks.ground import Ground
from bureaus.sandbox.process import Process, free_port
from schemas import wire
from schemas.directory import Link

PACKAGES: Final = ("aiohttp", "aiosqlite", "cryptography", "uvloop")
WHAT: Final = (
    "submissions with a signed receipt over HTTPS on SQLite, against an aiohttp handler that stores the same bytes"
)
EACH: Final = Question("embedded", WHAT, "messages/s", goal=0.6, lower_is_better=False, packages=PACKAGES)
GROUPED: Final = Question(
    "embedded-grouped",
    f"{WHAT}, many in a transaction",
    "messages/s",
    goal=0.6,
    lower_is_better=False,
    packages=PACKAGES,
)
ITEMS: Final = 1500
IN_FLIGHT: Final = 32


def run() -> list[Measured]:
    """Measure both."""
    with scenes.stage(2, Link.HTTP) as stage:
        rounds = [
            (stage.play(_ours), stage.play(partial(_other, way="each")), stage.play(partial(_other, way="grouped")))
            for _ in range(1 + ROUNDS)
        ][1:]  # the first warms up
    each, grouped = [(ours, one) for ours, one, _ in rounds], [(ours, many) for ours, _, many in rounds]
    return [told(EACH, each), told(GROUPED, grouped)]


async def _ours(made: Ground) -> float:
    await made.running.serve()
    try:
        return await submitted(made)
    finally:
        await made.running.drain()


async def submitted(made: Ground, items: int = ITEMS) -> float:
    """Submissions a second that the gateway takes."""
    return await _sent(made, f"{made.running.url}{wire.MESSAGES}", items)


async def _other(made: Ground, way: str) -> float:
    folder, port, tls = Path(made.running.gateway_home).parent, free_port(), made.gateway_tls
    log = folder / "keeper.log"
    log.unlink(missing_ok=True)  # that of the round before says "ready" too
    command = [sys.executable, "-m", "benchmarks.relays.keeper", str(port), str(folder / f"kept-{way}.db")]
    keeper = Process(
        "keeper",
        [*command, str(tls.authority), str(tls.certificate), str(tls.key), way],
        log=log,
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


async def _sent(made: Ground, url: str, items: int = ITEMS) -> float:
    sender, recipient = made.bureaus[:2]
    bodies = [wire.encode_submission(made.seal(sender, recipient)) for _ in range(items)]
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
