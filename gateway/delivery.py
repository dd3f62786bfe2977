"""HTTP inboxes: long polls that together ask the database one question every 100 ms.

Order of work: a poll looks at once; where nothing waits it sleeps until the question finds something for its inbox, a
commit of this process says so, or its time is over, and looks again. Nothing is leased: the cursor is the ledger index
of the consignment, a copy stays until its recipient acknowledges it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from gateway.ports import Store, Watcher
from gateway.settings import Pipeline
from schemas.errors import Unavailable
from schemas.identity import Address
from schemas.wire import MAX_ITEMS, MAX_WAIT, InboxItem

_PAGE: Final = 1000
"""Attestations that are looked at in one go."""


@dataclass(eq=False, slots=True)
class _Waiter:
    after: int
    ready: asyncio.Event


class Delivery:
    """Gives consigned copies to those who poll."""

    def __init__(self, store: Store, watcher: Watcher, limits: Pipeline | None = None) -> None:
        self._store, self._watcher = store, watcher
        self._limits = limits or Pipeline()
        self._waiters: dict[Address, set[_Waiter]] = {}
        self._any = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._attested = -1
        """The newest attestation that who waits was told of."""

    async def start(self) -> None:
        """Begin to ask for those who wait."""
        self._task = asyncio.create_task(self._ask(), name="inboxes")

    async def stop(self) -> None:
        """Ask no more. Those who wait still are answered when their time is over."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    @property
    def waiting(self) -> int:
        """Polls that wait now."""
        return sum(map(len, self._waiters.values()))

    async def poll(self, inbox: Address, after: int, wait_seconds: float, limit: int = MAX_ITEMS) -> list[InboxItem]:
        """Up to `limit` items of `inbox` above the index `after`, ascending; empty once `wait_seconds` are over.

        `inbox` is the directory row's address. A wait is `wire.MAX_WAIT` at most.

        Raises:
            Unavailable: `store`.
        """
        with self._waiter(inbox, after) as waiter:
            items = await self._read(inbox, after, limit)
            if items or wait_seconds <= 0:
                return items
            try:
                async with asyncio.timeout(min(wait_seconds, MAX_WAIT)):
                    await waiter.ready.wait()
            except TimeoutError:
                return []
            return await self._read(inbox, after, limit)

    @contextmanager
    def _waiter(self, inbox: Address, after: int) -> Iterator[_Waiter]:
        waiter = _Waiter(after, asyncio.Event())
        self._waiters.setdefault(inbox, set()).add(waiter)
        self._any.set()
        try:
            yield waiter
        finally:
            waiters = self._waiters[inbox]
            waiters.discard(waiter)
            if not waiters:
                del self._waiters[inbox]

    async def _read(self, inbox: Address, after: int, limit: int) -> list[InboxItem]:
        found = await self._store.waiting(inbox, after, min(limit, MAX_ITEMS), self._limits.inbox_bytes)
        return [
            InboxItem(item.index, item.type, item.receipt, item.envelope.statement, item.envelope.sealed)
            for item in found
        ]

    def wake(self, inboxes: frozenset[Address]) -> None:
        """Something was put into these inboxes."""
        for inbox in inboxes:
            for waiter in self._waiters.get(inbox, ()):
                waiter.ready.set()

    async def _ask(self) -> None:
        while True:
            await asyncio.sleep(self._limits.inbox_poll_milliseconds / 1000)
            if not self._waiters:
                self._any.clear()
                await self._any.wait()
                continue
            try:
                heads = await self._store.heads_of_inboxes(sorted(self._waiters))
                attested = await self._store.attested_inboxes(self._attested, _PAGE)
            except Unavailable as error:
                self._watcher.saw("inboxes-unavailable", reason=error.reason)
                continue
            for inbox, head in heads.items():
                for waiter in self._waiters.get(inbox, ()):
                    if head > waiter.after:
                        waiter.ready.set()
            self._attested = max(attested.values(), default=self._attested)
            self.wake(frozenset(attested))
