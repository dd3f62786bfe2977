"""Commands that only read never change the tables: they say that the database is of another version, and stop."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.__main__ import main
from gateway.authority import Authority
from gateway.service import complete_service, make_service
from tests.unit.gateway.test_authority import Bureau

NOW = 1_800_000_000
OUT = "operation.record"
READING: Sequence[Sequence[str]] = (
    ("ledger", "head"),
    ("ledger", "entries"),
    ("ledger", "verify"),
    ("participant", "list"),
    ("quarantine", "list", "--operator", "ada"),
    ("quarantine", "show", "1", "--operator", "ada"),
    ("operation", "export", "infra-test", "--out", OUT),
    ("broker", "definitions", "--out", OUT),
    ("broker", "check", "--ctl", "no-such-program"),
    ("backup", "--operator", "ada", "--out", OUT),
)


def version(home: Path) -> str | None:
    with closing(sqlite3.connect(home / "ledger.db")) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchall():
            return None
        found: str = database.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        return found


def run(*arguments: str | Path) -> tuple[int, str]:
    said = CliRunner().invoke(main, list(map(str, arguments)))
    return said.exit_code, said.output


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A gateway's home without a database, and the working directory beside it."""
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "gw"
    service = make_service(made, "log.test", [], NOW)
    authority = Authority.create(tmp_path / "authority", service.encode(), "Test", NOW, exercise=True)
    given = [authority.home / name for name in ("network.bn", "certificates/gateway.pem", "ca.pem")]
    complete_service(made, *(path.read_bytes() for path in given))
    authority.approve([Bureau("FR").request()], NOW)
    return made


def test_reading_commands_refuse_another_version_and_change_nothing(home: Path) -> None:
    for command in READING:
        code, said = run(*command, "--home", home)
        assert (code, "the database has no tables" in said) == (2, True), said
        assert version(home) is None
    directory = home.parent / "authority" / "directory.cbor"
    assert run("participant", "load", directory, "--home", home)[0] == 0, "it brings the tables to this version"
    newest = version(home)
    assert run("migrate", "--home", home, "--to", "0001")[0] == 0
    for command in READING:
        code, said = run(*command, "--home", home)
        assert (code, "the database is at version 0001" in said) == (2, True), said
        assert version(home) == "0001"
    assert not list(home.parent.glob(f"*{OUT}*"))
    assert run("migrate", "--home", home)[0] == 0
    assert version(home) == newest
    assert run("participant", "list", "--home", home)[0] == 0
