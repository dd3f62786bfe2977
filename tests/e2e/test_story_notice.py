"""The story of a notice through its command line, as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bureaus.commands.verify import verify
from tests.e2e.exercise_runs import OBJECT

pytestmark = [pytest.mark.timeout(400), pytest.mark.slow]
TOLD = (
    "asks for a red notice",
    "asks for more information",
    "a second time is refused",
    "published as R-1/",
    "AR has nothing",
    "a hit on R-1/",
    "no hit, for it is denied",
    "is the notice still valid?",
    "CONFIRMED",
    "holds the person provisionally",
    "sends warrant and request",
    "surrenders",
    "reports the result: arrested",
    "withdraws R-1/",
    "asks for the passport again: no hit",
    "is told to stop, sends what waits, and ends",
    "verifies the record offline",
)


def test_every_step_of_the_story_comes_as_it_must_and_its_record_verifies(tmp_path: Path) -> None:
    out = tmp_path / "story"
    arguments = ["demo", "--story", "notice", "--json", "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "bureaus", *arguments], capture_output=True, text=True, timeout=380, check=False
    )
    said = OBJECT.validate_python(json.loads(done.stdout))
    assert (done.returncode, said["ok"], said["fault"]) == (0, True, ""), done.stderr
    steps = OBJECT.validate_python({"steps": said["steps"]})["steps"]
    assert isinstance(steps, list)
    words = [str(OBJECT.validate_python(step)["what"]) for step in steps]
    places = [next((place for place, word in enumerate(words) if part in word), -1) for part in TOLD]
    assert -1 not in places
    assert places == sorted(places)
    assert {file.name for file in out.iterdir()} == {"ipsg-services.record", "network.bn"}
    again = CliRunner().invoke(verify, [str(out / "ipsg-services.record"), "--network", str(out / "network.bn")])
    assert again.exit_code == 0, again.output
    assert b"99ZZ54321" not in (out / "ipsg-services.record").read_bytes()
