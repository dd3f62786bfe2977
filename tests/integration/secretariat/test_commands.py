"""The secretariat's commands: what they need, what they refuse, and that a password never stands on a command line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bureaus.__main__ import main
from bureaus.secretariat.notices import acts
from bureaus.secretariat.office import OPERATION, Office
from schemas.codes import Purpose
from tests.integration.secretariat.cases import PICTURE, RED
from tests.integration.secretariat.house import House

PASSWORD = "correct horse battery"  # noqa: S105  # of nobody


def ran(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["secretariat", *map(str, words)], catch_exceptions=False)


def rows(done: Result) -> list[dict[str, object]]:
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def private(folder: Path, text: str) -> Path:
    file = folder / "password"
    file.write_text(text + "\n")
    file.chmod(0o600)
    return file


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home of a secretariat that has a request for a red notice on screening."""

    async def ask() -> None:
        house = await House.gather(tmp_path, ("FR",))
        async with house.serving() as office, house.bureau("FR") as france:
            await france.ask(RED, to=["IPSG"], operation=OPERATION, purpose=Purpose.ARREST, attachments=[PICTURE])
            await _one(office)

    async def _one(office: Office) -> None:
        rung = 0
        async with asyncio.timeout(60):
            while not await acts.waiting(office):
                rung = await office.registry.written.after(rung)

    asyncio.run(ask())
    return tmp_path / "IPSG"


def test_two_of_the_staff_publish_by_command_and_the_audit_says_who(home: Path, tmp_path: Path) -> None:
    registry = ("--home", home, "--registry", f"sqlite+aiosqlite:///{home / 'ledger.db'}", "--json")
    file = private(tmp_path, PASSWORD)
    for name, right in (("ana", "publisher"), ("ben", "publisher"), ("cleo", "screener")):
        rows(ran("staff", "add", name, "--right", right, "--password-file", file, "--by", "root", *registry))
    assert [row["name"] for row in rows(ran("staff", "list", *registry))] == ["ana", "ben", "cleo"]
    (request,) = rows(ran("notice", "waiting", *registry))
    number = str(request["id"])
    assert (request["owner"], request["people"]) == ("FR", 2)
    shown = rows(ran("notice", "show", number, *registry))
    assert {row["event"] for row in shown} <= {"request", "content", "finding"}
    (mark,) = (str(row["mark"]) for row in shown if row["event"] == "content")

    def approve(who: str, password: Path = file, seen: str = mark) -> Result:
        why = ("--why", "in order", "--seen", seen)
        return ran("notice", "approve", number, "--as", who, "--password-file", password, *why, *registry)

    assert approve("ana", seen="0" * len(mark)).exit_code == 2
    assert rows(approve("ana"))[0]["state"] == "waiting"
    assert (approve("ana").exit_code, approve("cleo").exit_code, approve("nobody").exit_code) == (2, 2, 1)
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    assert approve("ben", private(wrong, "not this one at all")).exit_code == 1
    assert rows(approve("ben"))[0]["state"] == "approved"
    noted = {(row["who"], row["act"]) for row in rows(ran("audit", *registry))}
    assert {("root", "staff added"), ("ana", "approved, 1 of 2"), ("ben", "approved, 2 of 2")} <= noted
    assert ("ben", "sign-in failed") in noted
    assert {row["who"] for row in rows(ran("audit", "--who", "ben", *registry))} == {"ben"}


def test_a_password_on_the_command_line_is_refused_and_never_repeated(tmp_path: Path) -> None:
    (tmp_path / "bureau.db").touch()
    url = "postgresql+asyncpg://ipsg:hunter2hunter2@127.0.0.1:1/ipsg"
    refused = ran("audit", "--home", tmp_path, "--registry", url)
    assert refused.exit_code == 2
    assert "hunter2" not in refused.output
    named = ran("audit", "--home", tmp_path, "--registry", url.replace("ipsg:hunter2hunter2@", ""),
                "--registry-password-file", private(tmp_path, "hunter2"))  # fmt: skip
    assert (named.exit_code, "names a user" in named.output) == (2, True)
    unreachable = ran("audit", "--home", tmp_path, "--registry", url.replace(":hunter2hunter2", ""),
                      "--registry-password-file", private(tmp_path, "hunter2"))  # fmt: skip
    assert (unreachable.exit_code, "hunter2" in unreachable.output) == (1, False)


def test_a_folder_that_is_nobodys_home_is_refused(tmp_path: Path) -> None:
    refused = ran("notice", "list", "--home", tmp_path)
    assert (refused.exit_code, "nobody's home" in refused.output) == (2, True)
    assert not (tmp_path / "registry.sqlite").exists()
