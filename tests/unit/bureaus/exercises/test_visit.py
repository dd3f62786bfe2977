"""An exercise on a network that is there: held again and again, its receipts proved, and what does not verify said."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bureaus.client import Bureau
from bureaus.exercises import homes
from bureaus.exercises.catalogue import SECRETARIAT, operation
from bureaus.exercises.plan import Plan, make_plan
from bureaus.exercises.proving import PROVEN, UNRECORDED, prove
from bureaus.exercises.report import Run
from bureaus.exercises.runner import Seat, run
from bureaus.exercises.visit import Visit, hold, under
from bureaus.links.memory import MemoryNetwork
from schemas import cbor, wire
from schemas.directory import Link, Use
from schemas.errors import Malformed, Misuse
from schemas.evidence import Entry, Event, read_entry
from schemas.identity import Address
from schemas.receipts import read_acceptance
from tests.unit.bureaus.network import QUICK


class Quiet:
    """Nobody watches."""

    def stage(self, words: str) -> None:
        pass

    def concluded(self, done: int, of: int) -> None:
        pass


@pytest.fixture
def plan() -> Plan:
    return make_plan(operation("infra-sa-2011"), 7, targets=4, bureaus=6)


class Altering(MemoryNetwork):
    """A network whose entries may be made to say something else."""

    altered = False

    def read(self, path: str) -> bytes:
        body = super().read(path)
        if self.altered and path.startswith(wire.ENTRIES):
            return replace(read_entry(body), time=1).encode()
        return body


async def seated(plan: Plan, folder: Path, network: MemoryNetwork) -> Seat:
    """Enrol everybody on a network in memory."""
    for seat in plan.seats:
        await network.seat(folder / seat.address, seat.address, seat.kind)
    return lambda code: Bureau.open(folder / code, connect=network.connect, limits=QUICK)


async def proved(
    plan: Plan, folder: Path, network: MemoryNetwork
) -> tuple[Seat, Run, Mapping[Address, tuple[bytes, ...]]]:
    seat = await seated(plan, folder, network)
    done = await run(plan, seat, Quiet())
    return seat, done, done.held


async def test_every_receipt_is_proved_once_and_messages_are_counted_by_kind(plan: Plan, tmp_path: Path) -> None:
    network = MemoryNetwork()
    seat, done, held = await proved(plan, tmp_path, network)
    verdict = await prove(held, seat, network.network, plan.operation.id)
    assert verdict.wrong == ()
    assert sum(verdict.receipts.values()) == len(set(done.receipts))
    assert verdict.receipts[PROVEN] == verdict.entries
    assert verdict.receipts[UNRECORDED] > 0
    assert verdict.messages["whereabouts.query/1"] == len(plan.caseload.cases)
    assert verdict.ledger["size"] is not None
    assert (await prove(held, seat, network.network, "another")).messages == {}


async def test_a_receipt_that_was_changed_or_that_the_ledger_contradicts_is_named(plan: Plan, tmp_path: Path) -> None:
    network = Altering()
    seat, _, held = await proved(plan, tmp_path, network)
    own = held[SECRETARIAT]
    changed = {SECRETARIAT: (own[0][:-1] + bytes([own[0][-1] ^ 1]), *own[1:])}
    verdict = await prove(changed, seat, network.network, plan.operation.id)
    assert len(verdict.wrong) == 1
    assert not verdict.ok
    network.altered = True
    verdict = await prove({SECRETARIAT: own}, seat, network.network, plan.operation.id)
    recorded = [
        one
        for one in own
        if read_acceptance(one, network.network.id, network.directory.service_keys(Use.ACCEPTANCE)).index is not None
    ]
    assert len(verdict.wrong) == len(recorded) > 0


class Growing(MemoryNetwork):
    """A network whose tree is larger at each proof; it may prove no tree to be a beginning of another."""

    growing = forked = False

    def read(self, path: str) -> bytes:
        if self.growing and path.startswith(wire.PROOFS):
            self.ledger.append(Entry(Event.REFUSAL_SUMMARY, 1, count=1))
        if self.forked and path.startswith(wire.CONSISTENCY):
            return cbor.encode([bytes(32)])
        return super().read(path)


async def test_trees_that_are_no_one_history_are_named(plan: Plan, tmp_path: Path) -> None:
    network = Growing()
    seat, _, held = await proved(plan, tmp_path, network)
    network.growing = True
    own = {SECRETARIAT: held[SECRETARIAT]}
    assert (await prove(own, seat, network.network, plan.operation.id)).wrong == ()
    network.forked = True
    wrong = (await prove(own, seat, network.network, plan.operation.id)).wrong
    assert len(wrong) == len(set(own[SECRETARIAT])) - 1 > 0
    assert all(one.startswith("the trees of") for one in wrong)


async def test_it_may_be_held_again_and_tells_of_its_own_run_alone(plan: Plan, tmp_path: Path) -> None:
    network = MemoryNetwork()
    seat = await seated(plan, tmp_path, network)
    first = await run(plan, seat, Quiet())
    again = await run(plan, seat, Quiet())
    assert [case.outcome for case in first.cases] == [case.outcome for case in again.cases]
    assert [attempt.fault for attempt in again.attempts] == [None] * 5
    assert again.reported == again.owed()
    assert not set(first.receipts) & set(again.receipts)
    async with seat(SECRETARIAT) as office:
        said = [one.signed.operation for one in office.trust.operations[plan.operation.id]]
    assert len({(one.members, one.kinds, one.purposes, one.phase) for one in said}) == 1  # what follows is progress
    assert said[0].progress is None
    assert said[-1].progress is not None
    assert sum(asdict(said[-1].progress.results).values()) == sum(again.reported.values())


async def test_under_another_id_everything_is_another_operations(plan: Plan, tmp_path: Path) -> None:
    network = MemoryNetwork()
    seat = await seated(plan, tmp_path, network)
    await run(plan, seat, Quiet())
    other = under(plan, "infra-again")
    await run(other, seat, Quiet())
    assert other.members == plan.members
    async with seat(SECRETARIAT) as office:
        assert set(office.trust.operations) == {plan.operation.id, "infra-again"}
    with pytest.raises(Malformed):
        under(plan, "Not An Id")


async def test_homes_that_are_missing_or_not_complete_are_named_and_nothing_is_made(plan: Plan, tmp_path: Path) -> None:
    visit = Visit(tmp_path / "homes", tmp_path / "out")
    with pytest.raises(Misuse, match="no home of IPSG"):
        await hold(plan, visit, Quiet())
    requests = await homes.request_all(visit.homes, plan.seats, Link.HTTP)
    assert sorted(path.parent.name for path in requests) == sorted(seat.address for seat in plan.seats)
    before = {path: path.read_bytes() for path in requests}
    assert await homes.request_all(visit.homes, plan.seats, Link.HTTP) == requests
    assert {path: path.read_bytes() for path in requests} == before
    with pytest.raises(Misuse, match="not complete"):
        await hold(plan, visit, Quiet())
    assert not visit.out.exists()
    issued = homes.Issued(b"", tmp_path / "certificates", b"", ("https://localhost:1",))
    with pytest.raises(Misuse, match="certificate of"):
        await homes.complete_all(visit.homes, plan.seats, issued)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--network", "network.bn"),
        ("--operation-id", "infra-again"),
        ("--homes", "homes", "--link", "amqp"),
        ("--homes", "homes", "--keep"),
        ("--homes", "homes"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments: tuple[str, ...], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bureaus", "exercise", "run", "infra-sa-2011", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=60)
    assert done.returncode == 2, done.stderr
    assert not list(tmp_path.iterdir())
