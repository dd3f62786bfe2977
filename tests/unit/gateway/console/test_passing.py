"""What passes between a browser and a worker, and what does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, unused_port

from gateway.adapters.memory import ListWatcher
from gateway.console.passing import Passing


@dataclass
class Scene:
    """Workers, of which `places` says where they are, and a browser before them."""

    places: list[str | None] = field(default_factory=list)
    watcher: ListWatcher = field(default_factory=ListWatcher)
    asked: list[web.Request] = field(default_factory=list)
    going: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        if request.path.endswith("/live"):
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            await response.write(b"data: 1\n\n")
            await self.going.wait()
            await response.write(b"data: 2\n\n")
            return response
        made = web.Response(status=303, body=await request.read(), headers={"Location": "/console/"})
        made.set_cookie("one", "1")
        made.set_cookie("two", "2")
        return made


Browser = TestClient[web.Request, web.Application]


@pytest_asyncio.fixture
async def scene() -> Scene:
    return Scene()


@pytest_asyncio.fixture
async def browser(scene: Scene) -> AsyncIterator[Browser]:
    worker, front = web.Application(), web.Application()
    worker.router.add_route("*", "/{tail:.*}", scene.answer)
    passing = Passing(lambda: scene.places, scene.watcher)
    passing.mount(front)
    async with TestServer(worker) as behind, TestClient(TestServer(front)) as client:
        scene.places.append(str(behind.make_url("")).rstrip("/"))
        yield client
        passing.stop()
        await passing.close()


async def test_a_request_and_its_answer_pass_as_they_are(scene: Scene, browser: Browser) -> None:
    headers = {"Cookie": "a=1", "Origin": "http://here", "X-Forwarded-For": "192.0.2.1", "Host": "console.example"}
    path = "/console/x%2Fy?q=%C3%A9&q=2"
    answer = await browser.post(path, data=b"body", headers=headers, allow_redirects=False)
    assert (answer.status, await answer.read(), answer.headers["Location"]) == (303, b"body", "/console/")
    assert answer.headers.getall("Set-Cookie") == ["one=1; Path=/", "two=2; Path=/"]
    assert answer.headers["X-Frame-Options"] == "DENY"
    (asked,) = scene.asked
    assert (asked.method, asked.raw_path, asked.host) == ("POST", path, "console.example")
    assert (asked.headers["Cookie"], asked.headers["Origin"]) == ("a=1", "http://here")
    assert asked.headers.getall("X-Forwarded-For") == ["192.0.2.1", "127.0.0.1"], "who asks stands last"


async def test_what_is_of_one_connection_does_not_pass(scene: Scene, browser: Browser) -> None:
    headers = {"Connection": "close, X-Mine", "X-Mine": "1", "TE": "trailers", "Upgrade": "websocket", "X-Other": "1"}
    await browser.get("/console/", headers=headers, allow_redirects=False)
    (asked,) = scene.asked
    assert not {"X-Mine", "TE", "Upgrade"} & set(asked.headers)
    assert asked.headers["X-Other"] == "1"


async def test_nothing_but_the_console_passes(scene: Scene, browser: Browser) -> None:
    for path in ("/metrics", "/consoles", "/", "/exercise/advance"):
        assert (await browser.get(path)).status == 404
    assert scene.asked == []


async def test_events_pass_as_they_come(scene: Scene, browser: Browser) -> None:
    answer = await browser.get("/console/live")
    assert await answer.content.readline() == b"data: 1\n"
    scene.going.set()
    assert b"data: 2" in await answer.content.read()


async def test_a_worker_that_is_away_is_passed_over(scene: Scene, browser: Browser) -> None:
    scene.places += [None, f"http://127.0.0.1:{unused_port()}"]
    found = [(await browser.post("/console/", data=b"x", allow_redirects=False)).status for _ in range(4)]
    assert found == [303] * 4
    scene.places[:] = [None, f"http://127.0.0.1:{unused_port()}"]
    answer = await browser.get("/console/")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
