"""`show`, and `request bring` and `take`: what the console shows and takes, by command."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway import two_people
from gateway.__main__ import main
from gateway.adapters.sql import Database, SqlStore
from gateway.commands.show import LISTS
from gateway.two_people import Act, Request
from schemas.identity import Address
from tests.integration.gateway_network import GatewayNetwork


def rows_of(network: GatewayNetwork, name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in run("show", name, "--home", network.home, "--json").output.splitlines()]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> GatewayNetwork:
    """A gateway that never ran, with its directory and two operators."""
    folder = tmp_path_factory.mktemp("show")
    made = GatewayNetwork(folder)
    directory = made.authority.home / "directory.cbor"
    assert run("participant", "load", "--home", made.home, directory).exit_code == 0
    homes = [folder / name for name in ("ada", "bo")]
    for home in homes:
        home.mkdir()
        two_people.new_operator(home, home.name, None)
    cards = [(home / two_people.CARD_FILE).read_bytes() for home in homes]
    signers = made.authority.signers(made.network.holders)
    (folder / "operators.cbor").write_bytes(two_people.sign_list(cards, 2, signers, made.network))
    assert run("operator", "install", "--home", made.home, folder / "operators.cbor").exit_code == 0
    return made


@pytest.mark.parametrize("name", LISTS)
def test_every_list_is_shown_in_three_forms(network: GatewayNetwork, name: str) -> None:
    said, as_json, as_csv = (run("show", name, "--home", network.home, *form) for form in ([], ["--json"], ["--csv"]))
    assert [one.exit_code for one in (said, as_json, as_csv)] == [0, 0, 0], said.output
    rows = [json.loads(line) for line in as_json.output.splitlines()]
    table = list(csv.DictReader(io.StringIO(as_csv.output)))
    assert len(rows) == len(table) == len(said.output.splitlines())
    if name == "bureaus":
        assert [row["address"] for row in rows] == ["AR", "BR", "IPSG", "UY"]


def test_what_a_list_cannot_be_searched_by_is_said(network: GatewayNetwork) -> None:
    for where in ("colour=red", "state", "state=late", "state=open"):
        twice = ("--where", "state=late") if where == "state=open" else ()
        found = run("show", "overdue", "--home", network.home, "--where", where, *twice)
        assert (found.exit_code == 0) is (where == "state=late"), where
    assert run("show", "overdue", "--home", network.home, "--json", "--csv").exit_code == 2


def test_a_request_goes_from_one_operator_to_the_other_by_the_gateway(network: GatewayNetwork, tmp_path: Path) -> None:
    subject = hashlib.sha256(b"bytes").hexdigest()
    asked, taken = tmp_path / "request.cbor", tmp_path / "taken.cbor"
    folder, pinned = network.folder, network.home / "network.bn"
    made = ("--sha256", subject, "--network", pinned, "--home", folder / "ada", "--out", asked)
    assert run("request", "make", "quarantine.discard/1", *made).exit_code == 0
    assert run("request", "make", "quarantine.discard/1", *made, "--subject", pinned).exit_code == 2, "both"
    bring = ("--home", network.home, "--why", "a test", "--json", "--operator")
    first = json.loads(run("request", "bring", asked, *bring, "ada").output)
    assert (first["signed"], first["needed"], first["standing"]) == (["ada"], 2, "waits")
    assert run("request", "take", first["id"], "--home", network.home, "--out", taken).exit_code == 0
    about = ("--network", pinned, "--home", folder / "bo", "--yes", "--sha256")
    assert run("request", "approve", taken, *about, "00" * 32).exit_code == 2, "about something else"
    assert run("request", "approve", taken, *about, "zz").exit_code == 2
    assert run("request", "approve", taken, *about, subject).exit_code == 0
    second = json.loads(run("request", "bring", taken, *bring, "bo").output)
    assert (second["id"], second["signed"], second["standing"]) == (first["id"], ["ada", "bo"], "ready")
    (row,) = [
        json.loads(line) for line in run("show", "approvals", "--home", network.home, "--json").output.splitlines()
    ]
    assert (row["id"], row["brought_by"], row["signed"]) == (first["id"], "ada", "ada, bo")
    done = [
        json.loads(line)["what"] for line in run("show", "audit", "--home", network.home, "--json").output.splitlines()
    ]
    assert done == ["request.bring/1", "request.bring/1"]
    assert run("request", "take", "ab" * 32, "--home", network.home, "--out", taken).exit_code == 2


async def set_aside(network: GatewayNetwork, body: bytes) -> None:
    database = Database(f"sqlite+aiosqlite:///{network.home / 'ledger.db'}")
    try:
        async with SqlStore(database).begin() as transaction:
            await transaction.quarantine(Address("FR"), body, "KeyError", 1)
    finally:
        await database.close()


def test_an_act_takes_the_request_that_waits_at_the_gateway(network: GatewayNetwork) -> None:
    body = b"what two of them looked at"
    asyncio.run(set_aside(network, body))
    act = ("quarantine", "discard", "1", "--home", network.home, "--operator", "ada", "--reason", "unreadable")
    assert "takes 2 operators" in run(*act).output
    asked = Request(Act.QUARANTINE_DISCARD, hashlib.sha256(body).digest(), int(time.time()))
    for name in ("ada", "bo"):
        path = network.folder / f"{name}.request"
        path.write_bytes(two_people.sign_request(network.folder / name, asked, network.network))
        bring = ("request", "bring", path, "--home", network.home, "--operator", name, "--why", "a test")
        assert run(*bring).exit_code == 0
    assert run(*act).exit_code == 0
    assert [row["standing"] for row in rows_of(network, "approvals") if row["id"] == asked.id.hex()] == ["used"]
    asyncio.run(set_aside(network, body))
    assert "takes 2 operators" in run(*act).output, "it acted once"
