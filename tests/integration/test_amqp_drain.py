"""A gateway process on a broker is told to stop in mid-flow: what it holds is decided once."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path

import aio_pika
import pytest

from bureaus.sandbox.pki import TlsFiles, write_server_request
from gateway.adapters.rabbitmq.consumer import PREFETCH
from schemas import wire
from schemas.codes import Urgency
from schemas.directory import Link
from schemas.evidence import Event
from schemas.identity import Address
from tests.broker_scene import eventually
from tests.conftest import BrokerFactory
from tests.integration.gateway_network import GatewayNetwork

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]
SOME, MOST = 75, 900
"""Messages that are decided when it is told to stop, and that each of two bureaus sends by then at most."""
FEW = 50


async def served_tls(network: GatewayNetwork) -> TlsFiles:
    """The broker's certificate, by the network's authority."""
    folder, authority = network.folder, network.authority.home
    tls = TlsFiles(authority / "ca.pem", folder / "broker.pem", folder / "broker.key")
    (folder / "broker.csr").write_bytes(write_server_request(tls.key))
    await network.command(
        "authority", "server-certificate", "--home", authority, folder / "broker.csr", "--out", tls.certificate
    )
    return tls


async def publish(network: GatewayNetwork, url: str, name: str, stopped: asyncio.Event) -> int:
    """Put messages of a bureau on the broker, a few at a time, all confirmed; the last when it stopped: how many."""
    context: ssl.SSLContext = network.tls(name)
    connection = await aio_pika.connect(wire.broker_urls(url)[0], ssl_context=context, timeout=10)
    async with connection:
        channel = await connection.channel(publisher_confirms=True)
        exchange = await channel.get_exchange(f"submit.{name}", ensure=False)
        count, last = 0, False
        while not last:
            if count >= MOST:
                await stopped.wait()
            last = stopped.is_set()
            bodies = [wire.encode_submission(network.query(name, "IPSG")) for _ in range(FEW)]
            await asyncio.gather(
                *(
                    exchange.publish(aio_pika.Message(body, type="envelope", user_id=name, delivery_mode=2), "routine")
                    for body in bodies
                )
            )
            count += FEW
        return count


async def waiting(network: GatewayNetwork, url: str, name: str) -> int:
    """Receipts in a bureau's inbox, several in a message; they are taken out."""
    connection = await aio_pika.connect(wire.broker_urls(url)[0], ssl_context=network.tls(name), timeout=10)
    async with connection:
        channel = await connection.channel()
        queue = await channel.get_queue(wire.inbox_queue(Address(name), Urgency.URGENT), ensure=False)
        count = 0
        while (message := await queue.get(no_ack=True, fail=False)) is not None:
            count += len(wire.decode_message(message.body))
        return count


async def test_told_to_stop_under_load_it_gives_nothing_back(tmp_path: Path, broker_factory: BrokerFactory) -> None:
    network = GatewayNetwork(tmp_path, Link.AMQP)
    await network.load()
    definitions = tmp_path / "definitions.json"
    await network.command("broker", "definitions", "--home", network.home, "--out", definitions)
    broker = await broker_factory(definitions, await served_tls(network))
    await broker.settle()
    network.said = {"BUREAUNET_BROKER_URL": broker.url}
    await network.start()
    await network.open_operation()
    stopped = asyncio.Event()
    flow = asyncio.gather(*(publish(network, broker.url, name, stopped) for name in ("BR", "AR")))

    async def some() -> bool:
        return await network.counted("admitted") >= SOME

    await eventually(some)
    assert await network.stop() == 0
    stopped.set()
    sent = await flow
    first = [json.loads(line)["event"] for line in network.log.read_text().splitlines()]
    assert SOME <= first.count("admitted") < sum(sent), "nothing was left: nothing was shown"
    assert "broker-drain-failed" not in first

    await network.start()

    async def all_there() -> bool:
        return await network.counted("admitted") >= sum(sent) - first.count("admitted")

    await eventually(all_there)
    assert await network.counted("arrival-redelivered") <= 2 * PREFETCH, "more than was on its way when it stopped"
    assert await network.stop() == 0
    receipts = [await waiting(network, broker.url, name) for name in ("BR", "AR")]
    assert receipts == sent, "one of a batch in hand was given back, and decided again"
    said = await network.command("ledger", "entries", "--home", network.home, "--limit", "100000", "--json")
    rows = [json.loads(line) for line in said.splitlines()]
    assert sum(row.get("event") == Event.SUBMISSION_ACCEPTANCE for row in rows) == sum(sent)
