"""Whose turn it is while an exercise's time may pass: batches share a turn, who lets time pass has it alone.

Rules: who waits to have it alone lets no new batch begin; those that began are waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType


class Turn:
    """`async with turn.shared()` for a batch, `async with turn` for who wants none beside it."""

    def __init__(self) -> None:
        self._door = asyncio.Lock()
        self._inside = 0
        self._empty = asyncio.Event()
        self._empty.set()

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """With others that share it."""
        async with self._door:
            self._inside += 1
            self._empty.clear()
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._empty.set()

    async def __aenter__(self) -> None:
        """Alone: once all that share it are through."""
        await self._door.acquire()
        try:
            await self._empty.wait()
        except BaseException:
            self._door.release()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let others in again."""
        self._door.release()
