"""Operators read what was refused last: bounded, by code and digest, and without a word that a sender wrote."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from gateway.__main__ import main
from gateway.adapters.memory import MemoryStore
from gateway.api.http import operators_application
from gateway.api.listener import Site
from gateway.api.operators import OperatorsApi
from gateway.api.workers import WorkersApi
from gateway.gatehouse import Refusal
from gateway.settings import Listener, Pipeline
from gateway.watching import Watching
from schemas.errors import Reason
from schemas.identity import Address
from tests.support import NOW, World

ROW = {"time", "link", "step", "reason", "digest", "index"}


@asynccontextmanager
async def listening(api: OperatorsApi | WorkersApi) -> AsyncIterator[str]:
    site = Site(operators_application(api), idle=5, drain=1)
    try:
        yield f"http://127.0.0.1:{await site.start(Listener())}"
    finally:
        await site.stop()


async def command(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, main, ["refusals", *arguments])


def kept(link: str, time: int) -> Refusal:
    return Refusal(time, Address(link), 7, Reason.SIGNATURE, bytes(32), None)


async def test_the_last_refusals_are_kept_of_every_step_and_hold_no_message() -> None:
    world, store = World(), MemoryStore()
    async with world.gateway(store, Pipeline(refusal_log_items=3, linger_milliseconds=0)) as exchange:
        late = world.envelope(exp=NOW, iat=NOW - 1)
        for envelope in (world.envelope(), world.envelope(), late):
            await world.send(exchange, envelope, link="BR" if envelope is not late else "FR")
        for _ in range(2):
            await world.send(exchange, world.envelope(sub="nowhere"))
        found = list(exchange.gatehouse.refusals)
    assert [(one.link, one.step, one.reason) for one in found] == [
        ("FR", 9, Reason.EXPIRED),
        ("FR", 12, Reason.OPERATION_UNKNOWN),
        ("FR", 12, Reason.OPERATION_UNKNOWN),
    ]
    assert found[0].digest == late.digest
    assert found[0].index is not None
    assert all(set(one.row()) == ROW for one in found)


async def test_an_operator_reads_them_over_the_listener_and_by_the_command() -> None:
    refusals = [kept("FR", 1000), kept("BR", 2000)]
    async with listening(OperatorsApi({}, Watching(), refusals)) as url:
        async with aiohttp.ClientSession() as client, client.get(f"{url}/refusals") as answer:
            assert await answer.json() == {"refusals": [one.row() for one in refusals]}
        machine = await command("--operators", url, "--limit", "1", "--json")
        assert json.loads(machine.output) == {"refusals": [refusals[1].row()]}
        people = await command("--operators", url)
        assert [line.partition(" digest")[0] for line in people.output.splitlines()] == [
            "1970-01-01T00:00:01.000+00:00 link=FR step=7 reason=signature",
            "1970-01-01T00:00:02.000+00:00 link=BR step=7 reason=signature",
        ]


async def test_a_supervisor_gives_those_of_all_its_workers_by_time() -> None:
    first, second = (OperatorsApi({}, Watching(), [kept(link, at)]) for link, at in (("FR", 2000), ("BR", 1000)))
    async with (
        listening(first) as one,
        listening(second) as other,
        listening(WorkersApi(lambda: [one, None, other], Watching())) as url,
    ):
        said = json.loads((await command("--operators", url, "--json")).output)
    assert [(row["link"], row["worker"]) for row in said["refusals"]] == [("BR", 2), ("FR", 0)]


async def test_what_a_stranger_says_moves_no_terminal_and_is_no_time() -> None:
    said: dict[str, object] = {"time": 0, "link": "FR\x1b[2J\u202e\n", "step": 7, "reason": "x\x07", "digest": "\x9b1m"}

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({"refusals": [said]})

    application = web.Application()
    application.router.add_get("/refusals", answer)
    site = Site(application, idle=5, drain=1)
    url = f"http://127.0.0.1:{await site.start(Listener())}"
    try:
        printed = (await command("--operators", url)).output
        assert printed.rstrip("\n").isprintable()
        assert "link=FR\\x1b[2J\\u202e\\n step=7 reason=x\\x07 digest=\\x9b1m" in printed
        for wrong in ("now", -1, 10**20, None, 1.5):
            said["time"] = wrong
            assert (await command("--operators", url)).exit_code == 1
    finally:
        await site.stop()


@pytest.mark.parametrize(("url", "code"), [("https://127.0.0.1:1", 2), ("file:///etc", 2), ("http://127.0.0.1:1", 1)])
async def test_a_url_that_is_none_of_a_gateway_is_told(url: str, code: int) -> None:
    said = await command("--operators", url)
    assert said.exit_code == code
    assert "error: " in said.output
