"""The staff's commands: claims, steps, groups, quality and an evaluation's files, on a registry that nothing serves."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import insert

from bureaus.__main__ import main
from bureaus.secretariat.registry import Registry, audit
from bureaus.secretariat.registry.results import statement
from bureaus.secretariat.staff.accounts import Accounts
from schemas.keys import SigningKey
from schemas.operation import sign_operation
from tests.integration.secretariat.house import SECRETARIAT, House
from tests.integration.secretariat.test_evaluation import fill, recorded
from tests.integration.secretariat.test_reports import infra
from tests.world import OPERATION, first_operation

PASSWORD = "rather-long-and-only-for-this-test"  # noqa: S105  # of nobody


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The secretariat's home, with a registry in which somebody of the fugitive unit is on the staff."""
    asyncio.run(_prepare(tmp_path))
    (tmp_path / "password").write_text(PASSWORD)
    (tmp_path / "password").chmod(0o600)
    return tmp_path / SECRETARIAT


async def _prepare(folder: Path) -> None:
    house = await House.gather(folder, ())
    registry = await Registry.open(f"sqlite+aiosqlite:///{house.home(SECRETARIAT) / 'registry.sqlite'}")
    now = house.seconds()
    for name, right in (("f.example", "fugitive"), ("s.example", "screener")):
        await Accounts(registry).add(name, [right], PASSWORD, who="service", now=now)
    async with registry.writing() as connection:
        await fill(connection, now)
        for operation in (infra(SECRETARIAT, now), first_operation()):
            raw = sign_operation(operation, bytes(32), SigningKey.generate())
            await connection.execute(insert(statement).values(operation=operation.id, version=1, raw=raw))
    await registry.aclose()


def run(home: Path, *words: str | Path, who: str = "") -> tuple[int, list[dict[str, object]], str]:
    """Exit code, rows, and what was said."""
    signed = ["--as", who, "--password-file", str(home.parent / "password")] if who else []
    arguments = ["secretariat", *map(str, words), "--home", str(home), "--json", *signed]
    result = CliRunner().invoke(main, arguments)
    lines = [line for line in result.output.splitlines() if line.startswith("{")]
    return result.exit_code, [json.loads(line) for line in lines], result.output


def test_claims_groups_and_steps_are_for_the_fugitive_unit_and_are_noted(home: Path) -> None:
    code, rows, said = run(home, "results", "known", who="f.example")
    assert code == 0, said
    assert [row["new"] for row in rows] == [True, True]
    claimed = "results", "claim", "infra", "--source", "A newspaper", "--published", "2018", "--arrested", "500"
    assert run(home, *claimed, who="f.example")[0] == 0
    code, rows, _ = run(home, "results", "totals", "infra")
    assert [(row["published"], row["arrested"]) for row in rows] == [("2017-12", 540), ("2018", 500), ("2018-01", 480)]

    group = "group", "set", "ison", "--member", "FR", "--member", "KE/border"
    assert run(home, *group, who="f.example")[1][0]["version"] == 1
    assert run(home, "group", "list")[1][0]["members"] == ["FR", "KE/border"]
    step = "phase", "set", "infra-test", "follow-up", "--why", "as planned"
    assert run(home, *step, who="f.example")[0] == 0
    assert run(home, "phase", "show", "infra-test")[1][0]["version"] is None

    for words in (claimed, group, step):
        code, _, said = run(home, *words, who="s.example")
        assert code != 0
        assert "s.example is no fugitive" in said
    acts = asyncio.run(_acts(home))
    assert {"added a claim", "published a group", "asked for follow-up"} <= acts


async def _acts(home: Path) -> set[str]:
    registry = await Registry.open(f"sqlite+aiosqlite:///{home / 'registry.sqlite'}")
    async with registry.reading() as connection:
        found = {act.act for act in await audit.acts(connection, who="f.example")}
    await registry.aclose()
    return found


def test_an_evaluation_is_a_page_and_json_with_the_traffic_of_a_verified_record(home: Path, tmp_path: Path) -> None:
    record, pinned, _ = recorded(tmp_path)
    shown = "--record", record, "--network", pinned
    code, rows, said = run(home, "phase", "measure", OPERATION, *shown, who="f.example")
    assert code == 0, said
    assert rows[0]["whereabouts"] == 2
    assert run(home, "phase", "measure", "infra-test", "--quality", "before", who="f.example")[0] == 0
    code, rows, _ = run(home, "quality", "--owner", "KE")
    assert code == 0
    assert rows[0]["counts"]["records"] == 2  # type: ignore[index]  # JSON of this program

    out = tmp_path / "out"
    code, rows, said = run(home, "evaluate", "--operation", OPERATION, "--out", out, *shown)
    assert code == 0, said
    told = json.loads((out / "evaluation.json").read_text("utf-8"))
    html = (out / "evaluation.html").read_text("utf-8")
    assert told["network"]["bureaus"]["BR"]["answered"] == 1
    assert told["measures"]["record"]["messages"] == 2
    assert "<svg" in html
    assert "From the operation's record" in html
    record.write_bytes(record.read_bytes()[:-9])
    assert run(home, "evaluate", "--operation", OPERATION, "--out", tmp_path / "no", *shown)[0] == 1
    assert not (tmp_path / "no").exists()
    assert run(home, "evaluate", "--operation", "infra-none", "--out", tmp_path / "no")[0] == 2
