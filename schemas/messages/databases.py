"""The secretariat's databases: what owners put in, what is asked, what is answered, and what the owner is told.

Wanted persons, and travel documents that were lost, stolen or revoked. A record belongs to who sent it: nobody else
changes it or takes it out. What an asker is shown is the owner's choice (`Visibility`), and a country that the owner
denies a record to is answered as if there were none.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from schemas.codes import Answer
from schemas.messages.codes import DocumentType, Sex, Visibility
from schemas.messages.documents import DocumentNumber, IdentityDocument
from schemas.messages.fields import (
    AddressField,
    Country,
    Distinct,
    Issuer,
    Line,
    Message,
    Model,
    PartialDate,
    Place,
    Prose,
    Reference,
    Seconds,
)
from schemas.messages.person import Name, Person
from schemas.messages.search_codes import (
    DocumentStatus,
    HitAction,
    MatchReason,
    RecordAct,
    RecordKind,
    RecordOutcome,
    Search,
)
from schemas.messages.whereabouts import Notice

MOST_FOUND: Final = 10
"""Records in one answer."""

Denied = Annotated[tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,16}$")], ...], Distinct(250)]
"""Codes of participants (of a bureau, and so of its units) that the owner shows nothing to."""

Score = Annotated[int, Field(ge=0, le=100)]
"""How alike: 100 is equal in all that both say."""

_NOT_DONE: Final = frozenset({RecordOutcome.NO_SUCH_RECORD, RecordOutcome.EXISTS})
_UNASKED: Final = frozenset({RecordOutcome.REVIEW_DUE, RecordOutcome.ERASED})


class RecordDocument(Model):
    """A document as an owner lists it, and why it is listed."""

    document: IdentityDocument
    status: DocumentStatus
    since: PartialDate | None = None
    """When it was lost, stolen or revoked."""


class DatabaseRecord(Message):
    """An owner adds a record, replaces it whole, or takes it out. ADD and UPDATE have a person or a document."""

    KIND: ClassVar[str] = "database.record/1"

    act: RecordAct
    reference: Reference
    """The owner's own reference of the record: one record an owner and reference."""
    person: Person | None = None
    document: RecordDocument | None = None
    notice: Notice | None = None
    """The notice that the record stands on, where there is one."""
    actions: Annotated[tuple[HitAction, ...], Distinct(len(HitAction))] = ()
    """What whoever finds it is asked to do."""
    conditions: Prose | None = None
    """On what terms, in words."""
    visibility: Visibility = Visibility.OPEN
    denied: Denied = ()
    review: Seconds | None = None
    """When the owner looks at it again; absent, as late as the databases allow."""
    reason: Line | None = None
    """With DELETE: why."""

    @property
    def kind(self) -> RecordKind:
        """Which database it belongs to. For ADD and UPDATE."""
        return RecordKind.WANTED_PERSON if self.person is not None else RecordKind.TRAVEL_DOCUMENT

    @model_validator(mode="after")
    def _fields_follow_act(self) -> Self:
        if self.act is RecordAct.DELETE:
            if self.person or self.document or self.notice or self.conditions or self.actions or self.denied:
                raise PydanticCustomError("record_deleted", "who takes a record out names it, and no more")
            if self.visibility is not Visibility.OPEN or self.review is not None:
                raise PydanticCustomError("record_deleted", "who takes a record out names it, and no more")
            return self
        if (self.person is None) == (self.document is None):
            raise PydanticCustomError("record_subject", "a record is about a person or about a document")
        if self.reason is not None:
            raise PydanticCustomError("record_reason", "a reason goes with taking out")
        return self


