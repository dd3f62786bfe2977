"""The secretariat's services in exercises: what is asked of them, what people decide, and that each file has them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bureaus.client import Bureau
from bureaus.exercises.catalogue import SECRETARIAT, Operation, exercises, operation
from bureaus.exercises.plan import Plan, make_plan
from bureaus.exercises.runner import run
from bureaus.exercises.secretariat import opening
from bureaus.exercises.services import Services
from bureaus.exercises.wishes import Expected, Flaw, Verdict, expected, information, judge, request, wishes
from bureaus.links.memory import MemoryNetwork
from bureaus.secretariat.notices import rules
from schemas.messages.codes import NoticeColour
from schemas.operation import Phase
from tests.unit.bureaus.exercises.test_runner import Steps
from tests.unit.bureaus.network import QUICK

TODAY = date(2026, 11, 23)
MANY = Services(notices=1.0, notices_most=40, diffusions=0.3, incomplete=0.4, below=0.3)


def calm(name: str, services: Services | None = None) -> Operation:
    """An exercise that nothing disturbs."""
    said = {"disturbances": (), "lines": ()}
    return operation(name).model_copy(update=said if services is None else {**said, "services": services})


@pytest.mark.parametrize("name", exercises())
def test_every_exercise_asks_for_notices_the_same_ones_each_time(name: str) -> None:
    plan = make_plan(operation(name), 7)
    found = wishes(plan)
    assert found == wishes(make_plan(operation(name), 7))
    assert 0 < len(found) <= plan.operation.services.notices_most
    assert any(not wish.diffusion and wish.flaw is Flaw.NOTHING for wish in found)
    assert any(wish.finder is not None for wish in found)
    for wish in found:
        assert wish.case.owner not in {wish.tipster, wish.finder and wish.finder.bureau}
        assert wish.finder is None or wish.finder.unit is None or wish.finder in plan.units


def test_with_none_wanted_there_are_none() -> None:
    plan = make_plan(calm("infra-sa-2011", Services(notices_most=0)), 7, targets=20, bureaus=6)
    assert expected(wishes(plan)) == Expected(0, 0, 0, 0)


def test_a_screener_asks_for_what_is_lacking_once_and_refuses_too_small_a_penalty() -> None:
    plan = make_plan(calm("infra-sa-2011", MANY), 7, targets=40, bureaus=8)
    found = [wish for wish in wishes(plan) if not wish.diffusion]
    assert {wish.flaw for wish in found} == set(Flaw)
    for wish in found:
        first = rules.screen(request(wish), wish.case.owner, TODAY)
        then = rules.screen(information(wish), wish.case.owner, TODAY)
        assert (judge(first, informed=False) is Verdict.REFUSE) is (wish.flaw is Flaw.BELOW)
        if wish.flaw is Flaw.INCOMPLETE:
            assert judge(first, informed=False) is Verdict.ASK
        assert judge(then, informed=True) is (Verdict.REFUSE if wish.flaw is Flaw.BELOW else Verdict.APPROVE)
        assert not [one for one in (*first, *then) if one.weight is rules.Weight.FLAG]


def test_a_person_without_a_warrant_is_asked_about_in_blue() -> None:
    plan = make_plan(calm("border-document-2026"), 7)
    assert {wish.colour for wish in wishes(plan)} == {NoticeColour.BLUE}


def test_the_services_are_exchanged_in_the_exercise_s_own_operation() -> None:
    plan = make_plan(operation("infra-sa-2011"), 7)
    opened = opening(plan, 1_764_000_000)
    assert (opened.id, opened.owner, opened.phase) == ("infra-sa-2011", SECRETARIAT, Phase.ACTIVE)
    assert {"whereabouts.query/1", "notice.request/1", "database.query/1", "duty.call/1"} <= set(opened.kinds)
    assert {member.address for member in opened.members} == {SECRETARIAT, *plan.members}


async def held(plan: Plan, folder: Path) -> dict[str, int]:
    """What the services did in an exercise on a network in memory."""
    network = MemoryNetwork()
    for seat in plan.seats:
        await network.seat(folder / seat.address.replace("/", "."), seat.address, seat.kind, units=seat.units)

    def seated(code: str) -> Bureau:
        return Bureau.open(folder / code.replace("/", "."), connect=network.connect, limits=QUICK)

    done = await run(plan, seated, Steps())
    assert all(case.as_expected for case in done.cases)
    assert done.reported == done.owed()
    assert not list((folder / SECRETARIAT).glob("exercise-*"))
    return dict(done.services)


@pytest.mark.parametrize("name", exercises())
async def test_each_exercise_runs_with_the_services_and_leaves_nothing_open(name: str, tmp_path: Path) -> None:
    plan = make_plan(calm(name), 7, targets=2, bureaus=4)
    did, wanted = await held(plan, tmp_path), expected(wishes(plan))
    assert (did["requests"], did["diffusions"]) == (wanted.requests, wanted.diffusions)
    assert (did["questions"], did["dispositions"]) == (wanted.questions, wanted.tips)
    assert (did["open"], did["hits"]) == (0, did["confirmed"])
    assert did["published"] > 0
    assert did["circulated"] >= len(plan.members) * did["published"]


async def test_what_is_lacking_is_asked_for_what_is_too_small_refused_and_hits_are_confirmed(tmp_path: Path) -> None:
    services = MANY.model_copy(update={"tips": 1.0})
    plan = make_plan(calm("infra-sa-2011", services), 7, targets=12, bureaus=5)
    did, found = await held(plan, tmp_path), wishes(plan)
    flaws = [wish.flaw for wish in found]
    assert did["asked_for_more"] >= flaws.count(Flaw.INCOMPLETE) > 0
    assert did["refused"] == flaws.count(Flaw.BELOW) > 0
    assert did["diffusions"] == sum(wish.diffusion for wish in found) > 0
    assert did["hits"] == did["confirmed"] > 0
    assert did["tips"] == did["forwarded"] == did["dispositions"] > 0
    assert did["open"] == 0
