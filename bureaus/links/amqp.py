"""The link over RabbitMQ: envelopes and evidence go to our own exchange, copies and receipts come from our inboxes.

Reading (directory, operations, acceptances, proofs) and publishing operations go over the HTTPS link that it is given.

Order of a submission: publish, confirmed; wait for the receipt in the inbox; ask for it over HTTPS when it does not
come. Order of an arrival: a receipt that somebody waits for goes to them; everything else waits for whoever asks for
`items`, urgent mail first, and the broker keeps it until the next batch is asked for.

Rules: two connections, one to publish and one to consume, made when they are needed and made again after a failure.
Nothing here survives the process: what was not acknowledged to the broker comes again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from ssl import SSLContext
from typing import Final
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractExchange
from aiormq.exceptions import DeliveryError, PublishError

from bureaus.links import Link
from bureaus.links.broker import Line, translated
from bureaus.links.inbox import Inbox
from schemas import cbor
from schemas.codes import Urgency
from schemas.envelope import digest_of, read
from schemas.errors import Forbidden, Malformed, Reason, Unavailable
from schemas.identity import Address
from schemas.wire import (
    ACCEPTANCES,
    CBOR_TYPE,
    COSE_TYPE,
    InboxItem,
    ItemType,
    decode_submission,
    submit_exchange,
)

CONFIRM: Final = 3.0
"""Seconds until the broker has confirmed what was published, and one more for each `BYTES_A_SECOND`."""
BYTES_A_SECOND: Final = 256 * 1024
RECEIPT: Final = 10.0
"""Seconds that a receipt is waited for in the inbox, before it is asked for."""
QUOTA_PAUSE: Final = 1.0
"""Seconds to wait when the link's quota is spent: it is counted by the second."""


