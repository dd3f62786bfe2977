"""The direct way to the wire for the mass of messages, beside the driver and on its connection.

The driver connects, logs in, opens channels, consumes, sends heartbeats and closes. What costs it most, a lock, a
future and three small writes for each message, is done here instead: deliveries, confirmations and returns are taken
out of the stream before the driver sees them (`DirectReader`), and what is published goes out in one write for many.

Rules: only whole frames are written, in one call, so that they never fall between the driver's own. Whatever is not
asked for here passes to the driver untouched but for its properties (guard.py). A frame that cannot be read ends the
session, as any failure does. It rests on parts of the driver that are no promise of its, so `direct_of` gives nothing
with versions other than those tried, and all goes through the driver's public functions then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Final, TypeAlias

from aio_pika.abc import AbstractChannel, AbstractConnection

from gateway.adapters.rabbitmq import frames
from gateway.adapters.rabbitmq.guard import SIGN_OF_LIFE, GuardedConnection, Source, kept_properties, plain_header
from gateway.adapters.rabbitmq.hold import Hold

TRIED: Final = {"aio-pika": "10.2.", "aiormq": "7.2."}
"""Versions whose inner parts are as we use them (test_direct.py holds them to it)."""
_CHUNK: Final = 1 << 18
Tap: TypeAlias = Callable[[int, bytes], bool]
"""Is given each frame of its channel, kind and payload: whether it took it."""


class DirectReader:
    """Reads frames in large pieces, gives those to a channel's tap that are for it, and the others to the driver."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._raw = bytearray()
        self._ready = bytearray()
        self._told = 0.0
        self.taps: dict[int, Tap] = {}
        self.hold: Hold | None = None

    async def readexactly(self, n: int) -> bytes:
        """The next `n` bytes for the driver. Raises asyncio.IncompleteReadError."""
        while len(self._ready) < n:
            if self.hold is not None and not await self.hold.room(SIGN_OF_LIFE):
                self._ready += frames.HEARTBEAT
                continue
            chunk = await self._source.read(_CHUNK)
            if not chunk:
                raise asyncio.IncompleteReadError(bytes(self._ready), n)
            self._raw += chunk
            self._sort()
        taken = bytes(self._ready[:n])
        del self._ready[:n]
        return taken

    async def read(self, n: int = -1) -> bytes:
        """Bytes that are no frame any more; the driver asks for them only to complain of them."""
        return bytes(self._ready) + bytes(self._raw) + await self._source.read(n)

    def at_eof(self) -> bool:
        """Whether nothing more will come."""
        return not self._ready and not self._raw and self._source.at_eof()

    def _sort(self) -> None:
        """Give every whole frame to whom it belongs."""
        raw, at, took = self._raw, 0, False
        if raw.startswith(b"AMQP"):  # a server of another protocol version: it says so, and hangs up
            self._ready += raw
            raw.clear()
            return
        while len(raw) - at >= frames.OVERHEAD:
            kind, channel, size = frames.HEAD.unpack_from(raw, at)
            end = at + frames.OVERHEAD + size
            if end > len(raw):
                break
            payload = bytes(raw[at + frames.HEAD.size : end - 1])
            tap = self.taps.get(channel)
            if tap is not None and raw[end - 1] == frames.END and tap(kind, payload):
                took = True
            elif kind == frames.HEADER:
                plain = plain_header(payload)
                self._ready += frames.HEAD.pack(kind, channel, len(plain)) + plain + raw[end - 1 : end]
            else:
                self._ready += raw[at:end]
            at = end
        del raw[:at]
        if (
            took and time.monotonic() - self._told > SIGN_OF_LIFE
        ):  # we took everything that came: the driver must hear that the broker lives
            self._told = time.monotonic()
            self._ready += frames.HEARTBEAT


@dataclass(slots=True)
class Arriving:
    """Takes deliveries of one channel, and hands over each message when it is whole."""

    take: Callable[[Taken], None]
    channel: int
    writer: asyncio.StreamWriter
    _delivery: frames.Delivery | None = None
    _header: bytes | None = None
    _left: int = 0
    _body: list[bytes] = field(default_factory=list)

    def __call__(self, kind: int, payload: bytes) -> bool:
        """As `Tap`."""
        if kind == frames.METHOD:
            if frames.method_of(payload) != frames.DELIVER:
                return False
            self._delivery = frames.read_delivery(payload)
            return True
        if self._delivery is None:
            return False
        if kind == frames.HEADER:
            self._header, self._left = payload, frames.body_size(payload)
        elif kind == frames.BODY:
            self._body.append(payload)
            self._left -= len(payload)
        if self._left <= 0:
            self._whole(self._delivery)
        return True

    def _whole(self, delivery: frames.Delivery) -> None:
        properties = kept_properties(self._header or b"")
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._delivery, self._header, self._body = None, None, []
        self.take(
            Taken(
                delivery.exchange,
                properties.user_id,
                properties.type,
                body,
                delivery.tag,
                delivery.redelivered,
                self.channel,
                self.writer,
            )
        )


@dataclass(slots=True)
class Taken:
    """A message that arrived, with what the consumer reads of one of the driver's."""

    exchange: str
    user_id: str | None
    type: str | None
    body: bytes
    delivery_tag: int
    redelivered: bool
    channel: int
    writer: asyncio.StreamWriter

    async def ack(self, multiple: bool = False) -> None:  # noqa: FBT001, FBT002  # as the driver's
        """Acknowledge this one and all before it. Raises OSError where the connection is gone."""
        if not multiple:
            raise NotImplementedError("one at a time")
        if self.writer.is_closing():
            raise ConnectionResetError("the connection is closed")
        self.writer.write(frames.acknowledge(self.channel, self.delivery_tag))
        await self.writer.drain()


class DirectConnection(GuardedConnection):
    """A connection with the direct way beside the driver."""

    reading = DirectReader


@dataclass(frozen=True, slots=True)
class Direct:
    """The direct way on one connection."""

    reader: DirectReader
    writer: asyncio.StreamWriter

    def arriving(self, channel: int, take: Callable[[Taken], None]) -> None:
        """From now on what is delivered on `channel` goes to `take`, at once and not in a task."""
        self.reader.taps[channel] = Arriving(take, channel, self.writer)


def direct_of(connection: AbstractConnection) -> Direct | None:
    """The direct way on a connection; None where the driver is of a version that was not tried."""
    if not isinstance(connection, GuardedConnection) or not was_tried():
        return None
    link = connection.link
    if link is None or not isinstance(link[0], DirectReader):
        return None
    return Direct(link[0], link[1])


def connection_class() -> type[GuardedConnection]:
    """The kind of connection to make."""
    return DirectConnection if was_tried() else GuardedConnection


def was_tried() -> bool:
    """Whether the driver is of a version that was tried."""
    return all(version(name).startswith(known) for name, known in TRIED.items())


async def place_of(channel: AbstractChannel) -> tuple[int, int]:
    """(its number, the largest frame that the broker takes) of an open channel."""
    underlay = await channel.get_underlay_channel()
    return underlay.number, underlay.connection.connection_tune.frame_max
