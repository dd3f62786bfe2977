import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from aiohttp.test_utils import TestServer

from gateway.api.http import operators_application
from gateway.api.operators import OperatorsApi
from schemas.errors import Reason, Unavailable
from tests.metered import metered


class Database:
    """Answers the readiness check."""

    down = False

    async def ping(self) -> None:
        if self.down:
            raise Unavailable(Reason.STORE, "the store is down")


@pytest_asyncio.fixture
async def listener(tmp_path: Path) -> AsyncIterator[tuple[str, Database]]:
    """The operators' listener of a gateway that has lived a little: its URL, and what makes it not ready."""
    async with metered(tmp_path) as here:
        await here.measuring.look()
        database = Database()
        api = OperatorsApi({"store": database.ping}, here.watching, here.exchange.gatehouse.refusals)
        async with TestServer(operators_application(api), host="127.0.0.1") as server:
            yield str(server.make_url("")).rstrip("/"), database


async def run(*words: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "gateway", "watch", *words]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_one_look_is_json_and_says_whether_it_is_ready(listener: tuple[str, Database]) -> None:
    url, database = listener
    code, out, _ = await run("--operators", url, "--once", "--json", "--every", "0.2")
    said = json.loads(out)
    assert (code, said["ready"], said["checks"]) == (0, True, {"store": "ok"})
    assert {one["stage"] for one in said["ledger"]} == {"appended", "integrated", "signed"}
    database.down = True
    code, out, _ = await run("--operators", url, "--once", "--every", "0.2")
    assert code == 1
    assert "the store is down" in out


async def test_it_ends_in_good_order_when_it_is_interrupted(listener: tuple[str, Database]) -> None:
    command = [sys.executable, "-m", "gateway", "watch", "--operators", listener[0], "--every", "0.2", "--json"]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    json.loads(await process.stdout.readline())
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 0
    assert await process.stderr.read() == b""


async def test_a_gateway_that_is_not_there_is_said_in_one_line() -> None:
    code, out, err = await run("--operators", "http://127.0.0.1:9", "--once")
    assert (code, out) == (1, "")
    assert err.strip() == "error: no gateway answers at http://127.0.0.1:9 (unreachable)"
