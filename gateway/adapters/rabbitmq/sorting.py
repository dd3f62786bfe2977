"""Takes what arrives on a connection apart into frames, and gives each to whom it belongs: the direct way inwards.

Order: bytes come as the stream has them; each whole frame goes to its channel's tap, or to the driver where there is
none or it does not take it; `Arriving` is a tap that makes messages of the frames of deliveries.

Rules: as direct.py has them. This runs for every message, so it is compiled (compiled-modules.txt) and stands apart
from what rests on the driver.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, TypeAlias

from gateway.adapters.rabbitmq import frames
from gateway.adapters.rabbitmq.hold import SIGN_OF_LIFE, Hold, Source
from gateway.adapters.rabbitmq.outgoing import Outgoing
from gateway.adapters.rabbitmq.properties import kept_properties, plain_header

_CHUNK: Final = 1 << 18
Tap: TypeAlias = Callable[[int, bytes], bool]
"""Is given each frame of its channel, kind and payload: whether it took it."""


class DirectReader:
    """Reads frames in large pieces, gives those to a channel's tap that are for it, and the others to the driver."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._begun = bytearray()
        """The beginning of a frame that is not whole."""
        self._whole = 0
        """How long it will be, as far as can be told."""
        self._ready = bytearray()
        self._told = 0.0
        self.taps: dict[int, Tap] = {}
        self.hold: Hold | None = None

    async def readexactly(self, n: int) -> bytes:
        """The next `n` bytes for the driver. Raises asyncio.IncompleteReadError."""
        while len(self._ready) < n:
            hold = self.hold
            if hold is not None and hold.shut and not await hold.room(SIGN_OF_LIFE):
                self._ready += frames.HEARTBEAT
                continue
            chunk = await self._source.read(_CHUNK)
            if not chunk:
                raise asyncio.IncompleteReadError(bytes(self._ready), n)
            self._join(chunk)
        taken = bytes(self._ready[:n])
        del self._ready[:n]
        return taken

    async def read(self, n: int = -1) -> bytes:
        """Bytes that are no frame any more; the driver asks for them only to complain of them."""
        return bytes(self._ready) + bytes(self._begun) + await self._source.read(n)

    def at_eof(self) -> bool:
        """Whether nothing more will come."""
        return not self._ready and not self._begun and self._source.at_eof()

    def _join(self, chunk: bytes) -> None:
        """Sort what came, after the frame that was begun before, once that is whole."""
        if not self._begun:
            self._sort(chunk)
            return
        self._begun += chunk
        if len(self._begun) >= self._whole:  # else a large frame would be copied with each piece of it that comes
            raw = bytes(self._begun)
            self._begun.clear()
            self._sort(raw)

    def _sort(self, raw: bytes) -> None:
        """Give every whole frame to whom it belongs, and keep what is begun."""
        at, length, took = 0, len(raw), False
        if length >= frames.OVERHEAD and raw.startswith(b"AMQP"):
            self._ready += raw  # a server of another protocol version: it says so, in eight bytes, and hangs up
            return
        while True:
            end = at + frames.OVERHEAD
            if end > length:
                break
            head: tuple[int, int, int] = frames.HEAD.unpack_from(raw, at)
            kind, channel, size = head
            end += size
            if end > length:
                break
            tap = self.taps.get(channel)
            if tap is not None and raw[end - 1] == frames.END and tap(kind, raw[at + frames.BEFORE : end - 1]):
                took = True
            else:
                self._pass(raw[at:end], kind, channel)
            at = end
        if at < length:
            self._begun += raw[at:]
            self._whole = end - at
        if took:
            self._tell()

    def _pass(self, frame: bytes, kind: int, channel: int) -> None:
        """Give a frame to the driver, a content header made plain."""
        if kind == frames.HEADER:
            plain = plain_header(frame[frames.BEFORE : -1])
            self._ready += frames.HEAD.pack(kind, channel, len(plain)) + plain + frame[-1:]
        else:
            self._ready += frame

    def _tell(self) -> None:
        """Let the driver hear that the broker lives, though we took what came."""
        now = time.monotonic()
        if now - self._told > SIGN_OF_LIFE:
            self._told = now
            self._ready += frames.HEARTBEAT


class Taken:
    """A message that arrived, with what the consumer reads of one of the driver's."""

    def __init__(
        self,
        exchange: str,
        user_id: str | None,
        type: str | None,  # noqa: A002  # as the driver's
        body: bytes,
        delivery_tag: int,
        redelivered: bool,  # noqa: FBT001  # as the fields of a delivery stand
        channel: int,
        outgoing: Outgoing,
    ) -> None:
        self.exchange = exchange
        self.user_id = user_id
        self.type = type
        self.body = body
        self.delivery_tag = delivery_tag
        self.redelivered = redelivered
        self.channel = channel
        self.outgoing = outgoing

    def acknowledge(self) -> None:
        """Acknowledge this one and all before it. Raises OSError where the connection is gone."""
        if self.outgoing.closed:
            raise ConnectionResetError("the connection is closed")
        self.outgoing.write([frames.acknowledge(self.channel, self.delivery_tag)])


class Arriving:
    """Takes deliveries of one channel, and hands over each message when it is whole."""

    def __init__(self, take: Callable[[Taken], None], channel: int, outgoing: Outgoing) -> None:
        self._take = take
        self._channel, self._outgoing = channel, outgoing
        self._begun = False
        """Whether a Deliver came whose message is not whole."""
        self._tag, self._redelivered, self._exchange = 0, False, ""
        self._header = b""
        self._left = 0
        self._body: list[bytes] = []

    def __call__(self, kind: int, payload: bytes) -> bool:
        """As `Tap`."""
        if kind == frames.METHOD:
            if not payload.startswith(frames.DELIVER):
                return False
            self._tag, self._redelivered, self._exchange = frames.read_delivery(payload)
            self._begun = True
            return True
        if not self._begun:
            return False
        if kind == frames.HEADER:
            self._header, self._left = payload, frames.body_size(payload)
        elif kind == frames.BODY:
            self._body.append(payload)
            self._left -= len(payload)
        if self._left <= 0:
            self._hand_over()
        return True

    def _hand_over(self) -> None:
        _, item_type, user_id = kept_properties(self._header)
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._begun, self._header, self._body = False, b"", []
        self._take(
            Taken(
                self._exchange,
                user_id,
                item_type,
                body,
                self._tag,
                self._redelivered,
                self._channel,
                self._outgoing,
            )
        )
