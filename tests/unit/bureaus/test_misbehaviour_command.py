"""`bureaunet misbehaviour` says what a file proves; `bureaunet witness` shows and compares checkpoints."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bureaus.__main__ import main
from schemas.misbehaviour import Evidence
from tests.unit.bureaus.network import Team
from tests.unit.schemas.test_misbehaviour import FIRST, NAMED, NETWORK, ONE, TWO, W1, note


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "network.bn"
    path.write_bytes(NETWORK.raw)
    return path


def check(path: Path, network: Path, *more: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["misbehaviour", str(path), "--network", str(network), *more])
    return done.exit_code, done.output


def test_a_file_that_proves_it_says_what_happened_and_who(tmp_path: Path, network: Path) -> None:
    path = tmp_path / "proof.bn"
    path.write_bytes(Evidence(note(ONE, 9, W1), note(TWO, 9, W1), (), (FIRST, NAMED)).encode())
    code, said = check(path, network)
    assert code == 0
    assert said.startswith("PROVEN: fork")
    assert "two histories" in said
    assert "the log log.example and FR" in said
    code, said = check(path, network, "--json")
    row = json.loads(said)
    assert (code, row["proven"], row["accused"]) == (0, True, ["the log log.example", "FR"])
    assert row["statements"][0]["cosigners"] == ["FR"]


@pytest.mark.parametrize("data", [b"", b"garbage", Evidence(note(ONE, 9), note(ONE, 9)).encode()])
def test_a_file_that_proves_nothing_ends_with_1(tmp_path: Path, network: Path, data: bytes) -> None:
    path = tmp_path / "proof.bn"
    path.write_bytes(data)
    code, said = check(path, network)
    assert code == 1
    assert said.startswith("PROVES NOTHING")
    assert json.loads(check(path, network, "--json")[1])["proven"] is False


def test_it_takes_a_network_file_and_a_file_that_is_there(tmp_path: Path, network: Path) -> None:
    assert check(tmp_path / "none.bn", network)[0] == 2
    assert check(network, tmp_path / "none.bn")[0] == 2


def test_the_checkpoint_that_a_bureau_accepted_is_shown(tmp_path: Path) -> None:
    async def accept() -> int:
        team = await Team.gather(tmp_path)
        async with team.open("FR") as fr:
            assert not fr.witnesses
            assert await fr.compare(team.network.ledger.checkpoint(team.network.seconds)) == fr.trust.head
            return fr.trust.head.size

    size = asyncio.run(accept())
    done = CliRunner().invoke(main, ["witness", "--home", str(tmp_path / "FR"), "--show"])
    assert done.exit_code == 0
    assert done.output.splitlines()[1] == str(size)
