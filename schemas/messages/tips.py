"""What the public says: a tip on its way to the bureaus concerned, and what came of it.

A tip comes to the secretariat from its page for the public, or from a bureau: its own public, or a programme that
promises not to know who called. The secretariat reads it and passes it on sealed. Neither kind has a field for who said
it, and nothing in a tip is finer than the day: what is not there cannot be asked for.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from schemas.codes import Answer
from schemas.messages.attachments import Attaching
from schemas.messages.codes import TipChannel, TipFinding
from schemas.messages.fields import Message, PartialDate, Place, Prose, Reference, Seconds

Day = Annotated[PartialDate, StringConstraints(min_length=10)]
"""A date that is known to its day."""


class Tip(Attaching):
    """Something that somebody says to know. Pictures come as attachments, without what their files said of a maker."""

    KIND: ClassVar[str] = "tip/1"

    number: Reference
    """Of the one who sends this message; the disposition names it."""
    channel: TipChannel
    received: Day
    text: Prose
    """As it was said."""
    appeal: Reference | None = None
    """Of the public appeal that it answers."""
    notice: Reference | None = None
    """The number of the notice that it is about."""
    case: Reference | None = None
    """The reference of the bureau that seeks the person."""
    place: Place | None = None
    seen: PartialDate | None = None
    """When what it tells of was."""
    remarks: Prose | None = None
    """Of the one who passes it on."""


class TipDisposition(Message):
    """What came of a tip. `until` is there with IN_PROCESS only."""

    KIND: ClassVar[str] = "tip.disposition/1"

    number: Reference
    """As in the tip."""
    finding: TipFinding
    until: Seconds | None = None
    """When the next word comes at the latest."""
    for_tipster: Prose | None = None
    """What may be told to whoever gave the tip; nothing else of this message may."""
    remarks: Prose | None = None

    @property
    def answer(self) -> Answer:
        """The answer code that the header carries."""
        if self.finding is not TipFinding.IN_PROCESS:
            return Answer.FINAL
        return Answer.INTERIM if self.until is None else Answer.MORE_TIME

    @model_validator(mode="after")
    def _until_follows_finding(self) -> Self:
        if self.until is not None and self.finding is not TipFinding.IN_PROCESS:
            raise PydanticCustomError("until", "a time goes with IN_PROCESS, and only with it")
        return self
