"""What asks the secretariat and is for none of its rooms is declined at once; the other kinds have a room."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from bureaus.exchange import Received
from bureaus.secretariat.office import OPERATION, Office
from bureaus.secretariat.registry import audit
from schemas.codes import Answer, Purpose
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages import Message, WhereaboutsQuery, WhereaboutsResponse
from schemas.messages.codes import Asked, DutyFinding, Finding, RefusalGround
from schemas.messages.duty import DutyAnswer, DutyCall
from tests.integration.secretariat.house import House

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "protocol.md"
_ASKING: Final = re.compile(r"^\| `([a-z.]+/1)`[ *]*\|[^|]*\| `[a-z.]+/1`", re.MULTILINE)
WITHOUT_A_WORD: Final = {"hit.confirmation/1", "extradition.request/1", "relay.delivery/1"}
"""Between a bureau and an owner, or the secretariat's own to send: no word of their answers says `not for us`."""


def has_room(office: Office, kind: str) -> bool:
    """Whether a handler is registered for a kind: then nobody else registers one."""

    async def nobody(_received: Received) -> None:
        """Take nothing."""

    try:
        office.bureau.on(kind)(nobody)
    except Misuse:
        return True
    return False


async def test_who_asks_the_secretariat_what_it_does_not_know_is_told_so_at_once(tmp_path: Path) -> None:
    house = await House.gather(tmp_path, ("FR",))
    query = WhereaboutsQuery(asked=(Asked.STATUS,), case="FR-1")
    call = DutyCall(query="ab" * 32, asker=Address("FR"), operation=OPERATION, due=1_700_000_000, call=1)
    async with house.serving() as office, house.bureau("FR") as france:
        said: list[tuple[Message, Answer | None]] = []
        for asked in (query, call):
            exchange = await france.ask(asked, to=["IPSG"], operation=OPERATION, purpose=Purpose.ADMINISTRATION)
            said += [(one.message, one.header.answer) async for one in exchange.responses(deadline=60)]
        async with office.registry.reading() as connection:
            noted = [act.act for act in await audit.acts(connection, who="FR")]
    (where, refused), (duty, final) = said
    assert isinstance(where, WhereaboutsResponse)
    assert (where.finding, where.ground, where.case) == (Finding.REFUSED, RefusalGround.NOT_AVAILABLE, "FR-1")
    assert refused is Answer.REFUSED
    assert duty == DutyAnswer(query=call.query, finding=DutyFinding.NOT_HERE)
    assert final is Answer.FINAL
    assert sorted(noted) == ["declined duty.call/1", "declined whereabouts.query/1"]


async def test_every_kind_that_asks_for_an_answer_has_a_room_or_is_known_to_have_none(tmp_path: Path) -> None:
    house = await House.gather(tmp_path, ())
    asking = set(_ASKING.findall(DOCUMENT.read_text("utf-8")))
    assert {"whereabouts.query/1", "database.query/1", "duty.call/1"} <= asking
    async with house.office() as office:
        assert {kind for kind in asking if not has_room(office, kind)} == WITHOUT_A_WORD
