"""A whole exercise on a network in memory: cases, wrongs, results; and what is said when answers do not come."""

from __future__ import annotations

from pathlib import Path

import pytest

from bureaus.client import Bureau
from bureaus.exercises.catalogue import SECRETARIAT, operation
from bureaus.exercises.plan import Plan, make_plan
from bureaus.exercises.runner import Pace, Seat, run
from bureaus.links.memory import MemoryNetwork
from schemas.directory import Use
from schemas.envelope import Envelope
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.receipts import read_acceptance
from tests.unit.bureaus.network import QUICK

HASTY = Pace(answer_seconds=8.0, settle_seconds=0.5)


class Steps:
    """Who follows the exercise."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.done: list[int] = []

    def stage(self, words: str) -> None:
        self.stages.append(words)

    def concluded(self, done: int, of: int) -> None:
        assert done <= of
        self.done.append(done)


@pytest.fixture
def plan() -> Plan:
    return make_plan(operation("infra-sa-2011"), 7, targets=10, bureaus=6)


async def seated(plan: Plan, folder: Path, network: MemoryNetwork) -> Seat:
    """Enrol everybody on a network in memory."""
    for seat in plan.seats:
        await network.seat(folder / seat.address, seat.address, seat.kind)
    return lambda code: Bureau.open(folder / code, connect=network.connect, limits=QUICK)


async def test_every_case_comes_to_what_the_caseload_says(plan: Plan, tmp_path: Path) -> None:
    seat = await seated(plan, tmp_path, MemoryNetwork())
    steps = Steps()
    done = await run(plan, seat, steps)
    assert [case.reference for case in done.cases] == [case.reference for case in plan.caseload.cases]
    assert all(case.as_expected for case in done.cases)
    assert steps.done == list(range(1, 11))
    assert done.reported == done.owed()
    assert sum(done.reported.values()) > 0
    assert done.handled_twice == 0


async def test_each_asked_bureau_says_what_the_caseload_says_in_its_order(plan: Plan, tmp_path: Path) -> None:
    seat = await seated(plan, tmp_path, MemoryNetwork())
    done = await run(plan, seat, Steps())
    for case, seen in zip(plan.caseload.cases, done.cases, strict=True):
        assert tuple(seen.answers) == case.asked
        for truth in case.truths:
            said = seen.answers[truth.bureau]
            assert truth.answer.finding in said
            assert (truth.more_time is not None) == (str(said[0]) == "MORE_TIME")


async def test_every_wrong_gets_the_answer_that_it_must_and_a_receipt_that_verifies(plan: Plan, tmp_path: Path) -> None:
    network = MemoryNetwork()
    done = await run(plan, await seated(plan, tmp_path, network), Steps())
    assert [attempt.fault for attempt in done.attempts] == [None] * 5
    keys = network.directory.service_keys(Use.ACCEPTANCE)
    for receipt in done.receipts:
        read_acceptance(receipt, network.network.id, keys)
    refused = {attempt.receipt for attempt in done.attempts if not attempt.accepted}
    assert len(refused) == 4
    assert refused <= set(done.receipts)


class Losing(MemoryNetwork):
    """A network that loses whatever is for one bureau."""

    silent = Address("XX")

    def consign(self, recipient: Address, receipt: bytes, sent: Envelope, *, inline: bool = True) -> None:
        if recipient != self.silent:
            super().consign(recipient, receipt, sent, inline=inline)


async def test_a_bureau_that_does_not_answer_leaves_its_cases_without_an_outcome(plan: Plan, tmp_path: Path) -> None:
    network = Losing()
    silent = network.silent = plan.caseload.cases[0].asked[0]
    done = await run(plan, await seated(plan, tmp_path, network), Steps(), HASTY)
    for case, seen in zip(plan.caseload.cases, done.cases, strict=True):
        owed = silent in (case.owner, *case.asked)
        assert (seen.outcome is None) is owed
        assert seen.as_expected is not owed
        assert seen.result is None or not owed


async def test_with_two_bureaus_in_every_case_there_is_nobody_to_try_a_wrong(tmp_path: Path) -> None:
    whole = make_plan(operation("infra-sa-2011"), 7, targets=1, bureaus=3)
    case = whole.caseload.cases[0]
    members = (case.owner, *case.asked)
    seat = await seated(whole, tmp_path, MemoryNetwork())
    with pytest.raises(Misuse):
        await run(Plan(whole.operation, members, whole.outsider, whole.caseload), seat, Steps(), HASTY)


async def test_the_secretariat_owns_the_operation_and_knows_its_members(plan: Plan, tmp_path: Path) -> None:
    seat = await seated(plan, tmp_path, MemoryNetwork())
    await run(plan, seat, Steps())
    async with seat(SECRETARIAT) as office:
        opened = office.trust.operation("infra-sa-2011")
        assert opened is not None
        assert opened.owner == SECRETARIAT
        assert {member.address for member in opened.members} == {SECRETARIAT, *plan.members}
