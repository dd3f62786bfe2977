"""Is this record still valid? Asked of its owner after a hit, answered on the answer clock.

The secretariat asks for whoever had the hit, and passes the owner's word on; bureaus may also ask each other. The
header's answer code and `until` follow from the word (`answer`, `until`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from schemas.codes import Answer
from schemas.messages.databases import DocumentQuestion, NameQuestion
from schemas.messages.fields import AddressField, Line, Message, Place, Prose, Reference, Seconds
from schemas.messages.search_codes import RecordKind, Validity
from schemas.messages.whereabouts import Notice

_ANSWERS: Final[Mapping[Validity, Answer]] = MappingProxyType(
    {
        Validity.CONFIRMED: Answer.FINAL,
        Validity.NOT_VALID: Answer.FINAL,
        Validity.IN_PROCESS: Answer.MORE_TIME,
    }
)


class HitConfirmation(Message):
    """The owner is asked whether its record still stands, by whom it was found, where, and with what in hand."""

    KIND: ClassVar[str] = "hit.confirmation/1"

    record: Reference
    """The databases' number of the record."""
    reference: Reference | None = None
    """The owner's own, where the asker knows it."""
    kind: RecordKind
    notice: Notice | None = None
    asker: AddressField
    """Who had the hit: who asks, or for whom the secretariat asks."""
    time: Seconds
    """When the hit was."""
    place: Place | None = None
    person: NameQuestion | None = None
    """The person at hand, as asked for."""
    document: DocumentQuestion | None = None
    """The document at hand, as asked for."""
    why: Line | None = None


class HitConfirmed(Message):
    """The owner's word. `until` is there with IN_PROCESS, and only with it."""

    KIND: ClassVar[str] = "hit.confirmed/1"

    validity: Validity
    record: Reference
    owner: AddressField | None = None
    """Whose word it is, where the secretariat passes it on."""
    until: Seconds | None = None
    """With IN_PROCESS: when the next answer comes at the latest."""
    conditions: Prose | None = None
    """With CONFIRMED: on what terms, now."""
    contact: Line | None = None
    """Whom to reach, and how."""
    remarks: Prose | None = None

    @property
    def answer(self) -> Answer:
        """The answer code that the header of this message carries."""
        return _ANSWERS[self.validity]

    @model_validator(mode="after")
    def _fields_follow_word(self) -> Self:
        if (self.until is not None) != (self.validity is Validity.IN_PROCESS):
            raise PydanticCustomError("until", "a time goes with IN_PROCESS, and only with it")
        if self.conditions is not None and self.validity is not Validity.CONFIRMED:
            raise PydanticCustomError("conditions", "conditions go with CONFIRMED")
        return self
