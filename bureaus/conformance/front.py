"""What the program under test takes for the gateway: a server with the authority's certificate, on loopback.

Everything is passed on to the real gateway under the program's own certificate and comes back as it was, but for what a
play changes: an answer, a refusal, copies put before those of an inbox. What the program sends is kept, to a bound, so
that the kit can look at it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import aiohttp
from aiohttp import web

from bureaus.links.http import client_context
from bureaus.sandbox.pki import TlsFiles
from bureaus.sandbox.process import free_port
from schemas import wire
from schemas.errors import BureaunetError
from schemas.evidence import SignedAcknowledgement, read_acknowledgement
from schemas.wire import InboxItem, decode_items

MOST_CALLS: Final = 2000
"""Calls that are remembered."""
WAIT_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request of the program's."""

    method: str
    path: str
    query: str
    type: str
    body: bytes
    at: float
    """By the loop's clock."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer to it."""

    status: int
    body: bytes
    type: str = wire.CBOR_TYPE
    headers: dict[str, str] = field(default_factory=dict)


Forward = Callable[[Call], Awaitable[Reply]]
Play = Callable[[Call, Forward], Awaitable[Reply | None]]
"""Answers a call itself, or gives None: then it is passed on."""


class Front:
    """`async with Front(...)`: one program's way to the gateway."""

    def __init__(
        self, gateway: str, server: TlsFiles, certificate: Path, key: Path, *, shown: TlsFiles | None = None
    ) -> None:
        """`certificate` and `key` are what the gateway is shown; the program is shown `server`, or `shown`."""
        self._gateway = gateway.rstrip("/")
        self._listening = _listening(server) if shown is None else _open_to_all(shown)
        self._client = client_context(certificate, key, server.authority)
        self._stack = AsyncExitStack()
        self._session: aiohttp.ClientSession | None = None
        self.port = free_port()
        self.calls: deque[Call] = deque(maxlen=MOST_CALLS)
        self.items: deque[InboxItem] = deque(maxlen=MOST_CALLS)
        """What the program was given in its inbox."""
        self.acknowledged: dict[bytes, SignedAcknowledgement] = {}
        """The last acknowledgement of each digest."""
        self.play: Play | None = None
        self.before: list[InboxItem] = []
        """Copies that go before those of the next inbox page that has any, under the index of its first; what has no
        acceptance keeps its own."""
        self.absorbed: set[bytes] = set()
        """Digests that the gateway does not know: acknowledgements of them stay here."""

    @property
    def url(self) -> str:
        """Where the program is told that the gateway is."""
        return f"https://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        """Listen."""
        connector = aiohttp.TCPConnector(ssl=self._client, limit=0)
        self._session = await self._stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        app = web.Application(client_max_size=wire.MAX_SUBMISSION)
        app.router.add_route("*", "/{path:.*}", self._serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", self.port, ssl_context=self._listening).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listen no more."""
        await self._stack.aclose()

    def posted(self, path: str, since: int = 0) -> list[Call]:
        """The POSTs to a path among the calls from number `since` on."""
        return [call for call in list(self.calls)[since:] if call.method == "POST" and call.path == path]

    async def _serve(self, request: web.Request) -> web.Response:
        body = await request.read()
        loop = asyncio.get_running_loop()
        call = Call(request.method, request.path, request.query_string, request.content_type, body, loop.time())
        self.calls.append(call)
        reply = await self.play(call, self._forward) if self.play is not None else None
        if reply is None:
            reply = self._absorb(call) or await self._forward(call)
        if call.path == wire.INBOX and reply.status == web.HTTPOk.status_code:
            reply = self._inbox(reply)
        return web.Response(status=reply.status, body=reply.body, content_type=reply.type, headers=reply.headers)

    async def _forward(self, call: Call) -> Reply:
        if self._session is None:
            return Reply(503, b"")
        url = f"{self._gateway}{call.path}" + (f"?{call.query}" if call.query else "")
        headers = {"Content-Type": call.type} if call.body else {}
        try:
            async with self._session.request(
                call.method,
                url,
                data=call.body or None,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=WAIT_SECONDS),
            ) as answer:
                kept = {name: answer.headers[name] for name in ("Retry-After",) if name in answer.headers}
                return Reply(answer.status, await answer.read(), answer.content_type, kept)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Reply(503, b"", headers={"Retry-After": "1"})

    def _absorb(self, call: Call) -> Reply | None:
        """Keep what an acknowledgement says; answer it where the gateway does not know its message."""
        if call.method != "POST" or call.path != wire.EVIDENCE:
            return None
        try:
            said = read_acknowledgement(call.body)
        except BureaunetError:
            return None  # the gateway says what is wrong with it
        digest = said.acknowledgement.digest
        self.acknowledged[digest] = said
        return Reply(204, b"") if digest in self.absorbed else None

    def _inbox(self, reply: Reply) -> Reply:
        items = decode_items(reply.body)
        if items and self.before:
            first, before = items[0].index, self.before
            self.before = []
            items = [replace(one, index=first) if one.acceptance else one for one in before] + items
        self.items += items
        return Reply(reply.status, b"".join(item.encode() for item in items), reply.type, reply.headers)


def _open_to_all(server: TlsFiles) -> ssl.SSLContext:
    """What a stranger's server does: it takes whoever comes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(server.certificate, server.key)
    return context


def _listening(server: TlsFiles) -> ssl.SSLContext:
    context = _open_to_all(server)
    context.load_verify_locations(cafile=server.authority)
    context.verify_mode = ssl.CERT_REQUIRED
    return context
