"""Proofs that what we sent is in the ledger: fetched once a checkpoint covers it, verified, and kept with the entry.

Where the directory names witnesses, a proof is provisional until their quorum has signed its checkpoint, and says so:
`Proven.standing`. It is kept meanwhile, and another takes its place once the quorum has signed one that covers it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from bureaus import logs
from bureaus.links import Link
from bureaus.pump import Backoff, Pump
from bureaus.settings import Limits
from bureaus.store import Store, sending
from schemas import merkle, wire
from schemas.errors import BureaunetError, Malformed, Misuse, Reason, Unavailable, Untrusted
from schemas.evidence import Entry, Event, read_entry
from schemas.notes import Policy, SignedCheckpoint, Standing, open_note
from schemas.receipts import Proof, read_proof

_log: Final = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Proven:
    """A verified proof: the entry, its place, the tlog-proof's text and the checkpoint that it leads to."""

    entry: Entry
    raw: bytes
    """The entry's bytes."""
    index: int
    text: str
    checkpoint: SignedCheckpoint
    standing: Standing
    """Whether the quorum of witnesses signed it, has not yet, or the policy names no witnesses."""

    @property
    def provisional(self) -> bool:
        """The quorum of witnesses has not signed yet."""
        return self.standing is Standing.PROVISIONAL


