"""What the console's pages look at besides messages: answer clocks, links, requests that wait, the database itself.

Ports beside those of gateway/ports_console.py, with their values. Times are milliseconds since the epoch. Every method
raises Unavailable (`store`) while the database cannot serve.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.clocks import Clock, State
from schemas.codes import Urgency
from schemas.directory import Link
from schemas.identity import Address

ANSWERS: Final = 5000
"""Answers that `answer_times` looks at, those whose time was longest ahead first."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """Which clocks are looked for: all that is given must hold."""

    states: Collection[State]
    bureau: str | None = None
    """Of the recipient."""
    urgency: Urgency | None = None
    after: tuple[int, bytes, Address] | None = None
    """(due, query, recipient) of the last one seen: the page goes on behind it."""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Presence:
    """When a link was last heard of."""

    link: Address
    time: int
    way: Link
    agent: str = ""
    """What its program calls itself; empty where it did not, or does not over this link."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A request of operators that was brought to the gateway."""

    id: bytes
    act: str
    subject: bytes
    """SHA-256 of what it is about."""
    made: int
    statement: bytes
    """With the signatures so far."""
    account: str
    """Who brought it."""
    why: str
    used: bool = False
    """It has acted."""


@dataclass(frozen=True, slots=True)
class Replica:
    """A copy of the database that follows it."""

    name: str
    state: str
    lag_seconds: float | None


@dataclass(frozen=True, slots=True)
class Condition:
    """A database, as it says of itself."""

    product: str
    """With its version."""
    size: int
    """Bytes."""
    revision: str
    """Of the tables."""
    pool: int
    """Connections that this process may have."""
    in_use: int
    sessions: int | None
    """Of all programs; None where nobody counts them."""
    replicas: tuple[Replica, ...]
    milliseconds: float
    """That these questions took."""


class Looks(Protocol):
    """Reads for the console; each answers in a time that does not grow with what has ended."""

    async def awaited(self, asked: Awaited) -> Sequence[Clock]:
        """A page of clocks, those due first first."""

    async def answer_times(self) -> Mapping[Address, Sequence[int]]:
        """Bureau -> milliseconds from a query to its final answer, of the last answers."""

    async def presences(self) -> Mapping[Address, Presence]:
        """By link."""

    async def heard(self, seen: Sequence[Presence]) -> None:
        """Keep when links were last heard of; an agent that is not known leaves the one that is kept."""

    async def condition(self) -> Condition:
        """How the database is."""


class Approvals(Protocol):
    """Requests that wait for operators' signatures."""

    async def bring(self, approval: Approval) -> None:
        """Keep a request, or its newer form with more signatures."""

    async def approval(self, id_: bytes) -> Approval | None:
        """One."""

    async def approvals(self, since: int, before: tuple[int, bytes] | None, limit: int) -> Sequence[Approval]:
        """Those made at `since` or later, newest first, from behind (made, id) `before`."""

    async def about(self, act: str, subject: bytes) -> Sequence[Approval]:
        """Those for an act on a subject that have not acted, newest first."""
