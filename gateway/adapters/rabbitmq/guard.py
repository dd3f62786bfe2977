"""Takes out of a message's properties what nobody here reads, before the driver decodes them.

A bureau writes the properties of what it publishes, the broker passes them on unread, and the driver gives up its
whole connection over one that it cannot decode: a time stamp past the year 9999, a header of a type it does not know,
text that is not UTF-8 (all tried). The message comes back with the next connection, so one such message would stop
all consumption.

So every content header that arrives (AMQP 0-9-1 section 4.2.6.1) is written anew with `message_id`, `type` and
`user_id` alone, each only where it is text; one that does not parse keeps no property (properties.py). Frames of other
types pass untouched.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass
from ssl import SSLContext
from typing import Final, Protocol, TypeAlias, cast

import aio_pika
from aiormq.connection import TLSTransportFactory
from pamqp.common import FieldTable
from yarl import URL

from gateway.adapters.rabbitmq.frames import HEARTBEAT
from gateway.adapters.rabbitmq.hold import SIGN_OF_LIFE, Hold, Source
from gateway.adapters.rabbitmq.properties import plain_header

_FRAME: Final = struct.Struct(">BHI")
_CONTENT_HEADER: Final = 2


class Reader(Source, Protocol):
    """A source that can be held back."""

    hold: Hold | None


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
