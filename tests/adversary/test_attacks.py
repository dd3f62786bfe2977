"""Each attack of the table, on the real gateway and the real broker: refused for its reason, recorded in its place."""

from __future__ import annotations

import pytest

from tests.adversary.conftest import Played
from tests.adversary.scene import Scene, eventually
from tests.adversary.table import ATTACKS, PLAYS, Attack

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


async def test_after_all_of_it_the_ledger_verifies_and_the_gateway_serves(played: Played) -> None:
    scene: Scene = played.scene
    await scene.command("ledger", "verify", "--home", scene.home)
    assert scene.process.running
    assert not [line for line in scene.lines() if line.get("event") in {"request-failed", "arrival-failed"}]
    assert "owned" not in scene.log.read_text("utf-8"), "the log repeats nothing that a sender wrote freely"
