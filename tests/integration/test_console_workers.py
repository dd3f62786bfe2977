"""The console of several workers behind one listener: one sign-in holds with all, and events reach everybody."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import psutil
import pytest
import pytest_asyncio

from schemas import wire
from tests.integration.gateway_network import GatewayNetwork

pytestmark = [pytest.mark.postgres, pytest.mark.slow]
PASSWORD = "synthetic operators only"  # noqa: S105  # of an account that lives as long as the test
TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')


@pytest_asyncio.fixture
async def network(tmp_path: Path, fresh_database: str) -> AsyncIterator[GatewayNetwork]:
    made = GatewayNetwork(tmp_path)
    made.said["BUREAUNET_DATABASE_URL"] = fresh_database
    secret = tmp_path / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    await made.load()
    said = ("--home", made.home, "--operator", "the test", "--role", "auditor", "--password-file", secret)
    await made.command("account", "add", "ada", *said)
    await made.start("--workers", "2")
    try:
        yield made
    finally:
        assert await made.stop() == 0


def token(page: str) -> str:
    found = TOKEN.search(page)
    assert found is not None, page
    return found[1]


async def page(client: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    async with client.get(path, allow_redirects=False) as response:
        return response.status, await response.text()


async def sign_in(client: aiohttp.ClientSession) -> int:
    _, form = await page(client, "/console/sign-in")
    data = {"token": token(form), "name": "ada", "password": PASSWORD}
    spoofed = {"X-Forwarded-For": "192.0.2.7"}
    async with client.post("/console/sign-in", data=data, headers=spoofed, allow_redirects=False) as response:
        return response.status


async def event(stream: aiohttp.ClientResponse, text: str) -> None:
    """Read events until one holds a text."""
    async with asyncio.timeout(60):
        async for line in stream.content:
            if line.startswith(b"data: ") and text in json.loads(line[6:]):
                return
    raise AssertionError(text)


async def test_one_sign_in_holds_with_every_worker_and_events_reach_everybody(network: GatewayNetwork) -> None:
    await network.open_operation()
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(network.operators, cookie_jar=jar) as client:
        assert (await page(client, "/console/"))[0] == 303
        assert await sign_in(client) == 303, "the form of one worker, sent to the other"
        assert [(await page(client, "/console/exchanges"))[0] for _ in range(6)] == [200] * 6
        status, audit = await page(client, "/console/audit")
        assert (status, "console.sign-in/1" in audit, "192.0.2.7" in audit) == (200, True, False)

        streams = [await client.get("/console/live") for _ in range(4)]
        assert {stream.headers["Content-Type"] for stream in streams} == {"text/event-stream"}
        _, handed = await network.submit("BR", wire.encode_submission(network.query("BR", "AR")))
        assert handed.accepted
        await asyncio.gather(*(event(stream, "<td>BR</td><td>AR</td>") for stream in streams))
        policy = streams[0].headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        for stream in streams:
            stream.close()

        assert network.process is not None
        workers = psutil.Process(network.process.pid).children()
        os.kill(next(one.pid for one in workers if "--worker-socket" in one.cmdline()), signal.SIGKILL)
        found = [(await page(client, "/console/bureaus"))[0] for _ in range(4)]
        assert found.count(200) >= 3, "at most what was under way at the dead one is lost"

        _, overview = await page(client, "/console/")
        cookies = {cookie.key: cookie.value for cookie in jar}
        data = {"token": token(overview)}
        async with client.post("/console/sign-out", data=data, allow_redirects=False) as response:
            assert response.status == 303
    async with aiohttp.ClientSession(network.operators, cookies=cookies) as thief:
        assert [(await page(thief, "/console/"))[0] for _ in range(4)] == [303] * 4, "over, whichever worker is asked"
