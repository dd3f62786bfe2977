"""A question between two bureaus that do not deal directly goes through the secretariat, with both sides' consent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from bureaus import relaying
from bureaus.client import Bureau
from bureaus.exchange import Exchange, Received
from bureaus.secretariat import relay
from bureaus.secretariat.office import OPERATION, Office
from bureaus.secretariat.registry import audit, outgoing
from bureaus.secretariat.registry.relays import relay as rows
from schemas.codes import Answer, Handling, Purpose, Urgency
from schemas.errors import Misuse, Reason, Unavailable
from schemas.identity import Address
from schemas.messages import Message, Person, Result, WhereaboutsQuery, WhereaboutsResponse, encode
from schemas.messages.codes import Asked, Finding, RelayGround, ResultKind
from schemas.messages.fields import Place
from schemas.messages.person import Name
from schemas.messages.relay import Enclosed, RelayAnswer, RelayConsent, RelayDelivery, RelayRequest
from schemas.messages.relayed import answer_to, enclose, open_enclosed
from tests.integration.secretariat.house import House
from tests.support import sqlite_url
from tests.unit.bureaus.network import counted, eventually

WHO = Person(name=Name(family="Example", given="Person"))
QUERY = WhereaboutsQuery(asked=(Asked.STATUS,), person=WHO, case="FR-2026-1")
FOUND = WhereaboutsResponse(finding=Finding.NO_TRACE, case="TO-BE-SEEN")


@dataclass
class Scene:
    """France asks, Kenya is asked; what Kenya got, and how it answers."""

    house: House
    office: Office
    france: Bureau
    kenya: Bureau
    got: list[Received]
    handling: Handling | None = None
    answer: WhereaboutsResponse | None = FOUND

    async def consent(self, **fields: object) -> None:
        said = RelayConsent.model_validate({"agrees": True, **fields})
        done = (await self.office.bureau.counts())["received"].get(
            "done", 0
        )  # before: it may be handled within the call
        sent = await self.kenya.tell(said, to=["IPSG"], operation=OPERATION, purpose=Purpose.ADMINISTRATION)
        await sent.accepted(60)
        await counted(self.office.bureau, "received", "done", done + 1)

    async def ask(self, message: Message = QUERY, *, named: bool = False, **header: object) -> Exchange:
        request = RelayRequest(to=Address("KE"), named=named, enclosed=enclose(message))
        return await self.send(request, **header)

    async def send(self, request: Message, **header: object) -> Exchange:
        values: dict[str, object] = {"purpose": Purpose.LOCATION, **header}
        return await self.france.ask(request, to=["IPSG"], operation=OPERATION, **values)  # type: ignore[arg-type]  # a case names the header's claims

    async def relayed(self) -> list[tuple[str, str | None]]:
        async with self.office.registry.reading() as connection:
            found = await connection.execute(select(rows).order_by(rows.c.time))
            return [(row.state, row.ground) for row in found]

    async def acts(self) -> list[str]:
        async with self.office.registry.reading() as connection:
            return [act.act for act in await audit.acts(connection)]


async def said(exchange: Exchange) -> tuple[RelayAnswer, Received]:
    async for received in exchange.responses(60):
        assert isinstance(received.message, RelayAnswer)
        return received.message, received
    raise AssertionError("nobody answered")


@asynccontextmanager
async def scene(folder: Path, url: str | None = None) -> AsyncIterator[Scene]:
    house = await House.gather(folder, ("FR", "KE"))
    async with house.serving(url=url) as office:
        kenya, got = house.bureau("KE"), list[Received]()
        async with house.bureau("FR") as france:
            made = Scene(house, office, france, kenya, got)

            @kenya.on(RelayDelivery)
            async def handle(received: Received) -> None:
                got.append(received)
                assert isinstance(received.message, RelayDelivery)
                if made.answer is not None:
                    inner = open_enclosed(received.message.enclosed)
                    assert isinstance(inner, WhereaboutsQuery)
                    answer = made.answer.model_copy(update={"case": inner.case})
                    message, code = answer_to(received.message, answer)
                    await received.answer(message, code=code, handling=made.handling)

            async with kenya:
                await house.refresh(france, kenya)
                yield made


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    found: str = request.getfixturevalue("fresh_database")
    return found


async def test_with_both_consents_a_question_and_its_answer_pass_and_the_asker_stays_unknown(
    tmp_path: Path, url: str
) -> None:
    async with scene(tmp_path, url) as there:
        await there.consent(unnamed=True)
        asked = await there.ask(purpose=Purpose.ARREST, urgency=Urgency.URGENT, handling=Handling.H1)
        answer, received = await said(asked)
        assert received.sender == "IPSG"
        assert received.header.answer is Answer.FINAL
        assert received.header.re == asked.digest
        assert answer.enclosed is not None
        assert open_enclosed(answer.enclosed) == FOUND.model_copy(update={"case": QUERY.case})
        assert answer.reference is None

        (delivered,) = there.got
        delivery, header = delivered.message, delivered.header
        assert isinstance(delivery, RelayDelivery)
        assert (delivered.sender, delivery.asker) == ("IPSG", None)
        assert (header.purpose, header.urgency, header.handling) == (Purpose.ARREST, Urgency.URGENT, Handling.H1)
        assert (header.thread, header.re) == (None, None)
        inner = open_enclosed(delivery.enclosed)
        assert inner == QUERY.model_copy(update={"case": delivery.reference})
        assert "FR" not in encode(delivery).decode()
        assert asked.digest.hex() not in delivery.reference.lower()
        assert await there.relayed() == [("answered", None)]


async def test_what_was_relayed_is_kept_in_no_row_of_the_registry(tmp_path: Path) -> None:
    async with scene(tmp_path) as there:
        await there.consent(unnamed=True)
        await said(await there.ask())
        async with there.office.registry.reading() as connection:
            kept = [
                repr(tuple(row))
                for table in (rows, outgoing.outgoing)
                for row in await connection.execute(select(rows))
            ]
        assert kept
        assert not any("Example" in row or "no-trace" in row.lower() for row in kept)


async def test_an_asker_that_chose_so_is_named(tmp_path: Path) -> None:
    async with scene(tmp_path) as there:
        await there.consent()
        answer, _ = await said(await there.ask(named=True))
        assert answer.enclosed is not None
        delivery = there.got[0].message
        assert isinstance(delivery, RelayDelivery)
        assert delivery.asker == "FR"
        assert open_enclosed(delivery.enclosed) == QUERY


TERMS: list[tuple[dict[str, object] | None, bool]] = [
    (None, True),
    ({"agrees": False}, True),
    ({}, False),
    ({"unnamed": True, "not_from": (Address("FR"),)}, True),
    ({"unnamed": True, "not_from": (Address("FR"),)}, False),
    ({"unnamed": True, "until": 1_700_000_000}, True),
]
"""What the target says, and whether the asker is named: none of it lets the question pass."""


async def test_without_consent_nothing_is_relayed_and_why_not_is_not_told(tmp_path: Path) -> None:
    async with scene(tmp_path) as there:
        for consent, named in TERMS:
            if consent is not None:
                await there.consent(**consent)
            answer, received = await said(await there.ask(named=named))
            assert answer == RelayAnswer(ground=RelayGround.NO_CONSENT)
            assert received.header.answer is Answer.REFUSED
        assert there.got == []
        assert await there.relayed() == [("refused", "no-consent")] * len(TERMS)


async def test_a_newer_word_ends_a_consent(tmp_path: Path) -> None:
    async with scene(tmp_path) as there:
        await there.consent(unnamed=True)
        await there.consent(agrees=False)
        answer, _ = await said(await there.ask())
        assert answer.ground is RelayGround.NO_CONSENT


async def test_what_is_forged_within_is_not_relayed(tmp_path: Path) -> None:
    async with scene(tmp_path) as there:
        await there.consent(unnamed=True)
        for content in ('{"asked":["status"]}', "{}", "[1", '{"asked":["status"],"case":"A","case":"B"}'):
            forged = Enclosed(kind=WhereaboutsQuery.KIND, content=content)
            answer, _ = await said(await there.send(RelayRequest(to=Address("KE"), enclosed=forged)))
            assert answer == RelayAnswer(ground=RelayGround.CONTENT)
        only_case = WhereaboutsQuery(asked=(Asked.STATUS,), case="FR-2026-2")
        answer, _ = await said(await there.ask(only_case))
        assert answer.ground is RelayGround.CONTENT
        assert there.got == []


def test_no_other_kind_can_be_enclosed() -> None:
    result = Result(result=ResultKind.LOCATED, case="FR-1", place=Place(country="KE"), date="2026")
    request = RelayRequest(to=Address("KE"), enclosed=enclose(QUERY))
    for message in (result, request):
        with pytest.raises(Misuse, match="not relayed"):
            enclose(message)
        with pytest.raises(ValueError, match="not relayed"):
            Enclosed(kind=message.KIND, content="{}")
    with pytest.raises(ValueError, match="encloses a question"):
        RelayRequest(to=Address("KE"), enclosed=enclose(FOUND))
    with pytest.raises(ValueError, match="encloses an answer"):
        RelayAnswer(enclosed=enclose(QUERY))


async def test_an_answer_under_h2_goes_to_no_asker_that_the_target_was_not_told_of(tmp_path: Path) -> None:
    async with scene(tmp_path) as there:
        await there.consent(unnamed=True)
        there.handling = Handling.H2
        answer, _ = await said(await there.ask())
        assert answer == RelayAnswer(ground=RelayGround.HANDLING)
        answer, received = await said(await there.ask(named=True))
        assert answer.enclosed is not None
        assert received.header.handling is Handling.H2


async def test_handling_is_never_less_than_either_side_said(tmp_path: Path) -> None:
    async with scene(tmp_path) as there:
        await there.consent(unnamed=True)
        there.handling = Handling.H0
        _, received = await said(await there.ask(handling=Handling.H2))
        assert there.got[0].header.handling is Handling.H2
        assert received.header.handling is Handling.H2


async def test_an_answer_to_another_s_relay_a_second_final_one_and_a_replay_are_left(tmp_path: Path) -> None:
    async with scene(tmp_path) as there:
        await there.consent(unnamed=True)
        asked = await there.ask()
        await said(asked)
        (delivered,) = there.got
        assert isinstance(delivered.message, RelayDelivery)
        again, code = answer_to(delivered.message, FOUND)
        late = await (await there.kenya.received(delivered.digest)).answer(again, code=code)
        await late.accepted(60)
        there.answer = None
        open_one = await there.ask()
        await eventually(lambda: len(there.got) == 2)
        second = there.got[1].message
        assert isinstance(second, RelayDelivery)
        forged, code = answer_to(second, FOUND)
        await (await there.france.tell(forged, to=["IPSG"], operation=OPERATION)).accepted(60)
        await counted(there.office.bureau, "received", "done", 6)
        assert (await there.acts()).count("answered no open relay of its own") == 2
        assert await there.relayed() == [("answered", None), ("open", None)]
        assert [one async for one in open_one.responses(0.2)] == []
        assert len([one async for one in asked.responses(0.2)]) == 1


async def test_a_handler_that_was_cut_off_relays_its_question_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene(tmp_path) as there:
        await there.consent(unnamed=True)
        bureau, torn = there.office.bureau, [True]
        ask = bureau.ask

        async def cut_off(message: Message, **values: Any) -> Exchange:  # noqa: ANN401  # as they come
            sent = await ask(message, **values)
            if torn:
                torn.pop()
                raise Unavailable(Reason.STORE, "torn")
            return sent

        monkeypatch.setattr(bureau, "ask", cut_off)
        answer, _ = await said(await there.ask())
        assert answer.enclosed is not None
        assert not torn
        assert len(there.got) == 1
        assert await there.relayed() == [("answered", None)]


async def test_an_asker_hears_that_the_target_takes_nothing_from_the_secretariat(tmp_path: Path) -> None:
    async with scene(tmp_path) as there:
        await there.consent(unnamed=True)
        await there.kenya.refuse("IPSG")
        asked = await there.ask()
        await counted(there.office.bureau, "sent", "refused", 1)
        async with there.office.registry.writing() as connection:  # one that cannot be answered, before it
            row = (await connection.execute(select(rows))).one()._asdict()
            lost = {"request": b"\0" * 32, "reference": "R-0", "time": row["time"] - 1}
            await connection.execute(insert(rows).values(row | lost))
        with pytest.raises(Misuse):
            await relay.look(there.office)
        answer, _ = await said(asked)
        assert answer == RelayAnswer(ground=RelayGround.UNREACHABLE)
        assert sorted(await there.relayed()) == [("open", None), ("refused", "unreachable")]


async def test_a_request_whose_handler_runs_again_is_delivered_once_under_one_reference(tmp_path: Path) -> None:
    async with scene(tmp_path) as there:
        await there.consent(unnamed=True)
        asked = await there.ask()
        await said(asked)
        async with there.office.registry.reading() as connection:
            before = (await connection.execute(select(rows))).all()
        request = await there.office.bureau.received(asked.digest)
        await relay.requested(there.office, request)  # as a process that was cut off does
        async with there.office.registry.reading() as connection:
            assert (await connection.execute(select(rows))).all() == before
        assert (await there.office.bureau.counts())["sent"].get("new", 0) == 0
        assert len(there.got) == 1
        await there.kenya.accept("IPSG")


async def ask_through_the_secretariat(france: Bureau) -> list[object]:
    asked = await relaying.ask(france, QUERY, to="KE", purpose=Purpose.LOCATION, named=True)  # else it is not told who
    return [relaying.opened(received) async for received in asked.responses(deadline=30)]  # or why there is no answer


async def agree_to_relays(kenya: Bureau) -> None:
    sent = await relaying.consent(kenya, RelayConsent(agrees=True))
    await sent.accepted()


async def answer_what_is_relayed(received: Received) -> None:
    if relaying.opened(received) == QUERY:
        await relaying.answer(received, FOUND)


async def test_programs_ask_answer_and_agree_in_one_call_each(tmp_path: Path) -> None:
    house = await House.gather(tmp_path, ("FR", "KE"))
    kenya = house.bureau("KE")

    @kenya.on(RelayDelivery)
    async def handle(received: Received) -> None:
        with pytest.raises(Misuse, match="does not answer"):
            await relaying.answer(received, QUERY)
        await answer_what_is_relayed(received)

    async with house.serving() as office, house.bureau("FR") as france, kenya:
        await house.refresh(france, kenya)
        assert await ask_through_the_secretariat(france) == [RelayGround.NO_CONSENT]
        await agree_to_relays(kenya)
        await counted(office.bureau, "received", "done", 2)
        assert await ask_through_the_secretariat(france) == [FOUND]
        asked = await relaying.ask(france, QUERY, to="KE", purpose=Purpose.LOCATION, named=True)
        await anext(asked.responses(30))
        question = await office.bureau.received(asked.digest)
        with pytest.raises(Misuse, match="did not come through a relay"):
            relaying.opened(question)
