"""Backup and restore by command, on both databases; a gateway restored from an old backup signs no fork."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from http import HTTPStatus
from pathlib import Path

import pytest
import pytest_asyncio

from bureaus.sandbox.reach import postgres_binaries, service_account
from gateway.adapters.sql import dump
from schemas import wire
from schemas.errors import Unavailable
from tests.integration.gateway_network import GatewayNetwork

pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """What the environment says of the database."""
    if request.param == "sqlite":
        return {}
    programs = str(postgres_binaries(service_account()))
    return {"BUREAUNET_DATABASE_URL": request.getfixturevalue("fresh_database"), "BUREAUNET_PG_PROGRAMS": programs}


@pytest_asyncio.fixture
async def network(database: dict[str, str], tmp_path: Path) -> AsyncIterator[GatewayNetwork]:
    made = GatewayNetwork(tmp_path)
    made.said |= {"BUREAUNET_OPERATOR": "duty officer", **database}
    await made.load()
    yield made
    if made.process is not None and made.process.running:
        await made.stop()


async def send(network: GatewayNetwork) -> int:
    """Send one message, and wait until a checkpoint covers it: its index."""
    status, receipt = await network.submit("BR", wire.encode_submission(network.query("BR", "AR")))
    assert status == HTTPStatus.OK
    assert receipt.index is not None
    async with asyncio.timeout(60):
        while (await head(network)) <= receipt.index:  # noqa: ASYNC110  # another process changes it
            await asyncio.sleep(0.2)
    return receipt.index


async def head(network: GatewayNetwork) -> int:
    """The size in the checkpoint that the gateway gives."""
    async with network.client("BR") as client, client.get(wire.CHECKPOINT) as response:
        return int((await response.read()).split(b"\n")[1]) if response.status == HTTPStatus.OK else 0


async def restore(network: GatewayNetwork, file: Path, *options: str) -> dict[str, object]:
    said = await network.command("restore", file, "--home", network.home, "--json", *options)
    return dict(json.loads(said))


async def test_a_gateway_goes_on_from_a_fresh_backup_and_refuses_an_old_one(network: GatewayNetwork) -> None:
    await network.start()
    await network.open_operation()
    first = await send(network)
    old, fresh = network.folder / "old.backup", network.folder / "fresh.backup"
    await network.command("backup", "--home", network.home, "--out", old)
    second = await send(network)
    await network.stop()
    made = json.loads(await network.command("backup", "--home", network.home, "--out", fresh, "--json"))
    assert made["size"] > second > first
    assert fresh.stat().st_mode & 0o077 == 0

    with pytest.raises(Unavailable, match=r"exited with code 2:\n.*holds something|there is a database"):
        await restore(network, old)
    with pytest.raises(Unavailable, match=r"exited with code 1:\n.*\"behind\": "):
        await restore(network, old, "--replace")
    with pytest.raises(Unavailable, match=r"(?s)the database is older.*docs/operators\.md"):
        await network.start()
    assert network.process is not None
    assert await network.process.wait() == 1
    with pytest.raises(Unavailable, match=r"exited with code 1:\n.*the database is older"):
        await network.command("participant", "load", "--home", network.home, network.authority.home / "directory.cbor")

    assert (await restore(network, fresh, "--replace"))["behind"] is None
    await network.start()
    assert await send(network) > second
    assert len(await network.inbox("AR")) == 3
    verdict = json.loads(await network.command("ledger", "verify", "--home", network.home, "--json"))
    assert verdict["ok"]
    lines = (await network.command("ledger", "entries", "--home", network.home, "--json")).splitlines()
    acts = [line["kind"] for line in map(json.loads, lines) if line["event"] == "OperatorAction"]
    assert acts == ["database.backup/1", "database.backup/1", "database.restore/1"]


async def test_what_is_no_backup_of_this_gateway_changes_nothing(network: GatewayNetwork, tmp_path: Path) -> None:
    good = tmp_path / "good.backup"
    await network.command("backup", "--home", network.home, "--out", good)
    with pytest.raises(Unavailable, match="never overwritten"):
        await network.command("backup", "--home", network.home, "--out", good)
    data = good.read_bytes()
    for name, broken in (("cut", data[: len(data) // 2]), ("none", b"no tar"), ("bent", _bent(data))):
        file = tmp_path / name
        file.write_bytes(broken)
        with pytest.raises(Unavailable, match="exited with code 2"):
            await restore(network, file, "--replace")
    other = GatewayNetwork(tmp_path / "other")
    other.said = network.said
    with pytest.raises(Unavailable, match="not this gateway's"):
        await restore(other, good, "--replace")
    listed = json.loads(await network.command("participant", "list", "--home", network.home, "--json"))
    assert listed["version"] == 1


def _bent(data: bytes) -> bytes:
    middle = len(data) * 2 // 3
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.postgres
async def test_without_pg_dump_the_command_to_run_is_said(tmp_path: Path, fresh_database: str) -> None:
    network = GatewayNetwork(tmp_path)
    network.said |= {"BUREAUNET_DATABASE_URL": fresh_database, "BUREAUNET_OPERATOR": "duty officer"}
    network.said["BUREAUNET_PG_PROGRAMS"] = str(tmp_path)
    await network.load()
    with pytest.raises(
        Unavailable, match=r"pg_dump is not installed.*PGPASSWORD=\.\.\. pg_dump --format=custom"
    ) as said:
        await network.command("backup", "--home", network.home, "--out", tmp_path / "a.backup")
    assert fresh_database.split(":")[2].split("@", maxsplit=1)[0] not in str(said.value)


async def test_a_backup_of_sqlite_is_a_database_by_itself(tmp_path: Path) -> None:
    source, target = tmp_path / "source.db", tmp_path / "target.db"
    with closing(sqlite3.connect(source)) as database, database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE thing (name)")
        database.execute("INSERT INTO thing VALUES ('one')")
        database.commit()
        await dump.dump(f"sqlite+aiosqlite:///{source}", target)
    assert not target.with_name("target.db-wal").exists()
    with closing(sqlite3.connect(target)) as copy:
        assert copy.execute("SELECT name FROM thing").fetchall() == [("one",)]
