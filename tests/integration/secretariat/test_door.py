"""The public's listener under a flood: who brings nothing is cut, and others are served meanwhile."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from bureaus.sandbox.pki import SandboxAuthority, TlsFiles
from bureaus.secretariat.pages.listening import Place, public
from bureaus.secretariat.settings import Settings
from tests.integration.secretariat.house import PROMPT, House

MOST = 20
FEW = replace(PROMPT, page_connections=MOST, page_connections_near=MOST, page_wait_seconds=30.0)
HURRIED = replace(FEW, page_wait_seconds=1.0, page_work_seconds=2.0)
WITHIN = 20.0
"""Seconds that nothing here takes: far below `page_wait_seconds` times two, far above what a page takes."""


@asynccontextmanager
async def site(folder: Path, settings: Settings, tls: TlsFiles | None = None) -> AsyncIterator[str]:
    house = await House.gather(folder / "house", ())
    place = Place() if tls is None else Place(certificate=tls.certificate, key=tls.key)
    async with house.office(settings) as office, public(office, place) as url:
        yield url


async def connected(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    where = urlsplit(url)
    return await asyncio.open_connection(where.hostname, where.port)


async def seen(url: str, context: ssl.SSLContext | None = None) -> int:
    """Somebody else's visit, on a connection of its own."""
    async with (
        asyncio.timeout(WITHIN),
        aiohttp.ClientSession() as session,
        session.get(url, ssl=context or True) as answer,
    ):
        await answer.read()
        return answer.status


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What came until the other side ended it."""
    try:
        async with asyncio.timeout(WITHIN):
            return await reader.read()
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"POST /answer HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-"])
async def test_a_flood_of_idle_connections_stops_nobody_else(tmp_path: Path, begun: bytes) -> None:
    async with site(tmp_path, FEW) as url, AsyncExitStack() as stack:
        flood = []
        for _ in range(3 * MOST):
            reader, writer = await connected(url)
            stack.callback(writer.close)
            writer.write(begun)
            flood.append(reader)
        assert await seen(url) == HTTPStatus.OK
        gone = await asyncio.gather(*map(ended, flood[: 2 * MOST]))
        assert set(gone) == {b""}, "those who waited for longest went first"


async def test_idle_connections_and_slow_forms_are_cut_when_their_time_is_over(tmp_path: Path) -> None:
    form = b"POST /answer HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    async with site(tmp_path, HURRIED) as url:
        for begun in (b"", b"GET / HT", form + b"Content-Length: 900\r\n\r\nform="):
            reader, writer = await connected(url)
            writer.write(begun)
            assert await ended(reader) == b""
            writer.close()


async def _ask_and_ask(writer: asyncio.StreamWriter) -> None:
    asked = b"GET /static/secretariat.css HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 200
    async with asyncio.timeout(WITHIN):
        while True:
            writer.write(asked)
            await writer.drain()


async def test_who_takes_no_answer_is_cut(tmp_path: Path) -> None:
    """Requests come one after another on one connection, and not one answer is read."""
    async with site(tmp_path, HURRIED) as url:
        reader, writer = await connected(url)
        with pytest.raises(ConnectionError):
            await _ask_and_ask(writer)
        assert reader.at_eof() or reader.exception() is not None
        writer.close()
        assert await seen(url) == HTTPStatus.OK


async def test_over_tls_handshakes_are_counted_and_one_network_has_its_share_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("bureaus", "aiohttp", "asyncio"):
        caplog.set_level(logging.DEBUG, name)
    tls = SandboxAuthority().issue_server().save(tmp_path / "tls", "public")
    context = ssl.create_default_context(cafile=tls.authority)
    near = replace(FEW, page_connections=1000, page_connections_near=5)
    async with site(tmp_path, near, tls) as url, AsyncExitStack() as stack:
        flood = []
        for _ in range(15):
            reader, writer = await connected(url)
            stack.callback(writer.close)
            flood.append(reader)
        assert await seen(url, context) == HTTPStatus.OK
        await asyncio.gather(*map(ended, flood[:10]))
        reader, writer = await connected(url)
        writer.write(b"no TLS at all\r\n")
        await ended(reader)
        writer.close()
        assert await seen(url, context) == HTTPStatus.OK
    said = "\n".join(record.getMessage() for record in caplog.records)
    assert "127.0.0.1" not in said + "".join(capfd.readouterr())


async def test_a_form_that_is_too_large_is_refused_before_it_comes(tmp_path: Path) -> None:
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    async with site(tmp_path, FEW) as url:
        reader, writer = await connected(url)
        writer.write(head + b"Content-Length: 99999999\r\n\r\n")
        async with asyncio.timeout(WITHIN):
            assert b" 413 " in await reader.readline()
        writer.close()
