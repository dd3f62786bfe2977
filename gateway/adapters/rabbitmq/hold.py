"""How many bytes of messages a process holds, and a gate in front of the stream that closes above the limit.

AMQP limits what is in hand by messages of a queue, not by bytes: many queues of large messages would add up to more
than a machine has. Above the limit nothing more is read from the connection, so that TCP holds back the broker; what is
in hand is decided meanwhile, and the gate opens again. Rules: the driver hears that the broker lives while the gate is
closed; a broker that is not read from for long hangs up, and what was in hand comes again, as after any lost session.
"""

from __future__ import annotations

import asyncio

from gateway.ports import Watcher


class Hold:
    """Counts bytes in hand against a limit; overrun by what one read brings, 256 KiB, and the message begun."""

    def __init__(self, limit: int, watcher: Watcher) -> None:
        self._limit = limit
        self._watcher = watcher
        self._held = 0
        self._open = asyncio.Event()
        self._open.set()

    @property
    def held(self) -> int:
        """Bytes in hand."""
        return self._held

    def take(self, size: int) -> None:
        """So many bytes more are in hand."""
        self._held += size
        if self._held > self._limit and self._open.is_set():
            self._open.clear()
            self._watcher.saw("arrivals-held-back", bytes=self._held)

    def give(self, size: int) -> None:
        """So many bytes less are in hand."""
        self._held -= size
        if self._held <= self._limit:
            self._open.set()

    async def room(self, within: float) -> bool:
        """Wait until the gate is open, for so many seconds at most: whether it is."""
        if self._open.is_set():
            return True
        try:
            async with asyncio.timeout(within):
                await self._open.wait()
        except TimeoutError:
            return False
        return True
