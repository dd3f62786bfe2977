"""The shipped fakes of the tree and the leases, on the store in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from gateway.adapters.memory.store import MemoryStore
from schemas.claims import Head
from schemas.merkle import leaf_hash


class MemoryIntegration:
    """A `ports.Integration`."""

    def __init__(self, tree: MemoryTree, tail: Sequence[bytes], leaves: Sequence[bytes]) -> None:
        self._tree = tree
        self.size, self.peaks, self.tail, self.leaves = tree.size, tree.peaks, tail, leaves

    async def tiles(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], bytes]:
        """As the port says."""
        return await self._tree.subtree_tiles(keys)

    async def save(self, size: int, peaks: Sequence[bytes], tiles: Mapping[tuple[int, int], bytes]) -> None:
        """As the port says."""
        self._tree.size, self._tree.peaks = size, tuple(peaks)
        self._tree.tiles.update(tiles)


class MemoryTree:
    """A `ports.Tree` over the entries of a store in memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._lock = asyncio.Lock()
        self.notes: dict[int, str] = {}
        self.size = 0
        self.peaks: tuple[bytes, ...] = ()
        self.tiles: dict[tuple[int, int], bytes] = {}

    @asynccontextmanager
    async def integrate(self, limit: int) -> AsyncIterator[MemoryIntegration | None]:
        """As the port says."""
        async with self._lock:
            if await self._store.size() == self.size:
                yield None
                return
            start = self.size // 256 * 256
            hashes = await self.leaf_hashes(start, self.size + limit)
            done = self.size - start
            yield MemoryIntegration(self, hashes[:done], hashes[done:])

    async def subtree_tiles(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], bytes]:
        """As the port says."""
        return {key: self.tiles[key] for key in keys if key in self.tiles}

    async def leaf_hashes(self, start: int, end: int) -> list[bytes]:
        """As the port says."""
        return [leaf_hash(leaf.entry) for leaf in await self._store.leaves(start, end)]

    async def head(self) -> tuple[int, Sequence[bytes]]:
        """As the port says."""
        return self.size, self.peaks

    async def checkpoint(self) -> str | None:
        """As the port says."""
        return self.notes[max(self.notes)] if self.notes else None

    async def publish(self, head: Head, note: str) -> bool:
        """As the port says."""
        if self.notes and max(self.notes) >= head.size:
            return False
        self.notes[head.size] = note
        return True


class MemoryLeases:
    """A `ports.Leases`."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[str, int]] = {}

    async def acquire(self, name: str, holder: str, now: int, until: int) -> bool:
        """As the port says."""
        held, ends = self._held.get(name, (holder, now))
        if held != holder and ends > now:
            return False
        self._held[name] = holder, until
        return True

    async def release(self, name: str, holder: str) -> None:
        """As the port says."""
        if self._held.get(name, ("", 0))[0] == holder:
            del self._held[name]