class DatabaseRecorded(Message):
    """What became of a record. `review` is there when it stands; `act` where its owner acted, and not of itself."""

    KIND: ClassVar[str] = "database.recorded/1"

    reference: Reference
    outcome: RecordOutcome
    act: RecordAct | None = None
    record: Reference | None = None
    """The databases' own number of the record, as hits name it."""
    review: Seconds | None = None
    """When it is to be looked at again at the latest."""

    @property
    def answer(self) -> Answer:
        """The answer code that the header of this message carries."""
        return Answer.REFUSED if self.outcome in _NOT_DONE else Answer.FINAL

    @model_validator(mode="after")
    def _says_what_stands(self) -> Self:
        if (self.act is None) != (self.outcome in _UNASKED):
            raise PydanticCustomError("recorded_act", "an act goes with what its owner did, and only with that")
        recorded = self.outcome is RecordOutcome.RECORDED and self.act is not RecordAct.DELETE
        if (self.review is not None) != (recorded or self.outcome is RecordOutcome.REVIEW_DUE):
            raise PydanticCustomError("recorded_review", "a time of review goes with a record that stands")
        if (self.record is not None) == (self.outcome in _NOT_DONE):
            raise PydanticCustomError("recorded_number", "a number goes with a record that there is or was")
        return self


class DocumentQuestion(Model):
    """A document as a reader or an officer reads it. Type and issuer may be left out."""

    number: DocumentNumber
    type: DocumentType | None = None
    issuer: Issuer | None = None


class NameQuestion(Model):
    """A person as far as known."""

    name: Name
    birth_date: PartialDate | None = None
    sex: Sex | None = None
    nationality: Country | None = None


class DatabaseQuery(Message):
    """Is this document, or this person, in the databases? The purpose is the header's."""

    KIND: ClassVar[str] = "database.query/1"

    document: DocumentQuestion | None = None
    person: NameQuestion | None = None
    place: Place | None = None
    """Where document or person is."""
    why: Line | None = None
    """What gave rise to it: a border check, an arrest, an investigation."""

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if (self.document is None) == (self.person is None):
            raise PydanticCustomError("query_subject", "a question is about a document or about a person")
        return self


class Found(Model):
    """One record as the asker may see it. An agency-only record says its kind, its owner, how alike, and no more."""

    record: Reference
    kind: RecordKind
    owner: AddressField
    """Whom to ask."""
    score: Score
    reasons: Annotated[tuple[MatchReason, ...], Distinct(len(MatchReason))]
    visibility: Visibility = Visibility.OPEN
    person: Person | None = None
    document: RecordDocument | None = None
    notice: Notice | None = None
    actions: Annotated[tuple[HitAction, ...], Distinct(len(HitAction))] = ()
    conditions: Prose | None = None

    @model_validator(mode="after")
    def _shows_what_it_may(self) -> Self:
        if not self.reasons:
            raise PydanticCustomError("found_unexplained", "what is found says why")
        if self.visibility is Visibility.SILENT:
            raise PydanticCustomError("found_silent", "a silent record is not shown")
        shown = self.person or self.document or self.notice or self.actions or self.conditions
        if self.visibility is Visibility.AGENCY_ONLY and shown:
            raise PydanticCustomError("found_agency_only", "of an agency-only record its owner alone is named")
        if self.visibility is Visibility.OPEN and (self.person is None) == (self.document is None):
            raise PydanticCustomError("found_subject", "an open record shows its person or its document")
        return self


class DatabaseAnswer(Message):
    """Best first. `found` is empty with NO_HIT, and only with it."""

    KIND: ClassVar[str] = "database.answer/1"

    result: Search
    found: Annotated[tuple[Found, ...], Distinct(MOST_FOUND)] = ()

    @property
    def answer(self) -> Answer:
        """The answer code that the header of this message carries: a database answers at once, and finally."""
        return Answer.FINAL

    @model_validator(mode="after")
    def _found_follows_result(self) -> Self:
        if bool(self.found) != (self.result is not Search.NO_HIT):
            raise PydanticCustomError("answer_found", "what is found goes with a hit or candidates")
        return self


class DatabaseAlert(Message):
    """To the owner of a record: somebody's question found it. Of a silent record the asker was told nothing."""

    KIND: ClassVar[str] = "database.alert/1"

    record: Reference
    reference: Reference
    """The owner's own."""
    kind: RecordKind
    asker: AddressField
    time: Seconds
    """When the question was answered."""
    score: Score
    reasons: Annotated[tuple[MatchReason, ...], Distinct(len(MatchReason))]
    visibility: Visibility
    asked: NameQuestion | None = None
    """The name that was asked for."""
    document: DocumentQuestion | None = None
    """The document that was asked for."""
    place: Place | None = None
    why: Line | None = None
