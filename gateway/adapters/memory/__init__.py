"""The shipped fakes: store, tree and leases in memory, and a clock, watcher and inboxes to drive by hand."""

from gateway.adapters.memory.cosignatures import MemoryCosignatures
from gateway.adapters.memory.driven import ListInboxes, ListWatcher, NoBodies, Seen, SetClock
from gateway.adapters.memory.store import MemoryStore
from gateway.adapters.memory.tree import MemoryLeases, MemoryTree

__all__ = [
    "ListInboxes",
    "ListWatcher",
    "MemoryCosignatures",
    "MemoryLeases",
    "MemoryStore",
    "MemoryTree",
    "NoBodies",
    "Seen",
    "SetClock",
]
