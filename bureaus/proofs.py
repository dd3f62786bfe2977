"""Proofs that what we sent is in the ledger: fetched once a checkpoint covers it, verified, and kept with the entry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bureaus import logs
from bureaus.links import Link
from bureaus.pump import Backoff, Pump
from bureaus.settings import Limits
from bureaus.store import Store, sending
from schemas import wire
from schemas.errors import BureaunetError, Malformed, Misuse, Reason, Unavailable, Untrusted
from schemas.evidence import Entry, Event, read_entry
from schemas.notes import Policy, SignedCheckpoint
from schemas.receipts import read_proof

_log: Final = logs.get(__name__)
_WITNESSED: Final = 10.0
"""Seconds between two looks for the witnesses' signatures."""


@dataclass(frozen=True, slots=True)
class Proven:
    """A verified proof: the entry, its place, the tlog-proof's text and the checkpoint that it leads to."""

    entry: Entry
    raw: bytes
    """The entry's bytes."""
    index: int
    text: str
    checkpoint: SignedCheckpoint
    provisional: bool
    """The quorum of witnesses has not signed yet."""


class Proofs:
    """Fetches and keeps proofs: in the background for every accepted message, and for whoever asks."""

    def __init__(self, store: Store, link: Link, policy: Policy, limits: Limits) -> None:
        self._store = store
        self._link = link
        self._policy = policy
        self._limits = limits
        self._given_up: set[bytes] = set()
        self._pump = Pump(self._due, self._fetch_in_turn, limits)
        self.wake: Callable[[], None] = self._pump.wake

    async def run(self) -> None:
        """Fetch the proofs of what was accepted, for ever."""
        await self._pump.run()

    async def prove(self, digest: bytes, deadline: float | None) -> Proven:
        """The proof of an accepted message, waited for at most `deadline` seconds.

        Raises:
            Unavailable: not in time. Untrusted, Malformed: what the gateway gives does not prove it. Misuse: not
            accepted.
        """
        backoff = Backoff(self._limits)
        try:
            async with asyncio.timeout(deadline):
                while True:
                    try:
                        return await self._prove(digest)
                    except Unavailable as error:
                        await asyncio.sleep(backoff.next(error.retry_after))
        except TimeoutError:
            raise Unavailable(Reason.UNREACHABLE, "no checkpoint covers it yet") from None

    async def _prove(self, digest: bytes) -> Proven:
        kept = await self._store.run(sending.proved, digest)
        if kept is None:
            raise Misuse("only an accepted message has a proof")
        if kept.entry is not None and kept.proof is not None:
            return self._verify(kept, kept.entry, kept.proof)
        return await self._fetch(kept)

    async def _due(self) -> list[sending.Proved]:
        rows = await self._store.run(sending.unproved, self._limits.proofs_at_once + len(self._given_up))
        return [row for row in rows if row.digest not in self._given_up][: self._limits.proofs_at_once]

    async def _fetch_in_turn(self, row: sending.Proved) -> None:
        try:
            proven = await self._fetch(row)
        except Unavailable:
            raise
        except BureaunetError as error:
            # Asked for, it is tried again and the error goes to whoever asks.
            self._given_up.add(row.digest)
            _log.error("a proof does not verify", digest=row.digest.hex(), reason=error.reason)
        else:
            if proven.provisional:
                raise Unavailable(Reason.CHECKPOINT, "the witnesses have not signed yet", retry_after=_WITNESSED)

    async def _fetch(self, row: sending.Proved) -> Proven:
        text = await self._link.get(f"{wire.PROOFS}/{row.place}")
        entry = await self._link.get(f"{wire.ENTRIES}/{row.place}")
        try:
            proven = self._verify(row, entry, text.decode())
        except UnicodeDecodeError:
            raise Malformed(Reason.RECEIPT_FORM, "a proof is text") from None
        if not proven.provisional:
            await self._store.run(sending.keep_proof, row.digest, proven.raw, proven.text)
        return proven

    def _verify(self, row: sending.Proved, raw: bytes, text: str) -> Proven:
        proof = read_proof(text)
        entry = read_entry(raw)
        if (entry.event, entry.digest, proof.index) != (Event.SUBMISSION_ACCEPTANCE, row.digest, row.place):
            raise Untrusted(Reason.INCLUSION, "the entry is not the acceptance of this message")
        signed = proof.verify(raw, self._policy)
        return Proven(entry, raw, proof.index, text, signed, signed.provisional(self._policy))
