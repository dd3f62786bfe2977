"""The shipped fake of what witnesses are asked and what they signed (`gateway.ports_witnesses.Cosignatures`)."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.adapters.memory.tree import MemoryTree
from gateway.ports_witnesses import Offered


class MemoryCosignatures:
    """A `gateway.ports_witnesses.Cosignatures` beside a tree in memory."""

    def __init__(self, tree: MemoryTree) -> None:
        self._tree = tree
        self._offered: dict[int, int] = {}
        self._lines: dict[tuple[int, str], str] = {}

    async def newest(self) -> str | None:
        """As the port says."""
        return await self._tree.checkpoint()

    async def published(self, size: int) -> str | None:
        """As the port says."""
        return self._tree.notes.get(size)

    async def offer(self, size: int, time: int, keep: int) -> None:
        """As the port says."""
        self._offered.setdefault(size, time)
        stay = sorted(self._offered, reverse=True)[:keep]
        self._offered = {one: self._offered[one] for one in stay}
        self._lines = {key: line for key, line in self._lines.items() if key[0] in self._offered}

    async def offered(self, limit: int) -> Sequence[Offered]:
        """As the port says."""
        return [self._one(size) for size in sorted(self._offered, reverse=True)[:limit]]

    async def cosign(self, size: int, witness: str, line: str, time: int) -> bool:
        """As the port says."""
        del time
        if size not in self._offered or (size, witness) in self._lines:
            return False
        self._lines[size, witness] = line
        return True

    def _one(self, size: int) -> Offered:
        lines = tuple(sorted((name, line) for (of, name), line in self._lines.items() if of == size))
        return Offered(size, self._offered[size], self._tree.notes[size], lines)
