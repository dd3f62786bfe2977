"""A gateway process from its first start to its last word: readiness, draining, what it logs, what its commands say."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import signal
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio

from schemas import cbor, wire
from schemas.errors import Unavailable
from tests.integration.gateway_network import OPERATION, TARGET, GatewayNetwork


@pytest_asyncio.fixture
async def network(tmp_path: Path) -> AsyncIterator[GatewayNetwork]:
    made = GatewayNetwork(tmp_path)
    yield made
    if made.process is not None and made.process.running:
        await made.stop()


async def operators(network: GatewayNetwork, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as client, client.get(network.operators + path) as response:
        return response.status, await response.text()


def logged(network: GatewayNetwork) -> list[dict[str, object]]:
    return [json.loads(line) for line in network.log.read_text().splitlines()]


async def test_it_is_ready_once_it_wrote_and_says_why_it_is_not(network: GatewayNetwork) -> None:
    await network.load()
    await network.start()
    assert await operators(network, "/healthz") == (HTTPStatus.OK, '{"alive": true}')
    status, said = await operators(network, "/readyz")
    assert (status, json.loads(said)) == (HTTPStatus.OK, {"ready": True, "checks": {"store": "ok", "high-water": "ok"}})
    with closing(sqlite3.connect(network.home / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        status, said = await operators(network, "/readyz")
    assert status == HTTPStatus.SERVICE_UNAVAILABLE
    assert json.loads(said)["checks"]["store"] != "ok"
    status, said = await operators(network, "/metrics")
    assert status == HTTPStatus.OK
    assert "bureaunet_events_total" in said


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110  # another process changes it
            await asyncio.sleep(0.1)


async def served(network: GatewayNetwork) -> bool:
    """Whether a bureau is let in and known."""
    try:
        async with network.client("BR") as client, client.get(wire.DIRECTORY) as response:
            return response.status == HTTPStatus.OK
    except aiohttp.ClientError:
        return False


async def connected(network: GatewayNetwork, count: int) -> bool:
    """Whether so many connections of bureaus are open."""
    _, said = await operators(network, "/metrics")
    return f"\nbureaunet_connections {count}.0\n" in said


async def test_without_a_directory_nobody_is_served(network: GatewayNetwork) -> None:
    await network.start()
    assert (await network.problem("BR", "GET", wire.DIRECTORY))[0] == HTTPStatus.FORBIDDEN
    await network.load()
    await until(partial(served, network))


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
async def test_told_to_stop_it_answers_what_it_has_in_hand_and_keeps_it(
    network: GatewayNetwork, by: signal.Signals
) -> None:
    await network.load()
    await network.start()
    await network.open_operation()
    assert network.process is not None
    await until(partial(connected, network, 0))
    waiting = asyncio.create_task(network.inbox("AR", wait=25))
    await until(partial(connected, network, 1))  # who was let in is answered; who comes after the signal is not
    bodies = [wire.encode_submission(network.query("BR", "IPSG")) for _ in range(40)]
    sending = [asyncio.create_task(network.submit("BR", body)) for body in bodies]
    done, _ = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
    network.process.send(by)
    assert await waiting == []
    assert await asyncio.wait_for(network.process.wait(), 60) == 0
    answers = await asyncio.gather(*sending, return_exceptions=True)
    accepted = {answer[1].digest for answer in answers if isinstance(answer, tuple) and answer[1].accepted}
    assert accepted >= {task.result()[1].digest for task in done}
    await network.start()
    held = {item.statement for item in await network.inbox("IPSG")}
    assert accepted <= {hashlib.sha256(statement).digest() for statement in held}


async def test_the_log_follows_a_message_and_holds_no_name_and_no_key(network: GatewayNetwork) -> None:
    await network.load()
    (network.home / "gateway.toml").write_text('[logging]\nlevel = "debug"\n')
    await network.start()
    await network.open_operation()
    query = network.query("BR", "AR")
    await network.submit("BR", wire.encode_submission(query))
    answer = network.query("AR", "BR", thread=query.digest, re=query.digest)
    await network.submit("AR", wire.encode_submission(answer))
    await network.submit("BR", wire.encode_submission(network.query("BR", "AR", by=network.bureaus["AR"].signing)))
    await network.submit("BR", TARGET.encode())
    for name, digest in (("AR", query.digest), ("BR", answer.digest)):
        await network.inbox(name)
        async with network.client(name) as client:
            await client.post(wire.EVIDENCE, data=network.acknowledgement(name, digest))
            await client.post(wire.EVIDENCE, data=TARGET.encode())
            await client.get(f"/{TARGET}")
    await network.stop()
    lines = logged(network)
    about = [line for line in lines if line.get("digest") == answer.digest.hex()]
    assert [line["event"] for line in about] == ["admitted", "handed-over"]
    assert any((line.get("thread"), line.get("operation")) == (query.digest.hex(), OPERATION) for line in about)
    assert any(line.get("reason") == "key-unknown" for line in lines)
    everything = network.log.read_bytes() + (network.home / "ledger.db").read_bytes()
    assert TARGET.encode() not in network.log.read_bytes()
    for secret in secrets_of(network):
        assert secret not in everything


def secrets_of(network: GatewayNetwork) -> list[bytes]:
    """Private keys in each form that they could be written in."""
    seeds = [bureau.signing.seed for bureau in network.bureaus.values()]
    forms = [form for seed in seeds for form in (seed, seed.hex().encode(), base64.b64encode(seed))]
    pems = [*(network.home / "keys").iterdir(), *(network.authority.home / "keys").iterdir()]
    return [*forms, *(path.read_bytes().splitlines()[1] for path in pems)]


async def test_its_commands_show_and_verify_what_it_recorded(network: GatewayNetwork) -> None:
    await network.load()
    home = ("--home", network.home)
    listed = json.loads(await network.command("participant", "list", *home, "--json"))
    assert [row["address"] for row in listed["participants"]] == ["AR", "BR", "IPSG", "UY"]
    await network.start()
    await network.open_operation()
    _, receipt = await network.submit("BR", wire.encode_submission(network.query("BR", "AR")))
    assert receipt.index is not None
    head = {"size": 0}
    while head["size"] <= receipt.index:
        head = json.loads(await network.command("ledger", "head", *home, "--json"))
    verdict = json.loads(await network.command("ledger", "verify", *home, "--json"))
    assert verdict["ok"]
    assert verdict["root"] == head["root"]
    lines = (await network.command("ledger", "entries", *home, "--json")).splitlines()
    assert len(lines) == head["size"]
    assert json.loads(lines[receipt.index])["digest"] == receipt.digest.hex()
    record = network.folder / "record"
    exported = json.loads(await network.command("operation", "export", OPERATION, *home, "--out", record, "--json"))
    assert exported["entries"] > 1
    await network.stop()
    with closing(sqlite3.connect(network.home / "ledger.db")) as database, database:
        database.execute("UPDATE leaf SET entry = replace(entry, 'BR', 'AR')")
    with pytest.raises(Unavailable, match="exited with code 1"):
        await network.command("ledger", "verify", *home)


async def test_an_operator_releases_and_discards_what_was_set_aside(network: GatewayNetwork) -> None:
    await network.load()
    await network.start()
    await network.open_operation()
    query = network.query("BR", "AR")
    with closing(sqlite3.connect(network.home / "ledger.db")) as database, database:
        put = "INSERT INTO quarantine (time, link, cause, body, type) VALUES (1, 'BR', 'KeyError', ?, 'envelope')"
        database.execute(put, [wire.encode_submission(query)])
        database.execute(put, [b"no envelope"])
    mine = ("--home", network.home, "--operator", "duty officer", "--json")
    listed = [json.loads(line) for line in (await network.command("quarantine", "list", *mine)).splitlines()]
    assert [(row["link"], row["cause"], row["type"]) for row in listed] == [("BR", "KeyError", "envelope")] * 2
    good, bad = (str(row["id"]) for row in listed)
    out = network.folder / "body.bin"
    await network.command("quarantine", "show", bad, *mine, "--out", out)
    assert out.read_bytes() == b"no envelope"
    released = json.loads(await network.command("quarantine", "release", good, *mine))
    assert (released["accepted"], released["removed"]) == (True, True)
    assert [item.statement for item in await network.inbox("AR", wait=20)] == [query.statement]
    with pytest.raises(Unavailable, match="exited with code 1"):
        await network.command("quarantine", "release", bad, *mine)
    await network.command("quarantine", "discard", bad, *mine, "--reason", "unreadable")
    assert await network.command("quarantine", "list", *mine) == ""
    lines = (await network.command("ledger", "entries", "--home", network.home, "--json")).splitlines()
    acts = [line for line in map(json.loads, lines) if line["event"] == "OperatorAction"]
    assert [act["kind"] for act in acts] == [
        f"quarantine.{name}/1" for name in ("list", "show", "release", "release", "discard", "list")
    ]
    assert "duty officer" not in "".join(lines)


async def test_a_full_listener_cuts_off_one_connection_more(network: GatewayNetwork) -> None:
    await network.load()
    (network.home / "gateway.toml").write_text("[bureaus]\nconnections = 3\n")
    await network.start()
    place = urlsplit(network.url)
    held = [await asyncio.open_connection(place.hostname, place.port, ssl=network.tls("AR")) for _ in range(3)]
    async with network.client("BR") as client:
        with pytest.raises(aiohttp.ClientError):
            await client.get(wire.DIRECTORY)
    for _, writer in held:
        writer.close()
    await until(partial(served, network))


async def test_bodies_that_do_not_come_leave_room_for_others(network: GatewayNetwork) -> None:
    await network.load()
    (network.home / "gateway.toml").write_text(f"[bureaus]\nbuffered_bytes = {16 * 1024 * 1024}\nbody_seconds = 10\n")
    await network.start()
    await network.open_operation()
    place = urlsplit(network.url)
    _, writer = await asyncio.open_connection(place.hostname, place.port, ssl=network.tls("AR"))
    writer.write(b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n")

    async def answered(status: HTTPStatus) -> bool:
        body = cbor.encode([b"", bytes(9_000_000)])
        async with network.client("BR") as client, client.post(wire.MESSAGES, data=body) as response:
            return response.status == status

    await until(partial(answered, HTTPStatus.SERVICE_UNAVAILABLE))
    status, _ = await network.submit("BR", wire.encode_submission(network.query("BR", "AR")))
    assert status == HTTPStatus.OK
    await until(partial(answered, HTTPStatus.UNPROCESSABLE_ENTITY))
    writer.close()


async def test_a_password_on_the_command_line_is_refused(network: GatewayNetwork) -> None:
    with pytest.raises(Unavailable, match="exited with code 2") as refused:
        await network.command("serve", "--home", network.home, "--database", "postgresql+asyncpg://u:secret@h/d")
    assert "secret" not in str(refused.value)


async def test_a_port_that_is_taken_is_said_in_one_line(network: GatewayNetwork) -> None:
    await network.load()
    await network.start()
    port = network.url.rpartition(":")[2]
    with pytest.raises(Unavailable, match=r"exited with code 1:\n.*cannot listen on 127\.0\.0\.1"):
        await network.command("serve", "--home", network.home, "--port", port)


async def test_a_database_of_a_newer_gateway_is_refused_and_can_be_taken_back(network: GatewayNetwork) -> None:
    await network.load()
    said = await network.command("migrate", "--home", network.home, "--to", "0001", "--json")
    assert json.loads(said) == {"revision": "0001"}
    await network.start()
    await network.stop()
    with closing(sqlite3.connect(network.home / "ledger.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Unavailable, match=r"exited with code 2:\n.*version 9999.*a newer gateway made it"):
        await network.command("serve", "--home", network.home)
    with pytest.raises(Unavailable, match="exited with code 2"):
        await network.command("migrate", "--home", network.home, "--to", "base")


async def test_an_unfinished_home_does_not_serve(tmp_path: Path) -> None:
    made = GatewayNetwork(tmp_path)
    (made.home / "network.bn").unlink()
    with pytest.raises(Unavailable, match="exited with code 2"):
        await made.command("serve", "--home", made.home)
