"""Two people in the console: a request is brought, signed by another, and acts once; nobody acts alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient

from gateway import two_people
from gateway.adapters.memory import MemoryStore
from gateway.approvals import Standing
from gateway.ports_console import AccountRole
from gateway.two_people import Act, Request
from schemas import wire
from schemas.evidence import read_entry
from schemas.identity import Address
from tests.support import World
from tests.unit.gateway.console.scene import Scene, console, token_of

BODY = b"bytes that nobody can read"
JSON = {"Accept": "application/json"}
Browser = TestClient[web.Request, web.Application]


@dataclass
class Pair:
    """Two operators at home, and what they sign."""

    homes: dict[str, Path]
    world: World

    def sign(self, name: str, request: Request, before: bytes | None = None) -> bytes:
        return two_people.sign_request(self.homes[name], request, self.world.network, before)

    def request(self, body: bytes = BODY, age: int = 0) -> Request:
        subject = hashlib.sha256(body).digest()
        return Request(Act.QUARANTINE_DISCARD, subject, self.world.clock.now() // 1000 - age)


async def listed(scene: Scene, folder: Path) -> Pair:
    """The authority lists ada and bo; cy has a key, and is no operator."""
    homes = {name: folder / name for name in ("ada", "bo", "cy")}
    for name, home in homes.items():
        home.mkdir()
        two_people.new_operator(home, name, None)
    cards = [(homes[name] / two_people.CARD_FILE).read_bytes() for name in ("ada", "bo")]
    raw = two_people.sign_list(cards, 2, [scene.world.authority], scene.world.network)
    gateway = folder / "gateway"
    gateway.mkdir()
    where = scene.desk.store, scene.world.clock
    await two_people.install(gateway, *where, raw, scene.world.network, None)
    async with scene.desk.store.begin() as transaction:
        await transaction.quarantine(Address("FR"), BODY, "KeyError", 1)
    return Pair(homes, scene.world)


async def post(browser: Browser, path: str, data: bytes | None = None, **fields: str) -> aiohttp.ClientResponse:
    form = aiohttp.FormData()
    said = await (await browser.get("/console/api/session")).json()
    for name, value in {"token": said["token"], "why": "a test", **fields}.items():
        form.add_field(name, value)
    if data is not None:
        form.add_field("file", data, filename="request.cbor")
    return await browser.post(path, data=form, headers=JSON)


async def kinds(scene: Scene) -> list[str | None]:
    leaves = await scene.desk.store.leaves(0, await scene.desk.store.size())
    return [read_entry(leaf.entry).kind for leaf in leaves]


async def test_nobody_discards_alone_and_two_do_once(tmp_path: Path) -> None:
    async with console() as scene:
        pair = await listed(scene, tmp_path)
        officer, _ = await scene.sign_in(str(AccountRole.SECURITY_OFFICER))
        operator, _ = await scene.sign_in(str(AccountRole.OPERATOR))
        act = "/console/quarantine/1/discard"
        assert (await post(officer, act, reason="unreadable")).status == 403, "nobody signed"
        asked = pair.request()
        first = pair.sign("ada", asked)
        assert (await post(operator, "/console/approvals", first)).status == 200
        assert (await post(operator, "/console/approvals", first)).status == 200, "again, it changes nothing"
        assert (await post(officer, act, reason="unreadable")).status == 403, "one signed twice"
        second = pair.sign("bo", asked)
        said = await (await post(officer, "/console/approvals", second)).json()
        assert said == {"done": "quarantine.discard/1: 2 of 2 signed, it ready"}
        text = await (await operator.get("/console/approvals")).text()
        assert [part in text for part in ("ready to act", "ada, bo", "brought by operator")] == [True] * 3
        assert (await post(operator, act, reason="unreadable")).status == 403, "the role does not"
        assert (await post(officer, act, reason="because")).status == 400
        assert (await post(officer, act, reason="unreadable", why=" ")).status == 400
        assert (await post(officer, act, reason="unreadable")).status == 200
        assert (await kinds(scene))[-3:] == ["quarantine.discard/1"] * 3, "both signatures, and the act"
        assert await scene.desk.store.one_set_aside(1) is None
        (one,) = await scene.desk.requests.listed(None, 9)
        assert one.standing is Standing.USED
        async with scene.desk.store.begin() as transaction:
            await transaction.quarantine(Address("FR"), BODY, "KeyError", 1)
        assert (await post(officer, "/console/quarantine/2/discard", reason="unreadable")).status == 403, "it acted"
        assert (await post(operator, "/console/approvals", first)).status == 403


async def test_a_request_is_taken_from_operators_alone_and_in_its_time(tmp_path: Path) -> None:
    async with console() as scene:
        pair = await listed(scene, tmp_path)
        browser, _ = await scene.sign_in(str(AccountRole.OPERATOR))
        for name, request in (
            ("cy", pair.request()),
            ("ada", pair.request(age=8 * 86_400)),
            ("ada", pair.request(age=-600)),
        ):
            assert (await post(browser, "/console/approvals", pair.sign(name, request))).status in {400, 403}, name
        assert (await post(browser, "/console/approvals", b"no request")).status == 400
        assert (await post(browser, "/console/approvals", b"x" * 70_000)).status == 400
        assert (await post(browser, "/console/approvals")).status == 400
        other = World()
        stranger = Pair(pair.homes, other)
        assert (await post(browser, "/console/approvals", stranger.sign("ada", pair.request()))).status in {400, 403}
        assert await scene.desk.requests.listed(None, 9) == []
        raw = pair.sign("ada", pair.request())
        assert (await post(browser, "/console/approvals", raw)).status == 200
        (one,) = await scene.desk.requests.listed(None, 9)
        taken = await browser.get(f"/console/approvals/{one.kept.id.hex()}")
        assert await taken.read() == raw
        scene.world.clock.move(8 * 86_400_000)
        (one,) = await scene.desk.requests.listed(None, 9)
        assert one.standing is Standing.EXPIRED
        viewer, _ = await scene.sign_in(str(AccountRole.VIEWER))
        assert (await viewer.get(f"/console/approvals/{one.kept.id.hex()}")).status == 403
        assert "Bring a signed request" not in await (await viewer.get("/console/approvals")).text()


async def test_where_nobody_is_listed_nothing_is_discarded_in_the_page() -> None:
    async with console() as scene:
        async with scene.desk.store.begin() as transaction:
            await transaction.quarantine(Address("FR"), BODY, "KeyError", 1)
        officer, _ = await scene.sign_in(str(AccountRole.SECURITY_OFFICER))
        answer = await post(officer, "/console/quarantine/1/discard", reason="unreadable")
        assert answer.status == 403
        assert await scene.desk.store.one_set_aside(1) is not None
        assert "has listed no operators" in await (await officer.get("/console/approvals")).text()


async def test_what_is_released_is_decided_and_what_is_refused_for_now_stays() -> None:
    async with console() as scene:
        good = wire.encode_submission(scene.world.envelope("FR", ["BR"]))
        async with scene.desk.store.begin() as transaction:
            await transaction.quarantine(Address("FR"), good, "KeyError", 1)
            await transaction.quarantine(Address("FR"), b"\x00", "KeyError", 1)
        browser, _ = await scene.sign_in(str(AccountRole.OPERATOR))
        assert token_of(await (await browser.get("/console/quarantine/1")).text())
        answer = await post(browser, "/console/quarantine/1/release")
        assert await answer.json() == {"done": "1 was released and accepted"}
        answer = await post(browser, "/console/quarantine/2/release")
        assert answer.status == 409
        assert "It stays here" in await answer.text()
        store = scene.desk.store
        assert isinstance(store, MemoryStore)
        assert [one.id for one in store.state.quarantine.values()] == [2]
        assert (await post(browser, "/console/quarantine/1/release")).status == 403, "it is gone"
        rows = await scene.accounts.audit_rows(None, 3)
        said = [(one.action, one.subject, one.why, one.entry is None) for one in rows]
        acted = "quarantine.release/1"
        assert said == [(acted, "1", "a test", True), (acted, "2", "a test", False), (acted, "1", "a test", False)]
