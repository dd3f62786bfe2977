"""Each attack of the table, on the real gateway and the real broker: refused for its reason, recorded in its place."""

from __future__ import annotations

import json
from typing import Final

import pytest

from tests.adversary.conftest import Played, rows
from tests.adversary.plays.encoding import TEXTS
from tests.adversary.scene import Scene, eventually
from tests.adversary.table import ATTACKS, PLAYS, Attack, Seen

FIRST_RECORDED: Final = 8
"""The first step of admission whose refusals are entries of the ledger."""
KEPT: Final = 1000
"""gateway/settings.py, refusal_log_items."""

pytestmark = [pytest.mark.broker, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(400)]


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name for attack in ATTACKS])
async def test_attack(attack: Attack, played: Played) -> None:
    seen = played.results[attack.name]
    if isinstance(seen, BaseException):
        raise seen
    assert (str(seen.got), seen.recorded) == (str(attack.expected), attack.recorded), attack.text


async def test_the_table_and_the_plays_are_the_same() -> None:
    names = [attack.name for attack in ATTACKS]
    assert len(set(names)) == len(names)
    assert set(names) == set(PLAYS)


async def test_summaries_count_what_the_log_has_and_the_ledger_has_not(played: Played) -> None:
    scene: Scene = played.scene

    async def counted() -> bool:
        logged: dict[str, int] = {}
        for line in scene.lines():
            if line.get("event") == "refused" and "index" not in line:
                logged[str(line["link"])] = logged.get(str(line["link"]), 0) + 1
        summed: dict[str, int] = {}
        for entry in await scene.entries():
            if entry["event"] == "RefusalSummary":
                summed[str(entry["party"])] = summed.get(str(entry["party"]), 0) + int(str(entry["count"]))
        return bool(logged) and summed == logged

    assert await eventually(counted)


async def test_each_step_of_admission_is_recorded_where_the_protocol_says(played: Played) -> None:
    """Steps 1 to 7 make no entry; 8 to 12 make one each, but for what one bureau has above its bound in a minute."""
    entries = {int(str(entry["index"])): entry for entry in await played.scene.entries()}
    rejected = {entry["digest"] for entry in entries.values() if entry["event"] == "SubmissionRejection"}
    lines = [line for line in played.scene.lines() if line.get("event") == "refused"]
    for line in lines:
        if int(str(line["step"])) < FIRST_RECORDED:
            assert "index" not in line
            assert line["digest"] not in rejected
        elif "index" in line:
            entry = entries[int(str(line["index"]))]
            assert (entry["event"], entry["digest"]) == ("SubmissionRejection", line["digest"])
            assert entry["reason"] == line["reason"]
        else:
            assert line["link"] == "PY", "only who floods is counted in place of being recorded"
    if len(played.results) == len(ATTACKS):
        assert {int(str(line["step"])) for line in lines} == {1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12}


async def test_operators_read_what_was_refused_last_and_nothing_that_a_sender_wrote(played: Played) -> None:
    scene: Scene = played.scene
    printed = await scene.command("refusals", "--operators", scene.operators, "--limit", "100000", "--json")
    rows = json.loads(printed)["refusals"]
    logged = [line for line in scene.lines() if line.get("event") == "refused"][-len(rows) :]
    assert 0 < len(rows) <= KEPT
    assert [(row["digest"], row["link"], row["step"], row["reason"], row["index"]) for row in rows] == [
        (line["digest"], line["link"], line["step"], line["reason"], line.get("index")) for line in logged
    ]
    assert not [text for text in TEXTS if json.dumps(text)[1:-1] in printed]


async def test_the_report_has_a_row_for_each_attack_that_ran(played: Played) -> None:
    table = rows()
    ran = [attack for attack in ATTACKS if isinstance(played.results.get(attack.name), Seen)]
    assert [row["attack"] for row in table] == [attack.name for attack in ran]
    assert all(set(row) == {"attack", "expected", "got", "recorded"} for row in table)


async def test_after_all_of_it_the_ledger_verifies_and_the_gateway_serves(played: Played) -> None:
    scene: Scene = played.scene
    await scene.command("ledger", "verify", "--home", scene.home)
    assert scene.process.running
    assert not [line for line in scene.lines() if line.get("event") in {"request-failed", "arrival-failed"}]
    assert "owned" not in scene.log.read_text("utf-8"), "the log repeats nothing that a sender wrote freely"
