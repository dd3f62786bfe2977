"""From a confirmed hit to a surrender: provisional arrest, the papers, and what became of the request.

    arrest.provisional/1    the bureau that holds the person tells the owner of the notice or record
    arrest.answer/1         the owner: PAPERS_FOLLOW (more time, until), PAPERS_SENT or NOT_SOUGHT (final)
    extradition.request/1   the owner: warrant, offence, intent, and the papers as attachments
    extradition.answer/1    IN_PROCESS (more time, until), SURRENDERED, REFUSED (ground), RELEASED (ground)

The gateway times `arrest.provisional`: 18 days for the papers, at most 40 (European Convention on Extradition,
Article 16(4)). Whoever sends it to the General Secretariat too is answered NOTED; a copy of extradition.answer tells it
the end. The header's answer code and `until` follow from the word (`answer`, `until`).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from schemas.codes import Answer
from schemas.messages.arrest_codes import (
    Extradition,
    ExtraditionGround,
    Identified,
    ReleaseGround,
    Sought,
    answer_to_arrest,
    answer_to_extradition,
)
from schemas.messages.attachments import Attaching
from schemas.messages.fields import Distinct, Line, Message, PartialDate, Place, Prose, Reference, Seconds
from schemas.messages.person import Charge, Person, Warrant
from schemas.messages.whereabouts import Notice

Charges = Annotated[tuple[Charge, ...], Distinct(20)]


class ArrestProvisional(Attaching):
    """A person is held on a notice or a record, and its owner is asked what it intends."""

    KIND: ClassVar[str] = "arrest.provisional/1"

    case: Reference
    """Of the bureau that holds the person."""
    notice: Notice | None = None
    record: Reference | None = None
    """The databases' number."""
    person: Person
    """As identified here."""
    identified: Annotated[tuple[Identified, ...], Distinct(len(Identified))]
    arrested: Seconds
    place: Place
    law: Line | None = None
    """What the person is held by."""
    papers_by: Seconds | None = None
    """Until when that law holds without the papers."""
    contact: Line | None = None
    remarks: Prose | None = None

    @model_validator(mode="after")
    def _says_on_what_and_by_what(self) -> Self:
        if self.notice is None and self.record is None:
            raise PydanticCustomError("arrest_basis", "a person is held on a notice or on a record")
        if not self.identified:
            raise PydanticCustomError("identified", "something identified the person")
        return self


class ArrestAnswer(Message):
    """The owner's word on an arrest. PAPERS_FOLLOW: until, warrant and charges. PAPERS_SENT: request."""

    KIND: ClassVar[str] = "arrest.answer/1"

    word: Sought
    case: Reference
    """Of the bureau that holds the person."""
    until: Seconds | None = None
    """With PAPERS_FOLLOW: when the papers come at the latest."""
    warrant: Warrant | None = None
    """With PAPERS_FOLLOW: what extradition will be asked on."""
    charges: Charges = ()
    """With PAPERS_FOLLOW: for what."""
    request: Reference | None = None
    """With PAPERS_SENT: the reference of the request for extradition."""
    remarks: Prose | None = None

    @property
    def answer(self) -> Answer:
        """The answer code that the header of this message carries."""
        return answer_to_arrest(self.word)

    @model_validator(mode="after")
    def _fields_follow_word(self) -> Self:
        follow = self.word is Sought.PAPERS_FOLLOW
        given = (self.until is not None, self.warrant is not None, bool(self.charges))
        if given != (follow, follow, follow):
            raise PydanticCustomError("intent", "a time, a warrant and charges go with PAPERS_FOLLOW, and only with it")
        if (self.request is not None) != (self.word is Sought.PAPERS_SENT):
            raise PydanticCustomError("request", "a request's reference goes with PAPERS_SENT, and only with it")
        return self


class ExtraditionRequest(Attaching):
    """The papers: who is to be surrendered, for what, on which warrant. The documents are its attachments."""

    KIND: ClassVar[str] = "extradition.request/1"

    request: Reference
    """The owner's: one request, for ever."""
    case: Reference | None = None
    """Of the bureau that holds the person, where it arrested on a notice or record."""
    person: Person
    warrant: Warrant
    charges: Charges
    authority: Line
    """Who asks: a ministry, a court, a prosecutor."""
    law: Line | None = None
    """The treaty that it is asked by."""
    assurances: Prose | None = None
    remarks: Prose | None = None

    @model_validator(mode="after")
    def _says_for_what(self) -> Self:
        if not self.charges:
            raise PydanticCustomError("charges", "extradition is asked for an offence")
        return self


class ExtraditionAnswer(Message):
    """What became of it. IN_PROCESS: until. SURRENDERED: date. REFUSED: ground. RELEASED: date and release."""

    KIND: ClassVar[str] = "extradition.answer/1"

    word: Extradition
    request: Reference | None = None
    """Absent where none came: released."""
    case: Reference | None = None
    """Of the bureau that held the person."""
    until: Seconds | None = None
    date: PartialDate | None = None
    ground: ExtraditionGround | None = None
    release: ReleaseGround | None = None
    remarks: Prose | None = None

    @property
    def answer(self) -> Answer:
        """The answer code that the header of this message carries."""
        return answer_to_extradition(self.word)

    @model_validator(mode="after")
    def _fields_follow_word(self) -> Self:
        given = {name for name in ("until", "date", "ground", "release") if getattr(self, name) is not None}
        if given != _FIELDS[self.word]:
            raise PydanticCustomError("outcome", "which fields are there follows from the word")
        if self.request is None and (self.case is None or self.word is not Extradition.RELEASED):
            raise PydanticCustomError("request", "it names the request; released without one, the case")
        return self


_FIELDS = {
    Extradition.IN_PROCESS: {"until"},
    Extradition.SURRENDERED: {"date"},
    Extradition.REFUSED: {"ground"},
    Extradition.RELEASED: {"date", "release"},
}
