"""Steps of a message that end at a bureau: what traces are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from schemas.identity import MessageId


class StepName(StrEnum):
    """Which step."""

    ASK = "ask"
    """From sealing to the verified receipt."""
    HANDLE = "handle"
    """A handler's work, until its acknowledgement is committed."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step. Times are milliseconds since the epoch by this machine's clock; nothing of the content is in it."""

    name: StepName
    digest: bytes
    begin: int
    end: int
    party: str
    """Our address."""
    fields: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None
    """Why the gateway refused it."""


def sealed_at(cti: MessageId) -> int:
    """When a message of ours was sealed: the time in its id (UUID version 7)."""
    return int.from_bytes(bytes(cti)[:6])
