"""The page of an exercise's report: goals first, every value escaped, silence and wrongs said."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import JsonValue

from bureaus.commands.exercise import exercise
from bureaus.exercises.report_page import Told, page

REPORT: dict[str, JsonValue] = {
    "exercise": {
        "operation": "own-2026",
        "name": "Ours & <others>",
        "seed": 7,
        "link": "http",
        "targets": 2,
        "bureaus": ["AR", "BR"],
        "outsider": "AD",
        "choice": "Ours.",
        "synthetic": "All persons and cases are synthetic.",
        "goal_seconds": 1.5,
        "disturbances": [{"at": 1.0, "what": "link-cut", "bureau": "AR", "seconds": 3.0}],
    },
    "cases": [
        {"reference": "AR-1", "owner": "AR", "answers": {"BR": ["NO_TRACE"]}, "outcome": "NO_TRACE", "result": None},
        {"reference": "BR-2", "owner": "BR", "answers": {"AR": []}, "outcome": None, "result": None},
    ],
    "outcomes": {"NO_TRACE": 1, "unanswered": 1},
    "refusals": [
        {"wrong": "outsider", "tried": "a query by an outsider", "reason": "sender-not-member", "as_it_must_be": True}
    ],
    "results": {"arrested": 0},
    "messages": {"whereabouts.query/1": 2},
    "answer_seconds": {"median": 0.5, "p99": 2.0},
    "answer_seconds_by_bureau": {"BR": {"answers": 1, "median": 0.5, "p99": 2.0}},
    "ledger": {"size": 9, "root": "00", "entries": 9},
    "verdict": {"ok": True, "says": "The record holds every entry.", "receipts": {"confirmed": 4}, "witnesses": None},
    "seconds": {"start": 1.0},
    "ok": False,
    "faults": ["case BR-2 did not come to NO_TRACE"],
}
_VOID = {"meta"}


class Balance(HTMLParser):
    """Every element that begins ends, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script"
        assert not any(name in {"src", "onload"} for name, _ in attrs)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def shown(**changes: JsonValue) -> str:
    return page(Told.model_validate(REPORT | changes))


def test_it_is_whole_and_has_no_script() -> None:
    reader = Balance()
    reader.feed(shown())
    reader.close()
    assert reader.open == []


@pytest.mark.parametrize(
    "said",
    [
        "Ours &amp; &lt;others&gt;",
        "case BR-2 did not come to NO_TRACE",
        "99 of 100 within 1.5 s: missed",
        "1 of 2",
        "link-cut",
        "AR: nothing",
        "sender-not-member",
        "4 confirmed",
    ],
)
def test_it_says(said: str) -> None:
    assert said in shown()


def test_a_goal_that_was_met_is_said_and_all_is_well() -> None:
    text = shown(answer_seconds={"median": 0.1, "p99": 1.5}, ok=True, faults=[])
    assert "within 1.5 s: met" in text
    assert "All is well." in text
    assert "Not all is well" not in text


def test_the_plot_is_as_wide_as_its_longest_bar_and_knows_the_goal() -> None:
    text = shown()
    assert 'x="60" y="2" width="590.0"' in text
    assert '<line class="goal" x1="502.5"' in text
    assert "Nobody answered." in shown(answer_seconds_by_bureau={})


def test_an_old_report_is_shown_again(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(json.dumps(REPORT))
    done = CliRunner().invoke(exercise, ["report", str(tmp_path), "--html", str(tmp_path / "again.html")])
    assert done.exit_code == 0, done.output
    assert "not all is well" in done.output
    assert (tmp_path / "again.html").read_text() == shown()
    (tmp_path / "report.json").write_text("{}")
    assert CliRunner().invoke(exercise, ["report", str(tmp_path)]).exit_code != 0
