"""Gathers jobs into batches, and hands each batch to whoever runs it: bounded in items and bytes, senders in turn.

A batch begins with the first job that waits and lingers a moment for more. What fails for another cause than the
store's connection is halved until the offender stands alone. Rules: nothing waits unboundedly; a job's future is
resolved exactly once; `stop` finishes what was taken in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.settings import Pipeline
from gateway.turns import Turns
from schemas.errors import BureaunetError, Reason, Unavailable

P = TypeVar("P")
R = TypeVar("R")


@dataclass(slots=True, eq=False)
class Job(Generic[P, R]):
    """Something to do in a batch, and the future that learns how it went."""

    payload: P
    size: int
    """Bytes, as counted against the limits."""
    future: asyncio.Future[R]

    def resolve(self, result: R) -> None:
        """Say how it went, unless nobody waits any more."""
        if not self.future.done():
            self.future.set_result(result)

    def fail(self, error: Exception) -> None:
        """Say what went wrong, unless nobody waits any more."""
        if not self.future.done():
            self.future.set_exception(error)


class Collector(Generic[P, R]):
    """A bounded queue, drained in batches by one task."""

    def __init__(
        self,
        run: Callable[[Sequence[Job[P, R]]], Awaitable[None]],
        offend: Callable[[Job[P, R], Exception], Awaitable[None]],
        limits: Pipeline,
    ) -> None:
        """`run` does a batch and resolves its jobs; `offend` deals with a job that fails by itself."""
        self._run, self._offend, self._limits = run, offend, limits
        self._queue: Turns[Job[P, R]] = Turns(limits)
        self._wake = asyncio.Event()
        self._open = False
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Jobs that wait."""
        return len(self._queue)

    def start(self) -> None:
        """Begin to take jobs."""
        self._open = True
        self._task = asyncio.create_task(self._drain(), name="collector")

    async def stop(self) -> None:
        """Take no more, finish what was taken."""
        self._open = False
        self._wake.set()
        if self._task is not None:
            await self._task
            self._task = None

    def put(self, payload: P, size: int, *, sender: str = "", force: bool = False) -> asyncio.Future[R]:
        """Queue a job of `sender`. With `force` the bounds do not count: it is our own, and must not be lost.

        Raises:
            Unavailable: `overloaded`, the queue is full or closed; `link-quota`, too much of this sender waits.
        """
        if not self._open:
            raise Unavailable(Reason.OVERLOADED, "it is closing", retry_after=self._limits.retry_after_seconds)
        if not force:
            self._queue.check(sender, size)
        job: Job[P, R] = Job(payload, size, asyncio.get_running_loop().create_future())
        self._queue.put(sender, job)
        self._wake.set()
        return job.future

    async def _drain(self) -> None:
        limits = self._limits
        while self._open or self._queue:
            if not self._queue:
                self._wake.clear()
                await self._wake.wait()
                continue
            if self._open and len(self._queue) < limits.batch_items and self._queue.size < limits.batch_bytes:
                await asyncio.sleep(limits.linger_milliseconds / 1000)
            await self._survive(self._queue.take(limits.batch_items, limits.batch_bytes))

    async def _survive(self, batch: Sequence[Job[P, R]]) -> None:
        """Process a batch; a driver that cancels us, as some do when a connection dies, does not end the queue."""
        try:
            await self._process(batch)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            for job in batch:
                job.fail(Unavailable(Reason.STORE, "cut off", retry_after=self._limits.retry_after_seconds))

    async def _process(self, batch: Sequence[Job[P, R]]) -> None:
        try:
            await self._run(batch)
        except Unavailable as error:
            for job in batch:
                job.fail(Unavailable(error.reason, error.detail, retry_after=self._limits.retry_after_seconds))
        except Exception as error:  # noqa: BLE001 - one poisonous job must not stop the others: it is found and set aside
            left = [job for job in batch if not job.future.done()]
            if len(batch) == 1:
                await self._set_aside(batch[0], error)
            elif len(left) <= 1:
                for job in left:
                    await self._process([job])
            else:
                await self._process(left[: len(left) // 2])
                await self._process(left[len(left) // 2 :])

    async def _set_aside(self, job: Job[P, R], error: Exception) -> None:
        try:
            await self._offend(job, error)
        except BureaunetError as refused:
            job.fail(refused)
        except Exception:  # noqa: BLE001 - whatever it is, the queue goes on; the submitter may try again
            job.fail(Unavailable(Reason.STORE, "it could not be set aside"))
