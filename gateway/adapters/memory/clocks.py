"""Answer clocks and attestations in the shipped fake of the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.clocks import OPEN, Attested, Clock, State
from schemas.directory import Link
from schemas.identity import Address


@dataclass(slots=True)
class Clocks:
    """What the tables hold of them. Every value is replaced whole when it changes."""

    clocks: dict[tuple[bytes, Address, Address], Clock] = field(default_factory=dict)
    attested: dict[tuple[int, Address], Attested] = field(default_factory=dict)
    leases: dict[tuple[int, Address], int] = field(default_factory=dict)
    """Of attestations that wait to be published: until when each belongs to somebody."""

    def snapshot(self) -> Clocks:
        """A copy."""
        return Clocks(dict(self.clocks), dict(self.attested), dict(self.leases))


class MemoryClockWrites:
    """`ports_clocks.ClockWrites` in memory."""

    _clocks: Clocks

    async def open_clocks(self, clocks: Sequence[Clock]) -> None:
        """As the port says."""
        self._clocks.clocks.update({clock.key: clock for clock in clocks})

    async def lock_clocks(self, keys: Sequence[tuple[bytes, Address]]) -> list[Clock]:
        """As the port says."""
        wanted = set(keys)
        return [clock for key, clock in sorted(self._clocks.clocks.items()) if key[:2] in wanted]

    async def due_clocks(self, now: int, limit: int) -> list[Clock]:
        """As the port says."""
        due = [(clock.next_at, clock) for clock in self._clocks.clocks.values() if clock.next_at is not None]
        return [clock for at, clock in sorted(due, key=lambda item: item[0]) if at <= now][:limit]

    async def save_clocks(self, clocks: Sequence[Clock]) -> None:
        """As the port says."""
        self._clocks.clocks.update({clock.key: clock for clock in clocks})

    async def put_attestations(self, attestations: Sequence[Attested]) -> None:
        """As the port says."""
        for one in attestations:
            self._clocks.attested[one.index, one.inbox] = one
            if one.link is Link.AMQP:
                self._clocks.leases[one.index, one.inbox] = 0


class MemoryClockReads:
    """`ports_clocks.ClockReads` in memory."""

    def _kept(self) -> Clocks:
        raise NotImplementedError

    async def clocks(self, query: bytes) -> list[Clock]:
        """As the port says."""
        return [clock for key, clock in sorted(self._kept().clocks.items()) if key[0] == query]

    async def overdue(self, after: Clock | None, limit: int) -> list[Clock]:
        """As the port says."""
        silent = [c for c in self._kept().clocks.values() if c.state in (State.OVERDUE, State.ESCALATED)]
        behind = [c for c in silent if after is None or (c.due, c.key) > (after.due, after.key)]
        return sorted(behind, key=lambda clock: (clock.due, clock.key))[:limit]

    async def clock_states(self) -> Mapping[State, int]:
        """As the port says."""
        wanted = OPEN | {State.OVERDUE, State.ESCALATED}
        return Counter(clock.state for clock in self._kept().clocks.values() if clock.state in wanted)

    async def attested_inboxes(self, after: int, limit: int) -> Mapping[Address, int]:
        """As the port says."""
        newer = [key for key, one in sorted(self._kept().attested.items()) if one.link is Link.HTTP and key[0] > after]
        return {inbox: index for index, inbox in newer[:limit]}

    async def lease_attestations(self, now: int, lease: int, limit: int) -> list[Attested]:
        """As the port says."""
        kept = self._kept()
        free = sorted((until, key) for key, until in kept.leases.items() if until <= now)[:limit]
        kept.leases.update({key: now + lease for _, key in free})
        return [kept.attested[key] for _, key in free]

    async def mark_attested(self, placed: Sequence[Attested]) -> None:
        """As the port says."""
        for one in placed:
            self._kept().leases.pop((one.index, one.inbox), None)

    async def forget_attestations(self, before: int, limit: int) -> int:
        """As the port says."""
        kept = self._kept()
        old = sorted(key for key, one in kept.attested.items() if one.created < before)[:limit]
        for key in old:
            del kept.attested[key]
            kept.leases.pop(key, None)
        return len(old)
