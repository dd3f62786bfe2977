"""What runs by itself, each at its own pace.

    ledger      one process: integrate, and sign a checkpoint at most once a second when the tree grew
    republish   every process: rows are leased singly
    look        every process: which HTTP inboxes are full
    room        one process: copies that were kept, into inboxes that have room again
    expire      one process: copies that could not be placed before their envelope's end
    current     one process: which directory version is current, hourly and when there is a new one
    summarise   every process: refusals that it counted
    and what the composition root adds, such as retention

Rules: a chore of one process runs under a lease row, renewed while it runs; a chore that fails says so and comes again.
Leases and paces are of the machine's time; what a chore decides is by the clock that is given, which an exercise may
move (gateway/exercise_clock.py): `catch_up` then does what decides by time, at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import uuid4

from gateway.ledger import Ledger
from gateway.ports import Clock, Leases, Placed, Store, Trust, Watcher
from gateway.settings import Chores as Paces
from schemas.directory import Current, read_current, sign_current
from schemas.errors import BureaunetError
from schemas.identity import Signer

_PAGE: Final = 200
"""Copies that expire at once."""
_TURN: Final = 0.1
"""Seconds between two tries for a chore that another process, or one that died, still has."""


class Pipeline(Protocol):
    """What chores need of the exchange."""

    @property
    def trust(self) -> Trust:
        """The signed statements in force."""

    async def republish(self) -> int:
        """Publish copies whose lease ended: how many."""

    async def look_at_inboxes(self) -> None:
        """See which HTTP inboxes are full."""

    async def make_room(self) -> int:
        """Put copies that were kept into inboxes that have room again: how many."""

    async def fail(self, copies: Sequence[Placed]) -> None:
        """Record that these copies expired before they could be placed."""

    async def summarise(self) -> None:
        """Record how many refusals each link had that are no entries of their own."""


@dataclass(frozen=True, slots=True)
class Chore:
    """Something that is done again and again."""

    name: str
    every: float
    """Seconds."""
    do: Callable[[], Awaitable[None]]
    single: bool = True
    """Whether one process alone does it."""
    timed: bool = False
    """Whether the clock decides what it does."""


class Chores:
    """The chores of one gateway process."""

    def __init__(
        self,
        *,
        exchange: Pipeline,
        ledger: Ledger,
        store: Store,
        leases: Leases,
        signer: Signer,
        clock: Clock,
        watcher: Watcher,
        paces: Paces | None = None,
    ) -> None:
        """`signer` holds the key that the authority delegated for DirectoryCurrent."""
        self._exchange, self._ledger, self._store, self._leases = exchange, ledger, store, leases
        self._signer, self._clock, self._watcher = signer, clock, watcher
        self.machine = clock
        """For leases and paces: the machine's, where `clock` is an exercise's."""
        self.signing = asyncio.Lock()
        """Held while a tree head is signed: a later time must never stand with a smaller tree."""
        self._paces = paces or Paces()
        self._holder = uuid4().hex
        self._held: dict[str, int] = {}
        self._grown = True
        self._signed = 0
        self._confirmed: tuple[bytes, int] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._chores = list(self._own())

    def _own(self) -> tuple[Chore, ...]:
        paces = self._paces
        return (
            Chore("ledger", paces.integrate_milliseconds / 1000, self.keep_ledger),
            Chore("republish", paces.republish_milliseconds / 1000, self.republish, single=False),
            Chore("look", paces.inbox_milliseconds / 1000, self._exchange.look_at_inboxes, single=False),
            Chore("room", paces.inbox_milliseconds / 1000, self.make_room),
            Chore("expire", paces.expire_seconds, self.expire, timed=True),
            Chore("current", 1.0, self.confirm_directory, timed=True),
            Chore("summarise", paces.summary_seconds, self._exchange.summarise, single=False),
        )

    def add(self, chore: Chore) -> None:
        """One more chore; before `start`."""
        self._chores.append(chore)

    async def start(self) -> None:
        """Begin."""
        self._tasks = [asyncio.create_task(self._repeat(chore), name=chore.name) for chore in self._chores]

    async def stop(self) -> None:
        """End; what was appended until now is integrated and signed, if this process may."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        self._signed, self._grown = 0, True
        await self._once(Chore("ledger", 0, self.keep_ledger))
        await self._once(Chore("release", 0, self._release, single=False))

    async def catch_up(self) -> None:
        """Do at once what decides by time, each once, in order.

        Raises:
            BureaunetError: as the first that fails.
        """
        for chore in self._chores:
            if chore.timed:
                while chore.single and not await self._lease(chore.name):  # noqa: ASYNC110  # another process has it
                    await asyncio.sleep(_TURN)
                await chore.do()

    async def _repeat(self, chore: Chore) -> None:
        while True:
            await self._once(chore)
            await asyncio.sleep(chore.every)

    async def _once(self, chore: Chore) -> None:
        try:
            if not chore.single or await self._lease(chore.name):
                await chore.do()
        except BureaunetError as error:
            self._watcher.saw("chore-failed", chore=chore.name, reason=error.reason)
        except Exception as error:  # noqa: BLE001 - a chore that meets a fault must neither end nor end the others
            self._watcher.saw("chore-failed", chore=chore.name, cause=type(error).__name__)

    async def _lease(self, name: str) -> bool:
        """Whether this process has the chore; the lease is renewed when half of it is over."""
        now, length = self.machine.now(), int(self._paces.lease_seconds * 1000)
        if now < self._held.get(name, 0) - length // 2:
            return True
        if not await self._leases.acquire(name, self._holder, now, now + length):
            self._held.pop(name, None)
            return False
        self._held[name] = now + length
        return True

    async def _release(self) -> None:
        """Leave the chores to others at once."""
        for name in list(self._held):
            del self._held[name]
            await self._leases.release(name, self._holder)

    async def keep_ledger(self) -> None:
        """Integrate what was appended; sign and publish a checkpoint if the tree grew and the last is old enough.

        Raises:
            Unavailable: `store`. Untrusted: `checkpoint`, stored tiles and leaves contradict the tree.
        """
        async with self.signing:
            await self._keep_ledger()

    async def _keep_ledger(self) -> None:
        taken = await self._ledger.integrate(self._paces.integrate_items)
        self._grown = self._grown or taken > 0
        now = self.machine.now()
        if self._grown and now - self._signed >= self._paces.checkpoint_milliseconds:
            await self._ledger.checkpoint()
            self._grown, self._signed = False, now

    async def republish(self) -> None:
        """Publish copies whose lease ended, until none is left.

        Raises:
            Unavailable: `store`.
        """
        while await self._exchange.republish():
            pass

    async def make_room(self) -> None:
        """Put copies that were kept into their inboxes, as far as there is room.

        Raises:
            Unavailable.
        """
        while await self._exchange.make_room():
            pass

    async def expire(self) -> None:
        """Record the end of copies that could not be placed in time.

        Raises:
            Unavailable.
        """
        while copies := await self._store.expired(self._clock.now() // 1000, _PAGE):
            await self._exchange.fail(copies)

    async def confirm_directory(self) -> None:
        """Sign which version of the directory is current, if the last statement is of another or an hour old.

        Raises:
            Unavailable: `store`.
        """
        async with self.signing:
            await self._confirm()

    async def _confirm(self) -> None:
        directory, now = self._exchange.trust.directory, self._clock.now() // 1000
        if directory.version == 0:
            return
        if self._confirmed is None:
            self._confirmed = await self._last_confirmed(now)
        confirmed, at = self._confirmed
        if confirmed == directory.hash and now - at < self._paces.current_seconds:
            return
        current = Current(directory.version, directory.hash, now, await self._ledger.head())
        await self._store.save_current(sign_current(current, self._exchange.trust.network.id, self._signer))
        self._confirmed = directory.hash, now
        self._watcher.saw("directory-confirmed", version=directory.version)

    async def _last_confirmed(self, now: int) -> tuple[bytes, int]:
        """(hash, time) of the stored statement, if it is one of the directory in force."""
        stored = await self._store.current()
        if stored is None:
            return b"", 0
        trust = self._exchange.trust
        try:
            current = read_current(stored, trust.network, trust.directory, now)
        except BureaunetError:  # of another version, too old, or by a key that is no longer delegated: a new one is due
            return b"", 0
        return current.hash, current.time
