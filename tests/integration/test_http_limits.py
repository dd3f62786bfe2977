"""Clients that hang, at a real gateway process that gives them little time: they are cut off, and others are served."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from schemas import wire
from tests.integration.gateway_network import GatewayNetwork

pytestmark = pytest.mark.asyncio(loop_scope="module")
LIMIT = 5
"""Seconds: enough for those who do not hang, on a machine that may stop them for one or two."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GatewayNetwork]:
    made = GatewayNetwork(tmp_path_factory.mktemp("network"))
    await made.load()
    limits = (f"{name}_seconds = {LIMIT}" for name in ("idle", "body", "answer", "handshake"))
    (made.home / "gateway.toml").write_text("\n".join(("[bureaus]", *limits)))
    await made.start()
    await made.open_operation()
    yield made
    await made.stop()


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"", b""),
        (b"GET /v1/dire", b""),
        (b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf", b"HTTP/1.1 408 "),
    ],
)
async def test_a_client_that_hangs_is_cut_off_while_others_are_served(
    network: GatewayNetwork, said: bytes, answer: bytes
) -> None:
    begun = time.monotonic()
    reader, writer = await network.raw("AR")
    with closing(writer):
        writer.write(said)
        await writer.drain()
        ending = asyncio.create_task(reader.read())
        while not ending.done():
            assert await network.read("BR", wire.DIRECTORY)
            assert time.monotonic() - begun < 60
            await asyncio.sleep(0.2)
        assert (await ending)[: len(answer)] == answer
        assert time.monotonic() - begun > LIMIT / 2


async def test_a_client_that_never_begins_tls_is_cut_off(network: GatewayNetwork) -> None:
    place, begun = urlsplit(network.url), time.monotonic()
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    with closing(writer):
        assert await asyncio.wait_for(reader.read(), 60) == b""
        assert time.monotonic() - begun > LIMIT / 2


async def test_a_client_that_does_not_take_its_answer_is_cut_off(network: GatewayNetwork) -> None:
    envelope = network.query("BR", "IPSG", content=os.urandom(9_000_000))
    await network.submit("BR", wire.encode_submission(envelope))
    before = await network.counted("answer-failed")
    reader, writer = await network.raw("IPSG", window=4096)
    with closing(writer):
        writer.write(b"GET /v1/inbox HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        async with asyncio.timeout(60):
            while await network.counted("answer-failed") == before:  # noqa: ASYNC110  # a metric tells nobody
                await asyncio.sleep(0.2)
        taken = 0
        with suppress(ConnectionError):
            while part := await asyncio.wait_for(reader.read(65536), 60):
                taken += len(part)
        assert taken < 9_000_000
