"""A TCP proxy on loopback that tears connections, or lets them stand half-open: a bad network, for faults and tests.

Modes: open; `cut` resets every connection there is, new ones pass; `refuse` also resets new ones, until `heal`;
`freeze` forwards no byte any more and closes nothing, for those that are there and those that come: after `heal` new
ones pass, and the frozen ones stay half-open for good, as after a partition.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Self, cast

from bureaus.sandbox.process import LOOPBACK, free_port


class Mode(StrEnum):
    """What happens to connections that come."""

    OPEN = "open"
    REFUSING = "refusing"
    FROZEN = "frozen"


class _End(asyncio.Protocol):
    """One end of a connection."""

    def __init__(self, pair: _Pair) -> None:
        self.pair = pair
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = None
        self.early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # TCP: what the protocol says is a base class
        self.pair.made(self)

    def data_received(self, data: bytes) -> None:
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
        if not self.pair.frozen:
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
