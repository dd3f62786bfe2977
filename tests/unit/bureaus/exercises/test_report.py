"""An exercise, judged: what is a fault, what machines read, and what does not depend on the run."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from pydantic import JsonValue
from rich.console import Console

from bureaus.auditor import Comparison, Held, Verdict
from bureaus.exercises.report import CaseRun, Report, Run, by_record, quantile
from bureaus.exercises.tables import show
from bureaus.exercises.wrongs import EXPECTED, Attempt, Wrong
from schemas.errors import Reason, Untrusted
from schemas.exchanges import Report as Shown
from schemas.identity import Address
from schemas.messages.codes import Finding, ResultKind

BR, AR = Address("BR"), Address("AR")
ATTEMPTS = tuple(
    Attempt(wrong, accepted=reason is None, reason=reason, first_again=reason is None)
    for wrong, reason in EXPECTED.items()
)
CASE = CaseRun(
    reference="BR-2011-000001",
    owner=BR,
    answers={AR: (Finding.MORE_TIME, Finding.ARRESTED)},
    expected=Finding.ARRESTED,
    outcome=Finding.ARRESTED,
    result=ResultKind.ARRESTED,
    seconds=(0.25,),
)


def _run(*cases: CaseRun, attempts: tuple[Attempt, ...] = ATTEMPTS, arrested: int = 1, handled_twice: int = 0) -> Run:
    totals = dict.fromkeys(ResultKind, 0) | {ResultKind.ARRESTED: arrested}
    return Run(cases, attempts, totals, handled_twice, held={}, seconds=1.5)


@pytest.fixture
def shown() -> Shown:
    """What an auditor's record shows, with nothing in it."""
    return Shown(
        operation="infra-sa-2011",
        name="Infra-SA 2011",
        phase="active",
        network=bytes(32),
        size=3,
        root=bytes(32),
        checkpoint_time=1_700_000_000,
        provisional=False,
        witnesses=("AR", "BR", "CL", "FR"),
        quorum=4,
        directory_version=1,
        acceptance_keys={},
        length=100,
        entries=2,
        events={},
        sealed=0,
        exchanges=(),
        refusals=(),
        indices={},
        doubtful_heads=(),
    )


@pytest.fixture
def report(shown: Shown) -> Report:
    about: dict[str, JsonValue] = {"operation": "infra-sa-2011", "choice": "By area.", "synthetic": "All is."}
    files = {name: f"out/{name}" for name in ("record", "network", "receipts", "report")}
    commands = {"again": "bureaunet verify out/record"}
    return Report(about, _run(CASE), by_record(Verdict(shown)), files, commands=commands)


def test_an_exercise_in_which_all_went_as_it_must_has_no_fault(report: Report) -> None:
    assert report.faults() == []
    assert report.to_json()["ok"] is True


@pytest.mark.parametrize(
    ("provisional", "quorum", "standing", "words"),
    [
        (False, 4, "witnessed", "their quorum signed"),
        (True, 4, "provisional", "PROVISIONAL"),
        (False, 0, "no-witnesses", "the log's word stands alone"),
    ],
)
def test_what_the_witnesses_signed_is_said(
    report: Report, shown: Shown, *, provisional: bool, quorum: int, standing: str, words: str
) -> None:
    judged = by_record(Verdict(replace(shown, provisional=provisional, quorum=quorum)))
    again = replace(report, verdict=judged)
    verdict = again.to_json()["verdict"]
    assert isinstance(verdict, dict)
    assert verdict["witnesses"] == standing
    console = Console(width=100, record=True, file=io.StringIO())
    show(again, console)
    assert words in console.export_text()


def test_a_case_that_came_to_something_else_is_a_fault(report: Report) -> None:
    for outcome in (Finding.LOCATED, None):
        worse = replace(report, run=_run(replace(CASE, outcome=outcome)))
        assert any("BR-2011-000001" in fault for fault in worse.faults())


@pytest.mark.parametrize("wrong", [wrong for wrong in Wrong if EXPECTED[wrong] is not None])
def test_a_wrong_that_is_accepted_or_refused_for_another_reason_is_a_fault(report: Report, wrong: Wrong) -> None:
    for bad in (Attempt(wrong, accepted=True, reason=None), Attempt(wrong, accepted=False, reason=Reason.STRUCTURE)):
        attempts = tuple(bad if attempt.wrong is wrong else attempt for attempt in ATTEMPTS)
        assert any(str(wrong) in fault for fault in replace(report, run=_run(CASE, attempts=attempts)).faults())


def test_a_replay_that_gets_another_acceptance_is_a_fault(report: Report) -> None:
    again = Attempt(Wrong.REPLAY, accepted=True, reason=None, first_again=False)
    assert replace(report, run=_run(CASE, attempts=(again,))).faults()


def test_totals_that_are_not_what_was_reported_are_a_fault(report: Report) -> None:
    assert replace(report, run=_run(CASE, arrested=0)).faults()


def test_a_query_that_took_effect_twice_is_a_fault(report: Report) -> None:
    assert replace(report, run=_run(CASE, handled_twice=1)).faults()


def test_a_record_or_receipt_that_does_not_verify_is_a_fault(report: Report, shown: Shown) -> None:
    bad_record = Verdict(None, Untrusted(Reason.SIGNATURE, "at byte 7"))
    bad_receipt = Verdict(shown, None, Comparison({Held.MISSING: 1}, ["receipt 1 is missing"]))
    assert any("at byte 7" in fault for fault in replace(report, verdict=by_record(bad_record)).faults())
    assert "receipt 1 is missing" in replace(report, verdict=by_record(bad_receipt)).faults()


def test_cases_outcomes_and_refusals_hold_no_time_id_or_key(report: Report) -> None:
    slower = replace(report, run=replace(_run(replace(CASE, seconds=(9.0,))), seconds=99.0, held={BR: (b"x",)}))
    for section in ("cases", "outcomes", "refusals"):
        assert report.to_json()[section] == slower.to_json()[section]
    assert report.to_json()["answer_seconds"] != slower.to_json()["answer_seconds"]


def test_refusals_are_counted_by_their_reason(report: Report) -> None:
    reasons = [attempt.reason for attempt in report.run.attempts if attempt.reason is not None]
    assert reasons
    assert report.refused() == {str(reason): reasons.count(reason) for reason in reasons}


def test_the_report_is_json(report: Report) -> None:
    assert json.loads(json.dumps(report.to_json()))["outcomes"]["ARRESTED"] == 1


def test_people_see_the_verdict_and_every_wrong(report: Report) -> None:
    console = Console(file=io.StringIO(), width=160)
    show(report, console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "All is well" in text
    assert "By area." in text
    assert "bureaunet verify out/record" in text
    assert "offline with the network file alone" in text
    for attempt in ATTEMPTS:
        assert attempt.says in text
        assert attempt.answer in text


def test_people_see_what_is_not_as_it_must_be(report: Report) -> None:
    console = Console(file=io.StringIO(), width=160)
    show(replace(report, run=_run(replace(CASE, outcome=None))), console)
    assert isinstance(console.file, io.StringIO)
    assert "Not as it must be" in console.file.getvalue()


def test_quantiles_are_of_the_values_themselves() -> None:
    assert quantile([], 0.5) is None
    assert quantile([1.0], 0.99) == 1.0
    assert quantile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.0
    assert quantile([float(n) for n in range(1, 101)], 0.99) == 99.0
