"""Accounts by the command line: each change is an entry of the ledger and a row of the audit, and no password shows."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.__main__ import main
from gateway.adapters.sql.accounts import SqlAccounts
from gateway.app import open_records
from gateway.authority import Authority
from gateway.ports_console import Account, AccountRole, Audited, Session
from gateway.service import complete_service, make_service
from schemas.evidence import Event, read_entry

PASSWORD = "a synthetic password"  # noqa: S105  # of accounts that live as long as a test


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made, now = tmp_path / "gw", int(time.time())
    service = make_service(made, "log.test", [], now)
    authority = Authority.create(tmp_path / "authority", service.encode(), "Test", now, exercise=True)
    given = [authority.home / name for name in ("network.bn", "certificates/gateway.pem", "ca.pem")]
    complete_service(made, *(path.read_bytes() for path in given))
    return made


async def kept(home: Path) -> tuple[list[Account], list[Audited], list[str | None]]:
    """Accounts, the audit newest first, and what the ledger's entries of operators say was done."""
    async with open_records(home) as records:
        accounts = SqlAccounts(records.store.database)
        leaves = [read_entry(leaf.entry) for leaf in await records.store.leaves(0, 100)]
        done = [entry.kind for entry in leaves if entry.event is Event.OPERATOR_ACTION]
        return list(await accounts.accounts()), list(await accounts.audit_rows(None, 100)), done


def test_an_account_is_made_changed_and_locked(home: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)

    def run(*arguments: str) -> tuple[int, str]:
        said = CliRunner().invoke(main, ["account", *arguments, "--home", str(home)])
        return said.exit_code, said.output

    add = ("add", "ada", "--operator", "bert", "--role", "viewer", "--password-file", str(secret), "--why", "new here")
    assert run(*add[:-4])[0] == 2, "nobody can be asked for a password"
    code, said = run(*add)
    assert (code, "ada may sign in" in said) == (0, True)
    assert run(*add)[0] == 2, "the name is taken"
    (first,), _, _ = asyncio.run(kept(home))
    assert run("role", "ada", "operator", "--operator", "bert")[0] == 0
    descriptor = os.open(secret, os.O_RDONLY)
    assert run("password", "ada", "--operator", "bert", "--password-fd", str(descriptor))[0] == 0
    os.close(descriptor)
    assert run("lock", "ada", "--operator", "bert", "--why", "on leave")[0] == 0
    code, said = run("list", "--json")
    row = json.loads(said)
    assert (row["account"], row["role"], row["locked"]) == ("ada", "operator", True)
    assert "argon2" not in said
    assert run("unlock", "ada", "--operator", "bert")[0] == 0
    assert run("lock", "nobody", "--operator", "bert")[0] == 2
    for nameless in ("", "b" * 65):  # the ledger could not say who did it: nothing is done
        assert run("lock", "ada", "--operator", nameless)[0] != 0
        assert run("add", "eve", "--operator", nameless, *add[4:])[0] != 0

    (ada,), audit, done = asyncio.run(kept(home))
    assert (ada.locked, ada.password != first.password) == (False, True)
    acts = ["account.add/1", "account.role/1", "account.password/1", "account.lock/1", "account.unlock/1"]
    assert [one.action for one in reversed(audit)] == done == acts
    assert [(one.actor, one.subject, one.why) for one in audit[-1:]] == [("bert", "ada viewer", "new here")]
    assert all(one.entry is not None for one in audit)
    assert PASSWORD not in str(audit)


def test_sessions_are_listed_and_ended_and_an_account_is_removed(home: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)

    def run(*arguments: str) -> tuple[int, str]:
        said = CliRunner().invoke(main, ["account", *arguments, "--home", str(home)])
        return said.exit_code, said.output

    async def enter() -> None:
        async with open_records(home) as records:
            accounts = SqlAccounts(records.store.database)
            (ada,) = await accounts.accounts()
            assert await accounts.enter(Session(b"s" * 32, "ada", ada.role, 1_000, 61_000), ada.password)

    add = ("add", "ada", "--operator", "bert", "--role", "viewer", "--password-file", str(secret))
    assert run(*add)[0] == 0
    assert run("sessions", "ada") == (0, "")
    asyncio.run(enter())
    said = {"opened": "1970-01-01T00:00:01+00:00", "seen": "1970-01-01T00:01:01+00:00", "role": "viewer"}
    assert [json.loads(line) for line in run("sessions", "ada", "--json")[1].splitlines()] == [said]
    assert run("sessions", "ada", "--end")[0] == 2, "nobody says who does it"
    code, printed = run("sessions", "ada", "--end", "--operator", "bert", "--json")
    assert (code, json.loads(printed)["account"]) == (0, "ada")
    assert run("sessions", "ada") == (0, "")
    asyncio.run(enter())
    assert run("remove", "ada", "--operator", "bert", "--why", "left the service")[0] == 0
    for gone in (("remove", "ada", "--operator", "bert"), ("sessions", "ada"), ("sessions", "eve")):
        assert run(*gone)[0] == 2
    accounts, audit, done = asyncio.run(kept(home))
    assert accounts == []
    assert done == ["account.add/1", "account.sessions/1", "account.remove/1"]
    assert [(one.action, one.subject) for one in audit[:1]] == [("account.remove/1", "ada viewer")]


def test_what_a_provider_says_of_an_account_is_not_said_here(home: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)

    async def arrive() -> None:
        async with open_records(home) as records:
            accounts = SqlAccounts(records.store.database)
            made = Account("carl", AccountRole.VIEWER, "", 1_000, issuer="https://id.example", subject="7")
            await accounts.arrive(made, Session(b"s" * 32, "carl", made.role, 1_000, 1_000), b"word")

    def run(*arguments: str) -> tuple[int, str]:
        said = CliRunner().invoke(main, ["account", *arguments, "--home", str(home), "--operator", "bert"])
        return said.exit_code, said.output

    async def opened() -> int:
        async with open_records(home) as records:
            return len(await SqlAccounts(records.store.database).sessions("carl"))

    asyncio.run(arrive())
    code, said = run("role", "carl", "operator")
    assert (code, "given by https://id.example" in said) == (2, True)
    code, said = run("password", "carl", "--password-file", str(secret))
    assert (code, "without a password" in said) == (2, True)
    assert asyncio.run(opened()) == 1, "nothing was done"
    assert run("lock", "carl")[0] == 0
    assert asyncio.run(opened()) == 0
    (carl,), _, done = asyncio.run(kept(home))
    assert (carl.role, carl.password, carl.locked, done) == (AccountRole.VIEWER, "", True, ["account.lock/1"])


def test_a_password_that_is_guessed_first_makes_no_account(home: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("Password2026!")
    secret.chmod(0o600)
    add = ["account", "add", "ada", "--operator", "bert", "--role", "viewer", "--password-file", str(secret)]
    said = CliRunner().invoke(main, [*add, "--home", str(home)])
    assert (said.exit_code, "guessed" in said.output) == (2, True)
    assert asyncio.run(kept(home)) == ([], [], [])


@pytest.mark.parametrize("command", ["add", "list", "role", "lock", "unlock", "password", "sessions", "remove"])
def test_each_command_says_how_it_is_used(command: str) -> None:
    said = CliRunner().invoke(main, ["account", command, "--help"])
    assert said.exit_code == 0
    assert f"bureaunet-gateway account {command}" in said.output
    assert "--json" in said.output
