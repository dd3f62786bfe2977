"""What an exercise asks of the secretariat's services, made before anything starts; and what its people decide. Pure.

Order, for each case whose owner wants a notice or a diffusion: which of the two, its colour, what it lacks; who meets
the person and asks the databases, by a document or by name; whose public says something. The same plan gives the same
wishes: every draw is made from the seed and the case alone.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bureaus.caseload import Case
from bureaus.exercises.plan import Plan
from bureaus.secretariat.notices.rules import LEAST_MONTHS, Finding, Weight
from schemas.codes import Purpose
from schemas.identity import Address
from schemas.messages.codes import NoticeColour, TipChannel
from schemas.messages.databases import DatabaseQuery, DocumentQuestion, NameQuestion
from schemas.messages.notice_codes import Issue, NoticeGround, Pursued
from schemas.messages.notices import (
    Assurance,
    DiffusionPublication,
    NoticeInformation,
    NoticeRequest,
    Penalty,
)
from schemas.messages.tips import Tip

MONTHS: Final = 96
"""What the law of a synthetic case allows."""
FACTS: Final = "A synthetic case of an exercise: nobody did this, and nobody is sought."
_PENALTY_RULE: Final = 4


class Flaw(StrEnum):
    """What is wrong with a request."""

    NOTHING = "nothing"
    INCOMPLETE = "incomplete"
    """The assurance is missing, and is given when it is asked for."""
    BELOW = "below"
    """The penalty is too small for a red notice."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A notice or a diffusion that a case's owner wants, and what follows from it."""

    case: Case
    diffusion: bool
    flaw: Flaw
    finder: Address | None
    """Who asks the databases about the person: a bureau, or a unit of one."""
    tipster: Address | None
    """The bureau whose public says something."""

    @property
    def colour(self) -> NoticeColour:
        """Red for whom a warrant is out, blue for whom somebody wants to know more about."""
        person = self.case.person
        return NoticeColour.RED if person.charges and person.warrants else NoticeColour.BLUE

    @property
    def purpose(self) -> Purpose:
        """Of what is asked and circulated."""
        return Purpose.ARREST if self.colour is NoticeColour.RED else Purpose.LOCATION

    @property
    def published(self) -> bool:
        """Whether it is to be published."""
        return self.flaw is not Flaw.BELOW


@dataclass(frozen=True, slots=True)
class Expected:
    """What the services must have done at the end."""

    requests: int
    diffusions: int
    questions: int
    tips: int


def wishes(plan: Plan) -> tuple[Wish, ...]:
    """Every wish of a plan, in the order of its cases."""
    services, cases = plan.operation.services, plan.caseload.cases
    count = min(services.notices_most, math.ceil(services.notices * len(cases)))
    drawn = sorted(cases, key=lambda case: _rng(plan, case, "wish").random())[:count]
    return tuple(_wish(plan, case, first=case is drawn[0]) for case in cases if case in drawn)


def expected(found: Sequence[Wish]) -> Expected:
    """What these wishes come to."""
    asked = [wish for wish in found if not wish.diffusion]
    return Expected(
        requests=len(asked),
        diffusions=len(found) - len(asked),
        questions=sum(wish.published and wish.finder is not None for wish in found),
        tips=sum(wish.published and wish.tipster is not None for wish in found),
    )


def _rng(plan: Plan, case: Case, what: str) -> random.Random:
    return random.Random(f"{plan.caseload.seed} {case.reference} {what}")  # nothing secret comes of it


def _wish(plan: Plan, case: Case, *, first: bool) -> Wish:
    """The first of all is a notice that lacks nothing, so that every exercise publishes one."""
    services, rng = plan.operation.services, _rng(plan, case, "services")
    diffusion = rng.random() < services.diffusions and not first
    red = bool(case.person.charges and case.person.warrants)
    drawn, flaw = rng.random(), Flaw.NOTHING
    if red and not diffusion and not first:
        flaw = Flaw.BELOW if drawn < services.below else flaw
        flaw = Flaw.INCOMPLETE if services.below <= drawn < services.below + services.incomplete else flaw
    others = [code for code in (case.asked if diffusion else plan.members) if code != case.owner]
    finder = _finder(plan, rng, others) if rng.random() < services.searches else None
    passed = finder.bureau if finder is not None else None
    givers = [code for code in plan.members if code not in (case.owner, passed)]
    tells = rng.random() < services.tips and not diffusion and bool(givers)
    return Wish(case, diffusion, flaw, finder, rng.choice(givers) if tells else None)


