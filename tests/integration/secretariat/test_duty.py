"""The duty desk: attested silences, calls to the silent as real messages, what they say, notes; all of it recorded."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from bureaus.exchange import Received
from bureaus.secretariat.duty.desk import Desk, Shift
from bureaus.secretariat.office import Office
from bureaus.secretariat.registry import audit
from schemas.attestations import Attestation, sign_attestation
from schemas.codes import Urgency
from schemas.directory import Use
from schemas.errors import Misuse
from schemas.evidence import Entry, Event
from schemas.identity import Address
from schemas.messages.codes import DutyFinding
from schemas.messages.duty import DutyAnswer, DutyCall
from schemas.wire import InboxItem, ItemType
from tests.integration.secretariat.house import House
from tests.support import sqlite_url
from tests.unit.bureaus.network import eventually

QUERY = hashlib.sha256(b"a query of FR").digest()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The registry's, on both databases."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    return str(request.getfixturevalue("fresh_database"))


def attest(
    house: House, event: Event = Event.ESCALATED, *, query: bytes = QUERY, asker: str = "FR", request: int = 1
) -> None:
    """What the gateway would say to the centre of BR's silence."""
    network, now = house.network, house.clock()
    index = network.ledger.append(Entry(event, now, query, "infra-test", party=Address("BR")))
    said = Attestation(event, index, now, query, Address("BR"), Address(asker), "infra-test", now - 60_000, request)
    raw = sign_attestation(said, network.network.id, network._keys[Use.ACCEPTANCE])  # noqa: SLF001  # it has no clock
    network._inboxes[Address("IPSG")].append(InboxItem(index, ItemType.RECEIPT, b"", raw, None))  # noqa: SLF001  # as above
    arrived, network._arrived = network._arrived, asyncio.Event()  # noqa: SLF001  # as above
    arrived.set()


async def until_silent(desk: Desk, count: int = 1) -> None:
    async with asyncio.timeout(60):
        while len(await desk.silences()) != count:  # noqa: ASYNC110  # the chore has no event
            await asyncio.sleep(0.05)


async def acts(office: Office) -> list[tuple[str, str]]:
    async with office.registry.reading() as connection:
        return [(act.who, act.act) for act in await audit.acts(connection)][::-1]


async def test_a_silent_bureau_is_asked_again_and_says_until_when(tmp_path: Path, url: str) -> None:
    house = await House.gather(tmp_path, ("FR", "BR"))
    calls: list[Received] = []
    brazil = house.bureau("BR")

    @brazil.on(DutyCall)
    async def called(received: Received) -> None:
        calls.append(received)
        assert isinstance(received.message, DutyCall)
        until = house.seconds() + 600
        await received.answer(DutyAnswer(query=received.message.query, finding=DutyFinding.IN_PROCESS, until=until))

    async with house.serving(url=url) as office, brazil:
        desk = Desk(office)
        attest(house, Event.ANSWER_OVERDUE)
        attest(house)
        await until_silent(desk)
        async with asyncio.timeout(60):
            while (await desk.silences())[0].event != "Escalated":  # noqa: ASYNC110  # the chore has no event
                await asyncio.sleep(0.05)
        (one,) = await desk.silences()
        assert (one.asked, one.asker, one.event, one.query) == ("BR", "FR", "Escalated", QUERY.hex())
        assert await desk.call(one.id, "please", who="omar") == "BR"
        await eventually(lambda: bool(calls))
        said = calls[0].message
        assert said == DutyCall(
            query=QUERY.hex(), asker=Address("FR"), operation="infra-test", due=one.due, call=1, remarks="please"
        )
        assert calls[0].header.urgency is Urgency.URGENT
        assert calls[0].header.reply_by == pytest.approx(house.seconds() + 3600, abs=30)
        async with asyncio.timeout(60):
            while not (heard := (await desk.silences())[0].calls[0]).finding:  # noqa: ASYNC110  # as above
                await asyncio.sleep(0.05)
        assert (heard.finding, heard.who, heard.until is not None) == ("IN_PROCESS", "omar", True)
        await desk.close(one.id, "FR has it", who="omar")
        assert await desk.silences() == []
        with pytest.raises(Misuse, match="closed"):
            await desk.call(one.id, "", who="omar")
        known = await acts(office)
        for act in (("service", "silence Escalated"), ("omar", "asked again"), ("BR", "duty answer")):
            assert act in known
        attest(house, request=2)  # the asker asked once more, and again nothing came
        await until_silent(desk)


async def test_what_was_attested_while_nobody_served_is_on_the_desk_after(tmp_path: Path) -> None:
    house = await House.gather(tmp_path, ("FR", "BR"))
    async with house.bureau("IPSG") as alone:
        attest(house)
        await eventually(lambda: house.network.handovers is not None)
        async with asyncio.timeout(60):
            while not await alone.attested(0):  # noqa: ASYNC110  # the inbox takes it in
                await asyncio.sleep(0.02)
    async with house.serving() as office:
        await until_silent(Desk(office))


async def test_a_call_that_is_not_answered_either_is_told_with_the_call(tmp_path: Path) -> None:
    house = await House.gather(tmp_path, ("FR", "BR"))
    taken: list[Received] = []
    brazil = house.bureau("BR")

    @brazil.on(DutyCall)
    async def called(received: Received) -> None:
        taken.append(received)

    async with house.serving() as office, brazil:
        desk = Desk(office)
        attest(house)
        await until_silent(desk)
        (one,) = await desk.silences()
        await desk.call(one.id, "", who="omar")
        await eventually(lambda: bool(taken))
        async with asyncio.timeout(60):
            while not (urgent := await desk.urgent()):  # noqa: ASYNC110  # it is marked as sent a little later
                await asyncio.sleep(0.05)
        assert [question.sides for question in urgent] == [{"BR": "awaiting"}]
        attest(house, Event.ANSWER_OVERDUE, query=taken[0].digest, asker="IPSG")
        async with asyncio.timeout(60):
            while not (await desk.silences())[0].calls[0].finding:  # noqa: ASYNC110  # as above
                await asyncio.sleep(0.05)
        (one,) = await desk.silences()
        assert one.calls[0].finding == "SILENT"
        assert [question.sides for question in await desk.urgent()] == [{"BR": "silent"}]


async def test_a_watch_is_handed_over_to_somebody_else(tmp_path: Path, url: str) -> None:
    house = await House.gather(tmp_path, ())
    async with house.office(url=url) as office:
        desk = Desk(office)
        with pytest.raises(Misuse, match="say something"):
            await desk.leave(Shift.NIGHT, " \n", who="omar")
        await desk.leave(Shift.NIGHT, "BR promised an answer by six.", who="omar")
        (note,) = await desk.notes()
        with pytest.raises(Misuse, match="somebody else"):
            await desk.take(note.id, who="omar")
        await desk.take(note.id, who="vera")
        with pytest.raises(Misuse, match="somebody took it over"):
            await desk.take(note.id, who="ines")
        (note,) = await desk.notes()
        assert (note.shift, note.text, note.taken_by) == (Shift.NIGHT, "BR promised an answer by six.", "vera")
        assert await acts(office) == [("omar", "watch handed over"), ("vera", "watch taken over")]
