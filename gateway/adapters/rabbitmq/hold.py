"""How many bytes of messages a process holds, and a gate in front of the stream that closes above the limit.

AMQP limits what is in hand by messages of a queue, not by bytes: many queues of large messages would add up to more
than a machine has. Above the limit nothing more is read from the connection, so that TCP holds back the broker; what is
in hand is decided meanwhile, and the gate opens again. Rules: the driver hears that the broker lives while the gate is
closed; a broker that is not read from for long hangs up, and what was in hand comes again, as after any lost session.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from gateway.ports import Watcher

SIGN_OF_LIFE: Final = 1.0
"""Seconds between two heartbeats that the driver is given while it is held back."""


class Source(Protocol):
    """The part of a stream reader that the driver uses."""

    async def readexactly(self, n: int) -> bytes:
        """`n` bytes. Raises asyncio.IncompleteReadError."""

    async def read(self, n: int = -1) -> bytes:
        """Up to `n` bytes; none at the end."""

    def at_eof(self) -> bool:
        """Whether nothing more will come."""


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

    @property
    def shut(self) -> bool:
        """Whether there is no room now."""
        return not self._open.is_set()

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
