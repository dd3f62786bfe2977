"""The office: what rooms post is sent at least once, around whoever refuses it, and the end loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.exchange import Received
from bureaus.secretariat import serving
from bureaus.secretariat.office import OPERATION, Chore, Office
from bureaus.secretariat.registry import Registry, audit, outgoing
from bureaus.secretariat.registry.outgoing import EVERYBODY, State
from bureaus.secretariat.sending import Sending
from bureaus.secretariat.serving import at_work, compose
from schemas.codes import Purpose
from schemas.directory import ParticipantKind
from schemas.directory import State as Standing
from schemas.errors import Misuse, Reason, Unavailable
from schemas.identity import Address
from schemas.messages import WhereaboutsQuery, WhereaboutsResponse
from schemas.messages.codes import Asked, Finding
from schemas.operation import Member
from tests.integration.secretariat.house import PROMPT, House
from tests.support import sqlite_url
from tests.unit.bureaus.network import eventually

NEWS = WhereaboutsQuery(asked=(Asked.STATUS,), case="CASE-1")


async def post(office: Office, *to: str, but: tuple[str, ...] = (), key: str = "news") -> bool:
    async with office.registry.writing() as connection:
        return await outgoing.post(connection, NEWS, to=to, but=but, purpose=Purpose.LOCATION, key=key)


async def states(office: Office) -> list[tuple[str, str | None]]:
    async with office.registry.reading() as connection:
        rows = await connection.execute(select(outgoing.outgoing).order_by(outgoing.outgoing.c.id))
        return [(row.state, row.reason) for row in rows]


class Torn(Registry):
    """A registry that goes away right after a message was given to the SDK: what a kill leaves, nothing marked."""

    torn = True

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        if self.torn:
            raise Unavailable(Reason.STORE, "torn")
        async with super().writing() as connection:
            yield connection


async def test_what_a_kill_leaves_unmarked_is_sent_again_and_an_answer_to_either_copy_finds_its_row(
    tmp_path: Path,
) -> None:
    house = await House.gather(tmp_path, ("FR",))
    async with house.serving():
        pass  # the standing operation is published
    france = house.bureau("FR")
    copies: list[Received] = []

    @france.on(WhereaboutsQuery)
    async def answer(query: Received) -> None:
        copies.append(query)
        await query.answer(WhereaboutsResponse(finding=Finding.NO_TRACE, case="CASE-1"))

    async with house.office() as office:
        await post(office, "FR")
    torn = await Torn.open(sqlite_url(house.home("IPSG")))
    first = compose(house.bureau("IPSG"), torn, house.seconds, settings=PROMPT)
    async with first.bureau:
        with pytest.raises(Unavailable):
            await Sending(first).run()
        assert await first.bureau.settled(60)
    await torn.aclose()
    async with house.office() as office:
        assert await states(office) == [(State.WAITING, None)]

    answered: list[outgoing.Asked | None] = []
    async with house.office() as office:

        @office.bureau.on(WhereaboutsResponse)
        async def hear(response: Received) -> None:
            answered.append(await office.asked(response))

        async with france, office.bureau, at_work(office):
            await eventually(lambda: len(answered) == 2)
        assert await states(office) == [(State.ACCEPTED, None)]
    assert len({copy.digest for copy in copies}) == 2
    assert {one.key for one in answered if one is not None} == {"news"}


async def test_everybody_is_the_bureaus_of_the_standing_operation_but_who_is_denied_and_who_refuses_us(
    tmp_path: Path,
) -> None:
    house = await House.gather(tmp_path, ("FR", "BR", "KE", "AR"))
    await house.seat("WCO", ParticipantKind.ORGANISATION)
    bureaus = {code: house.bureau(code) for code in ("FR", "BR", "KE", "AR", "WCO")}
    heard: list[str] = []

    for code, bureau in bureaus.items():

        async def take(_received: Received, code: str = code) -> None:
            heard.append(code)

        bureau.on(WhereaboutsQuery)(take)

    async with house.serving() as office:
        async with bureaus["KE"] as kenya:
            await kenya.refuse("IPSG")
        assert office.everybody(("AR",)) == ("BR", "FR", "KE")
        assert await post(office, EVERYBODY, but=("AR",))
        assert not await post(office, EVERYBODY, but=("AR",))
        async with bureaus["FR"], bureaus["BR"], bureaus["AR"], bureaus["WCO"]:
            await eventually(lambda: len(heard) == 2)
        async with asyncio.timeout(60):
            rung = 0
            while await states(office) != [(State.ACCEPTED, None)]:  # they may hear of it before it is marked
                rung = await office.registry.written.after(rung)
        async with office.registry.reading() as connection:
            (noted,) = await audit.acts(connection)
    assert sorted(heard) == ["BR", "FR"]
    assert noted.why == "not to KE (sender-refused)"


async def test_who_cannot_be_reached_is_left_out_and_holds_up_neither_the_others_nor_other_messages(
    tmp_path: Path,
) -> None:
    house = await House.gather(tmp_path, ("FR", "BR", "KE"))
    france, heard = house.bureau("FR"), list[Received]()

    @france.on(WhereaboutsQuery)
    async def take(received: Received) -> None:
        heard.append(received)

    async with house.serving(replace(PROMPT, standing_seconds=3600)) as office, france:
        rows = {row.address: row for row in house.network.directory.participants}
        over = tuple(replace(one, validity=replace(one.validity, until=1)) for one in rows[Address("BR")].sealing)
        rows[Address("BR")] = replace(rows[Address("BR")], sealing=over)
        rows[Address("KE")] = replace(rows[Address("KE")], state=Standing.SUSPENDED)
        house.network.publish(tuple(rows.values()))
        await office.bureau.refresh()
        await post(office, "BR", key="waits")
        await post(office, "BR", "FR", "KE", "XX", key="goes")
        await eventually(lambda: len(heard) == 1)
        async with asyncio.timeout(60):
            rung = 0
            while (await states(office))[1] != (State.ACCEPTED, None):
                rung = await office.registry.written.after(rung)
        assert (await states(office))[0] == (State.WAITING, None)
        async with office.registry.reading() as connection:
            (noted,) = await audit.acts(connection)
    assert heard[0].header.aud == ("FR",)
    assert noted.why == "not to BR (key-not-valid), KE (recipient-unknown), XX (recipient-unknown)"


async def test_who_went_out_of_reach_unseen_does_not_take_the_message_from_the_others(tmp_path: Path) -> None:
    house = await House.gather(tmp_path, ("FR", "BR"))
    async with house.serving() as office:
        rows = {row.address: row for row in house.network.directory.participants}
        over = tuple(replace(one, validity=replace(one.validity, until=1)) for one in rows[Address("BR")].sealing)
        rows[Address("BR")] = replace(rows[Address("BR")], sealing=over)
        house.network.publish(tuple(rows.values()))
        await post(office, "BR", "FR")
    async with house.office() as office:
        assert await states(office) == [(State.ACCEPTED, None)]
        async with office.registry.reading() as connection:
            (noted,) = await audit.acts(connection)
    assert noted.why == "not to BR (key-not-valid)"


async def test_what_can_never_be_sent_is_refused_and_noted(tmp_path: Path) -> None:
    house = await House.gather(tmp_path, ("FR",))
    async with house.serving() as office:
        await post(office, "XX")
        async with asyncio.timeout(60):
            rung = 0
            while await states(office) != [(State.REFUSED, Reason.RECIPIENT_UNKNOWN)]:
                rung = await office.registry.written.after(rung)
        async with office.registry.reading() as connection:
            (noted,) = await audit.acts(connection, who=audit.SERVICE)
        assert (noted.act, noted.why) == ("send whereabouts.query/1", "recipient-unknown")


async def test_the_end_waits_for_what_was_posted_and_a_gateway_that_is_away_keeps_it(tmp_path: Path) -> None:
    house = await House.gather(tmp_path, ("FR",))
    async with house.serving() as office:
        await post(office, "FR")
    async with house.office() as office:
        assert await states(office) == [(State.ACCEPTED, None)]
    house.network.away = True
    async with house.serving(replace(PROMPT, drain_seconds=0.2)) as office:
        await post(office, "FR", key="more")
    house.network.away = False
    async with house.serving(), house.office() as office:
        pass
    async with house.office() as office:
        assert await states(office) == [(State.ACCEPTED, None)] * 2


async def test_whoever_joins_the_directory_joins_the_services(tmp_path: Path) -> None:
    house = await House.gather(tmp_path, ("FR",))
    async with house.serving(replace(PROMPT, standing_seconds=0.05)) as office:
        assert [member.address for member in standing_members(office)] == ["IPSG", "FR"]
        await house.seat("BR")
        await eventually(lambda: len(standing_members(office)) == 3)
        assert office.everybody() == ("BR", "FR")


def standing_members(office: Office) -> tuple[Member, ...]:
    operation = office.bureau.trust.operation(OPERATION)
    assert operation is not None
    return operation.members


async def test_a_chore_that_fails_is_logged_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []

    async def fail() -> None:
        runs.append(1)
        raise Misuse("what this says is nobody's business")

    class Failing:
        def register(self, _office: Office) -> None: ...

        def chores(self, _office: Office) -> tuple[Chore, ...]:
            return (Chore("failing", 0.01, fail),)

    monkeypatch.setattr(serving, "rooms", lambda: (Failing(),))
    house = await House.gather(tmp_path, ("FR",))
    async with house.serving() as office:
        await eventually(lambda: len(runs) > 1)
        await post(office, "FR")
    async with house.office() as office:
        assert await states(office) == [(State.ACCEPTED, None)]
