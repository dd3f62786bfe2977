"""How the broker is, as its management API says; for operators alone: nothing that carries messages asks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Node:
    """One machine of the broker."""

    name: str
    running: bool
    alarms: tuple[str, ...]
    """In words: memory, disk; empty is well."""
    memory: int
    """Bytes used."""
    memory_limit: int
    disk_free: int
    disk_limit: int
    """Below so many bytes free it takes nothing more."""
    uptime: int
    """Milliseconds."""


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue."""

    name: str
    ready: int
    """Messages that wait."""
    unacknowledged: int
    """Messages that a consumer has in hand."""
    consumers: int
    bytes: int
    state: str
    """Empty where the broker does not say, as of a queue in which nothing happened yet."""
    members: int
    """Nodes that have it."""
    online: int
    """Of them, those that run."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Somebody's connection."""

    user: str
    """By certificate."""
    peer: str
    node: str
    state: str
    channels: int
    connected: int
    """Milliseconds since the epoch."""
    program: str
    """What it calls itself, with its version; empty where it does not."""
    certificate_until: int | None = None
    """When the certificate that it showed ends, in seconds since the epoch; None where the broker does not say."""


@dataclass(frozen=True, slots=True)
class Look:
    """All of it at one moment."""

    version: str
    nodes: tuple[Node, ...]
    queues: tuple[Queue, ...]
    connections: tuple[Connection, ...]
    cut: bool
    """There are more queues or connections than are shown."""

    @property
    def alarms(self) -> tuple[str, ...]:
        """Every alarm, with its node."""
        found = [f"{node.name}: {alarm}" for node in self.nodes for alarm in node.alarms]
        return tuple(found + [f"{node.name} does not run" for node in self.nodes if not node.running])


class BrokerLooks(Protocol):
    """The broker's management API."""

    async def look(self) -> Look:
        """Ask it; what was asked a moment ago is not asked again.

        Raises:
            Unavailable: `unreachable`, it does not answer in time, or not in its form.
        """
