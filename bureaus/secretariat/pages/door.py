"""Lets connections in, and cuts those that hold up others: before TLS, before a request is anyone's work.

Order of a connection: accepted -> counted, with the network that it comes from, for as long as it is open -> TLS ->
HTTP. Whoever brought nothing for too long is cut; who goes for whom is decided in tips/limits.py (`Crowd`). Nothing is
logged of anybody.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Final, cast

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bureaus.secretariat.settings import Settings
from bureaus.secretariat.tips.limits import Crowd, network_of

_BACKLOG: Final = 512
_LOOK: Final = 0.5
"""Seconds between two looks at whose time is over."""
_PAUSE: Final = 0.2
"""Seconds until the next try where no descriptor was left."""


class _Gate(asyncio.Protocol):
    """Stands before the HTTP protocol of one connection."""

    def __init__(self, inner: asyncio.Protocol, crowd: Crowd[_Gate], gone: Callable[[_Gate], None]) -> None:
        self.inner, self._crowd, self._gone = inner, crowd, gone
        self._transport: asyncio.Transport | None = None
        self.entering: asyncio.Task[None] | None = None
        self.in_hand = self._full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TLS is done."""
        self._transport = cast("asyncio.Transport", transport)  # a stream's transport is one
        self.inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """It ended."""
        self._gone(self)
        self.inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self.inner.data_received(data)

    def eof_received(self) -> bool | None:
        """The client sends no more."""
        return self.inner.eof_received()

    def pause_writing(self) -> None:
        """The client takes the answer slowly."""
        self._full = True
        self.stand()
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        """The client took most of it."""
        self._full = False
        self.stand()
        self.inner.resume_writing()

    def stand(self) -> None:
        """Say where this connection stands."""
        if self.in_hand or self._full:
            self._crowd.works(self)
        else:
            self._crowd.rests(self)

    def cut(self) -> None:
        """End it now."""
        self._gone(self)
        if self._transport is not None:
            self._transport.abort()
        elif self.entering is not None:
            self.entering.cancel()


class Door:
    """One listener's connections. Its `middleware` has to be the application's first."""

    def __init__(self, settings: Settings, near: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        """`near` connections from one network at most; None where networks say nothing."""
        self._wait = settings.page_wait_seconds
        self._crowd: Crowd[_Gate] = Crowd(
            settings.page_connections, near, settings.page_wait_seconds, settings.page_work_seconds, clock
        )
        self._gates: dict[object, _Gate] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def middleware(self) -> Middleware:
        """Says which connections have a request in hand."""

        @web.middleware
        async def work(request: web.Request, handler: Handler) -> web.StreamResponse:
            gate = self._gates.get(request.protocol)
            if gate is None:  # it was cut while its request was read
                return await handler(request)
            gate.in_hand = True
            gate.stand()
            try:
                return await handler(request)
            finally:
                gate.in_hand = False
                gate.stand()

        return work

    @contextlib.asynccontextmanager
    async def open(
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int, tls: ssl.SSLContext | None
    ) -> AsyncIterator[tuple[str, int]]:
        """Let connections in; `factory` makes an HTTP protocol. Where it listens.

        At the end no more are let in; those that are open are for whoever made the factory to end.

        Raises:
            OSError: the address cannot be listened on.
        """
        loop = asyncio.get_running_loop()
        with contextlib.ExitStack() as sockets:
            there = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            bound = [sockets.enter_context(_listen(family, where)) for family, _, _, _, where in there]
            for one in bound:
                self._begin(self._accept(one, factory, tls))
            self._begin(self._look())
            name = bound[0].getsockname()
            try:
                yield str(name[0]), int(name[1])
            finally:
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _look(self) -> None:
        while True:
            for gate in self._crowd.over():
                gate.cut()
            await asyncio.sleep(_LOOK)

    async def _accept(
        self, listener: socket.socket, factory: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                one, where = await loop.sock_accept(listener)
            except OSError:  # gone again, or no descriptor is left: it waits in the backlog until somebody goes
                await asyncio.sleep(_PAUSE)
                continue
            self._came(one, str(where[0]), factory(), tls)
            await asyncio.sleep(0)  # however many come, whoever is there is served

    def _came(self, one: socket.socket, address: str, inner: asyncio.Protocol, tls: ssl.SSLContext | None) -> None:
        gate = _Gate(inner, self._crowd, self._gone)
        goes = self._crowd.come(gate, network_of(address))
        if goes is not None:
            goes.cut()
        if goes is gate:
            one.close()
            return
        self._gates[inner] = gate
        gate.entering = self._begin(self._let_in(gate, one, tls))
        gate.entering.add_done_callback(lambda done: one.close() if done.cancelled() else None)

    async def _let_in(self, gate: _Gate, one: socket.socket, tls: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        within = None if tls is None else self._wait
        try:
            await loop.connect_accepted_socket(lambda: gate, one, ssl=tls, ssl_handshake_timeout=within)
        except OSError:  # it spoke no TLS, went, or took too long: nobody's fault here
            self._gone(gate)

    def _gone(self, gate: _Gate) -> None:
        self._crowd.gone(gate)
        self._gates.pop(gate.inner, None)


def _listen(family: int, where: tuple[object, ...]) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(where)
        made.listen(_BACKLOG)
        made.setblocking(False)  # noqa: FBT003  # the socket's own signature
    except OSError:
        made.close()
        raise
    return made
