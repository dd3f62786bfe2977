"""A border unit that asks over HTTP, on a network of its own: gateway and secretariat are processes beside it.

Order: the network is made once; for each measurement the secretariat is served with the registry that is named, the
unit asks so many documents, so many at once, and the secretariat is ended. The unit is in this process: what the other
work in it takes, which is little, counts as the unit's.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

import psutil

from benchmarks import beside
from benchmarks.document_records import OWNERS, question
from bureaus import enrolment
from bureaus.client import Bureau
from bureaus.sandbox.network import PrivateNetwork, Seat
from bureaus.sandbox.process import Process
from bureaus.secretariat.office import OPERATION
from schemas.codes import Purpose, Urgency
from schemas.directory import ParticipantKind
from schemas.errors import Unavailable
from schemas.identity import Address
from schemas.messages.databases import DatabaseAnswer

QUERIES: Final = 600
AT_ONCE: Final = 64
Watch: TypeAlias = Callable[[Mapping[str, int]], Coroutine[None, None, None]]
"""Looks at the processes while they are asked, given by their names."""
_ALONE: Final = 40
"""Asked one after another: what an officer waits."""
_REST: Final = 5.0
"""Seconds that nobody asks, to see what goes on by itself."""
_WITHIN: Final = 60.0
IPSG: Final = Address("IPSG")
UNIT: Final = Address("KE/border-north")
_SEATS: Final = (
    Seat(IPSG, "General Secretariat", ParticipantKind.SECRETARIAT),
    *(Seat(Address(code), code) for code in OWNERS),
)


@dataclass(frozen=True, slots=True)
class Asking:
    """Answers a second with many at once, and milliseconds of one alone, at the median."""

    rate: float
    alone: float
    costs: Mapping[str, float]
    """Microseconds of CPU for each question of the many, by process, beyond what it takes at rest."""
    rest: Mapping[str, float]
    """Milliseconds of CPU that it takes in a second at rest."""


@dataclass(frozen=True, slots=True)
class Border:
    """The network, with the unit open."""

    network: PrivateNetwork
    unit: Bureau

    async def asking(self, registry: Path, records: int, queries: int = QUERIES, watch: Watch | None = None) -> Asking:
        """Ask a secretariat with this registry; `watch` is begun with the many questions, and waited for."""
        async with _served(self.network, registry) as secretariat:
            rng = random.Random(1)  # noqa: S311  # which documents are asked for
            await self._ask(records, rng)
            alone = [await self._ask(records, rng) for _ in range(_ALONE)]
            room = asyncio.Semaphore(AT_ONCE)

            async def one() -> None:
                async with room:
                    await self._ask(records, rng)

            pids = {"unit": os.getpid(), "gateway": self.network.gateway.pid, "secretariat": secretariat.pid}
            rest = await _resting(pids)
            watching = None if watch is None else asyncio.create_task(watch(pids))
            begun, spent = time.perf_counter(), _spent(pids)
            await asyncio.gather(*(one() for _ in range(queries)))
            took, after = time.perf_counter() - begun, _spent(pids)
            if watching is not None:
                await watching
            costs = {name: (after[name] - spent[name] - took * rest[name]) / queries * 1e6 for name in pids}
            at_rest = {name: each * 1e3 for name, each in rest.items()}
            return Asking(queries / took, statistics.median(alone), costs, at_rest)

    async def _ask(self, records: int, rng: random.Random) -> float:
        """Milliseconds from the question to its verified answer."""
        begun = time.perf_counter()
        exchange = await self.unit.ask(
            question(rng, records),
            to=[IPSG],
            operation=OPERATION,
            purpose=Purpose.BORDER_CHECK,
            urgency=Urgency.URGENT,
        )
        answers = [received.message async for received in exchange.responses(_WITHIN)]
        if len(answers) != 1 or not isinstance(answers[0], DatabaseAnswer):
            raise RuntimeError("the secretariat did not answer")
        return (time.perf_counter() - begun) * 1000


def _spent(pids: Mapping[str, int]) -> dict[str, float]:
    """Seconds of CPU so far, by process."""
    return {name: sum(psutil.Process(pid).cpu_times()[:2]) for name, pid in pids.items()}


async def _resting(pids: Mapping[str, int]) -> dict[str, float]:
    """Seconds of CPU a second, by process, while nobody asks."""
    begun, spent = time.perf_counter(), _spent(pids)
    await asyncio.sleep(_REST)
    took = time.perf_counter() - begun
    return {name: (after - spent[name]) / took for name, after in _spent(pids).items()}


@asynccontextmanager
async def border(folder: Path) -> AsyncIterator[Border]:
    """The network and its unit; what nobody waits for here, proofs, is left out."""
    network = PrivateNetwork(folder, _SEATS)
    network.limits = replace(network.limits, proofs=False)
    async with network:
        async with _served(network, folder / "first.db"):
            pass  # the standing operation is published before the unit asks in it
        await _enrol(network)
        unit = await _entered(network)
        try:
            yield Border(network, unit)
        finally:
            await unit.__aexit__(None, None, None)


async def _entered(network: PrivateNetwork) -> Bureau:
    """The unit, open: the gateway that serves takes up the new directory after a while."""
    async with asyncio.timeout(_WITHIN):
        while True:
            unit = network.bureau(UNIT)
            try:
                return await unit.__aenter__()
            except Unavailable:
                await asyncio.sleep(1.0)


async def _enrol(network: PrivateNetwork) -> None:
    """The unit with a row and keys of its own: its bureau authorises its request, and the authority lists it."""
    home, authority = network.home(UNIT), network.gateway_home.with_name("authority")
    await asyncio.to_thread(home.mkdir, parents=True)
    await enrolment.request(home, UNIT, kind=ParticipantKind.UNIT)
    request, signed = home / enrolment.REQUEST, home / "authorised.cbor"
    async with network.bureau(UNIT.bureau) as bureau:
        authorised = bureau.authorise(await asyncio.to_thread(request.read_bytes))
    await asyncio.to_thread(signed.write_bytes, authorised)
    await network.command("authority", "approve", "--home", authority, signed)
    await network.command("participant", "load", "--home", network.gateway_home, authority / "directory.cbor")
    files = (network.network_file, network.certificate(UNIT), network.authority_certificate)
    pinned, certificate, trusted = [await asyncio.to_thread(file.read_bytes) for file in files]
    await enrolment.complete(home, network=pinned, certificate=certificate, authority=trusted, gateway=network.url)


@asynccontextmanager
async def _served(network: PrivateNetwork, registry: Path | str) -> AsyncIterator[Process]:
    """The secretariat with a registry: a file of SQLite, or a database by its URL."""
    log = network.log.with_name("secretariat.log")
    log.unlink(missing_ok=True)
    url = f"sqlite+aiosqlite:///{registry}" if isinstance(registry, Path) else registry
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "bureaus",
        "secretariat",
        "serve",
        "--home",
        network.home(IPSG),
        "--registry",
    ]
    command.append(url)
    process = Process("secretariat", command, log=log, environment=beside.environment())
    process.start()
    try:
        await process.ready(lambda: _said(log), within=60.0)
        yield process
    finally:
        await process.stop()


async def _said(log: Path) -> bool:
    lines = (await asyncio.to_thread(log.read_text, "utf-8")).splitlines()
    return any(json.loads(line).get("event") == "ready" for line in lines if line.startswith("{"))
