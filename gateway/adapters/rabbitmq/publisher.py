"""Puts consigned copies and receipts into inboxes on the broker: the ports Inboxes and Receipts.

Order: a message is published to `deliver`, mandatory and persistent, under the inbox queue's name; only the broker's
ack says that it is in the queue. Whatever else happens means unknown: the same copy goes again later under the same
id, and recipients deduplicate.

Rules: one id is in flight once, since the driver matches a returned message by its id alone. When nothing that waits
is confirmed for `Timing.confirm` seconds, or only refused for so long, the session is recycled. Publishing has a
connection of its own: a broker that is short of memory stops reading from those who publish.

Many messages go out in one write where the driver is of a version that was tried (packed.py), else one by one through
the driver's own functions: the same rules hold for both, and the same tests.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import Final
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractExchange
from aiormq.exceptions import DeliveryError, PublishError
from pamqp.commands import Basic

from gateway.adapters.rabbitmq.direct import direct_of, place_of
from gateway.adapters.rabbitmq.frames import Post
from gateway.adapters.rabbitmq.packed import Fate, Packed
from gateway.adapters.rabbitmq.session import DEFAULTS, FAILURES, Endpoint, Session, Timing, cancelled_from_outside
from gateway.clocks import Attested
from gateway.ports import Outcome, Pending, Watcher
from schemas.codes import Urgency
from schemas.errors import Reason, Unavailable
from schemas.identity import Address
from schemas.wire import (
    CBOR_TYPE,
    EXCHANGE_DELIVER,
    INLINE_RECIPIENTS,
    MAX_ITEMS,
    QUEUE_PROBE,
    InboxItem,
    ItemType,
    inbox_queue,
)

_RUN: Final = uuid4().hex
"""With a number, makes an id of one message of receipts."""
_COUNT: Final = itertools.count()


def copy_for(pending: Pending) -> Post:
    """A copy as it goes into its inbox. Above `INLINE_RECIPIENTS` the sealed part stays behind, fetched by its hash."""
    envelope, copy = pending.envelope, pending.consignment
    sealed = envelope.sealed if pending.recipients <= INLINE_RECIPIENTS else None
    item = InboxItem(pending.index, ItemType.ENVELOPE, pending.receipt, envelope.statement, sealed)
    message_id = f"{copy.digest.hex()}:{copy.recipient}"
    return Post(inbox_queue(copy.inbox, copy.urgency), message_id, str(item.type), CBOR_TYPE, item.encode())


def receipts_for(receipts: Sequence[tuple[Address, Outcome]]) -> list[tuple[Post, int]]:
    """Receipts as they go back, and how many each message holds.

    Those of one link go together: a message costs the broker what it costs, however little it holds. The queue is the
    urgent one: someone waits for them, however much mail there is.
    """
    links: dict[Address, list[bytes]] = {}
    for link, outcome in receipts:
        index = -1 if outcome.index is None else outcome.index
        item = InboxItem(index, ItemType.RECEIPT, outcome.receipt, b"", None)
        links.setdefault(link, []).append(item.encode())
    parts = ((link, some[at : at + MAX_ITEMS]) for link, some in links.items() for at in range(0, len(some), MAX_ITEMS))
    return [(_receipts(link, items), len(items)) for link, items in parts]


def _receipts(link: Address, items: Sequence[bytes]) -> Post:
    message_id = f"receipt:{_RUN}:{next(_COUNT)}"
    return Post(inbox_queue(link, Urgency.URGENT), message_id, str(ItemType.RECEIPT), CBOR_TYPE, b"".join(items))


def attestation_for(one: Attested) -> Post:
    """An attestation as it goes into an inbox: the urgent one, however much mail there is."""
    item = InboxItem(one.index, ItemType.RECEIPT, b"", one.statement, None)
    message_id = f"attestation:{one.index}:{one.inbox}"
    return Post(inbox_queue(one.inbox, Urgency.URGENT), message_id, str(item.type), CBOR_TYPE, item.encode())


def _message(post: Post) -> aio_pika.Message:
    """A message for the driver to publish."""
    return aio_pika.Message(
        post.body,
        message_id=post.message_id,
        type=post.type,
        content_type=post.content_type,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )


class Publisher:
    """Publishes with confirms. `start` it, use it, `stop` it."""

    def __init__(self, endpoint: Endpoint, watcher: Watcher, timing: Timing = DEFAULTS) -> None:
        self._session = Session("publisher", endpoint, self._work, watcher, timing)
        self._watcher = watcher
        self._timing = timing
        self._exchange: AbstractExchange | None = None
        self._packed: Packed | None = None
        """The direct way, where there is one."""
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

    async def attest(self, attestations: Sequence[Attested]) -> list[bool]:
        """Publish attestations; for each whether the broker confirmed it (port Inboxes).

        Raises:
            Unavailable: `unreachable`, there is no broker now; nothing was sent.
        """
        return await self._publish([attestation_for(one) for one in attestations])

    async def send(self, receipts: Sequence[tuple[Address, Outcome]]) -> None:
        """Put receipts in their senders' inboxes (port Receipts); who misses one asks over HTTPS."""
        made = receipts_for(receipts)
        try:
            sent = await self._publish([post for post, _ in made])
        except Unavailable:
            sent = [False] * len(made)
        if not all(sent):
            unsent = sum(count for (_, count), known in zip(made, sent, strict=True) if not known)
            self._watcher.saw("broker-receipts-unsent", count=unsent)

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
            probe = _probe()
            await exchange.publish(_message(probe), probe.queue, mandatory=True)
        packed = await self._pack(connection)
        self._exchange, self._packed, self._refused_since = exchange, packed, None
        self._up.set()
        self._watcher.saw("broker-publishing", packed="no" if packed is None else "yes")
        try:
            await self._watch(packed)
        finally:
            self._up.clear()
            self._exchange = self._packed = None
            if packed is not None:
                packed.close(lost=packed.silent() < self._timing.confirm)

    async def _pack(self, connection: AbstractConnection) -> Packed | None:
        """The direct way, once it has published something; None where there is none."""
        direct = direct_of(connection)
        if direct is None:
            return None
        channel = await self._session.open_channel(connection, confirms=True)
        packed = Packed(direct, EXCHANGE_DELIVER, *await place_of(channel))
        tried = packed.publish([_probe()])
        async with asyncio.timeout(self._timing.confirm):
            await tried.done
        return packed

    async def _watch(self, packed: Packed | None) -> None:
        """Wait until the session ends, and end it when by the direct way nothing is confirmed for too long."""
        while packed is None or packed.silent() < self._timing.confirm:  # noqa: ASYNC110  # silence is no event
            await asyncio.sleep(self._timing.confirm / 4)
        self._give_up("nothing was confirmed")

    async def _publish(self, posts: Sequence[Post]) -> list[bool]:
        exchange = await self._line()
        if self._packed is not None:
            return await self._publish_packed(self._packed, posts)
        tasks = [asyncio.create_task(self._one(exchange, post)) for post in posts]
        try:
            await self._progress(tasks)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        return [result is True for result in results]

    async def _publish_packed(self, packed: Packed, posts: Sequence[Post]) -> list[bool]:
        """As `_publish`, by the direct way. What is in flight already is not known to be anywhere."""
        fresh = [post for post in {post.message_id: post for post in posts}.values() if self._enter(post)]
        try:
            if packed.full:
                async with asyncio.timeout(self._timing.confirm):
                    await packed.room()
            batch = packed.publish(fresh)
            await batch.done
        except TimeoutError:
            self._give_up("nothing could be written")
            return [False] * len(posts)
        except FAILURES as error:
            self._watcher.saw("broker-unconfirmed", queue="", why=type(error).__name__)
            return [False] * len(posts)
        finally:
            self._in_flight.difference_update(post.message_id for post in fresh)
        if packed.lost and all(fate is Fate.UNKNOWN for fate in batch.fates) and fresh:
            raise Unavailable(Reason.UNREACHABLE, "the broker was lost before it said anything")
        sure = {post.message_id for post, fate in zip(fresh, batch.fates, strict=True) if self._judged(post, fate)}
        return [post.message_id in sure for post in posts]

    def _enter(self, post: Post) -> bool:
        """Count a message as in flight; False where it is already."""
        if post.message_id in self._in_flight:
            return False
        self._in_flight.add(post.message_id)
        return True

    def _judged(self, post: Post, fate: Fate) -> bool:
        """Tell what became of a message: whether it is in its queue."""
        match fate:
            case Fate.CONFIRMED:
                self._confirmed()
            case Fate.RETURNED:
                self._confirmed()
                self._watcher.saw("broker-returned", queue=post.queue)
            case Fate.REFUSED:
                self._refused(post.queue)
            case Fate.UNKNOWN:
                self._watcher.saw("broker-unconfirmed", queue=post.queue, why="no word of it")
        return fate is Fate.CONFIRMED

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

    async def _one(self, exchange: AbstractExchange, post: Post) -> bool:
        queue = post.queue
        if not self._enter(post):
            return False
        try:
            confirmation = await exchange.publish(_message(post), queue, mandatory=True)
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
            self._in_flight.discard(post.message_id)
        self._confirmed()
        return isinstance(confirmation, Basic.Ack)

    def _give_up(self, why: str) -> None:
        self._up.clear()
        self._exchange = self._packed = None  # nobody uses it while it is torn down
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
    return Post(QUEUE_PROBE, f"probe:{uuid4().hex}", QUEUE_PROBE, CBOR_TYPE, b"")