def _finder(plan: Plan, rng: random.Random, others: Sequence[Address]) -> Address:
    """A border unit where one of these bureaus has some, else one of these bureaus."""
    units = [unit for unit in plan.units if unit.bureau in others]
    return rng.choice(units or list(others))


# ------------------------------------------------------------------------------------------ what is said


def request(wish: Wish) -> NoticeRequest:
    """The request as it comes first."""
    red = wish.colour is NoticeColour.RED
    months = LEAST_MONTHS[Pursued.PROSECUTION] // 2 if wish.flaw is Flaw.BELOW else MONTHS
    return NoticeRequest(
        colour=wish.colour,
        person=wish.case.person,
        penalty=Penalty(pursued=Pursued.PROSECUTION, months=months) if red else None,
        extradition=_assurance(wish) if red and wish.flaw is not Flaw.INCOMPLETE else None,
        facts=FACTS,
        case=wish.case.reference,
    )


def information(wish: Wish) -> NoticeInformation:
    """The request as it stands when more was asked for."""
    said = request(wish)
    red = wish.colour is NoticeColour.RED
    return NoticeInformation(
        colour=said.colour,
        person=said.person,
        penalty=said.penalty,
        extradition=_assurance(wish) if red else None,
        facts=said.facts,
        case=said.case,
        note="All that is known here.",
    )


def _assurance(wish: Wish) -> Assurance:
    return Assurance(authority=f"Synthetic ministry of justice of {wish.case.owner}")


def diffusion(wish: Wish) -> DiffusionPublication:
    """What an owner circulates itself."""
    red = wish.colour is NoticeColour.RED
    return DiffusionPublication(
        colour=wish.colour,
        person=wish.case.person,
        penalty=Penalty(pursued=Pursued.PROSECUTION, months=MONTHS) if red else None,
        extradition=_assurance(wish) if red else None,
        facts=FACTS,
        case=wish.case.reference,
        version=1,
        issue=Issue.NEW,
    )


def question(wish: Wish) -> DatabaseQuery:
    """What is asked about the person: by a document where one is known, else by name."""
    person = wish.case.person
    if person.documents:
        shown = person.documents[0]
        return DatabaseQuery(document=DocumentQuestion(number=shown.number, type=shown.type, issuer=shown.issuer))
    return DatabaseQuery(
        person=NameQuestion(
            name=person.name,
            sex=person.sex,
            birth_date=person.birth_date,
            nationality=person.nationalities[0] if person.nationalities else None,
        )
    )


def tip(wish: Wish, number: str, day: str) -> Tip:
    """What somebody says to know about a notice, passed on by their country's programme on a day."""
    return Tip(
        number=f"TIP-{wish.tipster}-{wish.case.reference}",
        channel=TipChannel.ANONYMOUS_PROGRAMME,
        received=day,
        text="A synthetic tip: somebody says to have seen the person, and was nobody.",
        notice=number,
        case=wish.case.reference,
    )


# ------------------------------------------------------------------------------------------ what is decided


class Verdict(StrEnum):
    """What a screener does with a request."""

    ASK = "ask"
    REFUSE = "refuse"
    APPROVE = "approve"


GROUND: Final = NoticeGround.PENALTY
WHY: Final = "All that is known was asked for and given; within the rules."


def judge(findings: Sequence[Finding], *, informed: bool) -> Verdict:
    """What a simulated screener decides by the rules' findings; `informed` says that more was asked for and given.

    Too small a penalty is refused; whatever else is lacking is asked for once, and then a person publishes it with a
    word why. No flag is decided by this: a synthetic case has none.
    """
    lacks = [one for one in findings if one.weight is Weight.LACKS]
    if any(one.rule == _PENALTY_RULE for one in lacks):
        return Verdict.REFUSE
    return Verdict.ASK if lacks and not informed else Verdict.APPROVE
