"""Disturbances on a network that is not ours: bureaus' own ends are cut and frozen, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from bureaus.exercises.catalogue import operation
from bureaus.exercises.cutting import Cuts
from bureaus.exercises.plan import Plan, make_plan
from bureaus.exercises.runner import run
from bureaus.exercises.script import Disturbance, Line, Trouble
from bureaus.links.memory import MemoryNetwork
from schemas.errors import Misuse


class Quiet:
    """Nobody watches."""

    def stage(self, words: str) -> None:
        pass

    def concluded(self, done: int, of: int) -> None:
        pass


def planned(*disturbances: Disturbance, lines: tuple[Line, ...] = ()) -> Plan:
    disturbed = operation("infra-sa-2011").model_copy(update={"disturbances": disturbances, "lines": lines})
    return make_plan(disturbed, 7, targets=12, bureaus=4)


async def test_whoever_is_cut_frozen_or_ill_behaved_loses_nothing(tmp_path: Path) -> None:
    one, other, third, _ = planned().members
    plan = planned(
        Disturbance(at=0.0, what=Trouble.LINK_CUT, bureau=one, seconds=0.3),
        Disturbance(at=0.05, what=Trouble.LINK_FROZEN, bureau=other, seconds=0.3),
        Disturbance(at=0.1, what=Trouble.FLOOD, bureau=third, count=8),
        Disturbance(at=0.2, what=Trouble.RUBBISH, bureau=third, count=4),
    )
    network = MemoryNetwork()
    for seat in plan.seats:
        await network.seat(tmp_path / seat.address, seat.address, seat.kind)
    cuts = Cuts(tmp_path, plan, Quiet(), network.connect)
    done = await run(plan, cuts.seat, Quiet(), strike=cuts.strike)
    assert all(case.as_expected for case in done.cases)
    assert done.handled_twice == 0
    assert done.reported == done.owed()
    did = [said for _, said in done.deeds]
    assert did[:2] == [
        f"{who} reached nobody; what waited on both sides went out when it was back" for who in (one, other)
    ]
    assert did[2] == f"{third} sent 8 queries at once: 8 accepted"
    assert did[3].startswith(f"{third} sent 4 bodies of rubbish: ")
    assert "accepted" not in did[3]


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (planned(Disturbance(at=1.0, what=Trouble.GATEWAY_KILLED, seconds=1.0)), "gateway-killed"),
        (planned(lines=(Line(bureaus=("AR",), loss=0.1),)), "poor lines"),
    ],
)
def test_what_is_not_ours_to_disturb_is_refused(plan: Plan, said: str, tmp_path: Path) -> None:
    with pytest.raises(Misuse, match=f"disturbs its network .{said}"):
        Cuts(tmp_path, plan, Quiet())
