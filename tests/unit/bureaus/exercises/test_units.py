"""Units at borders: whose they are, what they ask, over which line, and that their bureaus report."""

from __future__ import annotations

from pathlib import Path

import pytest

from bureaus.client import Bureau
from bureaus.exercises import catalogue
from bureaus.exercises.plan import Plan, asker, make_plan
from bureaus.exercises.reading import read
from bureaus.exercises.report import Judgement, Report
from bureaus.exercises.runner import run
from bureaus.exercises.script import MESSAGE_BYTES, Line
from bureaus.links.memory import MemoryNetwork
from bureaus.sandbox.proxy import RETRANSMISSION, Quality
from schemas.directory import Link, ParticipantKind
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages.codes import Asked
from tests.unit.bureaus.network import QUICK

OWN = """\
id = "own-border-2026"
name = "Ours"
kind = "border"
year = 2026
area = "South America"
targets = 4
participants = 4
units = ["AR/pass-north", "AR/pass-south", "BO/lake"]
offences = ["fraud"]
whole = ["south-america"]
choice = "Ours."

[[lines]]
bureaus = ["BO/lake"]
latency_milliseconds = 200
kilobits_per_second = 64

[[disturbances]]
at = 1.0
what = "link-cut"
bureau = "AR/pass-north"
seconds = 1.0
"""


class Quiet:
    def stage(self, words: str) -> None: ...

    def concluded(self, done: int, of: int) -> None: ...


def own(folder: Path, text: str = OWN) -> catalogue.Operation:
    path = folder / "own.toml"
    path.write_text(text)
    return catalogue.operation(str(path))


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    calm = OWN[: OWN.index("[[lines]]")]
    return make_plan(own(tmp_path, calm), 7)


def test_units_have_seats_of_their_own_that_their_bureaus_name(plan: Plan) -> None:
    seats = {seat.address: seat for seat in plan.seats}
    for unit in plan.units:
        assert (seats[unit].kind, seats[unit].link) == (ParticipantKind.UNIT, Link.HTTP)
        assert unit.unit in seats[unit.bureau].units
    assert seats[Address("BR")].units == ()


def test_every_case_of_a_bureau_with_units_is_asked_about_by_one_of_them(plan: Plan) -> None:
    asking = {case.reference: asker(plan, case) for case in plan.caseload.cases}
    assert asking == {case.reference: asker(plan, case) for case in plan.caseload.cases}
    for case in plan.caseload.cases:
        one = asking[case.reference]
        assert one.bureau == case.owner
        assert (one.unit is None) == (case.owner not in {unit.bureau for unit in plan.units})


def test_at_a_border_the_question_is_about_a_document_and_says_so(plan: Plan) -> None:
    for case in plan.caseload.cases:
        (document,) = case.person.documents
        assert document.issuer == case.asked[0]
        assert case.query.asked == (Asked.CONFIRM_IDENTITY,)
        assert case.query.background


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"BO/lake"]\noff', '"FR/lake"]\noff', r"own.toml:8: units names \['FR/lake'\], whose bureaus"),
        ('"BO/lake"]\noff', '"BO"]\noff', "own.toml:8: units are addresses CODE/unit"),
        ('"BO/lake"]\noff', '"BO/Lake"]\noff', "own.toml:8: units: an address is CODE or CODE/unit"),
        ('bureaus = ["BO/lake"]', 'bureaus = ["BO/sea"]', r"own.toml:13: lines names \['BO/sea'\]"),
        (
            '"link-cut"\nbureau = "AR/pass-north"\nseconds = 1.0',
            '"bureau-floods"\nbureau = "BO/lake"\ncount = 1',
            "own.t",
        ),
    ],
)
def test_what_a_file_says_wrong_of_units_is_said_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert OWN.count(old) == 1
    with pytest.raises(Misuse, match=said):
        own(tmp_path, OWN.replace(old, new))


def test_a_slice_is_without_the_units_of_who_is_not_in_it(tmp_path: Path) -> None:
    found = own(tmp_path)
    assert {unit.bureau for unit in make_plan(found, 7, bureaus=3).units} == {"AR", "BO"}
    there = own(tmp_path, OWN.replace("AR/pass-north", "UY/river").replace("participants = 4", "participants = 11"))
    with pytest.raises(Misuse, match=r"UY/river.*a slice must have them"):
        make_plan(there, 7, bureaus=3)


def test_a_line_takes_its_latency_its_width_and_what_is_lost() -> None:
    (line,) = read(catalogue.Operation, OWN, "own.toml").lines
    assert line.quality == Quality(0.2, 0.0, 8000.0)
    assert line.crossing("7") == pytest.approx(0.2 + MESSAGE_BYTES / 8000)
    assert (line.passes(0.1), line.passes(60)) == (True, False)
    lossy = Line(bureaus=("BO",), latency_milliseconds=100, loss=0.5)
    taken = {lossy.crossing(str(seed)) for seed in range(50)}
    assert taken == {0.1, 0.1 + RETRANSMISSION}
    assert lossy.crossing("7") == lossy.crossing("7")


async def test_a_unit_asks_has_the_answers_and_its_bureau_reports(plan: Plan, tmp_path: Path) -> None:
    network = MemoryNetwork()
    for seat in plan.seats:
        await network.seat(tmp_path / seat.address.replace("/", "."), seat.address, seat.kind)
    done = await run(
        plan,
        lambda code: Bureau.open(tmp_path / code.replace("/", "."), connect=network.connect, limits=QUICK),
        Quiet(),
    )
    report = Report({}, done, Judgement("record", "", (), {}, {}), {})
    assert report.faults() == []
    asked = {case.asker for case in done.cases}
    assert asked & set(plan.units)
    assert set(report.answer_times_by_unit()) == {unit for unit in asked if unit is not None and unit.unit}
    assert sum(done.reported.values()) == sum(case.result is not None for case in done.cases) > 0
