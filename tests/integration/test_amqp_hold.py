"""A process holds so many bytes of the broker's queues and no more, whatever bureaus put into them."""

from __future__ import annotations

import asyncio

import aio_pika
import pytest
import pytest_asyncio

from gateway.adapters.rabbitmq.consumer import PREFETCH, Consumer
from gateway.ports import Arrival
from schemas.codes import Urgency
from schemas.identity import Address
from schemas.wire import submissions_queue, submit_exchange
from tests.amqp_gateway import QUICK
from tests.broker_scene import BrokerScene, Saw, eventually
from tests.conftest import BrokerFactory

pytestmark = pytest.mark.broker
SIZE = 1 << 20
LIMIT = 4 * SIZE
EACH = 8


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(tmp_path_factory: pytest.TempPathFactory, broker_factory: BrokerFactory) -> BrokerScene:
    made = BrokerScene.make(tmp_path_factory.mktemp("broker"))
    made.broker = await broker_factory(made.definitions, made.server)
    await made.broker.settle()
    return made


async def fill(scene: BrokerScene, sender: Address) -> None:
    """Put large messages into the sender's queue, all confirmed."""
    async with scene.connection(sender) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await channel.get_exchange(submit_exchange(sender), ensure=False)
        for _ in range(EACH):
            message = aio_pika.Message(bytes(SIZE), user_id=sender, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            await exchange.publish(message, "routine")


@pytest.mark.parametrize("way", ["direct", "driver"])
async def test_above_the_limit_nothing_more_is_read_until_some_are_decided(
    scene: BrokerScene, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "driver":
        monkeypatch.setattr("gateway.adapters.rabbitmq.direct.TRIED", {"aio-pika": "none"})
    senders = [scene.fresh() for _ in range(3)]
    assert EACH <= PREFETCH, "the prefetch alone would hold them back"
    for sender in senders:
        await fill(scene, sender)
    go, whole, taken = asyncio.Event(), asyncio.Event(), 0

    async def wait(arrival: Arrival) -> None:
        nonlocal taken
        taken += len(arrival.body)
        if taken == len(senders) * EACH * SIZE:
            whole.set()
        await go.wait()

    async def above() -> bool:
        return taken > LIMIT

    saw = Saw()
    names = [submissions_queue(sender, Urgency.ROUTINE) for sender in senders]
    consumer = Consumer(scene.gateway, lambda: names, saw, QUICK, held_bytes=LIMIT)
    await consumer.start(wait)
    try:
        await saw.until("arrivals-held-back")
        await eventually(above)
        await asyncio.sleep(1.5)
        # one read of the stream may bring the last bytes of a message and the first of the next
        assert LIMIT < taken <= LIMIT + 2 * SIZE
        go.set()
        async with asyncio.timeout(60):
            await whole.wait()
    finally:
        go.set()
        await consumer.stop()
    assert saw.count("arrival-redelivered") == 0, "the session ended in between"
