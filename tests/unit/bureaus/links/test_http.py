"""The HTTP link: what each answer of a gateway becomes, and whom it talks to at all."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from bureaus.links import FROM_THE_START, http, pool
from bureaus.links.http import HttpLink, client_context
from bureaus.sandbox.pki import SandboxAuthority, TlsFiles
from schemas import wire
from schemas.errors import BureaunetError, Forbidden, Malformed, Misuse, Reason, Unavailable, Untrusted
from schemas.wire import InboxItem, ItemType
from tests.unit.bureaus.network import eventually

PROBLEM = "application/problem+json"


@dataclass
class Server:
    """Answers every request with the next of `answers`, the last one again and again."""

    url: str = ""
    client: TlsFiles | None = None
    answers: list[web.Response] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    silent: bool = False
    drip: float = 0.0
    """Seconds between an answer's bytes."""
    peers: list[object] = field(default_factory=list)
    """Who asked: the address of each request's connection."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path_qs}")
        self.peers.append(request.transport and request.transport.get_extra_info("peername"))
        await request.read()
        if self.silent:
            await asyncio.Event().wait()
        if self.drip:
            return await self._drip(request)
        answer = self.answers.pop(0) if self.answers else web.Response(status=500)
        body = answer.body if isinstance(answer.body, bytes) else b""
        return web.Response(status=answer.status, headers=answer.headers, body=body)

    async def _drip(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": wire.CBOR_TYPE})
        await answer.prepare(request)
        for byte in b"receipt":
            await asyncio.sleep(self.drip)
            await answer.write(bytes([byte]))
        return answer

    def answer(self, status: int, body: bytes = b"", kind: str = wire.CBOR_TYPE, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append(web.Response(status=status, body=body, content_type=kind, headers=named))

    def link(self, max_answer: int = 1_000_000, answer_seconds: float = http.ANSWER_SECONDS) -> HttpLink:
        assert self.client is not None
        tls = client_context(self.client.certificate, self.client.key, self.client.authority)
        return HttpLink(self.url, tls, max_answer=max_answer, answer_seconds=answer_seconds)


async def serve(folder: Path, authority: SandboxAuthority, server: Server) -> web.AppRunner:
    files = authority.issue_server().save(folder, "server")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=files.authority)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(files.certificate, files.key)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    server.url = f"https://localhost:{runner.addresses[0][1]}"
    return runner


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    authority = SandboxAuthority()
    found = Server(client=authority.issue_client("FR").save(tmp_path / "client", "link"))
    runner = await serve(tmp_path / "server", authority, found)
    yield found
    await runner.cleanup()


@pytest.fixture
async def link(server: Server) -> AsyncIterator[HttpLink]:
    made = server.link()
    yield made
    await made.aclose()


def problem(reason: str) -> bytes:
    return b'{"type": "about:blank", "reason": "%b", "detail": "so it is"}' % reason.encode()


async def test_a_receipt_is_an_answer_whatever_it_says(server: Server, link: HttpLink) -> None:
    for status in (200, 422, 413):
        server.answer(status, b"receipt")
        assert await link.submit(b"body") == b"receipt"
    assert server.asked == [f"POST {wire.MESSAGES}"] * 3


@pytest.mark.parametrize(
    ("status", "headers", "reason", "wait"),
    [
        (429, {"Retry_After": "7"}, Reason.LINK_QUOTA, 7.0),
        (429, {}, Reason.LINK_QUOTA, 1.0),
        (503, {"Retry_After": "2"}, Reason.OVERLOADED, 2.0),
        (503, {"Retry_After": "99999999"}, Reason.OVERLOADED, 3600.0),
        (503, {"Retry_After": "Fri, 31 Dec 1999 23:59:59 GMT"}, Reason.OVERLOADED, None),
        (400, {}, Reason.OVERLOADED, None),
    ],
)
async def test_without_a_receipt_nothing_was_decided(
    server: Server, link: HttpLink, status: int, headers: dict[str, str], reason: Reason, wait: float | None
) -> None:
    server.answer(status, problem("overloaded"), PROBLEM, **headers)
    with pytest.raises(Unavailable) as caught:
        await link.submit(b"body")
    assert (caught.value.reason, caught.value.retry_after) == (reason, wait)


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (400, PROBLEM, Malformed),
        (413, PROBLEM, Malformed),
        (422, PROBLEM, Untrusted),
        (403, PROBLEM, Forbidden),
        (404, PROBLEM, Forbidden),
        (500, PROBLEM, Unavailable),
        (404, "text/html", Unavailable),
        (302, "text/html", Unavailable),
    ],
)
async def test_a_problem_becomes_the_error_that_it_stands_for(
    server: Server, link: HttpLink, status: int, kind: str, error: type[BureaunetError]
) -> None:
    server.answer(status, problem("not-found"), kind, Location="https://localhost:1/elsewhere")
    with pytest.raises(error) as caught:
        await link.get(wire.DIRECTORY)
    assert caught.value.reason is (Reason.NOT_FOUND if kind == PROBLEM else Reason.UNREACHABLE)
    assert len(server.asked) == 1, "no redirect is followed"


async def test_what_is_not_there_yet_may_be_asked_for_again(server: Server, link: HttpLink) -> None:
    server.answer(404, problem("not-found"), PROBLEM, Retry_After="1")
    with pytest.raises(Unavailable) as caught:
        await link.get(f"{wire.PROOFS}/1")
    assert caught.value.retry_after == 1.0


async def test_a_reason_of_no_list_is_no_reason(server: Server, link: HttpLink) -> None:
    for body in (problem("because"), b"[]", b"not JSON", b'{"reason": 7}'):
        server.answer(403, body, PROBLEM)
        with pytest.raises(Unavailable) as caught:
            await link.get(wire.DIRECTORY)
        assert caught.value.reason is Reason.UNREACHABLE


async def test_the_inbox_is_polled_from_the_last_item_on(server: Server, link: HttpLink) -> None:
    items = [InboxItem(index, ItemType.ENVELOPE, b"r", b"s", None) for index in (3, 9)]
    server.answer(200, b"".join(item.encode() for item in items), wire.SEQUENCE_TYPE)
    server.answer(200, b"", wire.SEQUENCE_TYPE)
    server.answer(200, items[0].encode(), wire.SEQUENCE_TYPE)
    batches = link.items(FROM_THE_START)
    assert await anext(batches) == items
    assert await anext(batches) == items[:1]
    assert [path.partition("&")[0] for path in server.asked] == [
        f"GET {wire.INBOX}?after={after}" for after in (-1, 9, 9)
    ]


async def test_items_beyond_the_bound_are_asked_for_one_by_one(server: Server) -> None:
    item = InboxItem(3, ItemType.ENVELOPE, b"r", bytes(600), None)
    link = server.link(max_answer=1000)
    server.answer(200, item.encode() * 2, wire.SEQUENCE_TYPE)
    server.answer(200, item.encode(), wire.SEQUENCE_TYPE)
    assert await anext(link.items(FROM_THE_START)) == [item]
    assert [path.rpartition("=")[2] for path in server.asked] == [str(wire.MAX_ITEMS), "1"]
    for _ in range(2):
        server.answer(200, bytes(2000), wire.SEQUENCE_TYPE)
    with pytest.raises(Malformed):
        await anext(link.items(FROM_THE_START))
    await link.aclose()


async def test_garbage_in_the_inbox_is_malformed(server: Server, link: HttpLink) -> None:
    server.answer(200, b"\xff", wire.SEQUENCE_TYPE)
    with pytest.raises(Malformed):
        await anext(link.items(FROM_THE_START))


async def test_a_server_of_another_authority_is_not_talked_to(server: Server, tmp_path: Path) -> None:
    stranger = SandboxAuthority("another").issue_client("FR").save(tmp_path / "stranger", "link")
    server.client = stranger
    link = server.link()
    with pytest.raises(Unavailable):
        await link.get(wire.DIRECTORY)
    assert not server.asked
    await link.aclose()


async def test_a_server_for_another_host_is_not_talked_to(server: Server) -> None:
    server.url = server.url.replace("localhost", "127.0.0.2")
    link = server.link()
    with pytest.raises(Unavailable):
        await link.get(wire.DIRECTORY)
    await link.aclose()


async def test_closing_lets_whoever_waits_go(server: Server, link: HttpLink) -> None:
    server.silent = True
    waiting = asyncio.ensure_future(anext(link.items(FROM_THE_START)))
    await eventually(lambda: len(server.asked) == 1)
    assert not waiting.done()
    await link.aclose()
    with pytest.raises(Unavailable):
        await waiting
    with pytest.raises(Unavailable):
        await link.get(wire.DIRECTORY)


async def test_a_silent_gateway_is_asked_again_over_another_connection_and_the_old_poll_is_given_up(
    server: Server,
) -> None:
    link = server.link(answer_seconds=3.0)
    server.answer(200, b"first")
    assert await link.submit(b"body") == b"first"
    server.silent = True
    waiting = asyncio.ensure_future(anext(link.items(FROM_THE_START)))
    with pytest.raises(Unavailable):
        await link.submit(b"body")
    assert not waiting.done(), "nothing says yet that it is not the gateway that is slow"
    server.silent = False
    server.answer(200, b"receipt")
    assert await link.submit(b"body") == b"receipt"
    async with asyncio.timeout(60):
        with pytest.raises(Unavailable):
            await waiting
    assert len({server.peers[0], server.peers[-1]}) == 2
    server.answer(200, b"again")
    assert await link.submit(b"body") == b"again"
    assert server.peers[-1] == server.peers[-2], "the fresh connection stays"
    await link.aclose()


async def test_an_answer_that_has_begun_may_take_longer_as_long_as_it_goes_on(server: Server) -> None:
    server.drip = 0.6
    link = server.link(answer_seconds=3.0)
    assert await link.submit(b"body") == b"receipt"
    await link.aclose()


def test_a_url_and_files_are_checked_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(Misuse):
        HttpLink("http://localhost:1", ssl.create_default_context())
    with pytest.raises(Misuse):
        client_context(tmp_path / "a.pem", tmp_path / "a.key", tmp_path / "ca.pem")
    assert 4 * pool.CONNECTIONS < 64, "a link of the gateway has no more, and some pools may be in doubt"
