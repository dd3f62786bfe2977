"""Looks over the ledger for operators: every entry from the first, against the checkpoint that the log signed.

Order of work: entries are read in pages; each must decode, stand at the next index, and continue its operation's
chain; their leaves must give the root of the newest checkpoint, whose signature must be the log's. Reads ports only, in
bounded memory (one running number and leaf an operation).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from gateway.ports import Leaf, Store, Tree
from schemas import merkle
from schemas.errors import Reason, Untrusted
from schemas.evidence import Entry, read_entry
from schemas.notes import Policy, read_checkpoint

PAGE: Final = 1000
"""Entries read at one time."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was verified: entries, operations, and the checkpoint's root."""

    entries: int
    operations: int
    root: bytes


async def entries(store: Store, start: int, end: int) -> AsyncIterator[Leaf]:
    """Entries of [start, end), in order, those that exist."""
    at = start
    while at < end:
        page = await store.leaves(at, min(end, at + PAGE))
        if not page:
            return
        for leaf in page:
            yield leaf
        at = page[-1].index + 1


async def verify(store: Store, tree: Tree, policy: Policy, progress: Callable[[int], object]) -> Verdict:
    """Verify the whole ledger up to its newest checkpoint; `progress` is told how many entries are done.

    Raises:
        Untrusted: `checkpoint`, its signature or its root; `record-gap`, an entry is missing or out of its chain.
        Malformed: an entry does not decode. Unavailable: `store`.
    """
    note = await tree.checkpoint()
    if note is None:
        raise Untrusted(Reason.CHECKPOINT, "there is no checkpoint yet")
    signed = read_checkpoint(note, policy).checkpoint
    frontier = merkle.Frontier()
    chains: dict[str, tuple[int, bytes]] = {}
    async for leaf in entries(store, 0, signed.size):
        if leaf.index != frontier.size:
            raise Untrusted(Reason.RECORD_GAP, f"entry {frontier.size} is missing")
        frontier.add(merkle.leaf_hash(leaf.entry))
        _follow(chains, leaf.index, read_entry(leaf.entry))
        progress(frontier.size)
    if frontier.size != signed.size:
        raise Untrusted(Reason.RECORD_GAP, f"the checkpoint counts {signed.size} entries, {frontier.size} are there")
    if frontier.root() != signed.root:
        raise Untrusted(Reason.CHECKPOINT, "the entries do not give the root that the log signed")
    return Verdict(frontier.size, len(chains), signed.root)


def _follow(chains: dict[str, tuple[int, bytes]], index: int, entry: Entry) -> None:
    if entry.operation is None:
        return
    number, leaf = chains.get(entry.operation, (0, None))
    if (entry.number, entry.previous) != (number + 1, leaf):
        raise Untrusted(Reason.RECORD_GAP, f"entry {index} does not continue the chain of {entry.operation}")
    chains[entry.operation] = (number + 1, entry.leaf)
