"""Exercises on virtual time: they repeat, Ctrl-C leaves a report, and what is signed in them is marked for good."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bureaus.auditor import audit, pinned
from bureaus.exercises.repeating import differences
from schemas import envelope, wire
from schemas.errors import Untrusted
from tests.e2e.exercise_runs import OBJECT, Json, bureaunet

pytestmark = pytest.mark.timeout(400)
OWN = """\
id = "own-week"
name = "Ours: six countries for a week"
kind = "crisis"
year = 2026
area = "South America"
targets = 10
participants = 6
offences = ["robbery"]
whole = ["south-america"]
choice = "Ours."

[asking]
urgent_share = 0.3

[time]
step_seconds = 600

[staff]
mistakes = 0.9
silence = 0.1

[[lines]]
bureaus = ["BO"]
latency_milliseconds = 5
loss = 0.01

[gateway]
bureau_per_minute = 20

[[disturbances]]
at = 3600
what = "bureau-floods"
bureau = "CL"
count = 30

[[disturbances]]
at = 7200
what = "bureau-sends-rubbish"
bureau = "CO"
count = 6

[[disturbances]]
at = 40000
what = "bureau-compromised"
bureau = "EC"
count = 2
"""


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> tuple[Json, Path]:
    """What checking the exercise said, and the files of its first run."""
    folder = tmp_path_factory.mktemp("week")
    own = folder / "own.toml"
    own.write_text(OWN)
    done = bureaunet("exercise", "check", own, "--seed", "7", "--json", "--out", folder / "runs")
    row = OBJECT.validate_json(done.stdout)
    assert (row["faults"], row["differs"], done.returncode) == ([], [], 0), done.stdout + done.stderr
    return row, folder / "runs" / "own-week-1"


def test_a_week_with_everything_in_it_gives_the_same_report_twice(week: tuple[Json, Path]) -> None:
    row, out = week
    assert row["same"] is row["verified"] is True
    passed = row["virtual_seconds"]
    assert isinstance(passed, float)
    assert passed > 24 * 3600
    first, second = (json.loads((out.with_name(f"own-week-{one}") / "report.json").read_text()) for one in (1, 2))
    assert differences(first, second) == []
    assert first["ledger"]["root"] != second["ledger"]["root"]
    desks = [sum(desk[name] for desk in first["desks"].values()) for name in ("silent", "mistakes", "corrected")]
    assert desks[0] > 0
    assert desks[1] == desks[2] > 0
    assert sum(counts.get("escalated", 0) for counts in first["silence"].values()) >= desks[0]
    assert set(first["answer_seconds_by_urgency"]) == {"routine", "urgent"}


def test_what_is_signed_says_that_it_is_an_exercise_and_verifies_on_no_other_network(week: tuple[Json, Path]) -> None:
    out = week[1]
    report = json.loads((out / "report.json").read_text("utf-8"))
    did = [one["did"] for one in report["disturbed"]]
    assert did[0] == "CL sent 30 queries at once: 20 accepted, 10 refused, quota"
    assert did[1].startswith("CO sent 6 bodies of rubbish: ")
    assert "accepted" not in did[1]
    assert did[2].endswith("revoked the stolen one; then 2 more: 2 refused, key-void")
    record, network = out / "own-week.record", pinned(out / "network.bn")
    verdict = audit(record, network)
    assert verdict.report is not None
    assert verdict.report.exchanges
    assert all(message.exercise for exchange in verdict.report.exchanges for message in exchange.messages())
    assert network.genesis.exercise
    header = envelope.read(wire.decode_submission((out / "envelope.cbor").read_bytes()).statement).header
    assert header.exercise
    assert header.net == network.id
    real = replace(network, genesis=replace(network.genesis, exercise=False))
    elsewhere = audit(record, real)
    assert isinstance(elsewhere.error, Untrusted)


def until_asked(out: Path, count: int) -> None:
    """Wait until the gateway has taken so many questions, far fewer than there are cases."""
    log, ends = out / "private" / "gateway.log", time.monotonic() + 60
    while asked(log) < count:
        assert time.monotonic() < ends, log.read_text("utf-8")
        time.sleep(0.05)


def asked(log: Path) -> int:
    lines = log.read_bytes().splitlines()
    return sum(b'"admitted"' in line and b'"whereabouts.query/1"' in line for line in lines)


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_ctrl_c_leaves_a_report_of_what_there_was(tmp_path: Path, clock: str) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "bureaus", "exercise", "run", "infra-sa-2011", "--clock", clock]
    command += ["--targets", "150", "--bureaus", "6", "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        while line := running.stderr.readline():
            if line.startswith("asking"):
                break
        until_asked(out, 5)
        running.send_signal(signal.SIGINT)
        said = running.stderr.read()
        assert running.wait(timeout=120) == 130, said
    report = json.loads((out / "report.json").read_text("utf-8"))
    assert (report["stopped"], report["ok"], report["verdict"]["ok"]) == (True, False, True)
    assert report["faults"] == ["it was stopped before its end"]
    assert report["outcomes"]["unanswered"] > 0
    assert report["messages"]["whereabouts.query/1"] > 0
    assert "Stopped before its end." in (out / "report.html").read_text("utf-8")
    assert audit(out / "infra-sa-2011.record", pinned(out / "network.bn")).ok
    assert not (out / "private").exists()
