"""A bureau's people at the secretariat's services: they ask for notices, meet persons, confirm hits, pass tips on.

Order, for each of their own wishes: the request, or the diffusion; what more is asked for is given; a hit on the notice
is confirmed; a tip about it is answered. Of others' notices: whoever is to meet the person asks the databases after the
publication, over the unit's own link where it is a unit; whoever's public says something passes it on.

Rules: as of an officer (officer.py): nothing is answered inside of a handler; what is told follows from the plan alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from bureaus.client import Bureau
from bureaus.exchange import Received, Sent
from bureaus.exercises import wishes
from bureaus.exercises.catalogue import SECRETARIAT
from bureaus.exercises.course import Course
from bureaus.exercises.plan import Plan
from bureaus.exercises.wishes import Wish
from schemas.codes import Purpose, Urgency
from schemas.identity import Address
from schemas.messages import Message
from schemas.messages.codes import TipFinding
from schemas.messages.databases import DatabaseAnswer
from schemas.messages.hits import HitConfirmation, HitConfirmed
from schemas.messages.notice_codes import Decision
from schemas.messages.notices import DiffusionPublication, NoticeDecision, NoticePublication
from schemas.messages.search_codes import Validity
from schemas.messages.tips import Tip, TipDisposition

ACCEPTED_SECONDS: Final = 60.0
"""Real seconds that the gateway may take to decide."""


class Partner:
    """The people of one bureau or unit. Making it registers their handlers."""

    def __init__(self, bureau: Bureau, address: Address, plan: Plan, course: Course) -> None:
        self.bureau, self.address = bureau, address
        self._plan, self._course, self._services = plan, course, plan.operation.services
        found = wishes.wishes(plan)
        self.wishes = {wish.case.reference: wish for wish in found if wish.case.owner == address}
        self._meets = [wish for wish in found if wish.finder is not None and wish.finder.bureau == address]
        self._hears = [wish for wish in found if wish.tipster == address]
        self.units: Mapping[Address, Bureau] = {}
        """Units of ours whose links are at hand: they ask for themselves."""
        for kind, take in (
            (NoticeDecision, self._decided),
            (NoticePublication, self._published),
            (DiffusionPublication, self._published),
            (HitConfirmation, self._asked),
            (Tip, self._told),
            (DatabaseAnswer, self._noted),
            (HitConfirmed, self._noted),
            (TipDisposition, self._noted),
        ):
            bureau.on(kind)(take)

    async def request(self, wish: Wish) -> None:
        """Ask for the notice, or circulate the diffusion.

        Raises:
            Forbidden, Unavailable: it was not accepted.
        """
        if wish.diffusion:
            to = [*wish.case.asked, SECRETARIAT]
            sent = await self._tell(wishes.diffusion(wish), to, wish.purpose)
        else:
            sent = await self._ask(self.bureau, wishes.request(wish), wish.purpose)
        await sent.accepted(ACCEPTED_SECONDS)

    # ---- what comes

    async def _noted(self, received: Received) -> None:
        """It is the end of something."""
        self._course.land(received.digest, self.address)

    async def _decided(self, received: Received) -> None:
        message = received.message
        if isinstance(message, NoticeDecision) and message.decision is Decision.MORE_INFORMATION:
            wish = self.wishes.get(message.case or "")
            if wish is not None:
                self._course.start(self._inform(received, wish))
        self._course.land(received.digest, self.address)

    async def _inform(self, received: Received, wish: Wish) -> None:
        await self._work(f"{wish.case.reference} information")
        await self._answer(received, wishes.information(wish))

    async def _published(self, received: Received) -> None:
        message = received.message
        if isinstance(message, NoticePublication | DiffusionPublication):
            number = message.number if isinstance(message, NoticePublication) else None
            for wish in self._meets:
                if wish.case.person == message.person:
                    self._course.start(self._meet(wish))
            for wish in self._hears:
                if wish.case.person == message.person and number is not None:
                    self._course.start(self._pass_on(wish, number))
        self._course.land(received.digest, self.address)

    async def _meet(self, wish: Wish) -> None:
        finder = wish.finder or self.address
        unit, asker = finder.unit is not None, self.units.get(finder, self.bureau)
        await self._course.worked(asker.address, self._services.sighting, f"{wish.case.reference} sighting")
        purpose = Purpose.BORDER_CHECK if unit else Purpose.IDENTIFICATION
        urgency = Urgency.URGENT if unit else Urgency.ROUTINE
        sent = await self._ask(asker, wishes.question(wish), purpose, urgency)
        await sent.accepted(ACCEPTED_SECONDS)

    async def _pass_on(self, wish: Wish, number: str) -> None:
        await self._work(f"{wish.case.reference} tip")
        day = datetime.fromtimestamp(self._course.now() / 1000, UTC).date().isoformat()
        sent = await self._tell(wishes.tip(wish, number, day), [SECRETARIAT], Purpose.LOCATION)
        await sent.accepted(ACCEPTED_SECONDS)

    async def _asked(self, received: Received) -> None:
        if isinstance(received.message, HitConfirmation):
            self._course.start(self._confirm(received, received.message))
        self._course.land(received.digest, self.address)

    async def _confirm(self, received: Received, message: HitConfirmation) -> None:
        about = f"{message.asker} {message.kind} {message.document or message.person} confirmation"
        await self._course.worked(self.address, self._services.confirming, about)
        await self._answer(received, HitConfirmed(validity=Validity.CONFIRMED, record=message.record))

    async def _told(self, received: Received) -> None:
        if isinstance(received.message, Tip):
            self._course.start(self._assess(received))
        self._course.land(received.digest, self.address)

    async def _assess(self, received: Received) -> None:
        if not isinstance(received.message, Tip):
            return
        await self._work(f"{received.message.case} tip assessed")
        await self._answer(received, TipDisposition(number=received.message.number, finding=TipFinding.USEFUL))

    # ---- what goes

    async def _work(self, about: str) -> None:
        await self._course.worked(self.address, self._services.sighting, about)

    async def _ask(self, asker: Bureau, message: Message, purpose: Purpose, urgency: Urgency = Urgency.ROUTINE) -> Sent:
        operation = self._plan.caseload.operation
        sent = await asker.ask(message, to=[SECRETARIAT], operation=operation, purpose=purpose, urgency=urgency)
        self._course.fly(sent.digest, asker.address, SECRETARIAT)
        return sent

    async def _tell(self, message: Message, to: list[Address], purpose: Purpose) -> Sent:
        operation = self._plan.caseload.operation
        sent = await self.bureau.tell(message, to=to, operation=operation, purpose=purpose)
        for one in to:
            self._course.fly(sent.digest, self.address, one)
        return sent

    async def _answer(self, received: Received, message: Message) -> None:
        sent = await received.answer(message)
        self._course.fly(sent.digest, self.address, received.sender)
        await sent.accepted(ACCEPTED_SECONDS)


def at_the_services(plan: Plan, bureaus: Mapping[Address, Bureau], course: Course) -> dict[Address, Partner]:
    """Everybody's people at the services: of each bureau and unit that may ask."""
    partners = {code: Partner(bureaus[code], code, plan, course) for code in plan.askers}
    for code, partner in partners.items():
        partner.units = {unit: bureaus[unit] for unit in plan.units if unit.bureau == code}
    return partners
