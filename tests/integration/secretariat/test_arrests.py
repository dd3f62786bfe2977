"""The secretariat takes down arrests on notices, by the word of whoever holds the person, and their ends."""

from __future__ import annotations

from pathlib import Path

from bureaus.exchange import Received
from bureaus.secretariat import arrests
from bureaus.secretariat.office import OPERATION
from bureaus.secretariat.registry import audit
from schemas.codes import Answer, Purpose
from schemas.messages.arrest_codes import Extradition, Sought
from schemas.messages.arrests import ArrestAnswer, ArrestProvisional, ExtraditionAnswer
from tests.integration.secretariat.house import House
from tests.unit.schemas.messages.test_arrests import arrest


async def test_an_arrest_goes_to_the_owner_and_is_noted_until_its_end(tmp_path: Path) -> None:
    house = await House.gather(tmp_path, ("FR", "BR", "KE"))
    france = house.bureau("FR")

    @france.on(ArrestProvisional)
    async def intend(received: Received) -> None:
        await received.answer(ArrestAnswer(word=Sought.PAPERS_SENT, case="KE-7", request="X-1"))

    async with house.serving() as office, france, house.bureau("KE") as kenya, house.bureau("BR") as brazil:
        for _ in range(2):
            asked = await kenya.ask(arrest(), to=["FR", "IPSG"], operation=OPERATION, purpose=Purpose.ARREST)
            words = {str(one.sender): one async for one in asked.responses(deadline=60)}
            assert {who: one.header.answer for who, one in words.items()} == dict.fromkeys(("FR", "IPSG"), Answer.FINAL)
            assert words["IPSG"].message == ArrestAnswer(word=Sought.NOTED, case="KE-7")
        ended = ExtraditionAnswer(word=Extradition.SURRENDERED, request="X-1", case="KE-7", date="2026-11-30")
        for bureau in (brazil, kenya):  # Brazil holds nobody: its word changes nothing
            told = await bureau.tell(ended, to=["IPSG"], operation=OPERATION, purpose=Purpose.EXTRADITION)
            await told.accepted(60)
        rung = 0
        while True:
            async with office.registry.reading() as connection:
                ((holder, how, _),) = await arrests.state(connection, "R-1/2026")
                noted = await audit.acts(connection, subject="R-1/2026")
            if how != arrests.HELD:
                break
            rung = await office.registry.written.after(rung)
    assert (holder, how) == ("KE", "surrendered")
    assert [(act.who, act.act) for act in noted] == [("KE", "told of an arrest's end"), ("KE", "told of an arrest")]
