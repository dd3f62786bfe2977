"""Time that passes only when nobody has anything to do: an exercise's, in one process with its gateway's clock.

Order of work: whoever acts is counted (`start`), and is not while it waits for a time or a signal. A message on its way
is counted from `fly` to `land`. When nothing is counted any more, `run` takes the earliest time that anybody waits for,
lets the gateway's time pass until then (gateway: serve --exercise-clock), and wakes them.

Rules: everything at one time happens before time passes, so that who waits for whom decides and not how fast a machine
is; times are whole steps; messages from or to whoever is cut off wait for the mend and hold up no time. When something
that is counted does not come to its end within `PATIENCE` real seconds, the exercise fails and says what that was.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from itertools import count
from typing import Final, Protocol

from schemas.errors import Reason, Unavailable
from schemas.identity import Address

PATIENCE: Final = 120.0
"""Real seconds."""
GATEWAY: Final = Address("GATEWAY")
"""Stands for the gateway among those who may be cut off; no participant has this address."""


class Advance(Protocol):
    """Lets the gateway's time pass."""

    async def to(self, milliseconds: int) -> None:
        """Until then, and until nothing is in hand there. Raises Unavailable or Misuse."""


async def _nothing() -> bool:
    return False


class Signal:
    """Something that one may wait for beside the time: set once."""

    def __init__(self) -> None:
        self.is_set = False
        self._waiting: list[Callable[[], None]] = []

    def set(self) -> None:
        """It happened: who waits is counted again from now on."""
        self.is_set = True
        waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()

    def when(self, wake: Callable[[], None]) -> None:
        """Call this once it is set."""
        self._waiting.append(wake)


class VirtualTime:
    """The time of one exercise. `step` is in milliseconds; `begin` is where the gateway's clock stands."""

    def __init__(self, advance: Advance, begin: int, step: int) -> None:
        self._advance, self._now, self.step = advance, begin, step
        self._active = 0
        self._flights: dict[tuple[bytes, Address], Address] = {}
        self._early: set[tuple[bytes, Address]] = set()
        self._cut: dict[Address, Signal] = {}
        self._waiting: list[tuple[int, bool, int, Callable[[], None]]] = []
        self._numbers = count()
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self.when_quiet: Callable[[], None] = lambda: None
        """Called whenever everything at one time has happened."""
        self.before_passing: Callable[[], Awaitable[bool]] = _nothing
        """Awaited whenever nobody who is counted has anything to do: whether it did anything, and time has to wait."""
        self.steps = 0
        """How often time has passed."""

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self._now

    # ---- who acts

    def start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Do this, counted. What it fails for, `run` fails for."""
        self._active += 1
        task = asyncio.create_task(work, context=Context())  # outside of the handler that may have begun it
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._rest()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = self._failure or error

    def going(self) -> None:
        """What takes long has come further: patience begins anew."""
        self._changed.set()

    def _rest(self) -> None:
        self._active -= 1
        self._changed.set()

    async def sleep(self, seconds: float) -> None:
        """Wait so long, at least; a whole step where it is less."""
        await self.until(self._now + int(seconds * 1000))

    async def until(self, milliseconds: int, *, first: bool = False) -> None:
        """Wait until then; only for who was started by `start`.

        Of those who wait for one time, who is `first` is woken before the others.
        """
        if milliseconds <= self._now:
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not woken.done():
                self._active += 1
                woken.set_result(None)

        at = -(-milliseconds // self.step) * self.step
        heapq.heappush(self._waiting, (at, not first, next(self._numbers), wake))
        self._rest()
        await woken

    async def reached(self, signal: Signal) -> None:
        """Wait for the signal, however long."""
        if signal.is_set:
            return
        woken = asyncio.Event()

        def wake() -> None:
            self._active += 1
            woken.set()

        signal.when(wake)
        self._rest()
        await woken.wait()

    # ---- what is on its way

    def fly(self, digest: bytes, sender: Address, recipient: Address) -> None:
        """This message is on its way."""
        if (digest, recipient) in self._early:
            self._early.discard((digest, recipient))
        else:
            self._flights[digest, recipient] = sender

    def land(self, digest: bytes, recipient: Address) -> None:
        """It came, or never will."""
        if self._flights.pop((digest, recipient), None) is None:
            self._early.add((digest, recipient))
        self._changed.set()

    def lose(self, digest: bytes) -> None:
        """It will come to nobody: it was refused."""
        for key in [key for key in self._flights if key[0] == digest]:
            del self._flights[key]
        self._changed.set()

    def cut(self, address: Address) -> None:
        """From now on nothing comes from there or gets there."""
        self._cut[address] = Signal()

    def mend(self, address: Address) -> None:
        """It does again."""
        self._cut.pop(address).set()

    async def reachable(self, address: Address) -> None:
        """Wait until this participant and the gateway are not cut off."""
        while (signal := self._cut.get(address) or self._cut.get(GATEWAY)) is not None:
            await self.reached(signal)

    @property
    def serving(self) -> bool:
        """Whether the gateway is there."""
        return GATEWAY not in self._cut

    def _busy(self) -> list[str]:
        said = [f"{self._active} at work"] if self._active else []
        if self.serving:
            said += [
                f"a message from {sender} to {recipient}"
                for (_, recipient), sender in self._flights.items()
                if sender not in self._cut and recipient not in self._cut
            ]
        return said

    # ---- time

    async def run(self, end: int) -> None:
        """Let time pass until nobody who was started is left, or nothing happens any more before `end`.

        Raises:
            Unavailable: something does not come to its end. What those fail for who were started.
        """
        while True:
            await self._quiet()
            if await self._tended():
                continue
            self.when_quiet()
            if not self._tasks or not self._waiting or self._waiting[0][0] > end:
                return
            await self._pass(self._waiting[0][0])

    async def _quiet(self) -> None:
        busy: list[str] = []
        try:
            async with asyncio.timeout(PATIENCE) as patience:
                while busy := self._busy():
                    self._changed.clear()
                    await self._changed.wait()
                    if self._failure is not None:
                        raise self._failure
                    patience.reschedule(asyncio.get_running_loop().time() + PATIENCE)
        except TimeoutError:
            said = ", ".join(busy[:5])
            raise Unavailable(Reason.TIMEOUT, f"no end within {PATIENCE:g} s: {said} ({len(busy)} in all)") from None
        if self._failure is not None:
            raise self._failure

    async def _tended(self) -> bool:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self.before_passing()
        except TimeoutError:
            said = f"the secretariat's services came to no end within {PATIENCE:g} s"
            raise Unavailable(Reason.TIMEOUT, said) from None

    async def _pass(self, to: int) -> None:
        to = max(to, self._now)
        if to > self._now:
            if self.serving:
                await self._advance.to(to)
            self._now = to
            self.steps += 1
        while self._waiting and self._waiting[0][0] <= self._now:
            heapq.heappop(self._waiting)[3]()

    async def catch_up(self) -> None:
        """Let the gateway's time pass until now, after it was away."""
        await self._advance.to(self._now)

    async def begin_at(self, milliseconds: int) -> None:
        """Go to the time at which the exercise begins, before anybody is started."""
        await self._pass(milliseconds)

    async def aclose(self) -> None:
        """End whoever is still at it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
