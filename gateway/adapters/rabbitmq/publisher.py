"""Puts consigned copies and receipts into inboxes on the broker: the ports Inboxes and Receipts.

Order: a message is published to `deliver`, mandatory and persistent, under the inbox queue's name; only the broker's
ack says that it is in the queue. Whatever else happens means unknown: the same copy goes again later under the same
id, and recipients deduplicate.

Rules: one id is in flight once, since the driver matches a returned message by its id alone. When nothing that waits
is confirmed for `Timing.confirm` seconds, or only refused for so long, the session is recycled. Publishing has a
connection of its own: a broker that is short of memory stops reading from those who publish.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractExchange
from aiormq.exceptions import DeliveryError, PublishError
from pamqp.commands import Basic

from gateway.adapters.rabbitmq.session import DEFAULTS, FAILURES, Endpoint, Session, Timing, cancelled_from_outside
from gateway.ports import Outcome, Pending, Watcher
from schemas.codes import Urgency
from schemas.errors import Reason, Unavailable
from schemas.identity import Address
from schemas.wire import (
    CBOR_TYPE,
    EXCHANGE_DELIVER,
    INLINE_RECIPIENTS,
    QUEUE_PROBE,
    InboxItem,
    ItemType,
    inbox_queue,
)

Post = tuple[str, aio_pika.Message]
"""Name of the queue, and what goes there."""


def copy_for(pending: Pending) -> Post:
    """A copy as it goes into its inbox. Above `INLINE_RECIPIENTS` the sealed part stays behind, fetched by its hash."""
    envelope, copy = pending.envelope, pending.consignment
    sealed = envelope.sealed if pending.recipients <= INLINE_RECIPIENTS else None
    item = InboxItem(pending.index, ItemType.ENVELOPE, pending.receipt, envelope.statement, sealed)
    return inbox_queue(copy.inbox, copy.urgency), _message(item, f"{copy.digest.hex()}:{copy.recipient}")


def receipt_for(link: Address, outcome: Outcome) -> Post:
    """A receipt as it goes back. Its queue is the urgent one: someone waits for it, however much mail there is."""
    index = -1 if outcome.index is None else outcome.index
    item = InboxItem(index, ItemType.RECEIPT, outcome.receipt, b"", None)
    return inbox_queue(link, Urgency.URGENT), _message(item, f"receipt:{outcome.digest.hex()}:{uuid4().hex}")


def _message(item: InboxItem, message_id: str) -> aio_pika.Message:
    return aio_pika.Message(
        item.encode(),
        message_id=message_id,
        type=str(item.type),
        content_type=CBOR_TYPE,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )


class Publisher:
    """Publishes with confirms. `start` it, use it, `stop` it."""

    def __init__(self, endpoint: Endpoint, watcher: Watcher, timing: Timing = DEFAULTS) -> None:
        self._session = Session("publisher", endpoint, self._work, watcher, timing)
        self._watcher = watcher
        self._timing = timing
        self._exchange: AbstractExchange | None = None
        self._up = asyncio.Event()
        self._in_flight: set[str] = set()
        self._confirmed_at = 0.0
        self._refused_since: float | None = None

    async def start(self) -> None:
        """Begin to connect; what is published before the broker answers waits for it a little."""
        self._session.start()

    async def stop(self) -> None:
        """Close the connection. What was not confirmed by now is published again by another process, or later."""
        await self._session.stop()

    async def publish(self, pending: Sequence[Pending]) -> list[bool]:
        """Publish copies; for each whether the broker confirmed it (port Inboxes).

        Raises:
            Unavailable: `unreachable`, there is no broker now; nothing was sent.
        """
        return await self._publish([copy_for(one) for one in pending])

    async def send(self, receipts: Sequence[tuple[Address, Outcome]]) -> None:
        """Put receipts in their senders' inboxes (port Receipts); who misses one asks over HTTPS."""
        try:
            sent = await self._publish([receipt_for(link, outcome) for link, outcome in receipts])
        except Unavailable:
            sent = [False] * len(receipts)
        if not all(sent):
            self._watcher.saw("broker-receipts-unsent", count=sent.count(False))

    async def ready(self) -> None:
        """Publish one confirmed message to the probe (port Inboxes).

        Raises:
            Unavailable: `unreachable`.
        """
        if not all(await self._publish([_probe()])):
            raise Unavailable(Reason.UNREACHABLE, "the broker did not confirm a message to its probe")

    async def _work(self, connection: AbstractConnection) -> None:
        channel = await self._session.open_channel(connection, confirms=True)
        exchange = await channel.get_exchange(EXCHANGE_DELIVER, ensure=False)
        async with asyncio.timeout(self._timing.confirm):  # a session counts once it confirmed something
            queue, message = _probe()
            await exchange.publish(message, queue, mandatory=True)
        self._exchange, self._refused_since = exchange, None
        self._up.set()
        self._watcher.saw("broker-publishing")
        try:
            await asyncio.Event().wait()
        finally:
            self._up.clear()
            self._exchange = None

    async def _publish(self, posts: Sequence[Post]) -> list[bool]:
        exchange = await self._line()
        tasks = [asyncio.create_task(self._one(exchange, queue, message)) for queue, message in posts]
        try:
            await self._progress(tasks)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        return [result is True for result in results]

    async def _line(self) -> AbstractExchange:
        try:
            async with asyncio.timeout(self._timing.confirm):
                while self._exchange is None:
                    await self._up.wait()
        except TimeoutError:
            raise Unavailable(Reason.UNREACHABLE, "the broker cannot be reached") from None
        return self._exchange

    async def _progress(self, tasks: Sequence[asyncio.Task[bool]]) -> None:
        """Wait for all, or until the broker has confirmed nothing at all for too long."""
        loop = asyncio.get_running_loop()
        began, waiting = loop.time(), set(tasks)
        while waiting:
            _, waiting = await asyncio.wait(waiting, timeout=self._timing.confirm / 4)
            if waiting and loop.time() - max(began, self._confirmed_at) >= self._timing.confirm:
                self._give_up("nothing was confirmed")
                return

    async def _one(self, exchange: AbstractExchange, queue: str, message: aio_pika.Message) -> bool:
        message_id = str(message.message_id)
        if message_id in self._in_flight:
            return False
        self._in_flight.add(message_id)
        try:
            confirmation = await exchange.publish(message, queue, mandatory=True)
        except PublishError:
            self._confirmed()
            self._watcher.saw("broker-returned", queue=queue)
            return False
        except DeliveryError:
            self._refused(queue)
            return False
        except FAILURES as error:
            self._watcher.saw("broker-unconfirmed", queue=queue, why=type(error).__name__)
            return False
        except asyncio.CancelledError:
            if cancelled_from_outside():
                raise
            return False
        finally:
            self._in_flight.discard(message_id)
        self._confirmed()
        return isinstance(confirmation, Basic.Ack)

    def _give_up(self, why: str) -> None:
        self._up.clear()
        self._exchange = None  # nobody uses it while it is torn down
        self._session.recycle(why)

    def _confirmed(self) -> None:
        self._confirmed_at = asyncio.get_running_loop().time()
        self._refused_since = None

    def _refused(self, queue: str) -> None:
        """The broker said no: a full queue, or a channel from just after its leader's death, which says no for ever."""
        self._watcher.saw("broker-refused", queue=queue)
        now = asyncio.get_running_loop().time()
        self._refused_since = self._refused_since or now
        if now - self._refused_since >= self._timing.confirm:
            self._give_up("everything is refused")


def _probe() -> Post:
    message_id = f"probe:{uuid4().hex}"
    return QUEUE_PROBE, aio_pika.Message(
        b"", message_id=message_id, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, type=QUEUE_PROBE
    )
