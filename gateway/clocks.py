"""The answer clock's values: what is kept of one query for one of its recipients. gateway/deadlines.py moves them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from schemas.codes import Urgency
from schemas.directory import Link
from schemas.errors import Reason
from schemas.identity import Address


class State(StrEnum):
    """What a recipient did with a query so far."""

    AWAITING = "awaiting"
    ACKNOWLEDGED = "acknowledged"
    INTERIM = "interim"
    MORE_TIME = "more-time"
    OVERDUE = "overdue"
    ANSWERED = "answered"
    REFUSED = "refused"
    ESCALATED = "escalated"
    """Overdue, and nothing more is done by itself."""


OPEN: Final = frozenset({State.AWAITING, State.ACKNOWLEDGED, State.INTERIM, State.MORE_TIME})
"""States in which time runs towards silence."""
ENDED: Final = frozenset({State.ANSWERED, State.REFUSED})
"""States that nothing changes any more."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How long an answer may take, in seconds from the admission of the query."""

    default: int
    longest: int
    """The latest reply-by, and the latest `until`, that is granted."""
    reminders: tuple[int, ...] = (50, 90)
    """Percent of the time at which the bureau asked is reminded."""
    requests: int = 1
    """How many times it is asked in all, each time for `default` more."""


@dataclass(frozen=True, slots=True, init=False)
class Clock:
    """One query's clock for one recipient. Times are milliseconds since the epoch."""

    query: bytes
    """The digest of the query."""
    recipient: Address
    sender: Address
    operation: str
    kind: str
    urgency: Urgency
    opened: int
    due: int
    """When silence begins."""
    terms: Terms
    state: State = State.AWAITING
    stage: int = 0
    """How many of the stages of `stages` are done."""
    next_at: int | None = None
    """When `tick` has something to do; None when nothing is left."""
    answer: bytes | None = None
    """The digest of the newest message that answered."""
    reason: Reason | None = None
    """Why the recipient's program refused to take it, where that was so."""

    def __init__(  # noqa: PLR0913, PLR0917  # one for each field; said here, it is compiled (gateway/values.py)
        self,
        query: bytes,
        recipient: Address,
        sender: Address,
        operation: str,
        kind: str,
        urgency: Urgency,
        opened: int,
        due: int,
        terms: Terms,
        state: State = State.AWAITING,
        stage: int = 0,
        next_at: int | None = None,
        answer: bytes | None = None,
        reason: Reason | None = None,
    ) -> None:
        object.__setattr__(self, "query", query)
        object.__setattr__(self, "recipient", recipient)
        object.__setattr__(self, "sender", sender)
        object.__setattr__(self, "operation", operation)
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "urgency", urgency)
        object.__setattr__(self, "opened", opened)
        object.__setattr__(self, "due", due)
        object.__setattr__(self, "terms", terms)
        object.__setattr__(self, "state", state)
        object.__setattr__(self, "stage", stage)
        object.__setattr__(self, "next_at", next_at)
        object.__setattr__(self, "answer", answer)
        object.__setattr__(self, "reason", reason)

    @property
    def family(self) -> str:
        """The kind without its version."""
        return self.kind.partition("/")[0]

    @property
    def key(self) -> tuple[bytes, Address, Address]:
        """What the store keeps it under, and the order in which everybody locks them."""
        return self.query, self.recipient.bureau, self.recipient


@dataclass(frozen=True, slots=True)
class Attested:
    """An attestation (schemas/attestations.py) on its way to one inbox."""

    index: int
    """Of its entry: the inbox's cursor, and what recipients know it by."""
    inbox: Address
    link: Link
    statement: bytes
    """As signed."""
    created: int
    """Milliseconds since the epoch."""
