"""Which operations are due for review: their owners are asked half a year before (the domain's rule for nominal data).

An operation's newest version names the time of its review, or it is five years after the first version. The owner
answers with a new version: another time, a shorter retention, or the phase closed. Closed operations are listed too:
what was recorded of them is still kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.ports import Clock, Store, Watcher
from schemas.identity import Address
from schemas.operation import REVIEW, Operation, Phase, claimed

ASK: Final = 182 * 24 * 3600
"""Seconds before the review."""


@dataclass(frozen=True, slots=True)
class Review:
    """One operation's review. Times are seconds since the epoch."""

    operation: str
    owner: Address
    phase: Phase
    version: int
    due: int

    def asked(self, now: int) -> bool:
        """Whether its owner is to be asked by now."""
        return now >= self.due - ASK

    def over(self, now: int) -> bool:
        """Whether the time of the review is over."""
        return now >= self.due


async def reviews(store: Store) -> list[Review]:
    """All operations, those due first.

    Raises:
        Unavailable: `store`.
    """
    first: dict[str, int] = {}
    newest: dict[str, Operation] = {}
    for _, raw in await store.operations():
        version = claimed(raw)
        first.setdefault(version.id, version.time)
        newest[version.id] = version
    found = [
        Review(one.id, one.owner, one.phase, one.version, first[one.id] + REVIEW if one.review is None else one.review)
        for one in newest.values()
    ]
    return sorted(found, key=lambda review: (review.due, review.operation))


class Reviews:
    """The chore of one process: says each operation that is due once for each of its versions, and again when over."""

    def __init__(self, store: Store, clock: Clock, watcher: Watcher) -> None:
        self._store, self._clock, self._watcher = store, clock, watcher
        self._said: set[tuple[str, int, bool]] = set()

    async def look(self) -> None:
        """Say what was not said yet.

        Raises:
            Unavailable: `store`.
        """
        now = self._clock.now() // 1000
        for review in await reviews(self._store):
            said = review.operation, review.version, review.over(now)
            if review.asked(now) and said not in self._said:
                self._said.add(said)
                days = (review.due - now) // 86_400
                self._watcher.saw("review-due", operation=review.operation, owner=review.owner, days=days)
