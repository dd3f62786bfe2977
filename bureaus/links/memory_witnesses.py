"""Witnesses of the network in memory: the checkpoint on offer, what they signed, and notes with their lines."""

from __future__ import annotations

from bureaus.links.memory_ledger import Ledger
from schemas import wire
from schemas.errors import Forbidden, Reason, Unavailable
from schemas.identity import Address
from schemas.notes import Checkpoint, Policy, add_line
from schemas.witness import Witnesses, is_cosignature, read_cosignature


class MemoryWitnesses:
    """One checkpoint is on offer until its quorum has signed; then the newest is."""

    def __init__(self, ledger: Ledger, first: Policy) -> None:
        """`first` is the genesis' policy."""
        self._ledger, self._first = ledger, first
        self.named: Witnesses | None = None
        """As the directory names them."""
        self._offered: Checkpoint | None = None
        self._lines: dict[str, str] = {}
        self._signed: tuple[Checkpoint, str] | None = None
        """The newest checkpoint that the quorum signed, and their lines."""

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self._first if self.named is None else self.named.under(self._first)

    def name(self, named: Witnesses | None) -> None:
        """Another set; what was on offer is so no more."""
        self.named, self._offered, self._lines = named, None, {}

    def took(self, link: Address, body: bytes) -> bool:
        """Take evidence if it is a cosignature: whether it is.

        Raises:
            Malformed, Untrusted: `checkpoint`. Forbidden: `link-identity`.
        """
        if not is_cosignature(body):
            return False
        signed = read_cosignature(body, self.policy)
        if not link.covers(Address.parse(signed.witness)):
            raise Forbidden(Reason.LINK_IDENTITY, "a witness sends its cosignatures itself")
        if signed.checkpoint == self._offered:
            self._lines.setdefault(signed.witness, signed.line)
            if len(self._lines) == self.policy.quorum:
                self._signed = self._offered, "".join(self._lines.values())
        return True

    def read(self, parts: list[str], now: int) -> bytes:
        """The note at the rest of the path `/v1/checkpoint/...`; `now` is in seconds.

        Raises:
            Unavailable, Forbidden: `not-found`.
        """
        name = f"{wire.CHECKPOINT}/{'/'.join(parts)}" if parts else wire.CHECKPOINT
        if name == wire.CANDIDATE:
            return self._candidate(now).encode()
        if name == wire.WITNESSED:
            if self._signed is None:
                raise Unavailable(Reason.NOT_FOUND, "no checkpoint has its quorum of witnesses", retry_after=1)
            return self._note(*self._signed, now).encode()
        size = int(parts[0]) if parts else len(self._ledger.entries)
        if size > len(self._ledger.entries):
            raise Forbidden(Reason.NOT_FOUND, "no checkpoint of this size was published")
        return self._ledger.checkpoint(now, size).encode()

    def _candidate(self, now: int) -> str:
        if not self.policy.quorum:
            raise Unavailable(Reason.NOT_FOUND, "no checkpoint awaits witnesses", retry_after=1)
        if self._offered is None or len(self._lines) >= self.policy.quorum:
            head = self._ledger.head()
            newest = Checkpoint(self._first.origin, head.size, head.root)
            if newest != self._offered:
                self._offered, self._lines = newest, {}
        return self._note(self._offered, "".join(self._lines.values()), now)

    def _note(self, checkpoint: Checkpoint, lines: str, now: int) -> str:
        return add_line(self._ledger.sign(checkpoint, now), lines)

    def proof(self, index: int, now: int) -> str:
        """The tlog-proof of an entry, under a checkpoint that the quorum signed where one covers it."""
        if self._signed is not None and index < self._signed[0].size:
            return self._ledger.proof(index, now, self._signed[0].size, self._note(*self._signed, now))
        return self._ledger.proof(index, now)
