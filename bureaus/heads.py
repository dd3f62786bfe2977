"""The tree head that the bureau accepted, and what is proven under heads that extend it.

Rules: a head replaces the one before only when it extends it, and is kept before it is used; two heads that contradict
each other are an alarm. A directory version counts once its entry is proven to be in the ledger under such a head: what
the authority signed for one bureau alone would have to stand where everybody sees it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from bureaus.links import Link
from bureaus.settings import Limits
from bureaus.store import Store, verified
from schemas import cbor, wire
from schemas.claims import Head
from schemas.directory import Directory
from schemas.errors import Forbidden, Malformed, Reason, Unavailable, Untrusted
from schemas.evidence import Event, read_entry
from schemas.merkle import EMPTY, verify_consistency
from schemas.notes import Policy, read_checkpoint
from schemas.receipts import read_proof

Alarm: TypeAlias = Callable[[Reason, str, bytes], Awaitable[None]]
"""Keeps the evidence and stops all sealing: (reason, in words, evidence)."""
_PAUSE: Final = 0.25
"""Seconds between two looks for a checkpoint that covers a new version."""


class Heads:
    """The largest tree head that we accepted."""

    def __init__(self, store: Store, link: Link, policy: Policy, limits: Limits, alarm: Alarm) -> None:
        self._store = store
        self._link = link
        self._policy = policy
        self._limits = limits
        self._alarm = alarm
        self.head = Head(0, EMPTY)

    async def load(self) -> None:
        """Read what was accepted before."""
        note = await self._store.run(verified.checkpoint)
        if note is not None:
            self.head = self._read(note)

    async def refresh(self) -> None:
        """Look for a larger head.

        Raises:
            Unavailable. Untrusted: `consistency`, `checkpoint`. Malformed.
        """
        try:
            note = (await self._link.get(wire.CHECKPOINT)).decode()
        except UnicodeDecodeError:
            raise Malformed(Reason.CHECKPOINT, "a checkpoint is text") from None
        except (Forbidden, Unavailable) as error:
            if error.reason is Reason.NOT_FOUND:  # none was published yet
                return
            raise
        if self._read(note).size >= self.head.size:  # else another gateway is a moment behind
            await self._take(note)

    async def prove(self, directory: Directory) -> None:
        """Check that a version's entry is in the ledger, waiting a little for a checkpoint that covers a new one.

        Raises:
            Unavailable: none does yet. Untrusted: `inclusion`, `consistency`, `checkpoint`. Malformed.
        """
        raw = await self._covered(f"{wire.DIRECTORY}/{directory.version}/{wire.DIRECTORY_PROOF}")
        match cbor.decode(raw):
            case [bytes(entry), str(text)]:
                pass
            case _:
                raise Malformed(Reason.RECEIPT_FORM, "a version's proof is [entry, tlog-proof]")
        stated, proof = read_entry(entry), read_proof(text)
        if (stated.event, stated.digest) != (Event.DIRECTORY_UPDATED, directory.hash):
            raise Untrusted(Reason.INCLUSION, "the entry is not that of this directory version")
        proof.verify(entry, self._policy)
        await self._take(proof.note)

    async def _covered(self, path: str) -> bytes:
        try:
            async with asyncio.timeout(self._limits.covered_seconds):
                while True:
                    try:
                        return await self._link.get(path)
                    except Unavailable as error:
                        if error.reason is not Reason.NOT_FOUND:
                            raise
                    await asyncio.sleep(_PAUSE)
        except TimeoutError:
            raise Unavailable(Reason.NOT_FOUND, "no checkpoint covers the directory version yet") from None

    def _read(self, note: str) -> Head:
        checkpoint = read_checkpoint(note, self._policy).checkpoint
        return Head(checkpoint.size, checkpoint.root)

    async def _take(self, note: str) -> None:
        """Accept a head that extends ours; one that ours extends is accepted and changes nothing."""
        head = self._read(note)
        old, new = (self.head, head) if self.head.size <= head.size else (head, self.head)
        path: list[bytes] = []
        if 0 < old.size < new.size:
            path = _path(await self._link.get(f"{wire.CONSISTENCY}/{old.size}/{new.size}"))
        try:
            verify_consistency(old.size, old.root, new.size, new.root, path)
        except Untrusted as error:
            await self._alarm(error.reason, "two tree heads of the ledger contradict each other", note.encode())
            raise
        if head.size > self.head.size:
            await self._store.run(verified.keep_checkpoint, note)
            self.head = head


def _path(data: bytes) -> list[bytes]:
    match cbor.decode(data):
        case [*nodes]:
            return [node for node in nodes if isinstance(node, bytes)]
    raise Malformed(Reason.CONSISTENCY, "a consistency proof is an array of hashes")
