"""What is attested of an answer clock, and whose inboxes it goes to. Pure but for the signature."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeGuard

from gateway.clocks import Attested, Clock
from schemas.attestations import DESK, Attestation, sign_attestation
from schemas.directory import Directory, Link, Participant, State
from schemas.evidence import Entry, Event
from schemas.identity import Address, Signer

_FIRST: Final = 1


@dataclass(frozen=True, slots=True)
class News:
    """One event of a clock that is an entry of the ledger."""

    event: Event
    clock: Clock
    index: int
    """The entry's place in the ledger."""
    time: int
    """The entry's own."""
    request: int = _FIRST

    @property
    def told(self) -> tuple[Address, ...]:
        """Who learns of it."""
        asked, asker = self.clock.recipient, self.clock.sender
        match self.event:
            case Event.ANSWER_REMINDER if self.request == _FIRST:
                return (asked,)
            case Event.CONTENT_HANDOVER_FAILURE:
                return (asker,)
            case Event.ESCALATED:
                return DESK, asked, asker
            case _:
                return asked, asker


def entry(event: Event, clock: Clock, now: int, request: int) -> Entry:
    """The ledger's entry of an event of a clock."""
    count = request if event is Event.ANSWER_REMINDER else None
    return Entry(
        event,
        now,
        digest=clock.query,
        operation=clock.operation,
        party=clock.recipient,
        kind=clock.kind,
        count=count,
    )


def attest(news: Iterable[News], directory: Directory, net: bytes, signer: Signer) -> list[Attested]:
    """Sign each event once, for every inbox of those who learn of it; who has none in the directory is left out."""
    attested: list[Attested] = []
    for one in news:
        clock = one.clock
        said = Attestation(
            one.event,
            one.index,
            one.time,
            clock.query,
            clock.recipient,
            clock.sender,
            clock.operation,
            clock.due,
            one.request,
        )
        statement = sign_attestation(said, net, signer)
        rows = {row.address: row for row in map(directory.find, one.told) if _has_inbox(row)}
        attested += [Attested(one.index, row.address, row.link, statement, one.time) for row in rows.values()]
    return attested


def _has_inbox(row: Participant | None) -> TypeGuard[Participant]:
    return row is not None and row.state is not State.WITHDRAWN


def inboxes(attested: Sequence[Attested]) -> frozenset[Address]:
    """The HTTP inboxes among them."""
    return frozenset(one.inbox for one in attested if one.link is Link.HTTP)
