"""How time goes for whoever has to do with the secretariat's services: by the machine's clock, or the virtual one.

People at the services (partner.py, clerks.py) are written once, against `Course`. On the virtual clock what they do is
counted, so that time does not pass meanwhile, and their work takes as long as the exercise's file says; in real time
nobody waits.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Coroutine
from contextvars import Context
from typing import Final, Protocol

from bureaus.exercises.catalogue import SECRETARIAT, countries, staff_at
from bureaus.exercises.plan import Plan
from bureaus.exercises.staff import Delay, office
from bureaus.exercises.virtual_time import VirtualTime
from schemas.identity import Address

SEAT_UTC: Final = 60
"""Minutes from UTC at the secretariat's seat, Lyon."""


class Course(Protocol):
    """How an exercise's time goes."""

    def now(self) -> int:
        """Milliseconds since the epoch."""

    def start(self, work: Coroutine[None, None, None]) -> object:
        """Do this beside everything else, outside of the handler that begins it."""

    async def worked(self, who: Address, delay: Delay, about: str) -> None:
        """Let pass the working time that somebody needs for something, drawn from the seed, till they are reachable."""

    def fly(self, digest: bytes, sender: Address, recipient: Address) -> None:
        """This message is on its way."""

    def land(self, digest: bytes, recipient: Address) -> None:
        """It came."""


class RealCourse:
    """By the machine's clock: nobody waits."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def start(self, work: Coroutine[None, None, None]) -> object:
        """Do this; what it fails for, `check` raises."""
        task = asyncio.create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = self._failure or error

    def check(self) -> None:
        """Raise what somebody failed for, if anybody did."""
        if self._failure is not None:
            raise self._failure

    async def worked(self, who: Address, delay: Delay, about: str) -> None:
        """Nobody waits."""

    def fly(self, digest: bytes, sender: Address, recipient: Address) -> None:
        """Nothing is counted."""

    def land(self, digest: bytes, recipient: Address) -> None:
        """Nothing is counted."""

    async def aclose(self) -> None:
        """End whoever is still at it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class VirtualCourse:
    """On an exercise's virtual clock: working hours are those of the exercise's staff."""

    def __init__(self, time: VirtualTime, plan: Plan) -> None:
        self._time, self._plan = time, plan

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self._time.now()

    def start(self, work: Coroutine[None, None, None]) -> object:
        """Do this, counted."""
        return self._time.start(work)

    async def worked(self, who: Address, delay: Delay, about: str) -> None:
        """Wait until the work is done, within the hours of whoever does it, and they are not cut off."""
        seed, bureau = self._plan.caseload.seed, who.bureau
        operation = self._plan.operation
        if bureau == SECRETARIAT:
            desk = office(operation.staff, seed, bureau, SEAT_UTC)
        else:
            desk = office(staff_at(operation, bureau), seed, bureau, countries()[bureau].utc)
        seconds = delay.draw(random.Random(f"{seed} {about} {who} services"))  # nothing secret comes of it
        await self._time.until(desk.done(self._time.now(), seconds))
        await self._time.reachable(who)

    def fly(self, digest: bytes, sender: Address, recipient: Address) -> None:
        """This message is on its way."""
        self._time.fly(digest, sender, recipient)

    def land(self, digest: bytes, recipient: Address) -> None:
        """It came."""
        self._time.land(digest, recipient)