class Proofs:
    """Fetches and keeps proofs: in the background for every accepted message, and for whoever asks."""

    def __init__(self, store: Store, link: Link, policy: Callable[[], Policy], limits: Limits) -> None:
        """`policy` gives the one in force."""
        self._store = store
        self._link = link
        self._policy = policy
        self._limits = limits
        self._given_up: set[bytes] = set()
        self._read: tuple[str, Policy, SignedCheckpoint] | None = None
        """The note that was verified last: many proofs lead to one."""
        self._quorate = 0
        """The size that the quorum had signed when we last looked."""
        self._looking = asyncio.Lock()
        self._patience: float | None = None
        """Until when fresh proofs wait for the witnesses; None where nobody waits."""
        digest, at_once = attrgetter("digest"), limits.proofs_at_once
        self._pump = Pump(self._due, self._fetch_in_turn, digest, limits, at_once)
        self._witnessed = Pump(self._awaiting, self._fetch_in_turn, digest, limits, at_once)
        self.wake: Callable[[], None] = self._pump.wake

    async def run(self) -> None:
        """Fetch the proofs of what was accepted, for ever."""
        await self._pump.run()

    async def run_witnessed(self) -> None:
        """Fetch again the proofs that await the quorum, for ever."""
        await self._witnessed.run()

    async def prove(self, digest: bytes, deadline: float | None, *, witnessed: bool = False) -> Proven:
        """The proof of an accepted message, waited for at most `deadline` seconds; `witnessed` waits for the quorum.

        Raises:
            Unavailable: not in time. Untrusted, Malformed: what the gateway gives does not prove it. Misuse: not
            accepted.
        """
        backoff = Backoff(self._limits)
        try:
            async with asyncio.timeout(deadline):
                while True:
                    try:
                        return await self._prove(digest, witnessed=witnessed)
                    except Unavailable as error:
                        await asyncio.sleep(backoff.next(error.retry_after))
        except TimeoutError:
            awaited = "its quorum of witnesses has not signed yet" if witnessed else "no checkpoint covers it yet"
            raise Unavailable(Reason.UNREACHABLE, awaited) from None

    async def _prove(self, digest: bytes, *, witnessed: bool) -> Proven:
        kept = await self._store.run(sending.proved, digest)
        if kept is None:
            raise Misuse("only an accepted message has a proof")
        if kept.entry is not None and kept.proof is not None:
            proven = self._verify(kept, kept.entry, kept.proof)
            if not proven.provisional:
                return proven
        proven = await self._fetch(kept)
        if proven.provisional and witnessed:
            raise Unavailable(Reason.CHECKPOINT, "the quorum of witnesses has not signed yet")
        return proven

    async def _due(self, most: int) -> list[sending.Proved]:
        return self._left(await self._store.run(sending.unproved, most + len(self._given_up)), most)

    def _left(self, rows: list[sending.Proved], most: int) -> list[sending.Proved]:
        """Those of `rows` that were not given up, at most so many."""
        return [row for row in rows if row.digest not in self._given_up][:most]

    async def _wait_a_little(self, row: sending.Proved) -> None:
        """Give the witnesses a while before a provisional proof is fetched, so that most are fetched once."""
        while self._policy().quorum and row.place >= self._quorate:
            if self._patience is None:
                self._patience = time.monotonic() + self._limits.witness_seconds * _WHILES
            if time.monotonic() > self._patience:  # for nobody, until they sign again
                return
            async with self._looking:  # one looks for all who wait
                if row.place >= self._quorate and not await self._look():
                    await asyncio.sleep(self._limits.witness_seconds / 2)

    async def _look(self) -> bool:
        """Whether the quorum has signed a larger checkpoint since the last look."""
        size = await self._witnessed_size()
        if size <= self._quorate:
            return False
        self._quorate, self._patience = size, None
        return True

    async def _awaiting(self, most: int) -> list[sending.Proved]:
        """Provisional ones that a checkpoint with its quorum covers by now."""
        if rows := await self._covered(self._quorate, most):
            return rows
        if not await self._covered(_ALL, most):
            return []
        await self._look()
        if not (rows := await self._covered(self._quorate, most)):
            raise Unavailable(Reason.CHECKPOINT, "the witnesses have not signed yet", retry_after=self._again)
        return rows

    async def _covered(self, size: int, most: int) -> list[sending.Proved]:
        """Provisional ones of a ledger of that size."""
        return self._left(await self._store.run(sending.provisional, size, most + len(self._given_up)), most)

    async def _witnessed_size(self) -> int:
        """The size of the newest checkpoint that the quorum signed; 0 where none is to be had."""
        try:
            text = (await self._link.get(wire.WITNESSED)).decode()
            return open_note(text, self._policy()).checkpoint.size
        except (BureaunetError, UnicodeDecodeError):
            return 0

    @property
    def _again(self) -> float:
        return self._limits.witness_seconds

    async def _fetch_in_turn(self, row: sending.Proved) -> None:
        try:
            if row.standing is None:
                await self._wait_a_little(row)
            proven = await self._fetch(row)
        except Unavailable:
            raise
        except BureaunetError as error:
            # Asked for, it is tried again and the error goes to whoever asks.
            self._given_up.add(row.digest)
            _log.error("a proof does not verify", digest=row.digest.hex(), reason=error.reason)
        else:
            if proven.provisional:
                self._witnessed.wake()
                if row.standing == Standing.PROVISIONAL:
                    raise Unavailable(Reason.CHECKPOINT, "the witnesses have not signed", retry_after=self._again)

    async def _fetch(self, row: sending.Proved) -> Proven:
        text = await self._link.get(f"{wire.PROOFS}/{row.place}")
        entry = await self._link.get(f"{wire.ENTRIES}/{row.place}")
        try:
            proven = self._verify(row, entry, text.decode())
        except UnicodeDecodeError:
            raise Malformed(Reason.RECEIPT_FORM, "a proof is text") from None
        await self._store.run(sending.keep_proof, row.digest, proven.raw, proven.text, str(proven.standing))
        self._given_up.discard(row.digest)
        return proven

    def _verify(self, row: sending.Proved, raw: bytes, text: str) -> Proven:
        proof = read_proof(text)
        entry = read_entry(raw)
        if (entry.event, entry.digest, proof.index) != (Event.SUBMISSION_ACCEPTANCE, row.digest, row.place):
            raise Untrusted(Reason.INCLUSION, "the entry is not the acceptance of this message")
        policy = self._policy()
        signed = self._opened(proof, raw, policy)
        standing = signed.standing(policy)
        if row.proof is not None and row.standing == Standing.WITNESSED:
            standing = Standing.WITNESSED  # under the policy of its time, which may have other witnesses than now
        return Proven(entry, raw, proof.index, text, signed, standing)

    def _opened(self, proof: Proof, raw: bytes, policy: Policy) -> SignedCheckpoint:
        """The proof's checkpoint, the entry found under it."""
        if self._read is None or self._read[:2] != (proof.note, policy):
            self._read = proof.note, policy, proof.open(raw, policy).counted(policy)
        signed = self._read[2]
        head = signed.checkpoint
        merkle.verify_inclusion(merkle.leaf_hash(raw), proof.index, head.size, proof.path, head.root)
        return signed


_ALL: Final = 1 << 62
"""Above every ledger index."""
_WHILES: Final = 2
"""So many pauses of the witnesses are waited for before a provisional proof is kept."""
