"""The sandbox's own servers: real, private, crash-safe, and gone afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import aio_pika
import asyncpg
import psutil
import pytest
import pytest_asyncio
from aiormq.exceptions import ChannelAccessRefused
from pydantic import JsonValue

from bureaus.sandbox.pki import SandboxAuthority, TlsFiles
from bureaus.sandbox.postgres import Postgres
from bureaus.sandbox.process import Process, accepts, free_port
from bureaus.sandbox.rabbitmq import Broker
from schemas.errors import Misuse, Unavailable

QUORUM: dict[str, JsonValue] = {"x-queue-type": "quorum"}
ENVIRONMENT = {"PATH": os.environ["PATH"]}


def entry(name: str, **more: JsonValue) -> JsonValue:
    arguments: JsonValue = {} if more else QUORUM
    return {"name": name, "vhost": "/", "durable": True, "auto_delete": False, "arguments": arguments, **more}


def definitions() -> dict[str, JsonValue]:
    users: list[JsonValue] = [{"name": name, "password_hash": "", "tags": []} for name in ("AA", "BB")]
    rights = {"AA": (r"^submit\.AA$", "^$"), "BB": ("^$", r"^inbox\.BB$")}
    return {
        "vhosts": [{"name": "/"}],
        "users": users,
        "permissions": [
            {"user": user, "vhost": "/", "configure": "^$", "write": write, "read": read}
            for user, (write, read) in rights.items()
        ],
        "exchanges": [entry("submit.AA", type="direct", internal=False)],
        "queues": [entry("inbox.BB")],
        "bindings": [
            {
                "source": "submit.AA",
                "vhost": "/",
                "destination": "inbox.BB",
                "destination_type": "queue",
                "routing_key": "routine",
                "arguments": {},
            }
        ],
    }


class Scene:
    """A broker's authority, its server certificate and definitions, and a certificate for each client."""

    def __init__(self, folder: Path) -> None:
        self.authority = SandboxAuthority()
        self.folder = folder
        self.server = self.authority.issue_server().save(folder, "server")
        self.definitions = folder / "definitions.json"
        self.definitions.write_text(json.dumps(definitions()), "utf-8")

    def client(self, user: str) -> TlsFiles:
        return self.authority.issue_client(user).save(self.folder, user)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest_asyncio.fixture
async def broker(scene: Scene) -> AsyncIterator[Broker]:
    async with Broker(scene.definitions, scene.server) as broker:
        yield broker


async def connect(broker: Broker, tls: TlsFiles) -> aio_pika.abc.AbstractConnection:
    return await aio_pika.connect(broker.url, ssl_context=tls.client_context(), timeout=10)


async def publish(broker: Broker, tls: TlsFiles, exchange: str, body: bytes) -> None:
    async with await connect(broker, tls) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        target = await channel.get_exchange(exchange, ensure=False)
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await target.publish(message, "routine", mandatory=True, timeout=10)


async def take(broker: Broker, tls: TlsFiles) -> bytes:
    async with await connect(broker, tls) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue("inbox.BB", ensure=False)
        arrived: asyncio.Queue[aio_pika.abc.AbstractIncomingMessage] = asyncio.Queue()
        await queue.consume(arrived.put)
        async with asyncio.timeout(60):
            message = await arrived.get()
        await message.ack()
        return message.body


@pytest.mark.broker
async def test_a_certificate_is_the_identity_and_its_rights_hold(broker: Broker, scene: Scene) -> None:
    sender, recipient = scene.client("AA"), scene.client("BB")
    await publish(broker, sender, "submit.AA", b"from AA")
    assert await take(broker, recipient) == b"from AA"
    with pytest.raises(ChannelAccessRefused):
        await publish(broker, recipient, "submit.AA", b"from BB over AA's exchange")
    async with await connect(broker, sender) as connection:
        channel = await connection.channel()
        with pytest.raises(ChannelAccessRefused):
            await channel.declare_queue("inbox.AA", durable=True, arguments={"x-queue-type": "quorum"})


@pytest.mark.broker
async def test_no_certificate_another_authority_and_an_unknown_name_are_refused(
    broker: Broker, scene: Scene, tmp_path: Path
) -> None:
    bare = scene.client("AA").client_context()
    bare_context = type(bare)(bare.protocol)
    bare_context.load_verify_locations(scene.server.authority)
    with pytest.raises((ConnectionError, aio_pika.exceptions.AMQPError)):
        await aio_pika.connect(broker.url, ssl_context=bare_context, timeout=10)

    foreign = SandboxAuthority().issue_client("AA").save(tmp_path / "foreign", "AA")
    trusting_us = TlsFiles(scene.server.authority, foreign.certificate, foreign.key)
    with pytest.raises((ConnectionError, aio_pika.exceptions.AMQPError)):
        await connect(broker, trusting_us)

    with pytest.raises((ConnectionError, aio_pika.exceptions.AMQPError)):
        await connect(broker, scene.client("CC"))


@pytest.mark.broker
async def test_a_confirmed_message_survives_kill_and_restart(broker: Broker, scene: Scene) -> None:
    await broker.settle()
    await publish(broker, scene.client("AA"), "submit.AA", b"confirmed")
    await broker.kill()
    assert not await accepts(broker.port)
    await broker.start()
    assert await take(broker, scene.client("BB")) == b"confirmed"


