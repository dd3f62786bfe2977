"""When an operation's owner reviews what is kept of it, and from when it is asked (the domain's rule for nominal data).

An operation's newest version names the time of its review, or it is five years after the first version. The owner
answers with a new version: another time, a shorter retention, or the phase closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas.identity import Address
from schemas.operation import REVIEW, Operation, Phase

ASK: Final = 182 * 24 * 3600
"""Seconds before the review: from then on its owner is asked."""
_DAY: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Review:
    """One operation's review. Times are seconds since the epoch."""

    operation: str
    owner: Address
    phase: Phase
    version: int
    due: int

    @classmethod
    def of(cls, first: Operation, newest: Operation) -> Review:
        """The review of an operation by its first version and its newest."""
        due = first.time + REVIEW if newest.review is None else newest.review
        return cls(newest.id, newest.owner, newest.phase, newest.version, due)

    def asked(self, now: int) -> bool:
        """Whether its owner is to be asked by now."""
        return now >= self.due - ASK

    def over(self, now: int) -> bool:
        """Whether the time of the review is over."""
        return now >= self.due

    def days(self, now: int) -> int:
        """Whole days until it is due; below 0 where it is over."""
        return (self.due - now) // _DAY


def by_date(reviews: Sequence[Review]) -> list[Review]:
    """Those due first come first."""
    return sorted(reviews, key=lambda review: (review.due, review.operation))
