"""At the console, one person where two are needed: what lies in quarantine is discarded by half of those who may."""

from __future__ import annotations

import hashlib
import json

import aiohttp

from gateway.ports_console import AccountRole
from tests.adversary.commands import done
from tests.adversary.office import DISCARD, Office
from tests.adversary.plays.brokers import OWN
from tests.adversary.plays.people import BOTH
from tests.adversary.scene import Scene, eventually
from tests.adversary.seats import Browser, Seats
from tests.adversary.table import Seen, play


async def held(scene: Scene, body: bytes) -> list[int]:
    """The numbers of what is set aside with these very bytes."""
    home = ("--home", scene.home, "--operator", "ada", "--json")
    listed = [json.loads(line) for line in (await done("quarantine", "list", *home)).splitlines()]
    return [int(row["id"]) for row in listed if row["link"] == "MX" and row["size"] == len(body)]


async def set_aside(scene: Scene, body: bytes, times: int) -> list[int]:
    """Have the gateway set bytes aside: their numbers."""
    for _ in range(times):
        await scene.publish("MX", OWN, "routine", body, type="envelope", user_id="MX")

    async def all_of_them() -> list[int]:
        found = await held(scene, body)
        return found if len(found) == times else []

    return await eventually(all_of_them)


async def bring(browser: Browser, request: bytes) -> int:
    """Bring a request's file: the status."""
    form = aiohttp.FormData({"token": await browser.token("/console/approvals"), "why": "a test"})
    form.add_field("file", request, filename="request.cbor")
    return (await browser.ask("POST", "/console/approvals", form)).status


async def discard(browser: Browser, number: int) -> int:
    """Ask for a discard: the status."""
    data = {"token": await browser.token(), "why": "a test", "reason": "unreadable"}
    return (await browser.ask("POST", f"/console/quarantine/{number}/discard", data)).status


@play
async def console_decides_alone(scene: Scene) -> Seen:
    """Ada alone signed it, a second time too; two officers' accounts bring it, which are nobody's signature."""
    office, seats = await Office.of(scene), await Seats.of(scene)
    body = b"garbage, for one"
    (number,) = await set_aside(scene, body, 1)
    subject = scene.folder / "garbage-for-one.bin"
    subject.write_bytes(body)
    await seats.account("add", "second", "--role", "security-officer", "--password-file", seats.secret)
    first = (await office.request(DISCARD, subject, ["ada"])).read_bytes()
    again = (await office.request(DISCARD, subject, ["ada", "ada"])).read_bytes()
    async with seats.browser(AccountRole.SECURITY_OFFICER) as browser, seats.browser() as second:
        assert (await second.sign_in("second")).status == 303
        assert await bring(browser, first) == 303
        await bring(second, first)
        await bring(second, again)

        async def attack() -> str:
            statuses = [await discard(one, number) for one in (browser, second)]
            kept = await held(scene, body) == [number]
            return "kept" if kept and statuses == [403, 403] else f"{statuses}"

        return await seats.refused("console-refused", attack)


@play
async def console_decides_again(scene: Scene) -> Seen:
    """The same bytes lie there twice: what two signed for once takes out one, and the file brought again no more."""
    office, seats = await Office.of(scene), await Seats.of(scene)
    body = b"garbage, twice at the console"
    first, second = await set_aside(scene, body, 2)
    subject = scene.folder / "garbage-twice.bin"
    subject.write_bytes(body)
    request = (await office.request(DISCARD, subject, BOTH)).read_bytes()
    async with seats.browser(AccountRole.SECURITY_OFFICER) as browser:
        assert await bring(browser, request) == 303
        assert await discard(browser, first) == 303
        assert hashlib.sha256(body).hexdigest() in json.dumps(await scene.entries())
        await bring(browser, request)

        async def attack() -> str:
            status = await discard(browser, second)
            return "kept" if status == 403 and await held(scene, body) == [second] else f"{status}"

        return await seats.refused("console-refused", attack)
