"""The Command and Coordination Centre asks a silent bureau again, and what that bureau says.

The centre is told of silences by the gateway's attestations; it has never seen the query, and asks for no part of it.
The answer to the query goes to its asker, as always; what comes here is only whether there is one.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from schemas.codes import Answer
from schemas.messages.codes import DutyFinding
from schemas.messages.fields import AddressField, Message, Prose, Seconds

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A message's digest, in hexadecimal."""


class DutyCall(Message):
    """A query that was not answered in time, as the gateway attested it."""

    KIND: ClassVar[str] = "duty.call/1"

    query: Digest
    asker: AddressField
    operation: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    due: Seconds
    call: Annotated[int, Field(ge=1, le=1000)]
    """Which call about this query it is, counted from 1."""
    remarks: Prose | None = None


class DutyAnswer(Message):
    """Whether the asker has its answer. `until` is there with IN_PROCESS, and only with it."""

    KIND: ClassVar[str] = "duty.answer/1"

    query: Digest
    finding: DutyFinding
    until: Seconds | None = None
    remarks: Prose | None = None

    @property
    def answer(self) -> Answer:
        """The answer code that the header carries."""
        if self.finding is DutyFinding.IN_PROCESS:
            return Answer.MORE_TIME
        return Answer.REFUSED if self.finding is DutyFinding.REFUSED else Answer.FINAL

    @model_validator(mode="after")
    def _until_follows_finding(self) -> Self:
        if (self.until is not None) != (self.finding is DutyFinding.IN_PROCESS):
            raise PydanticCustomError("until", "a time goes with IN_PROCESS, and only with it")
        return self
