"""A day of the secretariat in this process: a silence, a request on screening, an appeal; staff and the public.

The network is the shipped one in memory; both listeners are real. Everybody is synthetic, the faces are drawn.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

from bureaus.client import Bureau
from bureaus.exchange import Received
from bureaus.secretariat.duty.desk import Desk
from bureaus.secretariat.notices import acts
from bureaus.secretariat.office import OPERATION, Office
from bureaus.secretariat.pages.listening import Place, public, staff
from bureaus.secretariat.staff.accounts import Accounts
from bureaus.secretariat.tips.appeals import Appeals
from bureaus.secretariat.tips.pictures import Pictures
from schemas.codes import Purpose, Urgency
from schemas.messages.attachments import Attachment, MediaType, Shows
from schemas.messages.codes import DutyFinding, TipFinding
from schemas.messages.duty import DutyAnswer, DutyCall
from schemas.messages.tips import Tip, TipDisposition
from tests.integration.secretariat.cases import RED
from tests.integration.secretariat.house import PROMPT, House
from tests.integration.secretariat.test_duty import attest
from tests.integration.secretariat.visitor import PASSWORD

STAFF: Final = {"omar": ("duty",), "vera": ("fugitive",), "ines": ("screener", "publisher"), "paul": ("publisher",)}
APPEAL: Final = "Tibo Marolet-Ex"
WITHIN: Final = 60.0


@dataclass
class Scene:
    """The secretariat at work."""

    house: House
    office: Office
    staff: str
    public: str
    password: str = PASSWORD


def face() -> bytes:
    """A drawn head and shoulders, as a JPEG."""
    made = Image.new("RGB", (240, 300), "#cfd8e3")
    draw = ImageDraw.Draw(made)
    draw.ellipse((70, 50, 170, 180), fill="#8796a8")
    draw.ellipse((10, 190, 230, 420), fill="#5f6f82")
    written = io.BytesIO()
    made.save(written, "JPEG")
    return written.getvalue()


async def _called(received: Received) -> None:
    """BR says until when."""
    assert isinstance(received.message, DutyCall)
    until = received.message.due + 7200
    said = DutyAnswer(
        query=received.message.query, finding=DutyFinding.IN_PROCESS, until=until, remarks="The court is asked."
    )
    await received.answer(said)


async def _told(received: Received) -> None:
    """FR looked into a tip."""
    assert isinstance(received.message, Tip)
    said = TipDisposition(
        number=received.message.number, finding=TipFinding.LOCATED, for_tipster="He was found. Thank you."
    )
    await received.answer(said)


async def _ask(france: Bureau, office: Office) -> None:
    """A red notice, as a request with a picture."""
    data = face()
    listed = (Attachment.of(data, Shows.FACE, MediaType.JPEG),)
    facts = "In 2019 he left his political party and sold what may not be sold."
    request = RED.model_copy(update={"attachments": listed, "facts": facts, "penalty": None})
    await france.ask(
        request, to=["IPSG"], operation=OPERATION, purpose=Purpose.ARREST, urgency=Urgency.ROUTINE, attachments=[data]
    )
    async with asyncio.timeout(WITHIN):
        while not await acts.waiting(office):  # noqa: ASYNC110  # the handler has no event here
            await asyncio.sleep(0.05)


@asynccontextmanager
async def secretariat(folder: Path) -> AsyncIterator[Scene]:
    """The scene."""
    house = await House.gather(folder, ("FR", "BR", "KE"))
    france, brazil = house.bureau("FR"), house.bureau("BR")
    brazil.on(DutyCall)(_called)
    france.on(Tip)(_told)
    async with AsyncExitStack() as stack:
        office = await stack.enter_async_context(house.serving(replace(PROMPT, tip_form_least=0.1)))
        desk = await stack.enter_async_context(staff(office, Place()))
        page = await stack.enter_async_context(public(office, Place()))
        await stack.enter_async_context(france)
        await stack.enter_async_context(brazil)
        for name, rights in STAFF.items():
            await Accounts(office.registry).add(name, rights, PASSWORD, who="test", now=house.seconds())
        picture = await Pictures(office.settings).anew(face())
        shown = (APPEAL, "Sought by France for drug trafficking. He may use other names, and travels by ferry.")
        await Appeals(office).open(shown, seeks="FR", consent="letter 12", who="vera", picture=picture)
        attest(house)
        await _ask(france, office)
        async with asyncio.timeout(WITHIN):
            while not await Desk(office).silences():  # noqa: ASYNC110  # the chore has no event
                await asyncio.sleep(0.05)
        yield Scene(house, office, desk, page)
