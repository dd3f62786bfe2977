"""The console's look at a real RabbitMQ: by its management API, as a user that monitors and does nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from bureaus.sandbox.process import LOOPBACK, free_port
from bureaus.sandbox.rabbitmq import Broker
from gateway.adapters.rabbitmq import management
from gateway.adapters.rabbitmq.management import BrokerManagement
from gateway.broker import Monitor, definitions
from gateway.certificates import GATEWAY_NAME
from gateway.drift import compare, read_export
from gateway.ports_broker import Look
from gateway.settings import Management
from schemas.codes import Urgency
from schemas.errors import Unavailable
from schemas.wire import EXCHANGE_DELIVER, inbox_queue
from tests.broker_scene import BrokerScene, broker_directory, eventually
from tests.unit.gateway.console.scene import console

pytestmark = [pytest.mark.broker, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]
PASSWORD = "synthetic monitors only"  # noqa: S105  # of a broker that lives as long as the test


class Managed(Broker):
    """A broker with its management API, on loopback."""

    management = 0

    def _more_configuration(self) -> str:
        self.management = free_port()
        plugin = f"management.tcp.ip = {LOOPBACK}\nmanagement.tcp.port = {self.management}\n"
        return super()._more_configuration() + plugin + "collect_statistics_interval = 1000\n"

    def _write_files(self, folder: Path) -> None:
        super()._write_files(folder)
        (folder / "enabled_plugins").write_text("[rabbitmq_auth_mechanism_ssl,rabbitmq_management].\n", "ascii")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[BrokerScene, Managed]]:
    made = BrokerScene.make(tmp_path_factory.mktemp("managed"))
    wanted = definitions(broker_directory(), monitor=Monitor("monitor", PASSWORD))
    made.definitions.write_text(json.dumps(wanted), "utf-8")
    async with Managed(made.definitions, made.server) as broker:
        made.broker = broker
        yield made, broker


def looking(broker: Managed, folder: Path, password: str = PASSWORD, port: int = 0) -> BrokerManagement:
    secret = folder / "password"
    secret.write_text(password + "\n")
    url = f"http://{LOOPBACK}:{port or broker.management}"
    return BrokerManagement(Management(url=url, password_file=str(secret)), folder / "no-authority")


async def test_queues_nodes_and_connections_are_seen_and_the_user_is_no_drift(
    broker: tuple[BrokerScene, Managed], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, node = broker
    monkeypatch.setattr(management, "FRESH", 0.0)
    looks = looking(node, tmp_path)
    bureau = made.fresh()
    await made.put(GATEWAY_NAME, EXCHANGE_DELIVER, inbox_queue(bureau, Urgency.ROUTINE), b"sealed")
    async with made.connection(bureau):

        async def seen() -> Look | None:
            found = await looks.look()
            full = any(one.name == f"inbox.{bureau}" and one.ready for one in found.queues)
            return found if full and any(one.user == bureau for one in found.connections) else None

        found = await eventually(seen)
    assert found is not None
    (one,) = found.nodes
    assert (one.running, one.alarms, found.alarms, one.memory > 0, one.disk_free > 0) == (True, (), (), True, True)
    assert found.version.split(".")[0] in {"3", "4"}
    names = {queue.name for queue in found.queues}
    assert {f"inbox.{bureau}", f"submissions.urgent.{bureau}", "dead"} <= names
    first = found.queues[0]  # those with most in them first
    assert (first.name, first.ready, first.consumers, first.members, first.online) == (f"inbox.{bureau}", 1, 0, 1, 1)
    assert (first.bytes, first.state) == (6, "running")
    (link,) = [one for one in found.connections if one.user == bureau]
    assert (link.node, link.channels >= 0, link.connected > 0) == (node.node, True, True)
    assert link.certificate_until is not None
    assert link.certificate_until > time.time()

    held = read_export(await node.ctl("export_definitions", "-"))
    wanted = definitions(broker_directory(), monitor=Monitor("monitor", PASSWORD))
    assert compare(wanted, held) == []
    assert [str(one) for one in compare(definitions(broker_directory()), held)] != []


async def test_who_monitors_changes_nothing(broker: tuple[BrokerScene, Managed]) -> None:
    made, node = broker
    login = aiohttp.encode_basic_auth("monitor", PASSWORD)
    queue = f"http://{LOOPBACK}:{node.management}/api/queues/%2F/inbox.{made.fresh()}"
    async with aiohttp.ClientSession(headers={"Authorization": login}) as client:
        for method, path in (("DELETE", "/contents"), ("DELETE", ""), ("PUT", "")):
            async with client.request(method, queue + path, json={}) as answer:
                assert answer.status in {401, 403}, (method, path)
        body = {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"}
        async with client.post(queue + "/get", json=body) as answer:
            assert answer.status in {400, 401, 403}
        async with client.put(f"http://{LOOPBACK}:{node.management}/api/users/thief", json={}) as answer:
            assert answer.status in {401, 403}


async def test_a_wrong_password_or_nobody_there_is_unavailable(
    broker: tuple[BrokerScene, Managed], tmp_path: Path
) -> None:
    _, node = broker
    for looks in (looking(node, tmp_path, "wrong"), looking(node, tmp_path, port=free_port())):
        with pytest.raises(Unavailable) as failed:
            await looks.look()
        assert PASSWORD not in str(failed.value)
        with pytest.raises(Unavailable):  # said again without asking again
            await looks.look()


async def test_the_console_shows_them_and_what_does_not_answer(
    broker: tuple[BrokerScene, Managed], tmp_path: Path
) -> None:
    made, node = broker
    async with console(broker=looking(node, tmp_path)) as scene:
        browser, _ = await scene.sign_in("auditor")
        text = await (await browser.get("/console/broker")).text()
        assert [part in text for part in ("No alarm", node.node, 'class="good">running')] == [True] * 3
        assert "broker has more" not in text
        said = await (await browser.get("/console/api/queues?limit=500")).json()
        assert f"inbox.{made.fresh()}" in {row["name"] for row in said["rows"]}
        assert (await browser.get("/console/bureaus")).status == 200
    async with console(broker=looking(node, tmp_path, "wrong")) as scene:
        browser, _ = await scene.sign_in("viewer")
        text = await (await browser.get("/console/broker")).text()
        assert "answers 401" in text
        assert "answers 401" in await (await browser.get("/console/")).text(), "it needs attention"
        assert (await browser.get("/console/bureaus")).status == 200
        assert (await browser.get("/console/api/queues")).status == 503
    async with console() as scene:
        browser, _ = await scene.sign_in("viewer")
        assert "There is no broker" in await (await browser.get("/console/broker")).text()
