"""Reaching a bureau through the secretariat, which opens and seals again (protocol section 2.8, rule 6 of the domain).

    asker -> relay.request/1 -> secretariat -> relay.delivery/1 -> target
    asker <- relay.answer/1  <- secretariat <- relay.answer/1   <- target
    target -> relay.consent/1 -> secretariat, once, for all that may come

Both consent, each under its own signature: the target by a standing consent, the asker by its request. Rules: only a
kind of `RELAYED` can be enclosed, so that nothing else can be said; an enclosed message is the text of its own JSON,
opened by the same strict decoder as every other. The delivery is a new thread: the target sees neither the asker's
digest nor, unless it is named, its address. A request is the asker's permission to pass the enclosed message on to
`to` and to nobody else, an answer is the target's permission to pass it on to the asker it was told of.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Final, Self

from pydantic import AfterValidator, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from schemas.messages.codes import RelayGround
from schemas.messages.fields import AddressField, Distinct, Message, Model, Reference, Seconds

MAX_ENCLOSED: Final = 1 << 18
"""Characters of an enclosed message."""
RELAYED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {"whereabouts.query/1": frozenset({"whereabouts.response/1"})}
)
"""Every question that is relayed, and the kinds that answer it."""
_ANSWERS: Final = frozenset().union(*RELAYED.values())


def _relayed(kind: str) -> str:
    if kind not in RELAYED and kind not in _ANSWERS:
        raise PydanticCustomError("not_relayed", "a message of this kind is not relayed")
    return kind


class Enclosed(Model):
    """A message within a message: its kind, and its JSON as text. `schemas.messages.relayed` opens it."""

    kind: Annotated[str, StringConstraints(max_length=64), AfterValidator(_relayed)]
    content: Annotated[str, StringConstraints(min_length=2, max_length=MAX_ENCLOSED)]


class RelayConsent(Message):
    """Whether the secretariat may relay questions to this bureau. The newest counts; without one it may not."""

    KIND: ClassVar[str] = "relay.consent/1"

    agrees: bool
    unnamed: bool = False
    """Whether also such whose asker is not named."""
    not_from: Annotated[tuple[AddressField, ...], Distinct(256)] = ()
    """Bureaus whose questions are not taken this way either; nobody is told that it stands here."""
    until: Seconds | None = None
    """When the consent ends by itself."""

    @model_validator(mode="after")
    def _refusal_is_plain(self) -> Self:
        if not self.agrees and (self.unnamed or self.not_from or self.until is not None):
            raise PydanticCustomError("refusal_plain", "who does not agree says nothing more")
        return self


class RelayRequest(Message):
    """Ask a bureau through the secretariat. The header's purpose, urgency, handling and reply-by go with it."""

    KIND: ClassVar[str] = "relay.request/1"

    to: AddressField
    named: bool = False
    """Whether the target is told who asks."""
    enclosed: Enclosed

    @model_validator(mode="after")
    def _encloses_a_question(self) -> Self:
        if self.enclosed.kind not in RELAYED:
            raise PydanticCustomError("no_question", "a request encloses a question")
        return self


class RelayDelivery(Message):
    """A question that comes through the secretariat. Only a secretariat may send it (schemas/rights.py)."""

    KIND: ClassVar[str] = "relay.delivery/1"

    reference: Reference
    """Of this relay, drawn at random; the answer repeats it."""
    asker: AddressField | None = None
    """Who asks, where it chose to be named."""
    enclosed: Enclosed

    @model_validator(mode="after")
    def _encloses_a_question(self) -> Self:
        if self.enclosed.kind not in RELAYED:
            raise PydanticCustomError("no_question", "a delivery encloses a question")
        return self


class RelayAnswer(Message):
    """The answer, from the target to the secretariat (with `reference`) and from there to the asker (without)."""

    KIND: ClassVar[str] = "relay.answer/1"

    reference: Reference | None = None
    enclosed: Enclosed | None = None
    ground: RelayGround | None = None
    """Why there is no answer."""
    until: Seconds | None = None
    """Where the enclosed answer asks for more time: until when."""

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.enclosed is None) == (self.ground is None):
            raise PydanticCustomError("answer_or_ground", "an answer encloses a message or says why there is none")
        if self.enclosed is not None and self.enclosed.kind not in _ANSWERS:
            raise PydanticCustomError("no_answer", "an answer encloses an answer")
        return self
