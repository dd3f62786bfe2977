"""What the gateway keeps of its witnesses: a port beside those of gateway/ports.py, and its value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Offered:
    """A checkpoint that witnesses are asked to sign, and who did: (witness, line with its end), by witness."""

    size: int
    time: int
    """When it was offered, in milliseconds."""
    note: str
    """As the log signed it."""
    lines: tuple[tuple[str, str], ...] = ()


class Cosignatures(Protocol):
    """What is kept of the witnesses: a port, behind it the gateway's store."""

    async def newest(self) -> str | None:
        """The newest published note."""

    async def published(self, size: int) -> str | None:
        """The published note of this size."""

    async def offer(self, size: int, time: int, keep: int) -> None:
        """Ask witnesses to sign the published checkpoint of `size`; of those offered before, the newest `keep` stay."""

    async def offered(self, limit: int) -> Sequence[Offered]:
        """Those on offer, newest first."""

    async def cosign(self, size: int, witness: str, line: str, time: int) -> bool:
        """Keep a witness' line over a checkpoint on offer; False where one is kept, or it is on offer no more."""
