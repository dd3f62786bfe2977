"""Lets an exercise's time pass: to each moment at which something is due, then to the time asked for.

Order of work: the clock goes to the next answer clock's due time and what is due there is done; so on until none is due
before the time asked for; there everything that decides by time looks once (`Chores.catch_up`), and what came in
meanwhile is decided. Then nothing is in hand and nothing is due, and the answer is given.

Rules: one at a time; it passes between batches and between signatures of tree heads, never within one; a reminder that
lies within the step is sent at its own time, and not left out. What may be due at an hour or a day (expiry, retention,
reviews, the directory's confirmation) is done at the end of the step.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.exercise_clock import ExerciseClock, check
from gateway.passing import Turn
from gateway.ports import Placed, Store

_PAUSE: Final = 0.005


class Pipeline(Protocol):
    """What is needed of the exchange."""

    turn: Turn
    """Shared by batches while they are decided and committed."""

    @property
    def waiting(self) -> int:
        """Jobs that wait for a batch."""

    async def fail(self, copies: Sequence[Placed]) -> None:
        """Record that these copies expired: of none, done when every batch before it is."""


class Timed(Protocol):
    """What is needed of the chores."""

    signing: asyncio.Lock
    """Held while a tree head is signed."""

    async def catch_up(self) -> None:
        """Do at once what decides by time."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where an exercise's time stands."""

    now: int
    """Milliseconds since the epoch."""
    due: int | None
    """When an answer clock has something to do next; None where none has."""


class Advancing:
    """One gateway's time."""

    def __init__(
        self,
        clock: ExerciseClock,
        store: Store,
        pipeline: Pipeline,
        answer: Callable[[], Awaitable[None]],
        chores: Timed,
    ) -> None:
        """`answer` does what is due of answer clocks, the chores all else that decides by time."""
        self._clock, self._store, self._pipeline = clock, store, pipeline
        self._answer, self._chores = answer, chores
        self._turn = asyncio.Lock()

    async def moment(self) -> Moment:
        """Where it stands.

        Raises:
            Unavailable: `store`.
        """
        return Moment(self._clock.now(), await self._due())

    async def to(self, milliseconds: int) -> Moment:
        """Let time pass; done when nothing is in hand and nothing is due.

        Raises:
            Misuse: as `ExerciseClock.advance`; time stands where it stood. Unavailable: `store`; time may have passed
                in part, the same may be asked again.
        """
        async with self._turn:
            check(self._clock.now(), milliseconds)
            while (due := await self._due()) is not None and due <= milliseconds:
                async with self._alone():
                    self._clock.advance(max(due, self._clock.now()))
                    await self._answer()
            async with self._alone():
                self._clock.advance(milliseconds)
            await self._chores.catch_up()
            while self._pipeline.waiting:  # noqa: ASYNC110  # the collector tells nobody that it is empty
                await asyncio.sleep(_PAUSE)
            await self._pipeline.fail(())
            async with self._pipeline.turn:
                return await self.moment()

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Without a batch or a signature that began before: it would be recorded, or shown, after this."""
        async with self._pipeline.turn, self._chores.signing:
            yield

    async def _due(self) -> int | None:
        async with self._store.begin() as transaction:
            first = await transaction.due_clocks(sys.maxsize, 1)
        return first[0].next_at if first else None
