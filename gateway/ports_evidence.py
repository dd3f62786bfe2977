"""The part of the store's reads that gives messages and acknowledgements, one or many at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.values import MessageRow


class EvidenceReads(Protocol):
    """What entries rest on; all raise Unavailable (`store`)."""

    async def message(self, digest: bytes) -> MessageRow | None:
        """One message."""

    async def messages(self, digests: Sequence[bytes], max_bytes: int) -> Mapping[bytes, MessageRow]:
        """Those of these messages that are there, from the first of `digests` on, by digest.

        No more than `max_bytes` of sealed parts unless it is the first that is there: ask again for the others. Some
        hundreds at one time.
        """

    async def acknowledgement(self, evidence: bytes) -> bytes | None:
        """A signed acknowledgement by its SHA-256."""

    async def acknowledgements(self, evidence: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Those of these signed acknowledgements that are there, by their SHA-256. Some hundreds at one time."""
