"""The secretariat at work: the rooms that there are, composed around one bureau and one registry, and their chores.

Order of a life: `compose` registers every room's handlers and hooks, before the bureau is entered, so that what waits
from before finds them; `serve` enters it, publishes the standing operation, runs every chore, and at its end lets what
is under way come to its end. Rule: a chore that fails is logged and goes on; one that ends by itself is a fault.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, Protocol

from bureaus import logs
from bureaus.client import Bureau
from bureaus.secretariat import standing
from bureaus.secretariat.office import OPERATION, Chore, Office
from bureaus.secretariat.registry import Registry
from bureaus.secretariat.sending import Sending
from bureaus.secretariat.settings import DEFAULT, Settings
from schemas.errors import BureaunetError, Misuse, Unavailable

_log: Final = logs.get(__name__)
_SETTLING: Final = 0.05
"""Seconds between two looks at what is on its way."""
_PAUSE: Final = 0.1
"""Seconds between two runs of a chore: while bureaus ask, many transactions wake it, and one look serves them all."""


class Room(Protocol):
    """A module of the secretariat's."""

    def register(self, office: Office) -> None:
        """Register handlers and hooks."""

    def chores(self, office: Office) -> Sequence[Chore]:
        """What it does by itself."""


def rooms() -> Sequence[Room]:
    """Every room, in the order in which their hooks are called; loaded when an office is made.

    Raises:
        Misuse: the libraries of the secretariat are not installed.
    """
    try:
        from bureaus.secretariat import (  # noqa: PLC0415
            arrests,
            databases,
            declined,
            groups,
            notices,
            relay,
            reports,
            statements,
        )
        from bureaus.secretariat.duty import hearing  # noqa: PLC0415
        from bureaus.secretariat.tips import desk  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise Misuse(f"the secretariat needs {error.name}: pip install 'bureaunet[secretariat]'") from None
    return (notices, databases, arrests, hearing, desk, reports, statements, relay, groups, declined)


def compose(
    bureau: Bureau,
    registry: Registry,
    now: Callable[[], int],
    *,
    settings: Settings = DEFAULT,
    operation: str = OPERATION,
    held: bool = True,
) -> Office:
    """An office with every room's handlers and hooks; `now` gives seconds since the epoch.

    `held` says that `operation` is the standing one; else it is an exercise's, opened by whoever holds that.
    """
    office = Office(bureau, registry, settings, now, operation, held)
    for room in rooms():
        room.register(office)
    return office


def chores(office: Office, sending: Sending) -> Sequence[Chore]:
    """Everything that the services do by themselves."""
    held = [standing.chore(office)] if office.standing else []
    return [sending.chore(), *held, *(chore for room in rooms() for chore in room.chores(office))]


@asynccontextmanager
async def at_work(office: Office) -> AsyncIterator[Sending]:
    """The services, around a bureau that is entered already: the standing operation, and every chore.

    Raises:
        Misuse, Forbidden, Untrusted: the standing operation could not be published.
    """
    try:
        if office.standing:
            await standing.publish(office.bureau, office.operation, office.now())
    except Unavailable as error:  # its chore tries on
        _log.warning("the standing operation waits for the gateway", reason=error.reason)
    sending = Sending(office)
    runners = [_Runner(office.registry, chore) for chore in chores(office, sending)]
    try:
        yield sending
    finally:
        await _drain(office, sending, runners)
        await sending.aclose()


async def _drain(office: Office, sending: Sending, runners: Sequence[_Runner]) -> None:
    """Let what runs end, what was decided or posted go out, and the SDK's queues empty; the rest goes another time."""
    seconds = office.settings.drain_seconds
    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(runner.end() for runner in runners))
            for runner in runners:  # once: whoever still asks us could keep them running
                if runner.late:
                    await runner.run()
            await sending.run()
            await sending.settled()
            while busy(await office.bureau.counts()):  # noqa: ASYNC110  # the counts have no one event
                await asyncio.sleep(_SETTLING)
    except (BureaunetError, TimeoutError) as error:
        _log.warning("not everything went out; the rest goes at the next start", error=type(error).__name__)
    finally:
        await asyncio.gather(*(runner.aclose() for runner in runners))


def busy(counts: Mapping[str, Mapping[str, int]]) -> bool:
    """Whether a handler runs, or something of ours is on its way; what no room takes waits for the next start."""
    return bool(
        counts["received"].get("running", 0)
        + counts["sent"].get("waiting", 0)
        + counts["acknowledgements"].get("waiting", 0)
    )


class _Runner:
    """Runs one chore again and again, until it is told to end."""

    def __init__(self, registry: Registry, chore: Chore) -> None:
        self._written, self._chore = registry.written, chore
        self._resting, self._ending, self._failed = False, False, False
        self._rung = -1
        """How often something had been committed when the last run began."""
        self._task = asyncio.create_task(self._run(), name=f"chore {chore.name}")

    async def end(self) -> None:
        """Let the run that is under way come to its end, and begin no other."""
        self._ending = True
        if self._resting:
            self._task.cancel()
        await asyncio.wait([self._task])

    @property
    def late(self) -> bool:
        """Whether it is woken by what is committed, something was since its last run began, and that run was well."""
        return self._chore.wakes and not self._failed and self._rung != self._written.rung

    async def run(self) -> None:
        """Do it once. A failure is logged."""
        self._rung, self._failed = self._written.rung, False
        try:
            await self._chore.run()
        except Exception as error:  # noqa: BLE001  # whatever a chore raises is its own failure: the others go on
            # The error's text may hold content: its type is enough to find it by.
            _log.error("chore failed", chore=self._chore.name, error=type(error).__name__)
            self._failed = True

    async def aclose(self) -> None:
        """Cut it off."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        while not self._ending:
            await self.run()
            if not self._ending:
                await self._rest()

    async def _rest(self) -> None:
        self._resting = True
        if self._chore.wakes:
            end = asyncio.get_running_loop().time() + self._chore.every
            await asyncio.sleep(min(_PAUSE, self._chore.every))
            await self._written.before(end, self._rung)
        else:
            await asyncio.sleep(self._chore.every)
        self._resting = False
