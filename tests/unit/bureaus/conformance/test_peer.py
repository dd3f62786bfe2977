"""A program under test that hangs, dies, floods or lies: the kit says so and goes on."""

from __future__ import annotations

import shlex
import sys
import time

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bureaus.conformance.contract import MAX_LINE, Answer
from bureaus.conformance.findings import Report, Verdict
from bureaus.conformance.kit import greet, offline
from bureaus.conformance.peer import MOST_TROUBLES, CommandPeer, Trouble, UrlPeer, read_answer
from schemas.errors import Misuse, Unavailable

LOOP = "import json,sys,time,os\nfor line in sys.stdin:\n r=json.loads(line)\n "
ANSWERS = "print(json.dumps({'id':r['id'],'outcome':'ok'}),flush=True)"


def program(body: str) -> CommandPeer:
    """A program that does this with each request `r`."""
    return CommandPeer(shlex.join([sys.executable, "-S", "-c", LOOP + body]))


async def said(body: str, seconds: float = 60.0) -> str:
    """What the kit says of a program's first answer."""
    async with program(body) as peer:
        answer = await peer.ask("cbor", {"data": "00"}, seconds=seconds)
    assert isinstance(answer, Trouble)
    return answer.said


async def test_an_answer_is_an_answer() -> None:
    async with program(ANSWERS) as peer:
        assert await peer.ask("cbor", {"data": "00"}) == Answer(id=1, outcome="ok")
        assert await peer.ask("cbor", {"data": "00"}) == Answer(id=2, outcome="ok")


async def test_one_that_hangs_is_not_waited_for() -> None:
    begin = time.monotonic()
    assert await said("time.sleep(60)", 0.3) == "no answer in 0.3 s"
    assert time.monotonic() - begin < 30


async def test_one_that_ends_is_told_of_with_its_last_words() -> None:
    text = await said("sys.exit('it is broken')")
    assert text == "the program ended with code 1: it is broken"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "sys.stdout.write('x'*20_000_000); sys.stdout.flush(); time.sleep(60)",
            f"a line longer than {MAX_LINE} bytes",
        ),
        ("print('hello', flush=True)", "no JSON: 'hello"),
        ("print('['*100000, flush=True)", "no JSON: '[["),
        ("print(json.dumps({'id':99,'outcome':'ok'}), flush=True)", "an answer to request 99 instead of 1"),
        ("print(json.dumps({'id':1,'outcome':'OK!'}), flush=True)", "not an answer of the contract"),
        ("print(json.dumps({'id':True,'outcome':'ok'}), flush=True)", "not an answer of the contract"),
        ("os.close(1); time.sleep(60)", "the program closed its output"),
    ],
)
async def test_what_is_no_answer_is_told_in_words(body: str, words: str) -> None:
    assert (await said(body)).startswith(words)


async def test_a_flood_on_standard_error_stops_nobody() -> None:
    async with program(f"sys.stderr.write('x'*5_000_000); {ANSWERS}") as peer:
        assert isinstance(await peer.ask("cbor", {"data": "00"}), Answer)


async def test_one_that_failed_is_asked_on_and_in_the_end_no_more() -> None:
    async with program("sys.exit(3)") as peer:
        for _ in range(MOST_TROUBLES):
            answer = await peer.ask("cbor", {"data": "00"})
            assert isinstance(answer, Trouble)
            assert not answer.given_up
        assert peer.given_up
        answer = await peer.ask("cbor", {"data": "00"})
        assert isinstance(answer, Trouble)
        assert answer.given_up
        findings = [finding async for finding in offline(peer, "1.1")]
    assert {finding.verdict for finding in findings} == {Verdict.NOT_RUN}


async def test_one_that_says_ok_to_everything_does_not_conform() -> None:
    report = Report("a liar")
    async with program(ANSWERS) as peer:
        report.add([finding async for finding in offline(peer, "5.4")])
    assert not report.passed
    assert {"receipt/signature", "receipt/item", "proof/index"} <= {one.test.id for one in report.wrong}


async def test_there_is_nothing_to_try_on_a_program_that_does_not_say_hello() -> None:
    async with program("sys.exit(1)") as peer:
        with pytest.raises(Unavailable, match="did not say hello"):
            await greet(peer)
    async with program(ANSWERS) as peer:
        with pytest.raises(Misuse, match="version 1"):
            await greet(peer)


@pytest.mark.parametrize("command", ["", "'", "/no/such/program"])
async def test_a_command_that_cannot_be_run_is_misuse(command: str) -> None:
    with pytest.raises(Misuse):
        async with CommandPeer(command):
            pass


async def test_a_url_is_asked_by_post() -> None:
    async def serve(request: web.Request) -> web.Response:
        asked = await request.json()
        match asked["do"]:
            case "large":
                return web.Response(body=b"x" * (MAX_LINE + 1))
            case "wrong":
                return web.Response(status=500)
        return web.json_response({"id": asked["id"], "outcome": "cbor-trailing"})

    app = web.Application()
    app.router.add_post("/", serve)
    async with TestServer(app) as server, UrlPeer(str(server.make_url("/"))) as peer:
        assert await peer.ask("cbor", {"data": "0000"}) == Answer(id=1, outcome="cbor-trailing")
        assert await peer.ask("large", {}) == Trouble(f"an answer longer than {MAX_LINE} bytes")
        assert await peer.ask("wrong", {}) == Trouble("HTTP status 500")
    async with UrlPeer("http://127.0.0.1:9/") as peer:
        answer = await peer.ask("cbor", {})
        assert isinstance(answer, Trouble)
    with pytest.raises(Misuse):
        UrlPeer("ftp://127.0.0.1/")


def test_an_answer_that_is_not_one_is_told() -> None:
    assert read_answer(b'{"id": 1, "outcome": "ok", "more": 1}', 1) == Trouble(
        'not an answer of the contract: \'{"id": 1, "outcome": "ok", "more": 1}\''
    )
