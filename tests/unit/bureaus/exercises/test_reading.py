"""Exercises' files: what is wrong is said with its line; what is left out is as in the INFRA operations."""

from __future__ import annotations

from pathlib import Path

import pytest

from bureaus.exercises import catalogue
from bureaus.exercises.catalogue import Kind, Operation
from bureaus.exercises.plan import make_plan
from bureaus.exercises.reading import read
from bureaus.exercises.script import OUTCOMES, Asking, Habits, Trouble
from bureaus.exercises.staff import Day
from schemas.errors import Misuse
from schemas.messages.codes import Finding

GOOD = """\
# A comment is a line too.
id = "own-2026"
name = "Ours"
kind = "crisis"
year = 2026
area = "Europe"
targets = 4
participants = 4
offences = ["fraud"]
whole = ["south-america"]
choice = "Ours."

[habits]
seconds = [0.5, 2.0]

[habits.outcomes]
LOCATED = 1

[[disturbances]]
at = 1.0
what = "gateway-killed"
seconds = 1.0

[[disturbances]]
at = 2.0
what = "link-cut"
bureau = "AR"
seconds = 1.0
"""


def said_of(text: str) -> str:
    with pytest.raises(Misuse) as caught:
        read(Operation, text, "own.toml")
    return caught.value.detail


def test_a_whole_file_is_read() -> None:
    read_one = read(Operation, GOOD, "own.toml")
    assert read_one.habits.outcomes == {Finding.LOCATED: 1}
    assert [one.what for one in read_one.disturbances] == [Trouble.GATEWAY_KILLED, Trouble.LINK_CUT]
    assert read_one.asking == Asking()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("year = 2026", 'year = "soon"', "own.toml:5: year: "),
        ('"fraud"', '"fraud", "nonsense"', "own.toml:9: offences.1: "),
        ("LOCATED = 1", "LOCATED = -1", "own.toml:17: habits.outcomes.LOCATED: "),
        ("[0.5, 2.0]", "[2.0, 0.5]", "own.toml:13: habits: "),
        ('bureau = "AR"', 'burau = "AR"', "own.toml:27: disturbances.1.burau: "),
        ('bureau = "AR"\n', "", "own.toml:24: disturbances.1: "),
        ("seconds = 1.0\n\n", "\n", "own.toml:19: disturbances.0: Value error, gateway-killed lasts some seconds"),
        ('name = "Ours"', "", "own.toml:1: name: Field required"),
        ('kind = "crisis"', "", "own.toml:1: Value error, an INFRA operation names its sources"),
        ("targets = 4", "targets = = 4", "own.toml: Invalid value (at line 7, column 11)"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(old: str, new: str, said: str) -> None:
    assert old in GOOD
    assert said in said_of(GOOD.replace(old, new, 1))


def test_each_thing_that_is_wrong_has_a_line_of_its_own() -> None:
    said = said_of(GOOD.replace("2026\n", "1066\n", 1).replace("targets = 4", "targets = 0")).splitlines()
    assert [line.partition(" ")[0] for line in said] == ["own.toml:5:", "own.toml:7:"]


def test_a_file_of_ones_own_is_an_exercise(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(GOOD)
    own = catalogue.operation(str(path))
    assert len(make_plan(own, 7).caseload.cases) == 4
    assert make_plan(own, 7).caseload == make_plan(own, 7).caseload
    path.write_text(GOOD.replace('"AR"', '"FR"'))
    with pytest.raises(Misuse, match=r"own.toml:19: disturbances names \['FR'\]"):
        catalogue.operation(str(path))
    with pytest.raises(Misuse, match="cannot read"):
        catalogue.operation(str(tmp_path / "none.toml"))


def test_there_are_eight_infra_operations_a_border_and_two_crises() -> None:
    kinds = [one.kind for one in catalogue.exercises().values()]
    assert (kinds.count(Kind.INFRA), kinds.count(Kind.BORDER), kinds.count(Kind.CRISIS)) == (8, 1, 2)
    for one in catalogue.operations().values():
        assert (one.habits, one.asking, one.disturbances) == (Habits(), Asking(), ())
        assert one.habits.outcomes == OUTCOMES


def test_a_slice_without_a_disturbed_bureau_is_refused() -> None:
    crisis = catalogue.operation("crisis-faults-2026")
    assert {"AR", "BR"} <= set(make_plan(crisis).members)
    with pytest.raises(Misuse, match="a slice must have them"):
        make_plan(crisis, bureaus=3)


def test_a_bureau_thinks_as_long_for_the_same_seed() -> None:
    habits = Habits(seconds=(1.0, 2.0))
    assert habits.wait("7 FR-1 BR") == habits.wait("7 FR-1 BR")
    assert 1.0 <= habits.wait("7 FR-1 BR") <= 2.0
    assert Habits().wait("7") == 0.0


MORE = (
    GOOD
    + """
[time]
step_seconds = 30

[staff]
mistakes = 0.1
answer = { median_minutes = 10, p95_minutes = 100 }

[[staff_of]]
bureaus = ["AR"]
weekend = ["friday"]

[[lines]]
bureaus = ["AR"]
latency_milliseconds = 20

[gateway]
bureau_per_minute = 50

[[disturbances]]
at = 3.0
what = "bureau-floods"
bureau = "AR"
count = 10
"""
)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("step_seconds = 30", "step_seconds = 0", "own.toml:31: time.step_seconds: "),
        ("mistakes = 0.1", "mistakes = 2", "own.toml:34: staff.mistakes: "),
        ("p95_minutes = 100 }", "p95_minutes = 1 }", "own.toml:35: staff.answer: "),
        ('weekend = ["friday"]', 'weekend = ["fridays"]', "own.toml:39: staff_of.0.weekend.0: "),
        ("latency_milliseconds = 20", "latency = 20", "own.toml:43: lines.0.latency: "),
        ("bureau_per_minute = 50", "bureau_per_minute = 0", "own.toml:46: gateway.bureau_per_minute: "),
        ("count = 10", "", "own.toml:48: disturbances.2: Value error, bureau-floods has a count"),
        (
            "count = 10",
            "count = 10\nseconds = 1",
            "own.toml:48: disturbances.2: Value error, bureau-floods has no seconds",
        ),
    ],
)
def test_what_is_wrong_about_time_staff_and_lines_is_said_with_its_line(old: str, new: str, said: str) -> None:
    assert old in MORE
    assert said in said_of(MORE.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('bureaus = ["AR"]\nweekend', 'bureaus = ["FR"]\nweekend', r"own.toml:37: staff_of names \['FR'\]"),
        ('bureaus = ["AR"]\nweekend', 'areas = ["moon"]\nweekend', r"own.toml:37: staff_of names \['moon'\]"),
        ('bureaus = ["AR"]\nlatency', 'bureaus = ["FR"]\nlatency', r"own.toml:41: lines names \['FR'\]"),
    ],
)
def test_who_does_not_take_part_has_no_staff_and_no_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(MORE)
    own = catalogue.operation(str(path))
    assert catalogue.staff_at(own, "AR").weekend == (Day.FRIDAY,)
    assert catalogue.staff_at(own, "BO").weekend == (Day.SATURDAY, Day.SUNDAY)
    assert catalogue.staff_at(own, "AR").mistakes == 0.1
    path.write_text(MORE.replace(old, new, 1))
    with pytest.raises(Misuse, match=said):
        catalogue.operation(str(path))
