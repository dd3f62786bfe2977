"""An exercise of one's own from a file: links fail, the gateway dies, and everything comes to what it must."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bureaus.exercises.catalogue import Operation
from bureaus.exercises.script import Asking, Disturbance, Gateway, Habits, Line, Time
from bureaus.exercises.services import Services
from bureaus.exercises.staff import Delay, Staff, StaffOf

ROOT = Path(__file__).parents[2]
_MODELS = (Operation, Habits, Asking, Time, Staff, StaffOf, Delay, Line, Gateway, Services, Disturbance)
OWN = """\
id = "own-2026"
name = "Ours: three countries, and everything fails"
kind = "crisis"
year = 2026
area = "South America"
targets = 6
participants = 4
units = ["AR/pass", "BO/lake", "BR/port"]
offences = ["robbery"]
whole = ["south-america"]
choice = "Ours."

[habits]
seconds = [0.2, 0.8]

[asking]
purpose = "border-check"
urgency = "urgent"
goal_seconds = 60.0

[[lines]]
bureaus = ["AR/pass", "BO/lake", "BR/port"]
latency_milliseconds = 20
loss = 0.01
kilobits_per_second = 1000

[[disturbances]]
at = 0.1
what = "link-cut"
bureau = "AR"
seconds = 1.0

[[disturbances]]
at = 0.3
what = "gateway-killed"
seconds = 0.2
"""


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("clock", "means"),
    [("real", ("--clock", "real")), ("virtual", ()), ("real", ("--processes",))],
    ids=["real", "virtual", "processes"],
)
def test_an_exercise_of_ones_own_is_disturbed_and_all_is_well(
    tmp_path: Path, clock: str, means: tuple[str, ...]
) -> None:
    own, out = tmp_path / "own.toml", tmp_path / "out"
    own.write_text(OWN)
    command = [sys.executable, "-m", "bureaus", "exercise", "run", str(own), "--json", "--out", str(out)]
    command += means
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=380)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["ok"] is True
    assert report["exercise"]["disturbances"] == [
        {"at": 0.1, "what": "link-cut", "bureau": "AR", "seconds": 1.0, "count": 0},
        {"at": 0.3, "what": "gateway-killed", "bureau": None, "seconds": 0.2, "count": 0},
    ]
    assert report["clock"]["kind"] == clock
    assert [one["what"] for one in report["disturbed"]] == ["link-cut", "gateway-killed"]
    assert sum(report["outcomes"].values()) == 6
    assert report["outcomes"]["unanswered"] == 0
    askers = {case["asked_by"] for case in report["cases"]}
    assert set(report["answer_seconds_by_unit"]) == {asker for asker in askers if "/" in asker} != set()
    page = Path(report["files"]["page"]).read_text("utf-8")
    assert "All is well." in page
    assert "gateway-killed" in page


def test_the_document_names_every_key() -> None:
    text = (ROOT / "docs" / "exercises.md").read_text("utf-8")
    keys = {name for model in _MODELS for name in model.model_fields}
    assert {key for key in keys if f"`{key}`" not in text and f"[{key}]" not in text} == set()
