"""Every list: its page, its files, what programs read, and the command that shows it; nothing in it is a formula."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from gateway.clocks import Clock, State, Terms
from gateway.commands.show import LISTS
from gateway.console.lists import LISTINGS
from gateway.ports_console import AccountRole
from gateway.ports_looks import Presence
from schemas.codes import Urgency
from schemas.directory import Link
from schemas.identity import Address
from tests.unit.gateway.console.scene import Scene, console, token_of


def clock(number: int, state: State, due: int) -> Clock:
    made = Clock(bytes([number]) * 32, Address("BR"), Address("FR"), "op", "q/1", Urgency.ROUTINE, 0, due, Terms(9, 9))
    return replace(made, state=state)


async def awaited(scene: Scene, count: int) -> None:
    now = scene.world.clock.now()
    made = [clock(n, State.AWAITING, now + n * 1000) for n in range(count)]
    late = [clock(200, State.ESCALATED, now - 7_200_000), clock(201, State.ANSWERED, now - 1)]
    async with scene.desk.store.begin() as transaction:
        await transaction.open_clocks([*made, *late])


def test_the_command_knows_every_list() -> None:
    assert set(LISTINGS) - set(LISTS) == {"quarantine"}, "it has a command that records who looks"
    assert set(LISTS) <= set(LISTINGS)


@pytest.mark.parametrize("name", LISTINGS)
async def test_a_list_is_taken_away_and_read_by_programs(name: str) -> None:
    async with console() as scene:
        await awaited(scene, 3)
        await scene.world.send(scene.exchange, scene.world.envelope("FR", ["BR"]))
        async with scene.desk.store.begin() as transaction:
            await transaction.quarantine(Address("FR"), b"bytes", "=KeyError()", 1)
        browser, _ = await scene.sign_in(str(AccountRole.AUDITOR))
        token = token_of(await (await browser.get("/console/audit")).text())
        asked = {"token": token, "why": "a review"}
        assert (await browser.post(f"/console/{name}/export", data={"token": token})).status == 400
        answer = await browser.post(f"/console/{name}/export", data={**asked, "form": "csv"})
        table = list(csv.DictReader(io.StringIO(await answer.text())))
        (row,) = await scene.accounts.audit_rows(None, 1)
        assert (row.action, row.subject, row.why) == ("console.export/1", name, "a review")
        answer = await browser.post(f"/console/{name}/export", data={**asked, "form": "json"})
        lines = [json.loads(line) for line in (await answer.text()).splitlines()]
        answer = await browser.get(f"/console/api/{name}?limit=500")
        said = await answer.json()
        assert (said["list"], said["next"]) == (name, None)
        growth = 1 if name == "audit" else 0  # taking it away is in it
        assert len(table) + growth == len(lines) == len(said["rows"])
        assert all(list(line) == list(LISTINGS[name].columns) for line in lines)
        if name == "quarantine":
            (look, *_) = await scene.accounts.audit_rows(None, 1)
            assert look.action == "quarantine.list/1"
            assert table[0]["cause"] == "'=KeyError()"
        assert (await browser.get(f"/console/api/{name}?limit=0")).status == 400
        page = f"/console/{name}" if name not in {"queues", "connections"} else "/console/broker"
        assert (await browser.get(page)).status in {200, 403}


async def test_a_program_signs_in_and_reads_page_after_page() -> None:
    async with console() as scene:
        await awaited(scene, 5)
        browser = await scene.browser()
        first = await (await browser.get("/console/api/session")).json()
        assert (first["account"], first["role"]) == (None, None)
        form = {"token": first["token"], "name": "viewer", "password": "a synthetic password"}
        assert (await browser.post("/console/sign-in", data=form, allow_redirects=False)).status == 303
        here = await (await browser.get("/console/api/session")).json()
        assert (here["account"], here["role"]) == ("viewer", "viewer")
        assert (await browser.get("/console/api/audit")).status == 403
        seen, after = [], ""
        while True:
            part = await (await browser.get("/console/api/overdue", params={"limit": "4", "after": after})).json()
            seen += [row["query"][:2] for row in part["rows"]]
            if part["next"] is None:
                break
            after = part["next"]
        assert seen == ["c8", "00", "01", "02", "03", "04"]
        for bad in ("state=x", "urgency=x", "after=x", "after=1.2.3"):
            assert (await browser.get(f"/console/api/overdue?{bad}")).status == 400
            assert (await browser.get(f"/console/overdue?{bad}")).status == 400


async def test_who_is_late_comes_first() -> None:
    async with console() as scene:
        await awaited(scene, 60)
        browser, _ = await scene.sign_in(str(AccountRole.VIEWER))
        text = await (await browser.get("/console/overdue")).text()
        assert text.index('<strong class="bad">2 h</strong>') < text.index("in 1 s")
        assert "Those due later" in text
        assert text.count("<tr>") == 51
        text = await (await browser.get("/console/overdue?state=late")).text()
        assert text.count("<tr>") == 2
        assert "1 answer is overdue" in await (await browser.get("/console/")).text()


async def test_a_bureau_has_a_page_with_what_it_owes_its_keys_and_its_program() -> None:
    async with console() as scene:
        await awaited(scene, 1)
        await scene.desk.looks.heard([Presence(Address("BR"), scene.world.clock.now(), Link.HTTP, "<b>other/1</b>")])
        await scene.world.send(scene.exchange, scene.world.envelope("FR", ["BR"]))
        browser, _ = await scene.sign_in(str(AccountRole.VIEWER))
        text = await (await browser.get("/console/bureaus/BR")).text()
        key = scene.world.offices["BR"].signing.key_id.hex()[:12]
        assert [part in text for part in (key, "&lt;b&gt;other/1", "1 in its inbox", "escalated")] == [True] * 4
        assert "<b>other" not in text
        assert (await browser.get("/console/bureaus/UY")).status == 403
        assert (await browser.get("/console/bureaus/no")).status == 400
