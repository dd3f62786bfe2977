"""Several workers on one port: supervised, replaced one after another, and of one mind about every message."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from pathlib import Path

import aiohttp
import psutil
import pytest
import pytest_asyncio

from schemas import wire
from schemas.errors import Unavailable
from schemas.receipts import Acceptance
from tests.integration.gateway_network import GatewayNetwork

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


AGAIN: list[str] = []
"""Why something had to be submitted again."""


@pytest_asyncio.fixture
async def network(tmp_path: Path, fresh_database: str) -> AsyncIterator[GatewayNetwork]:
    made = GatewayNetwork(tmp_path)
    made.said["BUREAUNET_DATABASE_URL"] = fresh_database
    await made.load()
    yield made
    if made.process is not None and made.process.running:
        await made.stop()


def workers(network: GatewayNetwork) -> set[int]:
    assert network.process is not None
    children = psutil.Process(network.process.pid).children()
    return {child.pid for child in children if "--worker-socket" in _command(child)}


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:  # it ended since it was listed, or its supervisor has yet to wait for it
        return []


async def readiness(network: GatewayNetwork) -> tuple[int, dict[str, str]]:
    async with aiohttp.ClientSession() as client, client.get(network.operators + "/readyz") as response:
        return response.status, json.loads(await response.text())["checks"]


async def until(holds: Callable[[], bool], within: float = 60) -> None:
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110  # other processes change it
            await asyncio.sleep(0.05)


async def until_ready(network: GatewayNetwork) -> None:
    async with asyncio.timeout(60):
        while (await readiness(network))[0] != HTTPStatus.OK:  # noqa: ASYNC110  # other processes change it
            await asyncio.sleep(0.05)


async def held(network: GatewayNetwork, name: str = "AR") -> set[bytes]:
    """Digests of all that waits for a bureau."""
    digests: set[bytes] = set()
    after = -1
    while items := await network.inbox(name, after):
        digests |= {hashlib.sha256(item.statement).digest() for item in items}
        after = items[-1].index
    return digests


async def send(network: GatewayNetwork) -> Acceptance:
    """Submit as any client does: the same bytes again, where the gateway asks for it or hangs up."""
    body = wire.encode_submission(network.query("BR", "AR"))
    for _ in range(10):
        async with network.client("BR") as client:
            try:
                async with client.post(wire.MESSAGES, data=body) as response:
                    answer = await response.read()
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
                AGAIN.append("hung up")
                continue
        if response.status == HTTPStatus.OK:
            return network.receipt(answer)
        assert response.status == HTTPStatus.SERVICE_UNAVAILABLE, answer
        AGAIN.append(answer.decode())
        await asyncio.sleep(float(response.headers["Retry-After"]))
    raise AssertionError(AGAIN[-10:])


def events(network: GatewayNetwork, name: str) -> list[dict[str, object]]:
    lines = (json.loads(line) for line in network.log.read_text().splitlines())
    return [line for line in lines if line.get("event") == name]


async def test_a_worker_that_is_killed_is_started_again_and_nothing_is_lost(network: GatewayNetwork) -> None:
    await network.start("--workers", "2")
    await network.open_operation()
    assert await readiness(network) == (HTTPStatus.OK, {"worker-0": "ok", "worker-1": "ok"})
    before = workers(network)
    assert len(before) == 2
    receipts = [await send(network)]
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    receipts += [await send(network) for _ in range(5)]
    await until(lambda: len(workers(network) - {victim}) == 2)
    await until_ready(network)
    assert await held(network) == {receipt.digest for receipt in receipts}
    async with aiohttp.ClientSession() as client, client.get(network.operators + "/metrics") as response:
        said = await response.text()
    for name in ('worker="0"', 'worker="1"', 'worker="supervisor"'):
        assert "bureaunet_events_total{event=" in said
        assert name in said
    assert await network.stop() == 0
    assert workers_of_nobody(before)


def workers_of_nobody(pids: set[int]) -> bool:
    return not any(psutil.pid_exists(pid) for pid in pids)


async def test_hangup_replaces_one_worker_after_another_while_they_serve(network: GatewayNetwork) -> None:
    await network.start("--workers", "2")
    await network.open_operation()
    assert network.process is not None
    before = workers(network)
    network.process.send(signal.SIGHUP)
    receipts = []
    AGAIN.clear()
    while before & workers(network):
        receipts.append(await send(network))
    assert len(AGAIN) <= len(before), AGAIN
    await until(lambda: bool(events(network, "workers-replaced")))
    assert len(workers(network)) == 2
    assert await held(network) == {receipt.digest for receipt in receipts}
    assert [line["code"] for line in events(network, "worker-replaced")] == [0, 0]


async def test_workers_drain_when_their_supervisor_is_gone(network: GatewayNetwork) -> None:
    await network.start("--workers", "2")
    assert network.process is not None
    orphans = workers(network)
    os.kill(network.process.pid, signal.SIGKILL)
    await until(lambda: workers_of_nobody(orphans))
    assert len(events(network, "stopped")) == 2


async def test_another_process_signs_within_seconds_of_the_signer_s_death(network: GatewayNetwork) -> None:
    await network.start("--workers", "2")
    await network.open_operation()
    last = (await send(network)).index
    for pid in workers(network):  # one of them has the lease: each dies once
        os.kill(pid, signal.SIGKILL)
        receipt = await send(network)
        assert receipt.index is not None
        assert last is not None
        assert receipt.index == last + 2
        last = receipt.index
        async with asyncio.timeout(30), network.client("BR") as client:
            while True:
                async with client.get(f"{wire.PROOFS}/{last}") as response:
                    if response.status == HTTPStatus.OK:
                        break
                await asyncio.sleep(0.1)
    verdict = json.loads(await network.command("ledger", "verify", "--home", network.home, "--json"))
    assert verdict["ok"]


async def test_the_same_submission_to_both_at_once_is_one_acceptance(network: GatewayNetwork) -> None:
    await network.start("--workers", "2")
    await network.open_operation()
    bodies = [wire.encode_submission(network.query("BR", "AR")) for _ in range(10)]
    answers = await asyncio.gather(*(network.submit("BR", body) for body in bodies for _ in range(4)))
    receipts = [receipt for _, receipt in answers]
    assert {status for status, _ in answers} == {HTTPStatus.OK}
    assert len({(receipt.digest, receipt.index) for receipt in receipts}) == len(bodies)
    took = {line["index"] for line in events(network, "admitted")}
    assert took == {receipt.index for receipt in receipts}
    await network.stop()
    await network.start("--workers", "2")
    _, again = await network.submit("BR", bodies[0])
    assert again == receipts[0]
    lines = (await network.command("ledger", "entries", "--home", network.home, "--json")).splitlines()
    accepted = [line for line in map(json.loads, lines) if line["event"] == "SubmissionAcceptance"]
    assert len(accepted) == len(bodies)
    assert len(await held(network)) == len(bodies)


async def test_sqlite_serves_one_process_and_says_so(network: GatewayNetwork) -> None:
    del network.said["BUREAUNET_DATABASE_URL"]
    with pytest.raises(Unavailable, match=r"exited with code 2:\n.*several workers need PostgreSQL"):
        await network.command("serve", "--home", network.home, "--workers", "2")
