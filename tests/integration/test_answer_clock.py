"""The answer clock end to end over both links: real silence is reminded of, attested, escalated, and in the record."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from bureaus.auditor import audit, pinned
from bureaus.client import Bureau, Exchange, Received
from bureaus.outcomes import Fate
from bureaus.sandbox.network import PrivateNetwork, Seat
from bureaus.sandbox.process import Process, accepts, free_port
from schemas.answer_times import AnswerTime
from schemas.attestations import Attestation
from schemas.codes import Purpose, Urgency
from schemas.directory import Link, ParticipantKind
from schemas.evidence import Event
from schemas.identity import Address
from schemas.messages import WhereaboutsResponse
from schemas.messages.codes import Finding, RefusalGround
from tests.exporting import exported
from tests.unit.bureaus.network import NO_TRACE, QUERY, operation

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]
OPERATION = "infra-clock"
LINKS = [Link.HTTP, pytest.param(Link.AMQP, marks=[pytest.mark.broker, pytest.mark.postgres])]
TIMES = (
    AnswerTime("whereabouts.query", Urgency.URGENT, 6, 60, (20,), 2),
    AnswerTime("whereabouts.query", Urgency.ROUTINE, 600, 1200),
)
"""Times are long enough that no gateway sleeps through a reminder, which it leaves out once the answer is overdue."""
SEATS = (
    Seat(Address("FR"), "FR"),
    Seat(Address("BR"), "BR"),
    Seat(Address("AR"), "AR"),
    Seat(Address("IPSG"), "IPSG", ParticipantKind.SECRETARIAT, ("ccc",)),
)
WITHIN = 60


@asynccontextmanager
async def beside(network: PrivateNetwork, log: Path) -> AsyncIterator[None]:
    """Another gateway process on the network's database, where that can have two."""
    if network.broker is None or network.postgres is None:
        yield
        return
    port = free_port()
    ports = ("--port", str(port), "--operators-port", str(free_port()), "--broker", network.broker.url)
    command: list[str | Path] = [sys.executable, "-m", "gateway", "serve", "--home", network.gateway_home, *ports]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "PYTHONUTF8": "1"}
    environment["BUREAUNET_DATABASE_URL"] = network.postgres.url_of("bureaunet")
    second = Process("second gateway", command, log=log, environment=environment)
    second.start()
    try:
        await second.ready(partial(accepts, port), within=60)
        yield
    finally:
        await second.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=LINKS)
async def network(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[PrivateNetwork]:
    """A network whose one operation awaits urgent answers for six seconds; over the broker, with a second gateway."""
    folder = tmp_path_factory.mktemp("clock")
    async with PrivateNetwork(folder, SEATS, link=request.param) as network, beside(network, folder / "second.log"):
        async with network.bureau(Address("FR")) as fr:
            made = operation("FR", [seat.address for seat in SEATS], int(time.time()), name=OPERATION)
            await fr.publish_operation(replace(made, times=TIMES))
        yield network


def heard(bureau: Bureau) -> list[Attestation]:
    """What a bureau, not open yet, will be told."""
    found: list[Attestation] = []
    bureau.on_attestation(found.append)
    return found


async def until(found: list[Attestation], count: int) -> None:
    async with asyncio.timeout(WITHIN):
        while len(found) < count:  # noqa: ASYNC110  # a list has no event
            await asyncio.sleep(0.05)


async def ask(bureau: Bureau, to: list[str], urgency: Urgency) -> Exchange:
    return await bureau.ask(QUERY, to=to, operation=OPERATION, purpose=Purpose.ARREST, urgency=urgency)


def said(found: list[Attestation]) -> list[tuple[Event, int]]:
    return [(one.event, one.request) for one in sorted(found, key=lambda one: one.index)]


async def test_silence_is_attested_to_all_whom_it_concerns_each_stage_once(
    network: PrivateNetwork, tmp_path: Path
) -> None:
    fr, br, desk = (network.bureau(Address(code)) for code in ("FR", "BR", "IPSG"))
    to_fr, to_br, to_desk = map(heard, (fr, br, desk))
    async with fr, br, desk:
        exchange = await ask(fr, ["BR"], Urgency.URGENT)
        async with asyncio.timeout(WITHIN):
            outcome = await exchange.outcome()
        side = outcome[Address("BR")]
        assert (side.fate, side.answer) == (Fate.SILENT, None)
        assert side.attestation is not None
        assert (side.attestation.query, side.attestation.asker) == (exchange.digest, "FR")
        await until(to_desk, 1)
        await until(to_br, 4)
        await until(to_fr, 3)
        both = [(Event.ANSWER_OVERDUE, 1), (Event.ANSWER_REMINDER, 2), (Event.ESCALATED, 2)]
        assert said(to_fr) == both
        assert said(to_br) == [(Event.ANSWER_REMINDER, 1), *both]
        assert said(to_desk) == both[-1:]
        assert [one.event for one in await exchange.attestations()] == [event for event, _ in both]
    async with network.bureau(Address("FR")) as fr:  # what was told is kept, and nothing is told twice
        again = await fr.exchange(exchange.digest)
        assert (await again.outcome())[Address("BR")].fate is Fate.SILENT
        assert len(to_fr) == 3

    record = tmp_path / "record"
    await exported(network, OPERATION, record)
    verdict = audit(record, pinned(network.network_file))
    assert verdict.error is None
    report = verdict.report
    assert report is not None
    (told,) = (one for one in report.exchanges if one.opening.digest == exchange.digest)
    delivery = told.opening.deliveries[Address("BR")]
    assert [event for event, _ in delivery.clock] == [Event.ANSWER_REMINDER, *(event for event, _ in both)]
    assert told.opening.overdue is not None


async def test_an_outcome_ends_in_an_answer_or_a_refusal_with_its_ground(network: PrivateNetwork) -> None:
    br, ar = network.bureau(Address("BR")), network.bureau(Address("AR"))
    refusal = WhereaboutsResponse(finding=Finding.REFUSED, ground=RefusalGround.NATIONAL_SECURITY, case="CASE-1")

    async def answer(query: Received) -> None:
        await query.answer(NO_TRACE)

    async def refuse(query: Received) -> None:
        await query.answer(refusal)

    br.on("whereabouts.query/1")(answer)
    ar.on("whereabouts.query/1")(refuse)
    told = heard(br)
    async with network.bureau(Address("FR")) as fr, br, ar:
        exchange = await ask(fr, ["BR", "AR"], Urgency.ROUTINE)
        async with asyncio.timeout(WITHIN):
            outcome = await exchange.outcome()
    assert {who: (side.fate, side.ground) for who, side in outcome.items()} == {
        "BR": (Fate.ANSWERED, None),
        "AR": (Fate.REFUSED, str(RefusalGround.NATIONAL_SECURITY)),
    }
    assert [one for one in told if one.query == exchange.digest] == []
