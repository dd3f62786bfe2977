"""Writes an operation's record (protocol section 7): reads ports only, in ledger order and in bounded memory.

Order of work: the newest checkpoint that the quorum of witnesses signed, or, where that does not cover the operation's
last entry, the newest of all, then provisional -> header, network file, checkpoint with its cosignatures -> the
directory's versions and the operation's entries by index, each with its path and what it rests on -> the end.

Paths are computed from stored tiles, and from leaf hashes where a tile is not full yet; tiles are kept while the
entries that need them go by, so that each is read about once. What entries rest on is read page by page.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from gateway.ports import Store, Tree
from gateway.values import Leaf, MessageRow
from schemas import merkle
from schemas.errors import Misuse, Reason, Unavailable
from schemas.evidence import Entry, Event, read_entry
from schemas.notes import Checkpoint, read_body
from schemas.record_items import (
    ACKNOWLEDGED,
    STATED,
    SUBMITTED,
    Attachments,
    End,
    checkpoint_item,
    end_item,
    entry_item,
    header_item,
    network_item,
)

_HEIGHT: Final = 8
_WIDTH: Final = 1 << _HEIGHT
_KEPT_TILES: Final = 64
"""8 KiB each."""
_KEPT_SUBTREES: Final = 4096
"""Hashes."""
_PAGE: Final = 256
"""Entries read at one time."""
_SEALED: Final = 32 * 1024 * 1024
"""Bytes of sealed parts read at one time, above one."""
Progress = Callable[[int], object]
_T = TypeVar("_T")


async def export_operation(
    store: Store,
    tree: Tree,
    network: bytes,
    operation: str,
    write: Callable[[bytes], object],
    progress: Progress | None = None,
    witnessed: str | None = None,
) -> End:
    """Write the record of `operation` through `write`, under the newest checkpoint; `progress` is told each entry.

    `witnessed` is the newest note that the quorum of witnesses signed: it goes before a newer one that they have not,
    where it covers the operation's last entry.

    Raises:
        Misuse: there is no such operation. Unavailable: `store`, no checkpoint covers its last entry yet; nothing was
            written, try again in a second.
    """
    note, checkpoint = await _covering(store, operation, (witnessed, await tree.checkpoint()))
    write(header_item(operation))
    write(network_item(network))
    write(checkpoint_item(note))
    paths = Paths(tree, checkpoint.size)
    evidence = _Evidence(store)
    entries = number = sealed = 0
    async for page in _merged(store, operation, checkpoint.size):
        evidence.expect([entry for _, entry in page])
        for leaf, entry in page:
            attachments = await evidence.of(leaf, entry)
            write(entry_item(leaf.index, leaf.entry, await paths.path(leaf.index), attachments))
            entries += 1
            number = entry.number or number
            sealed += entry.event in SUBMITTED and attachments[2] is not None
            if progress is not None:
                progress(entries)
    end = End(entries, number, sealed)
    write(end_item(end))
    return end


async def covers(store: Store, operation: str, note: str) -> bool:
    """Whether a note covers the operation's last entry.

    Raises:
        Unavailable: `store`.
    """
    return not await store.operation_leaves(operation, read_body(note)[0].size - 1, 1)


async def _covering(store: Store, operation: str, notes: Sequence[str | None]) -> tuple[str, Checkpoint]:
    """The first of these notes that covers the operation's last entry."""
    if not await store.operation_leaves(operation, -1, 1):
        raise Misuse(f"no operation {operation} is recorded here")
    for note in notes:
        if note is not None and await covers(store, operation, note):
            return note, read_body(note)[0]
    raise Unavailable(Reason.STORE, "no checkpoint covers the operation's last entry yet", retry_after=1)


async def _merged(store: Store, operation: str, size: int) -> AsyncIterator[list[tuple[Leaf, Entry]]]:
    """The directory's versions below `size` and the operation's entries, by index, in pages."""
    versions = [index for index, _ in await store.directories() if index < size]
    after = -1
    while page := await store.operation_leaves(operation, after, _PAGE):
        after = page[-1].index
        merged: list[Leaf] = []
        for leaf in page:
            while versions and versions[0] < leaf.index:
                merged.append(await _leaf(store, versions.pop(0)))
            if leaf.index < size:
                merged.append(leaf)
        yield _read(merged)
    yield _read([await _leaf(store, index) for index in versions])


def _read(leaves: Sequence[Leaf]) -> list[tuple[Leaf, Entry]]:
    return [(leaf, read_entry(leaf.entry)) for leaf in leaves]


async def _leaf(store: Store, index: int) -> Leaf:
    found = await store.leaves(index, index + 1)
    if not found:
        raise Unavailable(Reason.STORE, f"entry {index} cannot be read")
    return found[0]


