"""What a bureau does by itself: waiting between tries, moving what is due from the store to a link, and supervision.

A `Pump` takes what is due from the store and works on it side by side; the store says what is due, so that a crash
anywhere repeats work and loses none. What fails is tried again after a random backoff of its own, longer each time; a
gateway that asks to wait is asked nothing until then.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar

from bureaus import logs
from bureaus.settings import Limits
from schemas.errors import BureaunetError, Unavailable

_T = TypeVar("_T")
_log: Final = logs.get(__name__)
_STEPS: Final = 1 << 16
_SOON: Final = 1.0
"""Seconds that anything waits at most once something else went through."""


class Backoff:
    """Waits that grow from failure to failure: a random part (half at least) of a bound that doubles."""

    def __init__(self, limits: Limits) -> None:
        self._first, self._last = limits.backoff_first_seconds, limits.backoff_last_seconds
        self._bound = self._first

    def next(self, retry_after: float | None = None) -> float:
        """Seconds to wait after one more failure; `retry_after` is what the gateway asked for."""
        wait = self._bound * (0.5 + secrets.randbelow(_STEPS) / _STEPS / 2)
        self._bound = min(self._bound * 2, self._last)
        return max(wait, retry_after or 0.0)

    def reset(self) -> None:
        """It works again."""
        self._bound = self._first


class Pump(Generic[_T]):
    """Moves what is due, until it is cancelled. What takes long holds up nothing else."""

    def __init__(
        self,
        take: Callable[[int], Awaitable[Sequence[_T]]],
        work: Callable[[_T], Awaitable[None]],
        key: Callable[[_T], Hashable],
        limits: Limits,
        at_once: int,
    ) -> None:
        """`take` gives at most so many that are due, with what is in hand; `key` tells them apart; `work` settles one.

        Both raise `Unavailable` for "later"; any other error of the tree puts off what is due, too. At most `at_once`
        are in hand, and as many more where what is more urgent comes.
        """
        self._take, self._work, self._key = take, work, key
        self._limits, self._most = limits, at_once
        self._backoff = Backoff(limits)
        self._wake = asyncio.Event()
        self._running: dict[Hashable, asyncio.Task[None]] = {}
        self._put_off: dict[Hashable, _PutOff] = {}
        self._resume = 0.0
        """When anything is taken again, by the loop's time: the store failed, or the gateway asked us to wait."""
        self._more = False
        """Whether more may be due than what was taken last."""
        self._failure: BaseException | None = None

    def wake(self) -> None:
        """Something may be due."""
        self._wake.set()

    async def run(self) -> None:
        """Move what is due, for ever; when cancelled, what is in hand is cut off."""
        try:
            while True:
                self._wake.clear()
                wait = await self._start()
                try:
                    async with asyncio.timeout(wait):
                        await self._wake.wait()
                except TimeoutError:
                    pass  # something that was put off is due again
                if self._failure is not None:
                    raise self._failure
        finally:
            running = list(self._running.values())
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _start(self) -> float | None:
        """Begin what may be begun: seconds until something is due again by itself, None where nothing is."""
        now = asyncio.get_running_loop().time()
        if now < self._resume:
            return self._resume - now
        in_hand = set(self._running)  # may be settled while the store tells that it is due
        try:
            due = {self._key(one): one for one in await self._take(self._most)}
        except BureaunetError as error:
            wait = self._backoff.next(_asked_for(error))
            self._resume = now + wait  # whoever wakes us meanwhile too: to ask may cost a request
            return wait
        self._backoff.reset()
        self._more = len(due) >= self._most
        in_hand |= self._running.keys()
        self._put_off = {key: off for key, off in self._put_off.items() if key in due or key in in_hand}
        for key, one in due.items():
            if key not in in_hand and (key not in self._put_off or self._put_off[key].until <= now):
                task = asyncio.create_task(self._work_on(key, one))
                self._running[key] = task
                task.add_done_callback(partial(self._ended, key))
        return min((off.until - now for key, off in self._put_off.items() if key not in self._running), default=None)

    async def _work_on(self, key: Hashable, one: _T) -> None:
        clock = asyncio.get_running_loop().time
        try:
            await self._work(one)
        except BureaunetError as error:
            asked = _asked_for(error)
            off = self._put_off.setdefault(key, _PutOff(Backoff(self._limits)))
            off.until = clock() + off.backoff.next(asked)
            self._resume = max(self._resume, clock() + asked)
        else:
            self._put_off.pop(key, None)
            for off in self._put_off.values():  # the link works
                off.until = min(off.until, clock() + _SOON)

    def _ended(self, key: Hashable, task: asyncio.Task[None]) -> None:
        del self._running[key]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = self._failure or error
        room = not self._running or (self._more and len(self._running) <= self._most // 2)
        if room or self._put_off or self._failure is not None:
            self._wake.set()


@dataclass(slots=True)
class _PutOff:
    """What failed, and when it is tried again, by the loop's time."""

    backoff: Backoff
    until: float = 0.0


def _asked_for(error: BureaunetError) -> float:
    """Seconds that the gateway asked us to wait; one whose word does not verify may not stop us for good."""
    if isinstance(error, Unavailable):
        return error.retry_after or 0.0
    _log.error("work was put off", reason=error.reason)
    return 0.0


class Workers:
    """The background tasks of one bureau. One that fails for an unforeseen cause fails the bureau, loudly."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: list[Callable[[], None]] = []
        self.failure: BaseException | None = None

    def start(self, name: str, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run a task until `aclose`."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def on_failure(self, tell: Callable[[], None]) -> None:
        """Call this when a task fails: whoever waits must hear of it."""
        self._failed.append(tell)

    def check(self) -> None:
        """Raise what a task failed for, if one did."""
        if self.failure is not None:
            raise self.failure

    async def aclose(self) -> None:
        """Cancel every task and wait for its end."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        _log.error("background work failed", work=task.get_name(), error=type(error).__name__)
        self.failure = self.failure or error
        for tell in self._failed:
            tell()
