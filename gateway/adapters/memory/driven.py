"""A clock, a watcher and inboxes that tests drive by hand and look into."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.clocks import Attested
from gateway.ports import Pending
from schemas.errors import Reason, Unavailable


class SetClock:
    """A `ports.Clock` that stands still until it is moved. Milliseconds since the epoch."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> int:
        """The time that it was set to."""
        return self._now

    def move(self, milliseconds: int) -> None:
        """Let time pass."""
        self._now += milliseconds


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that a watcher saw."""

    name: str
    fields: Mapping[str, str | int | None]


class ListWatcher:
    """A `ports.Watcher` that keeps what it saw."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []

    def saw(self, name: str, **fields: str | int | None) -> None:
        """Keep it."""
        self.seen.append(Seen(name, fields))

    def named(self, name: str) -> list[Seen]:
        """What was seen under a name."""
        return [seen for seen in self.seen if seen.name == name]


@dataclass
class ListInboxes:
    """A `ports.Inboxes` that keeps what was published. `down`: nothing is known; `refuse`: all stay unconfirmed."""

    published: list[Pending] = field(default_factory=list)
    down: bool = False
    refuse: bool = False
    attested: list[Attested] = field(default_factory=list)

    async def publish(self, pending: Sequence[Pending]) -> list[bool]:
        """As the port says."""
        await self.ready()
        if self.refuse:
            return [False] * len(pending)
        self.published.extend(pending)
        return [True] * len(pending)

    async def attest(self, attestations: Sequence[Attested]) -> list[bool]:
        """As the port says."""
        await self.ready()
        if self.refuse:
            return [False] * len(attestations)
        self.attested.extend(attestations)
        return [True] * len(attestations)

    async def ready(self) -> None:
        """As the port says."""
        if self.down:
            raise Unavailable(Reason.UNREACHABLE, "the broker is down")


class NoBodies:
    """A `ports.Bodies` where nothing is left of what was erased by itself: it keeps what was asked of it."""

    def __init__(self) -> None:
        self.prepared: set[int] = set()
        self.swept: list[int] = []
        self.scrubbed: set[int] = set()

    async def prepare(self, days: Collection[int]) -> None:
        """As the port says."""
        self.prepared.update(days)

    async def sweep(self, today: int) -> None:
        """As the port says."""
        self.swept.append(today)

    async def scrub(self, days: Collection[int]) -> None:
        """As the port says."""
        self.scrubbed.update(days)