class _Evidence:
    """Finds what an entry rests on: what the entries of a page need is read together, when the first of them asks."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._submitted: list[bytes] = []
        """Digests of the page that were not asked for yet."""
        self._acknowledged: list[bytes] = []
        self._messages: dict[bytes, MessageRow] = {}
        self._acknowledgements: Mapping[bytes, bytes] = {}
        self._stated: dict[int, bytes] = {}

    def expect(self, page: Sequence[Entry]) -> None:
        """These are asked for next, in this order."""
        self._messages, self._acknowledgements, self._stated = {}, {}, {}
        self._submitted = [entry.digest or b"" for entry in page if entry.event in SUBMITTED]
        self._acknowledged = [entry.evidence or b"" for entry in page if entry.event in ACKNOWLEDGED]

    async def of(self, leaf: Leaf, entry: Entry) -> Attachments:
        if entry.event in STATED:
            return [await self._statement(leaf.index, entry.event)]
        if entry.event in SUBMITTED:
            row = self._found(await self._message(entry.digest or b""), leaf.index)
            return [row.receipt, row.statement, row.sealed]
        if entry.event in ACKNOWLEDGED:
            if self._acknowledged:
                self._acknowledgements = await self._store.acknowledgements(self._acknowledged)
                self._acknowledged = []
            return [self._found(self._acknowledgements.get(entry.evidence or b""), leaf.index)]
        return []

    async def _message(self, digest: bytes) -> MessageRow | None:
        if digest not in self._messages:
            self._messages = dict(await self._store.messages(self._submitted, _SEALED))
        self._submitted = self._submitted[1:]
        return self._messages.pop(digest, None)

    async def _statement(self, index: int, event: Event) -> bytes:
        if index not in self._stated:
            read = self._store.directories if event is Event.DIRECTORY_UPDATED else self._store.operations
            self._stated |= dict(await read(index - 1))
        return self._found(self._stated.get(index), index)

    @staticmethod
    def _found(held: _T | None, index: int) -> _T:
        if held is None:
            raise Unavailable(Reason.STORE, f"what entry {index} rests on cannot be read")
        return held


class Hashes(Protocol):
    """What paths need of the `Tree` port."""

    async def subtree_tiles(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], bytes]:
        """As `Tree.subtree_tiles`."""

    async def leaf_hashes(self, start: int, end: int) -> list[bytes]:
        """As `Tree.leaf_hashes`."""


class Paths:
    """Inclusion paths in the tree of `size` leaves, from tiles; paths of ascending indices share what they read."""

    def __init__(self, tree: Hashes, size: int) -> None:
        self._tree = tree
        self._size = size
        self._edge: dict[int, list[bytes]] = {}
        """Level -> hashes of its tile that is not full yet."""
        self._tiles: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._subtrees: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    async def path(self, index: int) -> list[bytes]:
        """The path of the leaf at `index`."""
        needed: list[tuple[int, int]] = []

        def wanted(level: int, at: int) -> bytes:
            needed.append((level, at))
            return merkle.EMPTY

        merkle.inclusion_proof(wanted, index, self._size)
        known = {key: await self._known(*key) for key in needed}
        return merkle.inclusion_proof(lambda level, at: known[level, at], index, self._size)

    async def _known(self, level: int, at: int) -> bytes:
        """As `_subtree`, from memory where the entry before needed it too."""
        key = (level, at)
        if key not in self._subtrees:
            self._subtrees[key] = await self._subtree(level, at)
            if len(self._subtrees) > _KEPT_SUBTREES:
                self._subtrees.popitem(last=False)
        self._subtrees.move_to_end(key)
        return self._subtrees[key]

    async def _subtree(self, level: int, at: int) -> bytes:
        """The hash of the complete subtree over leaves [at << level, (at + 1) << level)."""
        tile_level, rest = divmod(level, _HEIGHT)
        first = at << rest
        hashes = await self._hashes(tile_level, first // _WIDTH)
        within = first % _WIDTH
        return merkle.root(hashes[within : within + (1 << rest)])

    async def _hashes(self, level: int, index: int) -> list[bytes]:
        if (index + 1) << (_HEIGHT * (level + 1)) > self._size:
            return await self._unfinished(level)
        key = (level, index)
        if key not in self._tiles:
            self._tiles[key] = (await self._tree.subtree_tiles([key]))[key]
            if len(self._tiles) > _KEPT_TILES:
                self._tiles.popitem(last=False)
        self._tiles.move_to_end(key)
        return _split(self._tiles[key])

    async def _unfinished(self, level: int) -> list[bytes]:
        """The hashes so far of the last tile of a level: leaves, or the roots of the full tiles below."""
        if level not in self._edge:
            end = self._size >> (_HEIGHT * level)
            start = end // _WIDTH * _WIDTH
            if level == 0:
                self._edge[level] = await self._tree.leaf_hashes(start, end)
            else:
                keys = [(level - 1, at) for at in range(start, end)]
                tiles = await self._tree.subtree_tiles(keys)
                self._edge[level] = [merkle.root(_split(tiles[key])) for key in keys]
        return self._edge[level]


def _split(tile: bytes) -> list[bytes]:
    return [tile[at : at + merkle.HASH_SIZE] for at in range(0, len(tile), merkle.HASH_SIZE)]
