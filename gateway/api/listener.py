"""Listeners: sockets, TLS, and the limits that hold before a request is anyone's work.

A `Gate` stands before the HTTP protocol of every connection: it reads from the certificate whose link this is, and
counts it. The identity of a link is the certificate's one common name; a certificate whose name is no address opens a
connection and gets nothing over it. A connection is given up when it brings no whole header in time. A site that stops
answers those whom it let in (`draining.py`) before what stands behind it stops.

TLS is 1.3 alone, both sides with a certificate of the network's authority, no session tickets: each connection shows
its certificate anew. The hybrid group X25519MLKEM768 is asked for where the ssl module can choose groups (Python 3.15);
before that OpenSSL's own order holds, which puts it first from version 3.5 on.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, Protocol, cast, runtime_checkable

from aiohttp import web

from gateway.api.draining import Owed
from gateway.service import Service
from gateway.settings import BureausListener, Listener
from gateway.watching import Watching
from schemas.errors import Malformed, Reason, Unavailable
from schemas.identity import Address

GROUPS: Final = "X25519MLKEM768:X25519:P-256"
BACKLOG: Final = 512
LINGER_SECONDS: Final = 2.0
"""The rest of a refused body is read and thrown away so long, so that the client sees the answer."""
LAST_SECONDS: Final = 1.0
"""After the drain: until a handler is cancelled, and once more until its connection is cut."""


@runtime_checkable
class _ChoosesGroups(Protocol):
    def set_groups(self, groups: str, /) -> None:
        """Choose the groups of the key exchange (Python 3.15)."""


def server_context(service: Service) -> ssl.SSLContext:
    """TLS for the bureaus' listener.

    Raises:
        Unavailable: `unreadable`, the certificate or its key cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    if isinstance(context, _ChoosesGroups):
        context.set_groups(GROUPS)
    try:
        context.load_verify_locations(service.authority)
        context.load_cert_chain(service.certificate, service.tls_key, service.tls_password)
    except (OSError, ssl.SSLError) as error:
        raise Unavailable(Reason.UNREADABLE, f"the TLS certificate or its key: {type(error).__name__}") from None
    return context


def link_of(transport: asyncio.BaseTransport | None) -> Address | None:
    """The address in the peer's certificate; None where it names none."""
    certificate = None if transport is None else transport.get_extra_info("peercert")
    if not isinstance(certificate, Mapping):
        return None
    names = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    try:
        return Address.parse(names[0]) if len(names) == 1 else None
    except Malformed:
        return None


def certificate_end(transport: asyncio.BaseTransport) -> float:
    """When the peer's certificate ends, in seconds since the epoch; 0 where it does not say."""
    certificate = transport.get_extra_info("peercert")
    ends = certificate.get("notAfter") if isinstance(certificate, Mapping) else None
    return float(ssl.cert_time_to_seconds(ends)) if isinstance(ends, str) else 0.0


class Connections:
    """Who is connected, and whether one more is too many."""

    def __init__(self, limits: BureausListener, watching: Watching) -> None:
        self._limits = limits
        self._watching = watching
        self._total = 0
        self._links: Counter[Address | None] = Counter()
        self._over: set[asyncio.BaseTransport] = set()
        self._of: dict[asyncio.BaseTransport, Address | None] = {}

    def opened(self, transport: asyncio.Transport) -> bool:
        """Count a connection; False where the listener is full and it was cut off."""
        if self._total >= self._limits.connections:
            self._watching.saw("connection-refused", reason=Reason.OVERLOADED)
            transport.abort()
            return False
        link = link_of(transport)
        if link is not None:
            self._watching.presented(str(link), certificate_end(transport))
        self._of[transport] = link
        self._total += 1
        self._links[link] += 1
        self._watching.connected(1)
        if self._links[link] > self._limits.connections_per_link:
            self._over.add(transport)
        return True

    def closed(self, transport: asyncio.Transport) -> None:
        """A counted connection ended."""
        link = self._of.pop(transport)
        self._total -= 1
        self._links[link] -= 1
        self._links += Counter()  # forgets links with none
        self._over.discard(transport)
        self._watching.connected(-1)

    def link(self, transport: asyncio.BaseTransport | None) -> Address | None:
        """The address in a connection's certificate: it was read once, when the connection was opened."""
        return self._of.get(transport) if transport is not None else None

    def too_many(self, transport: asyncio.BaseTransport | None) -> bool:
        """Whether this connection was one more than its link may have."""
        return transport in self._over


