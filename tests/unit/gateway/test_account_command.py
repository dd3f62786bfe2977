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
from gateway.ports_console import Account, Audited
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
