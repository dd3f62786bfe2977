"""Notices and diffusions: what bureaus ask the secretariat to publish, what it decides, and what goes to everybody.

    notice.request/1  ->  notice.decision/1  MORE_INFORMATION (interim)  ->  notice.information/1  ->  ...
                                             REFUSED (refused), with its ground
                                             PUBLISHED (final), with its number
    notice.publication/1   to every member but those that it is denied to
    notice.update/1        by the owner: decided and published like a request
    notice.review/1        to the owner before the notice's time is over: an update renews it
    notice.withdrawal/1    by the owner: answered by a decision
    notice.ending/1        to everybody who got the publication
    diffusion.publication/1, diffusion.ending/1   straight from a bureau to bureaus; the secretariat is one of them

The header's answer code follows from the decision (`answer`). All that lists `attachments` may carry them.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.codes import Answer
from schemas.messages.attachments import Attaching
from schemas.messages.codes import NoticeColour, Sex
from schemas.messages.fields import (
    AddressField,
    Country,
    Distinct,
    Line,
    Message,
    Model,
    PartialDate,
    Place,
    Prose,
    Reference,
    Seconds,
)
from schemas.messages.notice_codes import (
    PERSONS,
    THINGS,
    Decision,
    Ending,
    Issue,
    NoticeGround,
    Pursued,
    ThingKind,
    answer_of,
)
from schemas.messages.person import Height, Mark, Person

Version = Annotated[int, Field(ge=1, le=10_000)]
"""Of one notice, from 1."""
Denied = Annotated[tuple[Country, ...], Distinct(249)]
"""Countries that the owner does not show it to, in searches neither."""
MAX_FINDINGS = 40


class Thing(Model):
    """What a notice is about that is no named person: a body, an event, an object, a method, property."""

    kind: ThingKind
    name: Line
    """What to call it: it has a name even where nobody knows whose it is."""
    description: Prose | None = None
    place: Place | None = None
    """Where it was found, happened or lies."""
    date: PartialDate | None = None
    """When."""
    sex: Sex | None = None
    """Of a body, as the height and the marks."""
    height_cm: Height | None = None
    marks: Annotated[tuple[Mark, ...], Distinct(30)] = ()

    @model_validator(mode="after")
    def _of_a_body(self) -> Self:
        if self.kind is not ThingKind.BODY and (self.sex or self.height_cm or self.marks):
            raise PydanticCustomError("not_a_body", "sex, height and marks are a body's")
        return self


class Penalty(Model):
    """What the person faces, or has still to serve."""

    pursued: Pursued
    months: Annotated[int, Field(ge=1, le=1200)] | None = None
    """The most that the law allows; of a sentence, what is left of it. Absent where it is life."""


class Assurance(Model):
    """That extradition will be asked for upon arrest."""

    authority: Line
    """Who assures it."""
    countries: Annotated[tuple[Country, ...], Distinct(249)] = ()
    """From these alone; absent: from every country."""


class NoticeBody(Attaching):
    """What a notice says. It is about a person or about a thing, as its colour allows."""

    colour: NoticeColour
    person: Person | None = None
    """With charges and warrants: offence and warrant stand there."""
    thing: Thing | None = None
    penalty: Penalty | None = None
    extradition: Assurance | None = None
    facts: Prose | None = None
    """What happened, in words that stand by themselves."""
    last_known: Place | None = None

    @model_validator(mode="after")
    def _is_about_what_its_colour_says(self) -> Self:
        if (self.person is None) == (self.thing is None):
            raise PydanticCustomError("one_subject", "a notice is about a person or a thing, and one of them")
        if self.person is not None and self.colour not in PERSONS:
            raise PydanticCustomError("colour_person", "no notice of this colour is about a named person")
        if self.thing is not None and self.thing.kind not in THINGS.get(self.colour, ()):
            raise PydanticCustomError("colour_thing", "no notice of this colour is about such a thing")
        return self

    @property
    def subject(self) -> Person | Thing:
        """What it is about."""
        subject = self.person or self.thing
        if subject is None:  # only where the model's checks were passed by
            raise ValueError("a notice has a subject")
        return subject


class NoticeRequest(NoticeBody):
    """A bureau asks for a notice."""

    KIND: ClassVar[str] = "notice.request/1"

    case: Reference
    """The bureau's reference: one request of one bureau, for ever."""
    denied: Denied = ()


class NoticeInformation(NoticeBody):
    """What the secretariat wanted to know: the request as it now stands, whole, in the request's exchange."""

    KIND: ClassVar[str] = "notice.information/1"

    case: Reference
    denied: Denied = ()
    note: Prose | None = None
    """What changed, in words."""


