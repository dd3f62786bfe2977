"""A listener that stops answers those whom it let in: in a handshake, or with a body on its way. Nobody after that."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import uvloop
from aiohttp import web

from bureaus.sandbox.pki import SandboxAuthority
from gateway.api import draining
from gateway.api.listener import Connections, Site
from gateway.settings import BureausListener
from gateway.watching import Watching

HEAD: Final = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
BODY: Final = b"x" * 100
Scenario = Callable[["Listening"], Coroutine[None, None, None]]


async def turns() -> None:
    """Let the loop turn: what was sent over loopback before is there after it, however busy the machine is."""
    for _ in range(10):
        await asyncio.sleep(0.01)


@dataclass
class Listening:
    """A site over TLS, and what its clients need."""

    site: Site
    port: int
    tls: ssl.SSLContext

    async def accepted(self) -> socket.socket:
        """A connection that the site has taken from the queue; nothing was said over it."""
        made = socket.create_connection(("127.0.0.1", self.port))
        made.setblocking(False)  # noqa: FBT003  # the flag is the method's one argument
        await turns()
        return made

    async def shaken(self, accepted: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The same connection with TLS."""
        return await asyncio.open_connection(sock=accepted, ssl=self.tls, server_hostname="localhost")


@asynccontextmanager
async def listening(folder: Path, drain: float) -> AsyncIterator[Listening]:
    async def length(request: web.Request) -> web.Response:
        return web.Response(text=str(len(await request.read())))

    application = web.Application()
    application.router.add_post("/", length)
    files = SandboxAuthority().issue_server().save(folder, "server")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(files.certificate, files.key)
    site, limits = Site(application, idle=30, drain=drain), BureausListener(port=0)
    port = await site.start(limits, tls=tls, handshake=10, connections=Connections(limits, Watching()))
    try:
        yield Listening(site, port, ssl.create_default_context(cafile=files.authority))
    finally:
        await site.stop()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def played(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Scenario, float], None]:
    monkeypatch.setattr(draining, "ASKING_SECONDS", 60.0)  # of which the machine may take some

    def play(scenario: Scenario, drain: float) -> None:
        async def whole() -> None:
            async with listening(tmp_path, drain) as site:
                await scenario(site)

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(whole())

    return play


def test_who_was_in_a_handshake_is_answered_before_the_site_has_stopped(
    played: Callable[[Scenario, float], None],
) -> None:
    async def scenario(site: Listening) -> None:
        sock = await site.accepted()
        stopping = asyncio.create_task(site.site.stop())
        await turns()
        reader, writer = await site.shaken(sock)
        await turns()
        assert not stopping.done()
        writer.write(HEAD + BODY)
        answer = await reader.read()
        await stopping
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nConnection: close" in head
        assert body == b"100"
        writer.transport.abort()

    played(scenario, 10)


def test_a_body_that_was_on_its_way_is_taken_whole(played: Callable[[Scenario, float], None]) -> None:
    async def scenario(site: Listening) -> None:
        reader, writer = await site.shaken(await site.accepted())
        writer.write(HEAD + BODY[:10])
        await turns()
        stopping = asyncio.create_task(site.site.stop())
        await turns()
        assert not stopping.done()
        writer.write(BODY[10:])
        answer = await reader.read()
        await stopping
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b"\r\n\r\n100")
        writer.transport.abort()

    played(scenario, 10)


def test_who_comes_too_late_is_cut_off_and_never_heard(played: Callable[[Scenario, float], None]) -> None:
    async def scenario(site: Listening) -> None:
        sock = await site.accepted()
        await site.site.stop()
        try:
            reader, writer = await site.shaken(sock)
            writer.write(HEAD + BODY)
            heard = await reader.read()
        except ConnectionError:
            heard = b""
        assert heard == b""

    played(scenario, 0.2)


def test_nobody_there_keeps_it_from_stopping_at_once(played: Callable[[Scenario, float], None]) -> None:
    async def scenario(site: Listening) -> None:
        reader, writer = await site.shaken(await site.accepted())
        writer.write(HEAD + BODY)
        assert await reader.readuntil(b"\r\n\r\n100")
        async with asyncio.timeout(30):
            await site.site.stop()
        assert await reader.read() == b""
        writer.transport.abort()

    played(scenario, 60)
