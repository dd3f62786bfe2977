"""Takes out of a message's properties what nobody here reads, before the driver decodes them.

A bureau writes the properties of what it publishes, the broker passes them on unread, and the driver gives up its
whole connection over one that it cannot decode: a time stamp past the year 9999, a header of a type it does not know,
text that is not UTF-8 (all tried). The message comes back with the next connection, so one such message would stop
all consumption.

So every content header that arrives (AMQP 0-9-1 section 4.2.6.1) is written anew with `message_id`, `type` and
`user_id` alone, each only where it is text; one that does not parse keeps no property. Frames of other types pass
untouched.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ssl import SSLContext
from typing import Final, NamedTuple, Protocol, TypeAlias, cast

import aio_pika
from aiormq.connection import TLSTransportFactory
from pamqp.common import FieldTable
from yarl import URL

from gateway.adapters.rabbitmq.frames import HEARTBEAT
from gateway.adapters.rabbitmq.hold import Hold

_FRAME: Final = struct.Struct(">BHI")
_CONTENT_HEADER: Final = 2
_FIXED: Final = 12
"""Bytes of class, weight and body size, before the flags."""
_FLAGS: Final = struct.Struct(">H")
_MESSAGE_ID, _TYPE, _USER_ID = 0x0080, 0x0020, 0x0010
_KEPT: Final = _MESSAGE_ID | _TYPE | _USER_ID
_SHORT: Final = 0
"""In `_SIZES`: a byte of length, then text."""
_TABLE: Final = -1
"""Four bytes of length, then a table."""
_SIZES: Final = (
    (0x8000, _SHORT),  # content type
    (0x4000, _SHORT),  # content encoding
    (0x2000, _TABLE),  # headers
    (0x1000, 1),  # delivery mode
    (0x0800, 1),  # priority
    (0x0400, _SHORT),  # correlation id
    (0x0200, _SHORT),  # reply to
    (0x0100, _SHORT),  # expiration
    (_MESSAGE_ID, _SHORT),
    (0x0040, 8),  # time stamp
    (_TYPE, _SHORT),
    (_USER_ID, _SHORT),
    (0x0008, _SHORT),  # application id
    (0x0004, _SHORT),  # cluster id
)


def plain_header(payload: bytes) -> bytes:
    """The payload of a content header frame, with no property left but ours."""
    kept = _kept(payload)
    texts = (text.encode() for text in kept.values())
    return b"".join((payload[:_FIXED], _FLAGS.pack(sum(kept)), *(bytes((len(text),)) + text for text in texts)))


class Properties(NamedTuple):
    """What is read of a message's properties, each only where it is text."""

    message_id: str | None
    type: str | None
    user_id: str | None


def kept_properties(payload: bytes) -> Properties:
    """Those of a content header frame; none of one that does not parse."""
    kept = _kept(payload)
    return Properties(kept.get(_MESSAGE_ID), kept.get(_TYPE), kept.get(_USER_ID))


def _kept(payload: bytes) -> dict[int, str]:
    """By flag, in the order of the header, those properties of ours that are text; none where it does not parse."""
    kept: dict[int, str] = {}
    try:
        (flags,) = _FLAGS.unpack_from(payload, _FIXED)
        at = _FIXED + _FLAGS.size
        for flag, size in _present(flags):
            end = at + _length(payload, at, size)
            if end > len(payload):
                return {}
            if flag & _KEPT and (text := _text(payload[at + 1 : end])) is not None:
                kept[flag] = text
            at = end
    except (struct.error, IndexError):
        return {}
    return kept


@lru_cache(maxsize=64)  # programs set the same few properties in every message
def _present(flags: int) -> tuple[tuple[int, int], ...]:
    return tuple((flag, size) for flag, size in _SIZES if flags & flag)


def _length(payload: bytes, at: int, size: int) -> int:
    if size == _SHORT:
        return 1 + payload[at]
    if size == _TABLE:
        return 4 + int(struct.unpack_from(">I", payload, at)[0])
    return size


def _text(value: bytes) -> str | None:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return None


class Source(Protocol):
    """The part of a stream reader that the driver uses."""

    async def readexactly(self, n: int) -> bytes:
        """`n` bytes. Raises asyncio.IncompleteReadError."""

    async def read(self, n: int = -1) -> bytes:
        """Up to `n` bytes; none at the end."""

    def at_eof(self) -> bool:
        """Whether nothing more will come."""


class Reader(Source, Protocol):
    """A source that can be held back."""

    hold: Hold | None


SIGN_OF_LIFE: Final = 1.0
"""Seconds between two heartbeats that the driver is given while it is held back."""


@dataclass(slots=True)
class GuardedReader:
    """Reads whole frames and gives them on, content headers made plain."""

    source: Source
    _ready: bytes = b""
    hold: Hold | None = None

    async def readexactly(self, n: int) -> bytes:
        """The next `n` bytes. Raises asyncio.IncompleteReadError."""
        while len(self._ready) < n:
            if self.hold is None or await self.hold.room(SIGN_OF_LIFE):
                self._ready += await self._frame()
            else:
                self._ready += HEARTBEAT
        taken, self._ready = self._ready[:n], self._ready[n:]
        return taken

    async def read(self, n: int = -1) -> bytes:
        """Bytes that are no frame any more; the driver asks for them only to complain of them."""
        return self._ready + await self.source.read(n)

    def at_eof(self) -> bool:
        """Whether nothing more will come."""
        return not self._ready and self.source.at_eof()

    async def _frame(self) -> bytes:
        head = await self.source.readexactly(_FRAME.size)
        kind, channel, size = _FRAME.unpack(head)
        if head.startswith(b"AMQP"):  # a server of another protocol version: eight bytes, and it hangs up
            return head
        body = await self.source.readexactly(size + 1)
        if kind != _CONTENT_HEADER:
            return head + body
        payload = plain_header(body[:-1])
        return _FRAME.pack(kind, channel, len(payload)) + payload + body[-1:]


Reading: TypeAlias = Callable[[Source], Reader]
Link: TypeAlias = tuple[Reader, asyncio.StreamWriter]


class _GuardedTransport(TLSTransportFactory):
    """TLS whose reader is guarded."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self.link: Link | None = None

    async def create(self, url: URL, **kwargs: object) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        source, writer = await super().create(url, **kwargs)
        reader = self._reading(source)
        self.link = reader, writer
        return cast("asyncio.StreamReader", reader), writer  # it has all that the driver uses of one


class GuardedConnection(aio_pika.Connection):
    """A connection whose incoming content headers hold nothing that the driver cannot decode."""

    reading: Reading = GuardedReader
    """What stands between the stream and the driver."""

    def __init__(
        self,
        url: URL,
        loop: asyncio.AbstractEventLoop | None = None,
        ssl_context: SSLContext | None = None,
        client_properties: FieldTable | None = None,
    ) -> None:
        super().__init__(url, loop=loop, ssl_context=ssl_context, client_properties=client_properties)
        self._factory = _GuardedTransport(type(self).reading)
        self.kwargs["transport_factory"] = self._factory

    @property
    def link(self) -> Link | None:
        """Both directions of the stream, once it is connected."""
        return self._factory.link
