"""What came of a case: sent to the owner of the operation, which counts results and knows no more than this."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.messages.codes import ResultKind
from schemas.messages.fields import AddressField, Distinct, Line, Message, PartialDate, Place, Prose, Reference


class Result(Message):
    """One result of an operation. `rescued` is there with RESCUED only, `seized` with SEIZED only."""

    KIND: ClassVar[str] = "result/1"

    result: ResultKind
    case: Reference
    """The reference of the case's owner."""
    place: Place
    date: PartialDate
    contributors: Annotated[tuple[AddressField, ...], Distinct(64)] = ()
    """Whose answers led to it."""
    rescued: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """How many people."""
    seized: Annotated[tuple[Line, ...], Distinct(50)] = ()
    """What was taken, a line each."""
    remarks: Prose | None = None

    @model_validator(mode="after")
    def _fields_follow_result(self) -> Self:
        if (self.rescued is not None) != (self.result is ResultKind.RESCUED):
            raise PydanticCustomError("rescued", "the number of people goes with rescued, and only with it")
        if bool(self.seized) != (self.result is ResultKind.SEIZED):
            raise PydanticCustomError("seized", "what was taken goes with seized, and only with it")
        return self
