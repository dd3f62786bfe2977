"""`bureaunet secretariat serve` as a process: pages over TLS, the public's page, SIGTERM, and its exit code."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import aiohttp
import pytest

from bureaus.client import Bureau
from bureaus.exchange import Received
from bureaus.sandbox.network import PrivateNetwork
from bureaus.secretariat.office import OPERATION
from schemas.codes import Purpose
from schemas.identity import Address
from schemas.messages.notice_codes import Decision
from schemas.messages.notices import NoticeDecision
from tests.integration.secretariat.cases import PICTURE, RED
from tests.integration.secretariat.served import SEATS, Served
from tests.integration.secretariat.visitor import Visitor

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
WITHIN = 60.0
QUESTIONS = "Which court issued the warrant?"


@asynccontextmanager
async def browsing(home: str, context: ssl.SSLContext) -> AsyncIterator[Visitor]:
    """A browser that trusts the pages' authority."""
    jar, connector = aiohttp.CookieJar(unsafe=True), aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(cookie_jar=jar, connector=connector) as session:
        yield Visitor(session, home)


async def asked_for(france: Bureau, visitor: Visitor) -> str:
    """France asks for a red notice: the page of its request."""
    await france.ask(RED, to=["IPSG"], operation=OPERATION, purpose=Purpose.ARREST, attachments=[PICTURE])
    async with asyncio.timeout(WITHIN):
        while RED.case not in (listed := await visitor.get("/screening")).text:  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.1)
    assert listed.status == HTTPStatus.OK
    return "/screening/1"


async def test_it_serves_its_pages_over_tls_and_is_told_to_stop_by_either_signal(tmp_path: Path) -> None:
    network = PrivateNetwork(tmp_path / "network", SEATS)
    async with network, Served(network, tmp_path) as served:
        assert served.pages.startswith("https://127.0.0.1:")
        await served.add("ines", "screener", "publisher")
        await check_staff_and_sigterm(network, served)
        await check_decision_was_sent(network, served)
        await served.start()
        await check_one_process_has_the_home(network, tmp_path)
        await check_public_and_ctrl_c(served)
    said = served.log.read_text("utf-8")
    lines = [json.loads(line) for line in said.splitlines()]
    assert [line["event"] for line in lines[-2:]] == ["stopping", "stopped"]
    assert {line.get("level", "info") for line in lines} == {"info"}, "no line of the log complains"
    assert QUESTIONS not in said
    assert "127.0.0.1" not in "".join(line for line in said.splitlines() if '"ready"' not in line)


async def check_staff_and_sigterm(network: PrivateNetwork, served: Served) -> None:
    """Somebody signs in and asks a bureau for more; at once the service is told to stop."""
    async with browsing(served.pages, served.context) as visitor:
        signed = await visitor.sign_in("ines")
        assert signed.status == HTTPStatus.OK, signed.text
        cookies = {cookie.key: cookie for cookie in visitor.session.cookie_jar}
        assert cookies["__Host-secretariat-session"]["secure"]
        async with network.bureau(Address("FR")) as france:
            page = await asked_for(france, visitor)
        done = await visitor.send(page, f"{page}/more", questions=QUESTIONS)
        served.process.send(signal.SIGTERM)
        assert done.status == HTTPStatus.OK, done.text
    async with asyncio.timeout(WITHIN):
        assert await served.process.wait() == 0


async def check_decision_was_sent(network: PrivateNetwork, served: Served) -> None:
    """What was decided just before the end is in the bureau's inbox while nothing serves."""
    france, heard = network.bureau(Address("FR")), asyncio.Queue[Received]()

    @france.on(NoticeDecision)
    async def hear(received: Received) -> None:
        heard.put_nowait(received)

    try:
        async with france, asyncio.timeout(WITHIN):
            decision = (await heard.get()).message
    except TimeoutError:
        pytest.fail(f"no decision came; the service said: {served.process.tail()}")
    assert isinstance(decision, NoticeDecision)
    assert (decision.decision, decision.questions) == (Decision.MORE_INFORMATION, QUESTIONS)


async def check_one_process_has_the_home(network: PrivateNetwork, folder: Path) -> None:
    (folder / "another").mkdir()
    another = Served(network, folder / "another")
    another.process.start()
    async with asyncio.timeout(WITHIN):
        assert await another.process.wait() == 2, another.process.tail()
    assert "in use by another process" in another.process.tail()


async def check_public_and_ctrl_c(served: Served) -> None:
    async with browsing(served.public, served.context) as visitor:
        page = await visitor.get("/")
        assert (page.status, "Set-Cookie" in page.headers) == (HTTPStatus.OK, False)
        assert (await visitor.tell("At the ferry.")).status == HTTPStatus.OK
        assert (await visitor.get("/sign-in")).status == HTTPStatus.NOT_FOUND
    assert await served.process.stop(by=signal.SIGINT, grace=WITHIN) == 0
