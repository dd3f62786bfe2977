"""Which operations are due for review: their owners are asked half a year before (`schemas/reviews.py`).

Closed operations are listed too: what was recorded of them is still kept.
"""

from __future__ import annotations

from gateway.ports import Clock, Store, Watcher
from schemas.operation import Operation, claimed
from schemas.reviews import Review, by_date


async def reviews(store: Store) -> list[Review]:
    """All operations, those due first.

    Raises:
        Unavailable: `store`.
    """
    first: dict[str, Operation] = {}
    newest: dict[str, Operation] = {}
    for _, raw in await store.operations():
        version = claimed(raw)
        first.setdefault(version.id, version)
        newest[version.id] = version
    return by_date([Review.of(first[one.id], one) for one in newest.values()])


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
                days = review.days(now)
                self._watcher.saw("review-due", operation=review.operation, owner=review.owner, days=days)