@pytest.mark.broker
async def test_definitions_are_added_to_a_running_broker(broker: Broker, tmp_path: Path) -> None:
    more = tmp_path / "more.json"
    more.write_text(json.dumps({"queues": [entry("inbox.CC")]}), "utf-8")
    await broker.import_definitions(more)
    assert {row["name"] for row in await broker.queues("name")} == {"inbox.BB", "inbox.CC"}


@pytest.mark.broker
async def test_an_entry_that_the_broker_drops_in_silence_is_told(scene: Scene) -> None:
    lame: JsonValue = {"name": "inbox.DD", "vhost": "/", "durable": True, "arguments": QUORUM}
    scene.definitions.write_text(json.dumps({**definitions(), "queues": [entry("inbox.BB"), lame]}), "utf-8")
    with pytest.raises(Misuse, match=r"queues / inbox\.DD"):
        async with Broker(scene.definitions, scene.server):
            pass


@pytest.mark.broker
async def test_two_brokers_run_side_by_side_and_leave_no_process(scene: Scene) -> None:
    before = children()
    async with Broker(scene.definitions, scene.server) as one, Broker(scene.definitions, scene.server) as two:
        assert one.port != two.port
        assert await one.queues() == await two.queues()
        started = started_since(before)
        assert len(started) >= 4, "a node and a port mapper each"
    assert not started_since(before)
    await until_gone(started)


async def test_a_missing_broker_package_is_told_with_the_command(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="apt-get install"):
        async with Broker(scene.definitions, scene.server, programs=tmp_path):
            pass


async def connection_to(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url.replace("+asyncpg", ""))


@pytest.mark.postgres
async def test_a_committed_row_survives_kill_and_restart_and_is_in_the_dump() -> None:
    before = children()
    async with Postgres() as server:
        url = await server.create_database("crash")
        connection = await connection_to(url)
        assert await connection.fetchval("SHOW fsync") == "on"
        await connection.execute("CREATE TABLE note (words text, raw bytea)")
        await connection.execute("INSERT INTO note VALUES ($1, $2)", "Zoë in text", "Zoë in bytes".encode())
        await server.kill()
        connection.terminate()
        await server.start()
        after = await connection_to(url)
        assert await after.fetchval("SELECT words FROM note") == "Zoë in text"
        await after.close()
        dump = await server.dump("crash")
        assert "Zoë in text".encode() in dump
        assert "Zoë in bytes".encode() in dump
        assert b"public.note" in dump
        started = started_since(before)
        assert started
    assert not started_since(before)
    await until_gone(started)


@pytest.mark.postgres
async def test_postgres_asks_for_the_password_on_loopback_too(postgres: Postgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(host="127.0.0.1", port=postgres.port, user="bureaunet", password=uuid4().hex, ssl=False)


@pytest.mark.postgres
@pytest.mark.broker
async def test_a_port_taken_before_its_use_is_given_up_for_another(scene: Scene) -> None:
    for server in (Postgres(), Broker(scene.definitions, scene.server)):
        taken = server.port
        with socket.create_server(("127.0.0.1", taken)):
            async with server:
                assert server.port != taken


@pytest.mark.postgres
async def test_each_test_gets_an_empty_database(fresh_database: str) -> None:
    connection = await connection_to(fresh_database)
    tables = await connection.fetch("SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = 'public'")
    await connection.close()
    assert tables == []


async def test_a_child_that_exits_early_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    code = "import sys; print('the reason why'); sys.exit(3)"
    child = Process("child", [sys.executable, "-c", code], log=tmp_path / "log", environment=ENVIRONMENT)
    child.start()
    with pytest.raises(Unavailable, match=r"code 3(?s:.*)the reason why"):
        await child.ready(lambda: accepts(1), within=60)


async def test_a_child_that_ignores_the_polite_signal_is_killed(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);print('up', flush=True); time.sleep(60)"
    child = Process("child", [sys.executable, "-c", code], log=tmp_path / "log", environment=ENVIRONMENT)
    child.start()

    async def is_up() -> bool:
        return "up" in child.tail()

    await child.ready(is_up, within=60)
    assert await child.stop(grace=0.2) == -signal.SIGKILL
    assert not psutil.pid_exists(child.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
async def test_a_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = f"""
import os, signal, sys
from pathlib import Path
from bureaus.sandbox.process import Process
sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
child = Process("child", sleeper, log=Path({str(tmp_path / "log")!r}), environment={{}})
child.start()
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    out, _ = await parent.communicate()
    assert parent.returncode == -signal.SIGKILL
    async with asyncio.timeout(60):
        while alive(int(out)):  # noqa: ASYNC110  # nothing tells us of a stranger's death
            await asyncio.sleep(0.05)


def test_free_ports_differ_and_lie_below_the_ports_of_clients() -> None:
    ports = {free_port() for _ in range(50)}
    assert len(ports) == 50
    assert max(ports) < 32_768


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


def started_since(before: set[int]) -> set[int]:
    """Give our new children and what they started; servers of other tests start processes of their own meanwhile."""
    new = [child for child in psutil.Process().children() if child.pid not in before]
    family = [one for child in new for one in (child, *child.children(recursive=True))]
    return {one.pid for one in family if alive(one.pid)}


async def until_gone(started: set[int]) -> None:
    """Wait for processes that may have lost their parent, so that nothing but their id tells of them."""
    async with asyncio.timeout(60):
        while any(map(alive, started)):  # noqa: ASYNC110  # nothing tells us of a stranger's death
            await asyncio.sleep(0.05)