class NoticeUpdate(NoticeBody):
    """The owner asks to publish the notice anew, or something beside it."""

    KIND: ClassVar[str] = "notice.update/1"

    number: Reference
    issue: Issue
    case: Reference
    """Of this update; another than that of the request."""
    denied: Denied = ()
    note: Prose | None = None
    """What changed, or what an addendum adds."""

    @model_validator(mode="after")
    def _is_of_a_notice(self) -> Self:
        if self.issue is Issue.NEW:
            raise PydanticCustomError("update_new", "an update is of a notice that there is")
        return self


class RuleFinding(Model):
    """What one rule of the screening found, and what would mend it."""

    rule: Annotated[int, Field(ge=1, le=99)]
    name: Line
    found: Line
    mend: Line


class NoticeDecision(Message):
    """What was decided on a request, an update or a withdrawal; which other fields are there follows from that.

    MORE_INFORMATION: questions or findings. REFUSED: ground. PUBLISHED: number and version. WITHDRAWN: number.
    """

    KIND: ClassVar[str] = "notice.decision/1"

    decision: Decision
    case: Reference | None = None
    """The bureau's reference; absent where a withdrawal is answered."""
    number: Reference | None = None
    version: Version | None = None
    ground: NoticeGround | None = None
    questions: Prose | None = None
    findings: Annotated[tuple[RuleFinding, ...], Distinct(MAX_FINDINGS)] = ()
    remarks: Prose | None = None

    @property
    def answer(self) -> Answer:
        """The answer code that the header carries."""
        return answer_of(self.decision)

    @model_validator(mode="after")
    def _fields_follow_decision(self) -> Self:
        decision = self.decision
        rules = (
            ("ground", self.ground is not None, decision is Decision.REFUSED),
            ("version", self.version is not None, decision is Decision.PUBLISHED),
            ("number", self.number is not None, decision in (Decision.PUBLISHED, Decision.WITHDRAWN)),
        )
        for field, present, wanted in rules:
            if present != wanted:
                what = {"decision": decision.value, "field": field}
                raise PydanticCustomError("decision_field", "{decision} and {field} do not go together", what)
        says = self.questions is not None or bool(self.findings)
        if decision is Decision.MORE_INFORMATION and not says:
            raise PydanticCustomError("asks_nothing", "who wants more information says which")
        if self.case is None and decision in (Decision.MORE_INFORMATION, Decision.PUBLISHED):
            raise PydanticCustomError("decision_case", "a decision on a request names its case")
        return self


class NoticePublication(NoticeBody):
    """A notice in force, for every member that it is not denied to. Whom it is denied to is not said."""

    KIND: ClassVar[str] = "notice.publication/1"

    number: Reference
    version: Version
    issue: Issue
    owner: AddressField
    published: Seconds
    review: Seconds
    """It ends then unless its owner confirms it."""
    note: Prose | None = None

    @model_validator(mode="after")
    def _first_is_new(self) -> Self:
        if (self.version == 1) != (self.issue is Issue.NEW):
            raise PydanticCustomError("first_version", "the first version, and no other, is new")
        return self


class NoticeReview(Message):
    """The secretariat asks the owner whether a notice still stands. An update or a withdrawal answers it."""

    KIND: ClassVar[str] = "notice.review/1"

    number: Reference
    version: Version
    review: Seconds
    """When it ends otherwise."""


class NoticeWithdrawal(Message):
    """The owner takes a notice back."""

    KIND: ClassVar[str] = "notice.withdrawal/1"

    number: Reference
    reason: Prose | None = None


class NoticeEnding(Message):
    """A notice is no longer in force."""

    KIND: ClassVar[str] = "notice.ending/1"

    number: Reference
    ending: Ending
    ended: Seconds
    reason: Prose | None = None


class DiffusionPublication(NoticeBody):
    """A bureau circulates it itself, to whom it chooses; the secretariat is among them and records it at once."""

    KIND: ClassVar[str] = "diffusion.publication/1"

    case: Reference
    """The owner's reference, by which it is known together with its owner."""
    version: Version
    issue: Issue
    denied: Denied = ()
    """Whom a search of the secretariat's databases does not show it to."""
    note: Prose | None = None

    @model_validator(mode="after")
    def _first_is_new(self) -> Self:
        if (self.version == 1) != (self.issue is Issue.NEW):
            raise PydanticCustomError("first_version", "the first version, and no other, is new")
        return self


class DiffusionEnding(Message):
    """A diffusion is no longer in force: taken back by its owner, or cancelled by the secretariat."""

    KIND: ClassVar[str] = "diffusion.ending/1"

    owner: AddressField
    case: Reference
    ending: Ending
    reason: Prose | None = None
