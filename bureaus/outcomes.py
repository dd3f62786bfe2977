"""What became of a query, recipient by recipient: what answers and the gateway's attestations say together. Pure.

Order is the ledger's: an answer stands where its acceptance does, an attestation where its entry does. What a recipient
said finally stays so; more time that is granted after silence ends the silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from schemas.attestations import Attestation
from schemas.codes import Answer
from schemas.evidence import Event
from schemas.identity import Address

if TYPE_CHECKING:
    from bureaus.exchange import Received


class Fate(StrEnum):
    """Where a recipient's side of a query stands."""

    AWAITING = "awaiting"
    INTERIM = "interim"
    """It answered something, and not finally."""
    MORE_TIME = "more-time"
    """It asked for time: `until` says how long."""
    ANSWERED = "answered"
    REFUSED = "refused"
    """It refused with a message, whose content says why; or its program refused to take the query."""
    SILENT = "silent"
    """The gateway attests that no answer came in time."""


_ENDS = frozenset({Fate.ANSWERED, Fate.REFUSED, Fate.SILENT})
_FINAL = frozenset({Fate.ANSWERED, Fate.REFUSED})


@dataclass(frozen=True, slots=True)
class Side:
    """One recipient's side of a query."""

    recipient: Address
    fate: Fate = Fate.AWAITING
    answer: Received | None = None
    """The newest message that answered."""
    attestation: Attestation | None = None
    """The newest that the gateway attested, verified."""

    @property
    def ended(self) -> bool:
        """Whether it ended in an answer, a refusal or an attested silence."""
        return self.fate in _ENDS

    @property
    def ground(self) -> str | None:
        """Why it refused, where its message says so."""
        ground = None if self.answer is None else getattr(self.answer.message, "ground", None)
        return str(ground) if self.fate is Fate.REFUSED and ground is not None else None

    @property
    def until(self) -> int | None:
        """The time that it asked for, in seconds since the epoch."""
        return None if self.answer is None or self.fate is not Fate.MORE_TIME else self.answer.header.until


Sides: TypeAlias = Mapping[Address, Side]


def sides(recipients: Sequence[Address], answers: Sequence[Received], attested: Sequence[Attestation]) -> Sides:
    """Every recipient's side, by its address as it was asked."""
    events: list[tuple[int, Received | Attestation]] = [(answer.receipt.index or 0, answer) for answer in answers]
    events += [(said.index, said) for said in attested]
    found = {recipient: Side(recipient) for recipient in recipients}
    for _, event in sorted(events, key=lambda item: item[0]):
        for recipient, side in found.items():
            if isinstance(event, Attestation):
                found[recipient] = _attested(side, event) if event.asked == recipient else side
            elif event.sender.covers(recipient):
                found[recipient] = _answered(side, event)
    return found


def _attested(side: Side, said: Attestation) -> Side:
    side = replace(side, attestation=said)
    if side.fate in _FINAL:
        return side
    match said.event:
        case Event.ANSWER_OVERDUE | Event.ESCALATED:
            return replace(side, fate=Fate.SILENT)
        case Event.CONTENT_HANDOVER_FAILURE:
            return replace(side, fate=Fate.REFUSED)
        case _:
            return side


def _answered(side: Side, answer: Received) -> Side:
    if side.fate in _FINAL and side.answer is not None:
        return side
    match answer.header.answer:
        case Answer.FINAL:
            return replace(side, fate=Fate.ANSWERED, answer=answer)
        case Answer.REFUSED:
            return replace(side, fate=Fate.REFUSED, answer=answer)
        case Answer.MORE_TIME if side.fate not in _ENDS or _granted(side, answer):
            return replace(side, fate=Fate.MORE_TIME, answer=answer)
        case Answer.INTERIM if side.fate not in _ENDS:
            return replace(side, fate=Fate.INTERIM, answer=answer)
        case _:
            return side


def _granted(side: Side, answer: Received) -> bool:
    """Whether a silent recipient asked for time past that at which its answer was due."""
    due = None if side.attestation is None else side.attestation.due
    return side.fate is Fate.SILENT and due is not None and (answer.header.until or 0) * 1000 > due
