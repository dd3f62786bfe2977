"""What a bureau does by itself: waiting between tries, moving what is due from the store to a link, and supervision.

A `Pump` takes what is due from the store, works on it side by side, and looks again; the store says what is due, so
that a crash anywhere repeats work and loses none. When the link fails it waits with a random backoff, longer each
time, and at least as long as the gateway asks.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Final, Generic, TypeVar

from bureaus import logs
from bureaus.settings import Limits
from schemas.errors import BureaunetError, Unavailable

_T = TypeVar("_T")
_log: Final = logs.get(__name__)
_STEPS: Final = 1 << 16


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
    """Moves what is due, until it is cancelled."""

    def __init__(
        self,
        take: Callable[[], Awaitable[Sequence[_T]]],
        work: Callable[[_T], Awaitable[None]],
        limits: Limits,
    ) -> None:
        """`take` gives what is due now, `work` settles one in the store.

        Both raise `Unavailable` for "later"; any other error of the tree puts off what is due, too.
        """
        self._take = take
        self._work = work
        self._backoff = Backoff(limits)
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Something may be due."""
        self._wake.set()

    async def run(self) -> None:
        """Move what is due, for ever."""
        while True:
            self._wake.clear()
            wait = await self._round()
            if wait is None:
                await self._wake.wait()
            elif wait:
                await asyncio.sleep(wait)

    async def _round(self) -> float | None:
        """Work on what is due: seconds until the next round, None to wait for `wake`."""
        try:
            due = await self._take()
        except Unavailable as error:
            return self._backoff.next(error.retry_after)
        if not due:
            return None
        outcomes = await asyncio.gather(*map(self._work, due), return_exceptions=True)
        later: list[BureaunetError] = []
        for outcome in outcomes:
            if isinstance(outcome, BureaunetError):
                later.append(outcome)
            elif outcome is not None:
                raise outcome
        if not later:
            self._backoff.reset()
            return 0.0
        return self._backoff.next(max(map(_asked_for, later)))


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
