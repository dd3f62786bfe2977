"""How the kit reaches into the broker's link.

It lays copies into the program's inbox as the gateway would, and sees what the program is given and what it publishes
through queues of its own beside the real ones. Those queues are bound to the program's exchange and to its inboxes'
keys, under names that the gateway may read. Only a broker of the kit's own has them.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import aio_pika
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage

from bureaus.conformance.ground import Ground
from schemas.codes import Urgency
from schemas.errors import BureaunetError, Misuse
from schemas.evidence import SignedAcknowledgement, read_acknowledgement
from schemas.identity import Address
from schemas.wire import (
    EXCHANGE_DELIVER,
    InboxItem,
    ItemType,
    broker_urls,
    decode_message,
    inbox_queue,
    submit_exchange,
)

MOST_ITEMS: Final = 2000
_CONNECT: Final = 10.0


def tap_definitions(address: Address) -> dict[str, list[dict[str, object]]]:
    """Queues that see what one program publishes and what it is given, as a definitions file has them."""
    out, into = f"submissions.tap.{address}", f"submissions.given.{address}"
    bound = [(submit_exchange(address), out, str(urgency)) for urgency in Urgency]
    bound += [(EXCHANGE_DELIVER, into, inbox_queue(address, urgency)) for urgency in Urgency]
    return {
        "queues": [
            {"name": name, "vhost": "/", "durable": True, "auto_delete": False, "arguments": {"x-queue-type": "quorum"}}
            for name in (out, into)
        ],
        "bindings": [
            {
                "source": source,
                "vhost": "/",
                "destination": queue,
                "destination_type": "queue",
                "routing_key": key,
                "arguments": {},
            }
            for source, queue, key in bound
        ],
    }


class BrokerWay:
    """A `Way` into one program's link."""

    def __init__(self, deliver: AbstractExchange, inbox: str) -> None:
        self._deliver, self._inbox = deliver, inbox
        self._items: deque[InboxItem] = deque(maxlen=MOST_ITEMS)
        self._acknowledged: dict[bytes, SignedAcknowledgement] = {}

    async def put(self, items: Sequence[InboxItem]) -> None:
        """As `Way.put`."""
        for item in items:
            message = aio_pika.Message(
                item.encode(), type=str(item.type), delivery_mode=aio_pika.DeliveryMode.PERSISTENT
            )
            await self._deliver.publish(message, self._inbox, timeout=_CONNECT)

    def given(self) -> list[InboxItem]:
        """As `Way.given`."""
        return [item for item in self._items if item.type is ItemType.ENVELOPE]

    def acknowledged(self, digest: bytes) -> SignedAcknowledgement | None:
        """As `Way.acknowledged`."""
        return self._acknowledged.get(digest)

    async def published(self, message: AbstractIncomingMessage) -> None:
        """Take what the program published."""
        await message.ack()
        if message.type == ItemType.EVIDENCE:
            try:
                said = read_acknowledgement(message.body)
            except BureaunetError:
                return  # the gateway sets it aside; no test takes it for an acknowledgement
            self._acknowledged[said.acknowledgement.digest] = said

    async def delivered(self, message: AbstractIncomingMessage) -> None:
        """Take what the program was given."""
        await message.ack()
        try:
            self._items.extend(decode_message(message.body))
        except BureaunetError:
            return  # a copy that the kit itself laid there, of no form


@asynccontextmanager
async def broker_way(ground: Ground, address: Address, folder: Path) -> AsyncIterator[BrokerWay]:
    """The way into one program's link, until the block ends. Raises Misuse on a network without a broker."""
    broker = ground.broker
    if broker is None:
        raise Misuse("this network has no broker")
    path = folder / f"tap-{address}.json"
    await asyncio.to_thread(path.write_text, json.dumps(tap_definitions(address)), "utf-8")
    await broker.import_definitions(path)
    async with AsyncExitStack() as stack:
        url = broker_urls(broker.url)[0]
        connection = await aio_pika.connect(url, ssl_context=_gateway_context(ground), timeout=_CONNECT)
        stack.push_async_callback(connection.close)
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        way = BrokerWay(
            await channel.get_exchange(EXCHANGE_DELIVER, ensure=False), inbox_queue(address, Urgency.ROUTINE)
        )
        taps = {f"submissions.tap.{address}": way.published, f"submissions.given.{address}": way.delivered}
        for name, take in taps.items():
            await (await channel.get_queue(name, ensure=False)).consume(take)
        yield way


def _gateway_context(ground: Ground) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ground.authority_certificate)
    context.check_hostname = False  # a node on loopback; the authority is what tells it apart
    context.load_cert_chain(ground.gateway_home / "gateway.pem", ground.gateway_home / "keys" / "tls.pem")
    return context
