"""The ledger of the network in memory: entries, their tree, and what proves them."""

from __future__ import annotations

from typing import Final

from schemas import merkle
from schemas.claims import Head
from schemas.errors import Reason, Unavailable
from schemas.evidence import Entry
from schemas.keys import NoteKey
from schemas.notes import Checkpoint, sign_checkpoint
from schemas.receipts import Proof

ORIGIN: Final = "memory.bureaunet.invalid/log"


class Ledger:
    """Entries in memory, their tree, and what proves them."""

    def __init__(self) -> None:
        self.key = NoteKey.generate(ORIGIN)
        self.entries: list[bytes] = []

    def append(self, entry: Entry) -> int:
        """Append an entry: its index."""
        self.entries.append(entry.encode())
        return len(self.entries) - 1

    @property
    def subtrees(self) -> merkle.Subtrees:
        """The tree's complete subtrees."""
        return merkle.of_leaves([merkle.leaf_hash(entry) for entry in self.entries])

    def head(self) -> Head:
        """Size and root now."""
        return Head(len(self.entries), merkle.range_hash(self.subtrees, 0, len(self.entries)))

    def checkpoint(self, now: int, size: int | None = None) -> str:
        """The checkpoint of the first `size` entries, or of all, signed at `now`, in seconds."""
        size = len(self.entries) if size is None else size
        return self.sign(Checkpoint(ORIGIN, size, merkle.range_hash(self.subtrees, 0, size)), now)

    def sign(self, checkpoint: Checkpoint, now: int) -> str:
        """A checkpoint, signed at `now`, in seconds."""
        return sign_checkpoint(checkpoint, self.key, now)

    def proof(self, index: int, now: int, size: int | None = None, note: str | None = None) -> str:
        """The tlog-proof of an entry under `note`, a checkpoint of `size` entries, or under one of all."""
        size = len(self.entries) if size is None else size
        path = merkle.inclusion_proof(self.subtrees, index, size)
        return Proof(index, tuple(path), note or self.checkpoint(now, size)).format()

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """The proof that the tree of `new` entries extends the one of `old`.

        Raises:
            Unavailable: `not-found`, there is no tree of `new` entries yet.
        """
        if new > len(self.entries):
            raise Unavailable(Reason.NOT_FOUND, "no checkpoint is as large as that", retry_after=1)
        return tuple(merkle.consistency_proof(self.subtrees, old, new))