class AmqpLink:
    """The port `Link` over the broker, with `reading` for what the broker does not carry."""

    def __init__(self, address: Address, urls: Sequence[str], tls: SSLContext, reading: Link) -> None:
        self._address = address
        self._urls = urls
        self._tls = tls
        self._reading = reading
        self._outgoing: tuple[Line, AbstractExchange] | None = None
        self._inbox: Inbox | None = None
        self._connecting = asyncio.Lock()
        self._closed = False
        self._awaited: dict[bytes, set[asyncio.Future[bytes]]] = {}

    async def submit(self, body: bytes) -> bytes:
        """Publish an envelope and wait for its receipt (port Link)."""
        digest, urgency = _read(body)
        receipt: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._awaited.setdefault(digest, set()).add(receipt)
        try:
            await self._consuming()
            await self._publish(ItemType.ENVELOPE, body, urgency)
            async with asyncio.timeout(RECEIPT):
                return _heeded(await receipt)
        except TimeoutError:
            return await self._asked(digest)
        finally:
            self._forget(digest, receipt)

    async def items(self, after: int) -> AsyncIterator[Sequence[InboxItem]]:  # noqa: ARG002  # a queue has no cursor
        """What comes into our inboxes (port Link)."""
        inbox = await self._consuming()
        async for batch in inbox.batches():
            yield batch

    async def acknowledge(self, body: bytes) -> None:
        """Publish a signed acknowledgement (port Link)."""
        await self._publish(ItemType.EVIDENCE, body, Urgency.ROUTINE)

    async def get(self, path: str) -> bytes:
        """Read over HTTPS (port Link)."""
        return await self._reading.get(path)

    async def publish(self, path: str, body: bytes) -> None:
        """Post over HTTPS (port Link)."""
        await self._reading.publish(path, body)

    async def aclose(self) -> None:
        """Close both connections and the HTTPS link (port Link)."""
        self._closed = True
        for receipt in [one for waiting in self._awaited.values() for one in waiting if not one.done()]:
            receipt.set_exception(Unavailable(Reason.UNREACHABLE, "the link was closed"))
        lines = [line for line in (self._outgoing and self._outgoing[0], self._inbox and self._inbox.line) if line]
        await asyncio.gather(*(line.close() for line in lines), self._reading.aclose())

    async def _consuming(self) -> Inbox:
        async with self._connecting:
            if self._inbox is None or self._inbox.line.lost.is_set():
                line = await self._line(self._inbox.line if self._inbox else None, "inbox")
                self._inbox = Inbox(line, self._take_receipt)
                async with line.closed_on_failure():
                    await self._inbox.open(self._address)
            return self._inbox

    async def _publishing(self) -> tuple[Line, AbstractExchange]:
        async with self._connecting:
            if self._outgoing is None or self._outgoing[0].lost.is_set():
                line = await self._line(self._outgoing[0] if self._outgoing else None, "submissions")
                async with line.closed_on_failure():
                    channel = await line.channel(confirms=True)
                    exchange = await channel.get_exchange(submit_exchange(self._address), ensure=False)
                self._outgoing = line, exchange
            return self._outgoing

    async def _line(self, before: Line | None, use: str) -> Line:
        if before is not None:
            await before.close()
        line = await Line.open(self._urls, self._tls, f"bureaunet {self._address}, {use}")
        if self._closed:
            await line.close()
            raise Unavailable(Reason.UNREACHABLE, "the link was closed")
        return line

    async def _publish(self, kind: ItemType, body: bytes, urgency: Urgency) -> None:
        line, exchange = await self._publishing()
        message = aio_pika.Message(
            body,
            message_id=uuid4().hex,
            type=str(kind),
            user_id=str(self._address),
            content_type=CBOR_TYPE if kind is ItemType.ENVELOPE else COSE_TYPE,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        try:
            with translated("publishing"):
                async with asyncio.timeout(CONFIRM + len(body) / BYTES_A_SECOND):
                    await exchange.publish(message, str(urgency), mandatory=True)
        except Unavailable as error:
            if isinstance(error.__cause__, PublishError):
                raise Unavailable(Reason.UNREACHABLE, "the broker has no queue for submissions") from error
            if isinstance(error.__cause__, DeliveryError):
                raise Unavailable(Reason.OVERLOADED, "the broker takes no more now") from error
            line.lost.set()
            raise

    async def _asked(self, digest: bytes) -> bytes:
        """The receipt over HTTPS, where the one that was sent did not reach us."""
        try:
            return await self._reading.get(f"{ACCEPTANCES}/{digest.hex()}")
        except Forbidden:
            raise Unavailable(Reason.UNREACHABLE, "no receipt came; the gateway has not decided yet") from None

    def _take_receipt(self, item: InboxItem) -> bool:
        if item.type is not ItemType.RECEIPT:
            return False
        waiting = self._awaited.get(_decided_digest(item.acceptance) or b"", set())
        for receipt in waiting:
            if not receipt.done():
                receipt.set_result(item.acceptance)
        return bool(waiting)

    def _forget(self, digest: bytes, receipt: asyncio.Future[bytes]) -> None:
        self._awaited[digest].discard(receipt)
        if not self._awaited[digest]:
            del self._awaited[digest]


def _read(body: bytes) -> tuple[bytes, Urgency]:
    """The digest that a receipt will name, and the queue to take; what cannot be read is refused by the gateway."""
    try:
        statement = decode_submission(body).statement
    except Malformed:
        return hashlib.sha256(body).digest(), Urgency.ROUTINE
    try:
        return digest_of(statement), read(statement).header.urgency
    except Malformed:
        return digest_of(statement), Urgency.ROUTINE


def _item(receipt: bytes) -> Sequence[cbor.Value] | None:
    """What a receipt says, unverified (schemas/receipts.py): [digest, event, index, time, reason]."""
    try:
        match cbor.decode(receipt):
            case [bytes(), int(), list(), bytes(item)]:
                match cbor.decode(item):
                    case [bytes(), str(), _, int(), _] as said:
                        return said
    except Malformed:
        pass  # whoever asks for it hears that it is not a receipt
    return None


def _decided_digest(receipt: bytes) -> bytes | None:
    said = _item(receipt)
    return said[0] if said is not None and isinstance(said[0], bytes) else None


def _heeded(receipt: bytes) -> bytes:
    said = _item(receipt)
    if said is not None and said[4] == Reason.LINK_QUOTA:
        raise Unavailable(Reason.LINK_QUOTA, "the link's quota is spent", retry_after=QUOTA_PAUSE)
    return receipt
