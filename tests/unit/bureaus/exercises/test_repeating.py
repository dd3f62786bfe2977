"""Two reports of one exercise: what may differ, and that anything else is found."""

from __future__ import annotations

from pydantic import JsonValue

from bureaus.exercises.repeating import comparable, differences

REPORT: dict[str, JsonValue] = {
    "cases": [{"reference": "FR-1", "outcome": "TRACE"}, {"reference": "FR-2", "outcome": None}],
    "ledger": {"size": 10, "root": "00"},
    "seconds": {"together": 1.0},
    "files": {"record": "a"},
    "commands": {"again": "b"},
    "ok": True,
}


def test_how_long_it_took_where_it_is_and_the_root_may_differ() -> None:
    other = REPORT | {"ledger": {"size": 10, "root": "ff"}, "seconds": {}, "files": {}, "commands": {}}
    assert differences(REPORT, other) == []
    assert comparable(REPORT) == {"cases": REPORT["cases"], "ledger": {"size": 10}, "ok": True}


def test_anything_else_is_found_with_its_place() -> None:
    other = REPORT | {"cases": [{"reference": "FR-1", "outcome": "TRACE"}, {"reference": "FR-2", "outcome": "TRACE"}]}
    assert differences(REPORT, other) == ["cases[1].outcome"]
    assert differences(REPORT, REPORT | {"ledger": {"size": 11, "root": "00"}}) == ["ledger.size"]
    assert differences(REPORT, REPORT | {"more": 1, "ok": False}) == ["more", "ok"]
    assert differences(REPORT, REPORT | {"cases": []}) == ["cases"]
