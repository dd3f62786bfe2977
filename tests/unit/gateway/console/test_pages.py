"""What the pages show: traffic, a refusal and its reason, each step verified, lists taken away."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from dataclasses import replace
from http import HTTPStatus

import pytest
from click.testing import CliRunner

from gateway.__main__ import main
from gateway.adapters.memory import MemoryStore
from gateway.console import overview
from gateway.console.views import csv_line
from gateway.ports_console import AccountRole
from schemas.errors import Reason, Unavailable
from schemas.evidence import read_entry
from schemas.identity import Address
from schemas.record import verify_record
from tests.unit.gateway.console.scene import Scene, console, token_of


async def traffic(scene: Scene) -> tuple[bytes, bytes]:
    """One message that BR acknowledged, and one that was refused: their digests; all under a checkpoint."""
    world = scene.world
    sent = await world.send(scene.exchange, world.envelope("FR", ["BR"]))
    await scene.exchange.evidence(Address("BR"), world.acknowledgement("BR", sent.digest))
    refused = await world.send(scene.exchange, world.envelope("FR", ["AR"], sub="no-such-operation"))
    await scene.desk.ledger.integrate(1000)
    assert await scene.desk.ledger.checkpoint() is not None
    return sent.digest, refused.digest


async def test_the_overview_shows_traffic_refusals_and_what_needs_attention() -> None:
    async with console() as scene:
        await traffic(scene)
        async with scene.desk.store.begin() as transaction:
            await transaction.quarantine(Address("FR"), b"bytes", "KeyError", 1)
        browser, _ = await scene.sign_in(str(AccountRole.VIEWER))
        text = await (await browser.get("/console/")).text()
        assert "1 bodies are in quarantine" in text
        assert "<td>FR</td><td>BR</td>" in text
        assert 'class="way"' in text
        assert "operation-unknown" in text
        async with browser.get("/console/live") as live:
            assert live.content_type == "text/event-stream"
            line = await live.content.readline()
            assert "1 bodies are in quarantine" in json.loads(line.removeprefix(b"data: "))


async def test_a_store_that_fails_while_a_page_is_live_is_said_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with console() as scene:
        monkeypatch.setattr(overview, "PACE", 0.01)
        browser, _ = await scene.sign_in(str(AccountRole.VIEWER))
        good, store = scene.desk.store.size, scene.desk.store

        async def away() -> int:
            raise Unavailable(Reason.STORE, "the database cannot be reached")

        async with browser.get("/console/live") as live:
            assert (await live.content.readline()).startswith(b"data: ")
            monkeypatch.setattr(store, "size", away)
            scene.world.clock.move(2000)
            while (line := await live.content.readline()) != b"event: failed\n":
                assert line
            assert b"cannot be reached" in await live.content.readline()
            monkeypatch.setattr(store, "size", good)
            while not (await live.content.readline()).startswith(b'data: "<section'):
                pass


async def test_an_exchange_is_shown_with_each_step_verified() -> None:
    async with console() as scene:
        digest, refused = await traffic(scene)
        browser, _ = await scene.sign_in(str(AccountRole.VIEWER))
        text = await (await browser.get(f"/console/exchanges/{digest.hex()}")).text()
        assert "does not verify" not in text
        assert "not yet known" not in text
        assert text.count('<span class="good">verified</span>') == 6
        assert "Acknowledged by its recipient" in text
        said = await (await browser.get(f"/console/api/exchanges/{digest.hex()}")).json()
        (message,) = said["messages"]
        assert [step["event"] for step in message["steps"]][-1] == "ContentHandover"
        assert {check["good"] for step in message["steps"] for check in step["checks"]} == {True}
        assert [(one["recipient"], one["state"]) for one in message["clocks"]] == [("BR", "acknowledged")]
        text = await (await browser.get(f"/console/exchanges/{refused.hex()}")).text()
        assert "refused: operation-unknown" in text
        assert text.count('<span class="good">verified</span>') == 3
        found = await (await browser.get("/console/exchanges?state=refused")).text()
        assert refused.hex() in found
        assert digest.hex() not in found
        for bad in ("since=yesterday", "state=lost", "id=12", "before=x"):
            assert (await browser.get(f"/console/exchanges?{bad}")).status == 400
        assert (await browser.get(f"/console/exchanges/{'00' * 32}")).status == 403


async def test_a_ledger_that_was_changed_does_not_verify() -> None:
    async with console() as scene:
        digest, _ = await traffic(scene)
        assert isinstance(scene.desk.store, MemoryStore)
        entries = scene.desk.store.state.entries
        at = next(i for i, (entry, _) in enumerate(entries) if digest in entry)
        entries[at] = entries[at][0].replace(b"FR", b"AR", 1), entries[at][1]
        browser, _ = await scene.sign_in(str(AccountRole.VIEWER))
        text = await (await browser.get(f"/console/exchanges/{digest.hex()}")).text()
        assert "does not verify" in text


async def test_a_list_is_taken_away_with_a_reason_that_is_recorded() -> None:
    async with console() as scene:
        digest, refused = await traffic(scene)
        browser, _ = await scene.sign_in(str(AccountRole.AUDITOR))
        token = token_of(await (await browser.get("/console/exchanges")).text())
        asked = {"token": token, "sender": "FR", "why": "the yearly review"}
        answer = await browser.post("/console/exchanges/export", data={**asked, "form": "csv"})
        rows = list(csv.DictReader(io.StringIO(await answer.text())))
        assert {row["digest"] for row in rows} == {digest.hex(), refused.hex()}
        assert "attachment" in answer.headers["Content-Disposition"]
        answer = await browser.post("/console/exchanges/export", data={**asked, "form": "json"})
        lines = [json.loads(line) for line in (await answer.text()).splitlines()]
        assert {line["digest"] for line in lines} == {row["digest"] for row in rows}
        (last, *_) = await scene.accounts.audit_rows(None, 1)
        assert (last.actor, last.action, last.subject, last.why) == (
            "auditor",
            "console.export/1",
            "exchanges sender=FR",
            "the yearly review",
        )
        assert last.entry is not None
        bare = await browser.post("/console/exchanges/export", data={**asked, "form": "csv", "why": " "})
        assert bare.status == 400


async def test_bureaus_operations_ledger_and_audit_show_what_is_there() -> None:
    async with console() as scene:
        await traffic(scene)
        first = await scene.desk.store.size()
        await scene.desk.cosignatures.offer(first, scene.world.clock.now(), 9)
        await scene.world.send(scene.exchange, scene.world.envelope("FR", ["AR"]))
        browser, _ = await scene.sign_in(str(AccountRole.SECURITY_OFFICER))
        await scene.desk.ledger.integrate(1000)
        scene.world.clock.move(2000)
        assert await scene.desk.ledger.checkpoint() is not None
        text = await (await browser.get("/console/bureaus")).text()
        named = [f'<a href="/console/bureaus/{code}">{code}</a>' in text for code in ("FR", "BR", "AR", "IPSG", "UY")]
        assert named == [True] * 4 + [False]
        assert '<td class="number">1</td>' in text, "what AR has not fetched"
        text = await (await browser.get("/console/ledger")).text()
        assert f'{first} to {await scene.desk.store.size()}: <span class="good">verified</span>' in text
        assert "nobody yet" in text
        operation = scene.world.operation
        assert operation.id in await (await browser.get("/console/operations")).text()
        text = await (await browser.get(f"/console/operations/{operation.id}")).text()
        assert [f'<th scope="row">{member.address}</th>' in text for member in operation.members] == [True] * 4
        assert f'<li aria-current="step">{operation.phase}</li>' in text
        assert (await browser.get("/console/operations/other")).status == 403
        text = await (await browser.get("/console/audit")).text()
        assert "<td>security-officer</td><td>console.sign-in/1</td>" in text
        assert (await browser.get("/console/audit?before=x")).status == 400


async def test_an_operations_record_is_taken_away_and_verifies() -> None:
    async with console() as scene:
        await traffic(scene)
        browser, _ = await scene.sign_in(str(AccountRole.AUDITOR))
        name = scene.world.operation.id
        token = token_of(await (await browser.get(f"/console/operations/{name}")).text())
        where, asked = f"/console/operations/{name}/record", {"token": token, "why": "its evaluation"}
        assert (await browser.post(where, data={"token": token})).status == 400
        answer = await browser.post(where, data=asked)
        assert (answer.status, answer.headers["Content-Disposition"]) == (200, f'attachment; filename="{name}.record"')
        report = verify_record(io.BytesIO(await answer.read()).read, scene.world.network)
        assert report.operation == name
        (last, *_) = await scene.accounts.audit_rows(None, 1)
        assert (last.action, last.subject, last.why) == ("operation.export/1", name, "its evaluation")
        await scene.world.send(scene.exchange, scene.world.envelope("FR", ["BR"]))
        assert (await browser.post(where, data=asked)).status == 503, "no checkpoint covers its last entry yet"


async def test_a_look_into_the_quarantine_is_recorded_and_shows_none_of_the_bytes() -> None:
    async with console() as scene:
        async with scene.desk.store.begin() as transaction:
            await transaction.quarantine(Address("FR"), b"<script>bytes", "KeyError", 1)
        overseer, _ = await scene.sign_in(str(AccountRole.VIEWER))
        assert (await overseer.get("/console/quarantine/1")).status == 403
        browser, _ = await scene.sign_in(str(AccountRole.OPERATOR))
        text = await (await browser.get("/console/quarantine")).text()
        assert "<td>FR</td><td>KeyError</td>" in text
        text = await (await browser.get("/console/quarantine/1")).text()
        assert hashlib.sha256(b"<script>bytes").hexdigest() in text
        for words in re.findall(r"bureaunet-gateway (\w+) (\w+)([^<]*)", text):
            said = CliRunner().invoke(main, [*words[:2], "--help"]).output
            assert all(option in said for option in re.findall(r"--\w+", words[2])), words
        assert "script&gt;bytes" not in text
        assert b"bytes".hex() not in text
        assert (await browser.get("/console/quarantine/2")).status == 403
        rows = await scene.accounts.audit_rows(None, 2)
        assert [(one.actor, one.action, one.subject, one.entry is None) for one in rows] == [
            ("operator", "quarantine.show/1", "2", True),
            ("operator", "quarantine.show/1", "1", False),
        ]
        size = await scene.desk.store.size()
        kinds = [read_entry(leaf.entry).kind for leaf in await scene.desk.store.leaves(0, size)]
        assert kinds[-2:] == ["quarantine.list/1", "quarantine.show/1"]


def test_a_spreadsheet_is_given_no_formula() -> None:
    assert csv_line(["=1+1", "a,b", 'say "so"', None, 7]) == '\'=1+1,"a,b","say ""so""",,7\r\n'


async def test_a_statement_with_times_outside_of_the_calendar_hides_no_page() -> None:
    async with console() as scene:
        world = scene.world
        member = replace(world.operation.members[0], since=-(2**60), until=2**62)
        changed = world.amend(time=2**62, review=2**63, members=(member, *world.operation.members[1:]))
        await scene.exchange.publish_operation(Address("IPSG"), changed)
        browser, _ = await scene.sign_in(str(AccountRole.VIEWER))
        for page in ("operations", f"operations/{world.operation.id}", "api/operations"):
            answer = await browser.get(f"/console/{page}")
            assert answer.status == HTTPStatus.OK, page
            assert "9999-12-31" in await answer.text()
