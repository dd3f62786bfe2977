"""Puts copies into inboxes on the broker after the commit that owes them, and hands back what the broker confirmed.

Nothing waits for it: a copy that is not confirmed, for whatever cause, is published once more when its lease ends.
While the broker is slow, what is in hand is bounded in copies and bytes; the rest is left to the end of its lease.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from gateway.ports import Inboxes, Pending, Placed, Watcher
from gateway.settings import Pipeline
from schemas.errors import Unavailable


class Placements(tuple[Placed, ...]):
    """Copies that the broker confirmed: their consignments are to be recorded."""

    __slots__ = ()


class Failures(tuple[Placed, ...]):
    """Copies whose envelope expired before they were placed."""

    __slots__ = ()


class Placer:
    """Publishes copies, in tasks of its own."""

    def __init__(
        self,
        inboxes: Inboxes,
        watcher: Watcher,
        confirmed: Callable[[Placements], Awaitable[object]],
        limits: Pipeline,
    ) -> None:
        """`confirmed` records placements; it raises Unavailable where it cannot."""
        self._inboxes, self._watcher, self._confirmed, self._limits = inboxes, watcher, confirmed, limits
        self._tasks: set[asyncio.Task[None]] = set()
        self._copies = self._bytes = 0

    def soon(self, pending: Sequence[Pending]) -> None:
        """Publish these without waiting for it; where too much is in hand, leave them to the end of their lease."""
        copies, size = len(pending), sum(len(copy.envelope.sealed or b"") for copy in pending)
        full = self._copies + copies > self._limits.placing_items or self._bytes + size > self._limits.placing_bytes
        if self._tasks and full:
            self._watcher.saw("placing-deferred", count=copies)
            return
        self._copies, self._bytes = self._copies + copies, self._bytes + size

        def done(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            self._copies, self._bytes = self._copies - copies, self._bytes - size

        task = asyncio.create_task(self.place(pending), name="place")
        self._tasks.add(task)
        task.add_done_callback(done)

    async def place(self, pending: Sequence[Pending]) -> None:
        """Publish these, and record those that are confirmed."""
        if not pending:
            return
        try:
            sure = await self._inboxes.publish(pending)
            placed = Placements(
                Placed(copy.consignment.digest, copy.consignment.recipient, copy.operation, copy.kind)
                for copy, confirmed in zip(pending, sure, strict=True)
                if confirmed
            )
            if placed:
                await self._confirmed(placed)
        except Unavailable as error:
            self._watcher.saw("unplaced", count=len(pending), reason=error.reason)

    async def finish(self) -> None:
        """Wait until what was begun is over."""
        while self._tasks:
            await asyncio.wait(self._tasks)
