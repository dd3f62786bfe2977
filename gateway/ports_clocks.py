"""The part of the store's ports that keeps answer clocks, and attestations on their way (gateway/deadlines.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.clocks import Attested, Clock, State
from schemas.identity import Address


class ClockWrites(Protocol):
    """What a transaction does with them. Clocks are locked after copies and before operation heads, in key order."""

    async def open_clocks(self, clocks: Sequence[Clock]) -> None:
        """Insert clocks of messages that this transaction inserted."""

    async def lock_clocks(self, keys: Sequence[tuple[bytes, Address]]) -> list[Clock]:
        """Lock the clocks of each (query, bureau of the recipient), in key order: no other recipients' rows."""

    async def due_clocks(self, now: int, limit: int) -> list[Clock]:
        """Lock up to `limit` clocks whose time came, those due first; what another transaction holds is left out."""

    async def save_clocks(self, clocks: Sequence[Clock]) -> None:
        """Write locked clocks back."""

    async def put_attestations(self, attestations: Sequence[Attested]) -> None:
        """Into HTTP inboxes at once; for the broker they wait to be published."""


class ClockReads(Protocol):
    """What is read of them, and what becomes of attestations; all raise Unavailable (`store`)."""

    async def clocks(self, query: bytes) -> list[Clock]:
        """The clocks of one query, in key order."""

    async def overdue(self, after: Clock | None, limit: int) -> list[Clock]:
        """Clocks that silence has ended, those longest due first, from behind `after`."""

    async def clock_states(self) -> Mapping[State, int]:
        """How many clocks are in each state, but for those that ended."""

    async def attested_inboxes(self, after: int, limit: int) -> Mapping[Address, int]:
        """HTTP inboxes of the next `limit` attestations with an index above `after`, each with its highest of them."""

    async def lease_attestations(self, now: int, lease: int, limit: int) -> list[Attested]:
        """Attestations for the broker whose lease ended, leased for `lease` ms, oldest first."""

    async def mark_attested(self, placed: Sequence[Attested]) -> None:
        """The broker has these."""

    async def forget_attestations(self, before: int, limit: int) -> int:
        """Delete up to `limit` attestations made before this time: how many."""
