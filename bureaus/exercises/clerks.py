"""The secretariat's people in an exercise: a screener, two who publish, the fugitive unit.

Order of a request: somebody screens it by the rules, in working hours, and asks for more, refuses it, or approves it; a
red one is approved by a second person after that. A tip is forwarded to the bureau that the notice belongs to. Rules:
they do what staff do at their pages and commands, through the same acts, and what they decide follows from what the
rules find alone (wishes.judge).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import select

from bureaus.exercises import wishes
from bureaus.exercises.catalogue import SECRETARIAT
from bureaus.exercises.course import Course
from bureaus.exercises.plan import Plan
from bureaus.exercises.wishes import Verdict
from bureaus.secretariat.notices import acts
from bureaus.secretariat.office import Office
from bureaus.secretariat.registry import tips
from bureaus.secretariat.tips.sealing import Seal
from bureaus.secretariat.tips.triage import Triage
from bureaus.steps import Step, StepName
from schemas.errors import Misuse
from schemas.messages.notices import NoticeInformation, NoticeRequest
from schemas.messages.tips import Tip

SCREENER: Final = "a.screener"
PUBLISHERS: Final = ("b.publisher", "c.publisher")
"""Nobody approves twice: two of them make a red notice."""
UNIT: Final = "d.fugitives"


class Clerks:
    """The people of one office. Making it has them told of what its rooms took in."""

    def __init__(self, office: Office, plan: Plan, course: Course) -> None:
        self._office, self._plan, self._course = office, plan, course
        self._screening = plan.operation.services.screening
        office.bureau.on_step(self._stepped)

    def _stepped(self, step: Step) -> None:
        if step.name is not StepName.HANDLE:
            return
        if step.fields["kind"] in (NoticeRequest.KIND, NoticeInformation.KIND):
            self._course.start(self._screen(step.digest))
        elif step.fields["kind"] == Tip.KIND:
            self._course.start(self._triage(step.digest))

    async def _screen(self, digest: bytes) -> None:
        received = await self._office.bureau.received(digest)
        message = received.message
        if not isinstance(message, NoticeRequest | NoticeInformation):
            raise Misuse("only requests and what more is said of them are screened here")
        informed = isinstance(message, NoticeInformation)
        about = f"{received.sender} {message.case} {message.KIND}"
        await self._worked(SCREENER, about)
        number = next(
            row.id
            for row in await acts.waiting(self._office)
            if (row.owner, row.reference) == (received.sender.bureau, message.case)
        )
        screening = await acts.request(self._office, number)
        match wishes.judge(screening.findings, informed=informed):
            case Verdict.ASK:
                await acts.ask_more(self._office, number, who=SCREENER)
            case Verdict.REFUSE:
                await acts.refuse(self._office, number, who=SCREENER, ground=wishes.GROUND)
            case Verdict.APPROVE:
                for who in PUBLISHERS[: screening.request.needed]:
                    await self._worked(who, about)
                    await acts.approve(self._office, number, who=who, why=wishes.WHY)

    async def _triage(self, digest: bytes) -> None:
        said = (await self._office.bureau.received(digest)).message
        if not isinstance(said, Tip):
            raise Misuse("only tips are triaged here")
        await self._worked(UNIT, said.number)
        async with self._office.registry.reading() as connection:
            query = select(tips.tip.c.number).where(tips.tip.c.message == digest)
            number = (await connection.execute(query)).scalar_one()
        notice, _ = await acts.notice(self._office, said.notice or "")
        triage = Triage(self._office, Seal.at(self._office.bureau.home))
        await triage.forward(str(number), [str(notice.owner)], "", who=UNIT)

    async def _worked(self, who: str, about: str) -> None:
        await self._course.worked(SECRETARIAT, self._screening, f"{about} {who}")
