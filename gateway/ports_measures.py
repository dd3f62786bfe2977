"""What is measured of a gateway's state, and what measuring needs of the store. `measuring.py` does it, for metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from schemas.codes import Urgency
from schemas.directory import Link
from schemas.identity import Address


class Stage(StrEnum):
    """Where a copy waits."""

    PENDING = "pending"
    """To be put into its inbox."""
    CONSIGNED = "consigned"
    """In its inbox, for the recipient's acknowledgement."""


class Submitted(StrEnum):
    """What became of a submission."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    REPEATED = "repeated"
    """Decided before: it got its first outcome again."""
    UNREADABLE = "unreadable"
    """It could not be processed and was set aside, where there was room."""
    UNAVAILABLE = "unavailable"
    """Nothing was decided; it may come again."""


@dataclass(frozen=True, slots=True)
class Lying:
    """Copies of one inbox, urgency and stage that nobody acknowledged."""

    inbox: Address
    link: Link
    urgency: Urgency
    stage: Stage
    copies: int
    oldest: int
    """When the message of the oldest came, in milliseconds since the epoch."""


class Measures(Protocol):
    """What the store counts. Both raise Unavailable (`store`)."""

    async def lying(self) -> Sequence[Lying]:
        """What lies in and before inboxes: one read over what nobody acknowledged."""

    async def set_aside(self) -> tuple[int, int]:
        """(bodies, bytes) in quarantine."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One look at what all processes of a gateway share."""

    time: int
    """Milliseconds since the epoch."""
    lying: Sequence[Lying]
    bureaus: frozenset[str]
    """Codes of the directory's bureaus: the only ones that are named."""
    ledger: Mapping[str, int]
    """Entries appended, integrated, signed, and witnessed where there are witnesses."""
    unreached: Mapping[str, float]
    """Stage of `ledger` -> age in seconds of the oldest entry that is not there yet; 0 where all are."""
    directory_version: int
    directory_time: int
    """Seconds since the epoch, as the next three."""
    confirmed: int
    keys: Mapping[str, int]
    """Address of each participant that is not withdrawn -> when its keys end; 0 where they have."""
    certificate: int | None
    """When the gateway's own TLS certificate ends."""
    quarantine_items: int
    quarantine_bytes: int

    def _age(self, oldest: int) -> float:
        return max(0, self.time - oldest) / 1000

    def backlog(self) -> dict[tuple[Link, Urgency, Stage], tuple[int, float]]:
        """(link, urgency, stage) -> (copies, age of the oldest in seconds), of all that there are."""
        found = {(link, urgency, stage): (0, 0.0) for link in Link for urgency in Urgency for stage in Stage}
        for one in self.lying:
            key = one.link, one.urgency, one.stage
            copies, age = found[key]
            found[key] = copies + one.copies, max(age, self._age(one.oldest))
        return found

    def inboxes(self) -> dict[str, tuple[int, float]]:
        """Bureau of the directory -> (copies for it and its units, age of the oldest in seconds)."""
        found = dict.fromkeys(sorted(self.bureaus), (0, 0.0))
        for one in self.lying:
            bureau = str(one.inbox.bureau)
            if bureau in found:
                copies, age = found[bureau]
                found[bureau] = copies + one.copies, max(age, self._age(one.oldest))
        return found
