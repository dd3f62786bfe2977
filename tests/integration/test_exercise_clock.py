"""The clock of an exercise over the operators' listener: silence in its own time, and refusals in words elsewhere."""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bureaus.auditor import audit, pinned
from bureaus.client import Bureau
from bureaus.exercises.gateway_clock import PATH, GatewayClock
from bureaus.sandbox.network import PrivateNetwork, Seat
from bureaus.sandbox.process import run
from schemas.codes import Purpose
from schemas.directory import ParticipantKind
from schemas.errors import Misuse, Unavailable
from schemas.evidence import Event
from schemas.identity import Address
from tests.exporting import exported
from tests.unit.bureaus.network import QUERY, operation

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]
HOUR, DAY = 3_600_000, 86_400_000
OPERATION = "infra-still"
FR, BR = Address("FR"), Address("BR")
SEATS = (Seat(FR, "FR"), Seat(BR, "BR"), Seat(Address("IPSG"), "IPSG", ParticipantKind.SECRETARIAT, ("ccc",)))


class Still:
    """A network whose time stands still, with its clock."""

    def __init__(self, network: PrivateNetwork, clock: GatewayClock, now: int) -> None:
        self.network, self.clock, self.now = network, clock, now
        network.clock = lambda: self.now

    async def to(self, milliseconds: int) -> None:
        await self.clock.to(milliseconds)
        self.now = milliseconds


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def still(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Still]:
    network = PrivateNetwork(tmp_path_factory.mktemp("still"), SEATS)
    network.stopped = True
    async with network, GatewayClock(network.operators) as clock:
        still = Still(network, clock, await clock.now())
        async with network.bureau(FR) as fr:
            made = operation("FR", [seat.address for seat in SEATS], still.now // 1000, name=OPERATION)
            await fr.publish_operation(made)
        yield still


async def asked(fr: Bureau) -> bytes:
    exchange = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
    await exchange.accepted(60)
    return exchange.digest


async def test_silence_is_attested_at_its_own_time_within_one_step(still: Still, tmp_path: Path) -> None:
    begin = still.now
    async with still.network.bureau(FR) as fr, still.network.bureau(BR) as br:
        digest = await asked(fr)
        await still.to(begin + 9 * DAY)
        assert await still.clock.now() == begin + 9 * DAY
        await fr.refresh()
        async with asyncio.timeout(60):
            while not await fr._parts.attestations(digest):  # noqa: SLF001, ASYNC110  # what is told has no event of its own here
                await asyncio.sleep(0.05)
        await br.settled(10)
    record = tmp_path / "still.record"
    await exported(still.network, OPERATION, record)
    verdict = audit(record, pinned(still.network.network_file))
    assert verdict.report is not None, verdict.error
    (exchange,) = verdict.report.exchanges
    said = exchange.opening.deliveries[BR].clock
    assert [event for event, _ in said] == [
        Event.ANSWER_REMINDER,
        Event.ANSWER_REMINDER,
        Event.ANSWER_OVERDUE,
        Event.ESCALATED,
    ]
    times = [(at - begin) / DAY for _, at in said]
    assert times == pytest.approx([3.5, 6.3, 7, 7])


async def test_it_does_not_go_back_and_a_restart_keeps_it(still: Still) -> None:
    with pytest.raises(Misuse, match="does not go back"):
        await still.clock.to(still.now - 1)
    with pytest.raises(Misuse, match="400 days"):
        await still.clock.to(still.now * 1000)
    await still.to(still.now + HOUR)
    await still.network.gateway.kill()
    with pytest.raises(Unavailable):
        await still.clock.now()
    await still.network.serve()
    assert await still.clock.now() == still.now


async def test_the_command_says_and_moves_it(still: Still) -> None:
    options = ["exercise-clock", "--operators", still.network.operators, "--json"]
    said = json.loads(await still.network.command(*options))
    assert said["now"] == still.now
    moved = json.loads(await still.network.command(*options, "--forward", "8h"))
    assert moved["now"] == still.now + 8 * HOUR
    still.now = moved["now"]
    with pytest.raises(Unavailable, match="exclude each other"):
        await still.network.command(*options, "--forward", "8h", "--to", "2030-01-01T00:00Z")


async def test_what_is_no_json_moves_nothing(still: Still) -> None:
    for body, kind in ((b'{"to": 1}', "text/plain"), (b'{"to": true}', "application/json"), (b"{", "application/json")):
        request = urllib.request.Request(still.network.operators + PATH, body, {"Content-Type": kind})  # noqa: S310  # loopback
        with pytest.raises(urllib.error.HTTPError) as refused:
            await asyncio.to_thread(urllib.request.urlopen, request)
        with refused.value:
            assert refused.value.code == 400
    assert await still.clock.now() == still.now


async def test_once_served_so_it_is_served_so_for_good(tmp_path: Path) -> None:
    network = PrivateNetwork(tmp_path / "network", SEATS)
    async with network, GatewayClock(network.operators) as clock:
        with pytest.raises(Misuse, match="serve an exercise network with --exercise-clock"):
            await clock.now()
        with pytest.raises(Misuse, match="time is the machine's here"):
            await clock.to(2_000_000_000_000)
    network.stopped = True
    await network.serve()
    await network.gateway.stop()
    serve: list[str | Path] = [sys.executable, "-m", "gateway", "serve", "--home", network.gateway_home]
    with pytest.raises(Unavailable, match="serve it with --exercise-clock"):
        await run(serve, environment={"PATH": "", "PYTHONUTF8": "1"})
    with pytest.raises(Unavailable, match="ask for one worker"):
        await run([*serve, "--exercise-clock", "--workers", "2"], environment={"PATH": "", "PYTHONUTF8": "1"})
