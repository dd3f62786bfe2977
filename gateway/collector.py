"""Gathers jobs into batches, and hands each batch to whoever runs it: bounded in items and bytes, senders in turn.

A batch begins with the first job that waits and lingers a moment for more, unless they waited while another was in
hand; while one waits for the database, the next may begin when there is enough for it, as another process's would. What
fails for another cause than the
store's connection is halved until the offender stands alone. A collector that is `behind` another lets the other's
batch in hand end before each of its own, so that neither holds up the other for longer. A job that is patient goes with
the next batch that another one begins, or begins one when its patience is over. Rules: nothing waits unboundedly; who
waits for a job is told exactly once; `stop` finishes what was taken in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, Generic, TypeAlias, TypeVar

from gateway.settings import Pipeline
from gateway.turns import Turns
from schemas.errors import BureaunetError, Reason, Unavailable

_LATELY: Final = 1.0
"""Seconds that a collector keeps its batches small after one of the collector that it is behind."""
SMALL: Final = 8
"""Jobs of such a batch."""
P = TypeVar("P")
R = TypeVar("R")


Told: TypeAlias = Callable[[R | Exception], None]
"""Is told once how a job went, within the batch's own turn of the loop; it must not raise."""


class Job(Generic[P, R]):
    """Something to do in a batch, and who learns how it went. No dataclass: a generic one does not compile."""

    __slots__ = ("done", "payload", "size", "told")

    def __init__(self, payload: P, size: int, told: Told[R]) -> None:
        """`size` is in bytes, as counted against the limits; `told` learns how it went."""
        self.payload = payload
        self.size = size
        self.told = told
        self.done = False

    def resolve(self, result: R) -> None:
        """Say how it went, unless that was said."""
        self._say(result)

    def fail(self, error: Exception) -> None:
        """Say what went wrong, unless it was said how it went."""
        self._say(error)

    def _say(self, what: R | Exception) -> None:
        if not self.done:
            self.done = True
            self.told(what)


def into(future: asyncio.Future[R]) -> Told[R]:
    """Tells a future, unless nobody waits for it any more."""
    return partial(_tell, future)


def _tell(future: asyncio.Future[R], what: R | Exception) -> None:
    if future.done():
        return
    if isinstance(what, Exception):
        future.set_exception(what)
    else:
        future.set_result(what)


class Collector(Generic[P, R]):
    """A bounded queue, drained in batches."""

    def __init__(
        self,
        run: Callable[[Sequence[Job[P, R]]], Awaitable[None]],
        offend: Callable[[Job[P, R], Exception], Awaitable[None]],
        limits: Pipeline,
        behind: Collector[P, R] | None = None,
    ) -> None:
        """`run` does a batch and resolves its jobs; `offend` deals with a job that fails by itself."""
        self._run, self._offend, self._limits, self._behind = run, offend, limits, behind
        self._idle = asyncio.Event()
        self._idle.set()
        self._ended = -_LATELY
        """When the last batch was over, by the loop's clock."""
        self._queue: Turns[Job[P, R]] = Turns(limits)
        self._wake = asyncio.Event()
        self._open = False
        self._task: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._beginning = 0
        self._pressing = False
        """Whether anything that waits is not patient."""
        self._patience: asyncio.TimerHandle | None = None
        self._waited = False
        """Whether what waits did so while a batch was in hand: it need not linger any more."""

    @property
    def waiting(self) -> int:
        """Jobs that wait, those of a batch that is about to begin with them."""
        return len(self._queue) + self._beginning

    def start(self) -> None:
        """Begin to take jobs."""
        self._open = True
        self._task = asyncio.create_task(self._drain(), name="collector")

    async def stop(self) -> None:
        """Take no more, finish what was taken."""
        self._open = False
        self._press()
        if self._task is not None:
            await self._task
            self._task = None

    def put(
        self, payload: P, size: int, *, sender: str = "", force: bool = False, patience: float = 0.0
    ) -> asyncio.Future[R]:
        """Queue a job of `sender`, as `call` does: the future learns how it went.

        Raises:
            Unavailable: as `call`.
        """
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self.call(payload, size, into(future), sender=sender, force=force, patience=patience)
        return future

    def call(
        self, payload: P, size: int, told: Told[R], *, sender: str = "", force: bool = False, patience: float = 0.0
    ) -> None:
        """Queue a job of `sender`. With `force` the bounds do not count: it is our own, and must not be lost.

        `patience` is for how many seconds it would rather wait for another's batch than begin one.

        Raises:
            Unavailable: `overloaded`, the queue is full or closed; `link-quota`, too much of this sender waits.
        """
        if not self._open:
            raise Unavailable(Reason.OVERLOADED, "it is closing", retry_after=self._limits.retry_after_seconds)
        if not force:
            self._queue.check(sender, size)
        self._queue.put(sender, Job(payload, size, told))
        if not patience:
            self._press()
        elif not self._pressing and self._patience is None:
            self._patience = asyncio.get_running_loop().call_later(patience, self._press)

    def _press(self) -> None:
        """Let what waits wait no longer."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._pressing = True
        self._wake.set()

    async def _drain(self) -> None:
        limits, running = self._limits, self._running
        while self._open or self._queue or running:
            if not self._may_begin():
                self._wake.clear()
                await self._wake.wait()
                continue
            filled = self._waited or self._filled(limits.batch_items, limits.batch_bytes)
            if self._open and not running and not filled:
                await asyncio.sleep(limits.linger_milliseconds / 1000)
            if self._behind is not None:
                await self._behind.rested()
            self._idle.clear()
            batch = self._queue.take(self._items(), limits.batch_bytes)
            self._beginning += len(batch)
            self._pressing = bool(self._queue)
            self._waited = False
            task = asyncio.create_task(self._survive(batch), name="batch")
            running.add(task)
            task.add_done_callback(self._over)

    @property
    def was_busy(self) -> bool:
        """Whether the last batch was over only lately."""
        return asyncio.get_running_loop().time() - self._ended < _LATELY

    @property
    def _gives_way(self) -> bool:
        """Whether the other collector may have a batch at any moment."""
        return self._behind is not None and self._behind.was_busy

    def _items(self) -> int:
        """Jobs of the next batch at most: few where the other collector may have one at any moment."""
        return min(self._limits.batch_items, SMALL) if self._gives_way else self._limits.batch_items

    async def rested(self) -> None:
        """Wait until the batch in hand, if there is one, is over."""
        await self._idle.wait()

    def _may_begin(self) -> bool:
        """Whether a batch may begin now: beside another one only when at least half of it waits."""
        if not self._queue or (self._open and not self._pressing):
            return False
        if len(self._running) >= (1 if self._gives_way else self._limits.batches_at_once):
            return False
        return not self._running or self._filled(max(2, self._limits.batch_items // 2), self._limits.batch_bytes // 2)

    def _filled(self, items: int, size: int) -> bool:
        return len(self._queue) >= items or self._queue.size >= size

    def _over(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not self._running:
            self._idle.set()
            self._waited = self._pressing and bool(self._queue)
        self._ended = asyncio.get_running_loop().time()
        self._wake.set()
        if not task.cancelled():
            task.result()  # it raises nothing: what a batch meets, its jobs learn

    async def _survive(self, batch: Sequence[Job[P, R]]) -> None:
        """Process a batch; a driver that cancels us, as some do when a connection dies, does not end the queue."""
        self._beginning -= len(batch)
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
            left = [job for job in batch if not job.done]
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
