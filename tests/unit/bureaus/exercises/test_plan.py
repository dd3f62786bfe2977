"""What an exercise will do, decided before it starts."""

from __future__ import annotations

import pytest

from bureaus.exercises.catalogue import SECRETARIAT, operation, operations
from bureaus.exercises.plan import make_plan
from schemas.directory import ParticipantKind
from schemas.errors import Misuse


def test_every_operation_has_a_plan_of_its_published_size() -> None:
    for one in operations().values():
        plan = make_plan(one)
        assert len(plan.members) == one.participants
        assert len(plan.caseload.cases) == one.targets


def test_the_outsider_is_a_bureau_of_the_network_and_none_of_the_operation() -> None:
    plan = make_plan(operation("infra-sa-2011"), targets=1, bureaus=5)
    assert plan.outsider not in make_plan(operation("infra-sa-2011"), targets=1).members
    assert plan.outsider in {seat.address for seat in plan.seats}


def test_everybody_has_one_seat_and_the_secretariat_is_one() -> None:
    plan = make_plan(operation("infra-terra-2014"))
    addresses = [seat.address for seat in plan.seats]
    assert len(set(addresses)) == len(addresses) == 40 + 4 + 1 + 1
    kinds = {seat.address: seat.kind for seat in plan.seats}
    assert kinds[SECRETARIAT] is ParticipantKind.SECRETARIAT
    assert [code for code, kind in kinds.items() if kind is ParticipantKind.ORGANISATION] == [
        "CITES",
        "UNODC",
        "WCO",
        "WORLDBANK",
    ]


def test_the_same_seed_gives_the_same_plan_and_another_another() -> None:
    sa = operation("infra-sa-2011")
    assert make_plan(sa, 7, targets=20) == make_plan(sa, 7, targets=20)
    assert make_plan(sa, 7, targets=20).caseload != make_plan(sa, 8, targets=20).caseload


def test_a_slice_takes_the_first_bureaus_and_no_others() -> None:
    sa = operation("infra-sa-2011")
    whole, part = make_plan(sa), make_plan(sa, targets=12, bureaus=8)
    assert part.members == whole.members[:8]
    assert {code for case in part.caseload.cases for code in (case.owner, *case.asked)} <= set(part.members)


@pytest.mark.parametrize(("targets", "bureaus"), [(0, 8), (210, 8), (12, 2), (12, 35)])
def test_a_slice_that_is_none_is_refused(targets: int, bureaus: int) -> None:
    with pytest.raises(Misuse):
        make_plan(operation("infra-sa-2011"), targets=targets, bureaus=bureaus)
