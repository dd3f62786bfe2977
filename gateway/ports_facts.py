"""The part of the store's reads that a batch begins with: all that admission must know of it, in one question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gateway.values import Decided, Spent, ThreadFacts


@dataclass(frozen=True, slots=True)
class Asked:
    """What a batch asks for. Nothing has to be there twice, or in an order."""

    digests: Sequence[bytes] = ()
    """Of its messages."""
    ids: Sequence[tuple[str, bytes]] = ()
    """Their (iss, cti)."""
    named: Sequence[bytes] = ()
    """Digests that they name in thread and re."""
    bureaus: Sequence[str] = ()
    """Codes of their senders' bureaus."""
    minute: int = 0
    """The current one, that quotas are counted in: minutes since the epoch."""


@dataclass(frozen=True, slots=True)
class Known:
    """What there is of it."""

    size: int
    """Entries in the ledger."""
    decided: Mapping[bytes, Decided] = field(default_factory=dict)
    """The outcomes that these digests have."""
    ids: Mapping[tuple[str, bytes], bytes] = field(default_factory=dict)
    """(iss, cti) -> digest of the message that has this id."""
    threads: Mapping[bytes, ThreadFacts] = field(default_factory=dict)
    """What those of the named that were accepted were, by digest."""
    spent: Sequence[Spent] = ()
    """What these bureaus had admitted in this minute, by any process."""


class FactReads(Protocol):
    """Raises Unavailable (`store`)."""

    async def known(self, asked: Asked) -> Known:
        """All of it, of one moment."""
