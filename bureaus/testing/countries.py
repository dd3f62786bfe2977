"""What the fixtures give: countries on a network of their own, its gateway, and the links between them.

Each bureau reaches the gateway, and the broker where there is one, through a proxy of its own on loopback; so one
country can be cut off while the others go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bureaus.client import Bureau
from bureaus.exchange import Received
from bureaus.exercises.catalogue import SECRETARIAT
from bureaus.exercises.gateway_clock import GatewayClock
from bureaus.sandbox.proxy import Quality
from bureaus.sandbox.site import Site
from bureaus.testing.templates import Wanted
from schemas.codes import Handling, Purpose
from schemas.directory import Link
from schemas.errors import BureaunetError, Misuse
from schemas.identity import Address
from schemas.messages import KINDS, Message, WhereaboutsQuery
from schemas.operation import Member, Operation, Phase, Role

OPERATION: Final = "test-operation"
_CLOCK_OFFSET: Final = "BUREAUNET_TEST_CLOCK_OFFSET"


class Countries(Mapping[str, Bureau]):
    """Bureaus by code, open: `bureaus["FR"]`. The General Secretariat, `IPSG`, owns the operation."""

    def __init__(self, site: Site, wanted: Wanted) -> None:
        self.site = site
        self.codes = wanted.codes
        self._open: dict[str, Bureau] = {}
        self.operation: Operation | None = None
        self.clock: Clock | None = None
        """None where time is the machine's."""

    async def __aenter__(self) -> Self:
        """Open the operation, then everybody. Raises Unavailable."""
        await self.site.__aenter__()
        try:
            if self.site.stopped:
                self.clock = await Clock(self.site).__aenter__()
            await self.online(SECRETARIAT)
            self.operation = await self.open_operation(OPERATION)
            for code in self.codes:
                await self.online(code)
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everybody, and end the network."""
        await self._close()

    def __getitem__(self, code: str) -> Bureau:
        return self._open[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._open)

    def __len__(self) -> int:
        return len(self._open)

    async def online(self, code: str, *, clock_seconds: int = 0) -> Bureau:
        """Open a bureau, again or for the first time; its machine's clock is ahead by so much. Handlers are new."""
        home = self.site.home(Address(code))
        ahead = _ahead(self.site.clock or _wall, clock_seconds)
        bureau = Bureau.open(home, clock=ahead) if clock_seconds else self.site.bureau(Address(code))
        self._open[code] = await bureau.__aenter__()
        return bureau

    async def offline(self, code: str) -> None:
        """Close a bureau, as if its program had ended; what it holds is on disk."""
        await self._open.pop(code).__aexit__(None, None, None)

    def answer(self, code: str, answer: Message, *, kind: type[Message] = WhereaboutsQuery) -> None:
        """Let a bureau answer every query of this kind with one answer."""

        @self[code].on(kind)
        async def handle(query: Received) -> None:
            await query.answer(answer)

    async def open_operation(self, identifier: str, *members: str) -> Operation:
        """The secretariat opens an operation of these members, or of everybody, for all kinds and purposes."""
        now = (self.site.clock or _wall)() // 1000
        taking = [Member(Address(code), Role.PARTICIPANT, now) for code in members or self.codes]
        made = Operation(
            id=identifier,
            version=1,
            previous=None,
            time=now,
            name=f"Test: {identifier}",
            owner=SECRETARIAT,
            phase=Phase.ACTIVE,
            members=(Member(SECRETARIAT, Role.OWNER, now), *taking),
            kinds=tuple(sorted(KINDS)),
            purposes=tuple(Purpose),
            handling=tuple(Handling),
        )
        await self[SECRETARIAT].publish_operation(made)
        for bureau in self.values():
            await bureau.refresh()
        return made

    async def _close(self) -> None:
        try:
            for code in list(self._open):
                with suppress(BureaunetError):  # what it failed for, the test saw where it asked
                    await self.offline(code)
            if self.clock is not None:
                await self.clock.__aexit__(None, None, None)
        finally:
            await self.site.__aexit__(None, None, None)


