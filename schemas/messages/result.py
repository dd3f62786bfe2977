"""What came of a case: reported to the owner of the operation, corrected by who reported it, corroborated by others.

The owner counts by these and knows no more of a case. `operation.case/1` puts a case on an operation's list, with its
tags; a result needs no such message before it. All are facts of one bureau under its own reference: the newest of its
words counts, by the ledger's order, and nobody speaks over another's case.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.messages.codes import CaseTag, Corroboration, NoticeColour, Offence, ResultKind
from schemas.messages.fields import AddressField, Distinct, Line, Message, Model, PartialDate, Place, Prose, Reference

Rescued = Annotated[int, Field(ge=1, le=100_000)]
"""How many people."""
Contributors = Annotated[tuple[AddressField, ...], Distinct(64)]
Seized = Annotated[tuple[Line, ...], Distinct(50)]


def _check_fields(result: ResultKind, rescued: int | None, seized: tuple[str, ...]) -> None:
    if (rescued is not None) != (result is ResultKind.RESCUED):
        raise PydanticCustomError("rescued", "the number of people goes with rescued, and only with it")
    if bool(seized) != (result is ResultKind.SEIZED):
        raise PydanticCustomError("seized", "what was taken goes with seized, and only with it")


class OperationCase(Message):
    """A case that a bureau brings into an operation: nothing of the person, so that the owner counts and knows no more.

    A newer one about the same case replaces it.
    """

    KIND: ClassVar[str] = "operation.case/1"

    case: Reference
    """The reference of the case's owner."""
    tags: Annotated[tuple[CaseTag, ...], Distinct(len(CaseTag))] = ()
    offence: Offence | None = None
    notice: Reference | None = None
    """The number of its notice."""
    colour: NoticeColour | None = None
    """Of that notice."""


class Result(Message):
    """One result of an operation. `rescued` is there with RESCUED only, `seized` with SEIZED only."""

    KIND: ClassVar[str] = "result/1"

    result: ResultKind
    case: Reference
    """The reference of the case's owner."""
    place: Place
    date: PartialDate
    contributors: Contributors = ()
    """Whose answers led to it."""
    rescued: Rescued | None = None
    """How many people."""
    seized: Seized = ()
    """What was taken, a line each."""
    remarks: Prose | None = None

    @model_validator(mode="after")
    def _fields_follow_result(self) -> Self:
        _check_fields(self.result, self.rescued, self.seized)
        return self


class Corrected(Model):
    """What a result is in truth. `rescued` is there with RESCUED only, `seized` with SEIZED only."""

    result: ResultKind
    place: Place
    date: PartialDate
    contributors: Contributors = ()
    rescued: Rescued | None = None
    seized: Seized = ()

    @model_validator(mode="after")
    def _fields_follow_result(self) -> Self:
        _check_fields(self.result, self.rescued, self.seized)
        return self


class ResultCorrection(Message):
    """A result that was reported wrongly, by the bureau that reported it: what it is, or that there was none."""

    KIND: ClassVar[str] = "result.correction/1"

    case: Reference
    """As in the result."""
    why: Prose
    corrected: Corrected | None = None
    """Left out: nothing of it was so, and the case has no result."""


class ResultCorroboration(Message):
    """What another bureau says of a result: it saw the same, or it did not. Nobody corroborates its own."""

    KIND: ClassVar[str] = "result.corroboration/1"

    reporter: AddressField
    """Which bureau reported it."""
    case: Reference
    """As in the result."""
    result: ResultKind
    """What it was reported as: a later correction to another result is not corroborated by this."""
    says: Corroboration
    place: Place | None = None
    date: PartialDate | None = None
    remarks: Prose | None = None
