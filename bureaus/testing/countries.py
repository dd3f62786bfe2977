"""What the fixtures give: countries on a network of their own, its gateway, and the links between them.

Each bureau reaches the gateway, and the broker where there is one, through a proxy of its own on loopback; so one
country can be cut off while the others go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bureaus.client import Bureau
from bureaus.exchange import Received
from bureaus.exercises.catalogue import SECRETARIAT
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

    async def __aenter__(self) -> Self:
        """Open the operation, then everybody. Raises Unavailable."""
        await self.site.__aenter__()
        try:
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
        bureau = Bureau.open(home, clock=_clock(clock_seconds)) if clock_seconds else self.site.bureau(Address(code))
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
        now = int(time.time())
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
        finally:
            await self.site.__aexit__(None, None, None)


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


def _clock(ahead: int) -> Callable[[], int]:
    def milliseconds() -> int:
        return time.time_ns() // 1_000_000 + ahead * 1000

    return milliseconds