class Clock:
    """The time of a test's network, which stands still: its gateway's, and its bureaus'."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._gateway = GatewayClock(site.operators)
        self._now = 0

    async def __aenter__(self) -> Self:
        """Take the gateway's time for the bureaus that are opened from now on. Raises Unavailable."""
        await self._gateway.__aenter__()
        self._now = await self._gateway.now()
        self._site.clock = self.now
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the gateway's clock alone."""
        await self._gateway.__aexit__(kind, error, trace)

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self._now

    async def forward(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Let so much time pass; back when the gateway has done all that was due meanwhile, each at its own time.

        What is still on its way between bureaus is of before or after as it happens to come: let it arrive first.

        Raises:
            Misuse: time does not go back. Unavailable: the gateway does not answer.
        """
        length = timedelta(seconds=seconds, minutes=minutes, hours=hours, days=days)
        await self.to(self._now + length // timedelta(milliseconds=1))

    async def to(self, milliseconds: int) -> None:
        """Let time pass until then, milliseconds since the epoch; as `forward`."""
        await self._gateway.to(milliseconds)
        self._now = milliseconds


class Gateway:
    """The gateway of a test's network, and what may happen to it."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @property
    def url(self) -> str:
        """The bureaus' listener, past all proxies."""
        return self._site.url

    @property
    def operators(self) -> str:
        """The operators' listener."""
        return self._site.operators

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self._site.log.read_text("utf-8")

    async def kill(self) -> None:
        """End it at once with SIGKILL, as a crash would."""
        await self._site.gateway.kill()

    async def start(self, *, clock_seconds: int = 0) -> None:
        """Start it again on the same ports and the same database; its clock is ahead by so much. Raises Unavailable."""
        await self._site.serve({_CLOCK_OFFSET: str(clock_seconds)} if clock_seconds else None)

    async def restart(self, *, clock_seconds: int = 0) -> None:
        """Let it finish what it has in hand, end it, and start it again. Raises Unavailable."""
        await self._site.drain()
        await self.start(clock_seconds=clock_seconds)

    async def command(self, *arguments: str | Path) -> str:
        """What an operator's command prints, `--home` given: `command("participant", "list")`. Raises Unavailable."""
        return await self._site.command(*arguments, "--home", self._site.gateway_home)


class Links:
    """The bureaus' links: cut, frozen, mended."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def cut(self, code: str) -> None:
        """Reset a bureau's connections, and those that it tries."""
        self._site.cut(Address(code))

    def degrade(self, code: str, *, latency: float = 0.0, loss: float = 0.0) -> None:
        """Make a bureau's line poor: everything comes `latency` seconds later, and a share of it later still."""
        self._site.degrade(Address(code), Quality(latency, loss))

    def freeze(self, code: str) -> None:
        """Forward nothing more and close nothing: connections stand half-open, as after a partition."""
        self._site.freeze(Address(code))

    def mend(self, code: str) -> None:
        """Let a bureau's new connections pass."""
        self._site.mend(Address(code))


def linked(name: str) -> Link:
    """The link of that name, as the marker gives it. Raises Misuse."""
    try:
        return Link(name)
    except ValueError:
        raise Misuse(f"there is no link {name}: {', '.join(Link)}") from None


def stopped(name: str) -> bool:
    """Whether a clock of that name, as the marker gives it, stands still. Raises Misuse."""
    if name not in ("real", "exercise"):
        raise Misuse(f"there is no clock {name}: real, exercise")
    return name == "exercise"


def _wall() -> int:
    return time.time_ns() // 1_000_000


def _ahead(clock: Callable[[], int], seconds: int) -> Callable[[], int]:
    return lambda: clock() + seconds * 1000
