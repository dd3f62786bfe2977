"""Those who asked to be told: one who raises ends no worker, and keeps nobody else from it. Alarms have a bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from bureaus import gossip
from bureaus.calling import tell
from bureaus.store import FILE, Store, identity
from bureaus.voided import Voided
from schemas.codes import Purpose
from tests.unit.bureaus.network import OPERATION, QUERY, Team, counted


def broken(*_: object) -> None:
    raise ValueError("the program's own fault, with content in its text")


def test_one_who_raises_keeps_nobody_else_from_being_told(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[int] = []
    tell([broken, heard.append], 7)
    assert heard == [7]
    assert "content" not in caplog.text


async def test_a_callback_that_raises_ends_no_worker(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    brazil = team.open("BR")
    brazil.on_step(broken)
    brazil.on_attestation(broken)
    brazil.on_void(broken_by_void)
    brazil.on(QUERY.KIND)(nothing)
    async with team.open("FR") as fr, brazil as br:
        for _ in range(2):
            sent = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
            await sent.accepted(60)
        await counted(br, "received", "done", 2)


def broken_by_void(_: Voided) -> None:
    raise KeyError


async def nothing(_: object) -> None:
    """A handler that needs to do nothing."""


def test_a_fork_that_grows_fills_no_disk(tmp_path: Path) -> None:
    paths = [gossip.keep(tmp_path, number.to_bytes(2)) for number in range(gossip.MOST_PROOFS + 5)]
    assert len(list(tmp_path.iterdir())) == gossip.MOST_PROOFS
    assert None not in paths[: gossip.MOST_PROOFS]
    assert set(paths[gossip.MOST_PROOFS :]) == {None}
    assert gossip.keep(tmp_path, (0).to_bytes(2)) == paths[0], "the same again is there already"


async def test_an_alarm_that_sounds_again_and_again_fills_no_store(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / FILE) as store:
        for number in range(identity.MOST_ALARMS + 5):
            await store.run(identity.raise_alarm, number, "consistency", f"alarm {number}", b"evidence")
        rows = await store.run(lambda db: db.execute("SELECT count(*) FROM alarm").fetchall())
        assert rows == [(identity.MOST_ALARMS,)]
        assert await store.run(identity.alarm) == ("consistency", "alarm 0")