class Gate(asyncio.Protocol):
    """Stands before the HTTP protocol of one connection."""

    def __init__(self, inner: asyncio.Protocol, connections: Connections, owed: Owed) -> None:
        self._inner = inner
        self._connections = connections
        self._owed = owed
        self._arrival = owed.accepted(inner)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TLS is done: count the connection, and let it through, unless the site has stopped meanwhile."""
        writable = cast("asyncio.Transport", transport)  # uvloop's transports are not subclasses of asyncio's
        if self._owed.over:
            writable.abort()
        elif self._connections.opened(writable):
            self._transport = writable
            self._inner.connection_made(writable)

    def connection_lost(self, exc: Exception | None) -> None:
        """It ended."""
        self._owed.lost(self._inner)
        if self._transport is not None:
            self._connections.closed(self._transport)
            self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._transport is not None:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """The client sends no more."""
        return self._inner.eof_received() if self._transport is not None else None

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._inner.resume_writing()


class Site:
    """One listener: an application on a socket of its own."""

    def __init__(self, application: web.Application, *, idle: float, drain: float) -> None:
        """`idle` and `drain` in seconds, as in gateway/settings.py."""
        self._drain = drain
        self._owed = Owed(application)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            keepalive_timeout=idle,
            shutdown_timeout=LAST_SECONDS,
            lingering_time=LINGER_SECONDS,
            auto_decompress=False,
            handler_cancellation=False,
        )
        self._server: asyncio.Server | None = None

    async def start(
        self,
        bound: Listener,
        *,
        tls: ssl.SSLContext | None = None,
        handshake: float | None = None,
        connections: Connections | None = None,
        inherited: socket.socket | None = None,
    ) -> int:
        """Listen, on `bound` or on a socket that listens already: the port.

        Raises:
            Unavailable: `unreachable`, the address cannot be listened on.
        """
        await self._runner.setup()
        loop, factory = asyncio.get_running_loop(), self._factory(connections)
        try:
            if inherited is not None:
                self._server = await loop.create_server(
                    factory, sock=inherited, ssl=tls, ssl_handshake_timeout=handshake, backlog=BACKLOG
                )
                return _port(inherited)
            self._server = await loop.create_server(
                factory,
                bound.host,
                bound.port,
                ssl=tls,
                ssl_handshake_timeout=handshake,
                backlog=BACKLOG,
                reuse_address=True,
            )
        except OSError as error:
            raise Unavailable(
                Reason.UNREACHABLE, f"cannot listen on {bound.host}:{bound.port}: {error.strerror}"
            ) from None
        return _port(self._server.sockets[0])

    def _factory(self, connections: Connections | None) -> Callable[[], asyncio.Protocol]:
        inner = self._runner.server
        if inner is None:
            raise Unavailable(Reason.UNREACHABLE, "the listener was not set up")
        return inner if connections is None else lambda: Gate(inner(), connections, self._owed)

    def refuse_new(self) -> None:
        """Take no new connections; each answer ends its connection from now on."""
        self._owed.close()
        if self._server is not None:
            self._server.close()

    async def stop(self) -> None:
        """Answer those who were let in, the drain's time at most, then close every connection."""
        self.refuse_new()
        await self._owed.settled(self._drain)
        await self._runner.cleanup()


def _port(sock: socket.socket) -> int:
    name = sock.getsockname()
    return int(name[1])


def url(scheme: str, host: str, port: int) -> str:
    """The URL of a listener, as a client on this machine would say it."""
    shown = "localhost" if host in {"0.0.0.0", "::"} else host  # noqa: S104  # compared, not bound
    return f"{scheme}://{f'[{shown}]' if ':' in shown else shown}:{port}"
