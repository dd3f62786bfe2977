"""A TCP proxy on loopback that tears connections, or lets them stand half-open: a bad network, for faults and tests.

Modes: open; `cut` resets every connection there is, new ones pass; `refuse` also resets new ones, until `heal`;
`freeze` forwards no byte any more and closes nothing, for those that are there and those that come: after `heal` new
ones pass, and the frozen ones stay half-open for good, as after a partition. A `Quality` makes a line slow: bytes come
later, in their order, and a share of them later still, as after a loss that TCP makes good; a narrow line takes so many
bytes in a second.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self, cast

from bureaus.sandbox.process import LOOPBACK, free_port


class Mode(StrEnum):
    """What happens to connections that come."""

    OPEN = "open"
    REFUSING = "refusing"
    FROZEN = "frozen"


RETRANSMISSION: Final = 0.3
"""Seconds that what was lost comes later: about TCP's first timeout."""
NARROW_PART: Final = 4096
"""Bytes that come out of a narrow line at one time."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a line is, each way."""

    latency: float = 0.0
    """Seconds."""
    loss: float = 0.0
    """The share of what is sent that is lost, and sent again."""
    bandwidth: float = 0.0
    """Bytes in a second; 0 is no bound."""

    def transfer(self, size: int) -> float:
        """Seconds that so many bytes take on the line, one part after another."""
        return size / self.bandwidth if self.bandwidth else 0.0

    def delay(self) -> float:
        """Seconds until the next part comes, when it is on its way."""
        lost = self.loss > 0 and random.random() < self.loss  # noqa: S311  # luck, and no secret
        return self.latency + (RETRANSMISSION if lost else 0.0)


class _End(asyncio.Protocol):
    """One end of a connection."""

    def __init__(self, pair: _Pair) -> None:
        self.pair = pair
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = None
        self.early: list[bytes] = []
        self._sent = 0.0
        """When all parts are on their way, by the loop's time: a narrow line takes them one after another."""
        self._last = 0.0
        """When the last part comes out at the other end, by the loop's time."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # TCP: what the protocol says is a base class
        self.pair.made(self)

    def data_received(self, data: bytes) -> None:
        quality = self.pair.proxy.quality
        if quality is None:
            self._pass(data)
            return
        loop = asyncio.get_running_loop()
        size = NARROW_PART if quality.bandwidth else len(data)
        for part in (data[at : at + size] for at in range(0, len(data), size)):
            self._sent = max(self._sent, loop.time()) + quality.transfer(len(part))
            self._last = max(self._last, self._sent + quality.delay())
            loop.call_at(self._last, self._pass, part)

    def _pass(self, data: bytes) -> None:
        if self.pair.frozen:
            return
        if self.other is None or self.other.transport is None:
            self.early.append(data)
        elif not self.other.transport.is_closing():
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None and not self.pair.frozen:
            self.other.transport.resume_reading()

    def connection_lost(self, _exc: Exception | None) -> None:
        if self.pair.frozen:
            return
        if self._last > 0:  # what is on its way on a slow line comes before the end
            asyncio.get_running_loop().call_at(self._last, self.pair.close)
        else:
            self.pair.close()


class _Pair:
    """A client's connection and ours to the target."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.frozen = proxy.mode is Mode.FROZEN
        self.client = _End(self)
        self.server = _End(self)

    def made(self, end: _End) -> None:
        if end is self.client:
            if self.proxy.mode is Mode.REFUSING:
                self.abort()
                return
            self.proxy.pairs.add(self)
            if not self.frozen:
                self.proxy.dial(self)
            return
        if self.client.transport is None or self.client.transport.is_closing():  # cut while the target was dialled
            self.abort()
            return
        self.client.other, self.server.other = self.server, self.client
        if end.transport is not None:
            for data in self.client.early:
                end.transport.write(data)
        self.client.early.clear()

    def freeze(self) -> None:
        self.frozen = True
        for end in (self.client, self.server):
            if end.transport is not None:
                end.transport.pause_reading()

    def close(self) -> None:
        self.proxy.pairs.discard(self)
        for end in (self.client, self.server):
            if end.transport is not None:
                end.transport.close()

    def abort(self) -> None:
        self.proxy.pairs.discard(self)
        for end in (self.client, self.server):
            if end.transport is not None:
                end.transport.abort()


class Proxy:
    """Listens on `port` and passes connections on: `async with Proxy(target) as proxy`."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.target = target
        self.mode = Mode.OPEN
        self.quality: Quality | None = None
        """None passes everything at once."""
        self.pairs: set[_Pair] = set()
        self._server: asyncio.Server | None = None
        self._dialling: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Pair(self).client, LOOPBACK, self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.mode = Mode.REFUSING
        self.cut()
        if self._server is not None:
            self._server.close()
        for task in self._dialling:
            task.cancel()
        await asyncio.gather(*self._dialling, return_exceptions=True)

    def dial(self, pair: _Pair) -> None:
        """Connect a client that came to the target."""
        task = asyncio.create_task(self._dial(pair))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)

    async def _dial(self, pair: _Pair) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: pair.server, LOOPBACK, self.target)
        except OSError:
            pair.abort()

    def cut(self) -> int:
        """Reset every connection: how many."""
        pairs = list(self.pairs)
        for pair in pairs:
            pair.abort()
        return len(pairs)

    def refuse(self) -> None:
        """Reset every connection, and those that come."""
        self.mode = Mode.REFUSING
        self.cut()

    def freeze(self) -> int:
        """Let every connection stand half-open, and those that come: how many there are."""
        self.mode = Mode.FROZEN
        for pair in self.pairs:
            pair.freeze()
        return len(self.pairs)

    def heal(self) -> None:
        """Let new connections pass. Frozen ones stay as they are."""
        self.mode = Mode.OPEN
