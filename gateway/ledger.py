"""The ledger: entries appended in order, the tree over them, checkpoints and proofs (protocol section 5).

Order of work: `record` takes places for a batch's entries, the sequence row last, chains them to their operations under
the heads' locks, and appends them. `integrate` extends the tree over what was appended; `checkpoint` signs its head,
once the root has been computed again from the stored tiles and leaves; proofs are made from those too.

Tiles are C2SP tlog-tiles of height 8: tile (level, n) holds the 256 hashes of tree level 8 * level from 256 * n. Full
ones are stored; what is to the right of them is computed from leaves.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, Protocol, TypeAlias

from gateway.ports import Clock, HighWater, Integration, OperationHead, Transaction, Tree, Watcher
from schemas import merkle, notes
from schemas.claims import Head
from schemas.errors import Reason, Untrusted
from schemas.evidence import Entry
from schemas.identity import NoteSigner
from schemas.merkle import HASH_SIZE, Frontier
from schemas.receipts import Proof

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
FRESH: Final = 1000
"""Milliseconds that a checkpoint read from the store serves for proofs: it stays true, and more sign it meanwhile."""
_KEPT_NODES: Final = 1 << 15
"""About 6 MB."""
_BEHIND: Final = (
    "the database's tree has {size} entries, but this gateway has published one of {mark}: the database is older, "
    "perhaps restored from an old backup. To go on would contradict what others hold. Restore a newer backup; if there "
    "is none, see docs/operators.md"
)
_ANOTHER: Final = (
    "the database's first {mark} entries are not those that this gateway has published: it is another database, or one "
    "that went on from an old backup. See docs/operators.md"
)
Node: TypeAlias = tuple[int, int]
"""(level, index) of a complete subtree, or of a tile."""


async def record(transaction: Transaction, drafts: Sequence[Entry]) -> list[tuple[int, Entry]]:
    """Append `drafts` in their order, each chained to its operation: (index, draft) for each."""
    heads, base = await transaction.take({d.operation for d in drafts if d.operation is not None}, len(drafts))
    places: dict[str, tuple[int, bytes | None]] = {name: (head.number, head.leaf) for name, head in heads.items()}
    encoded = [_chained(draft, places) for draft in drafts]
    await transaction.save_operations({name: OperationHead(*place) for name, place in places.items()})
    await transaction.append(encoded, base)
    return list(enumerate(drafts, base))


def _chained(draft: Entry, places: dict[str, tuple[int, bytes | None]]) -> tuple[bytes, str | None]:
    """An entry's bytes, which become the place that the operation's next one is chained to."""
    if draft.operation is None:
        return draft.encode(), None
    number, previous = places[draft.operation]
    data = draft.encode_chained(number + 1, previous)
    places[draft.operation] = number + 1, merkle.leaf_hash(data)
    return data, draft.operation


class Noted(Protocol):
    """What proofs need of the witnesses: `gateway.witnesses`."""

    async def covering(self, index: int) -> tuple[str, int] | None:
        """The best note that covers an entry, and its size; None where only the log signed one that does."""


class Ledger:
    """The tree over the entries: its head, its checkpoints, and proofs of what is in it."""

    def __init__(
        self, tree: Tree, signer: NoteSigner, clock: Clock, watcher: Watcher, mark: HighWater | None = None
    ) -> None:
        """With a `mark`, nothing is signed that is behind what was published before, whatever the store says."""
        self._tree, self._signer, self._clock, self._watcher = tree, signer, clock, watcher
        self._mark = mark
        self._agreed: Head | None = None
        """The mark that the store was last seen to agree with."""
        self._newest: tuple[str, int] | None = None
        """The newest checkpoint that was read, and its size."""
        self._newest_read = 0
        self.witnesses: Noted | None = None
        """Whose notes proofs lead to, where they cover the entry."""
        self._kept: OrderedDict[Node, bytes] = OrderedDict()
        """Hashes of complete subtrees, which never change: for proofs alone, never for the root that is signed."""

    async def integrate(self, limit: int) -> int:
        """Extend the tree over up to `limit` more entries: how many it took.

        Raises:
            Unavailable: `store`.
        """
        async with self._tree.integrate(limit) as step:
            if step is None or not step.leaves:
                return 0
            frontier = Frontier(step.size, step.peaks)
            for leaf in step.leaves:
                frontier.add(leaf)
            await step.save(frontier.size, frontier.peaks, await _full_tiles(step))
            return len(step.leaves)

    async def checkpoint(self) -> str | None:
        """Sign and publish the head of the tree, if it grew since the last one: the note, or None.

        Raises:
            Untrusted: `checkpoint`, stored tiles and leaves do not give the integrator's root, or the store is behind
                the high-water mark: nothing is signed. Misuse: the mark cannot be read or written. Unavailable:
                `store`, also where the mark's disk is full.
        """
        size, peaks = await self._tree.head()
        published = await self.published()
        if published is not None and published.size >= size:
            return None
        root = await self.root(size)
        if root != Frontier(size, peaks).root():
            raise Untrusted(Reason.CHECKPOINT, f"stored tiles and leaves contradict the tree of {size}")
        await self._lift(Head(size, root))
        head = notes.Checkpoint(self._signer.name, size, root)
        note = notes.sign_checkpoint(head, self._signer, self._clock.now() // 1000)
        if not await self._tree.publish(Head(size, root), note):
            return None
        self._watcher.saw("checkpoint", size=size, root=root.hex())
        return note

    async def agree(self) -> None:
        """Compare the store with the high-water mark, and lift the mark to what another process published.

        Raises:
            Untrusted: `checkpoint`, the store is behind the mark, or is another history. Misuse: the mark cannot be
                read or written. Unavailable: `store`.
        """
        await self._lift(await self.head())

    async def _lift(self, head: Head) -> None:
        if self._mark is None:
            return
        mark = await self._mark.read()
        if mark is not None and mark != self._agreed:
            size = (await self._tree.head())[0]
            if size < mark.size:
                raise Untrusted(Reason.CHECKPOINT, _BEHIND.format(size=size, mark=mark.size))
            if await self.root(mark.size) != mark.root:
                raise Untrusted(Reason.CHECKPOINT, _ANOTHER.format(mark=mark.size))
            self._agreed = mark
        if mark is None or mark.size < head.size:
            await self._mark.lift(head)

    async def note(self) -> str | None:
        """The newest published checkpoint."""
        return await self._tree.checkpoint()

    async def published(self) -> notes.Checkpoint | None:
        """The newest published checkpoint, taken apart."""
        note = await self.note()
        return None if note is None else notes.read_body(note)[0]

    async def head(self) -> Head:
        """The newest published tree head: of size 0 before the first."""
        published = await self.published()
        return Head(0, merkle.EMPTY) if published is None else Head(published.size, published.root)

    async def root(self, size: int) -> bytes:
        """The root over the first `size` entries, computed from stored tiles and leaves."""
        wanted: list[Node] = []
        merkle.range_hash(_recorder(wanted), 0, size)
        nodes = await self._nodes(wanted)
        return merkle.range_hash(lambda level, index: nodes[level, index], 0, size)

    async def proof(self, index: int, size: int) -> list[bytes]:
        """The inclusion path of entry `index` in the tree of `size` (RFC 9162 section 2.1.3), 0 <= index < size.

        Raises:
            Untrusted: `inclusion`, there is no such entry in a tree of this size, or no such tree yet.
        """
        if not 0 <= index < size <= (await self._tree.head())[0]:
            raise Untrusted(Reason.INCLUSION, f"no entry {index} in a tree of {size}")
        return await self._path(index, size)

    async def _path(self, index: int, size: int) -> list[bytes]:
        wanted: list[Node] = []
        merkle.inclusion_proof(_recorder(wanted), index, size)
        nodes = await self._known(wanted)
        return merkle.inclusion_proof(lambda level, at: nodes[level, at], index, size)

    async def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the tree of `new` begins with the tree of `old` (RFC 9162 section 2.1.4).

        Raises:
            Untrusted: `consistency`, `old` is larger than `new`, or there is no tree of this size yet.
        """
        if not 0 <= old <= new <= (await self._tree.head())[0]:
            raise Untrusted(Reason.CONSISTENCY, f"no trees of {old} and {new}")
        wanted: list[Node] = []
        merkle.consistency_proof(_recorder(wanted), old, new)
        nodes = await self._known(wanted)
        return merkle.consistency_proof(lambda level, at: nodes[level, at], old, new)

    async def tile(self, level: int, index: int, width: int) -> bytes | None:
        """The first `width` hashes of tile (level, index); None while no checkpoint covers so many.

        What is given never changes: a published checkpoint covers it.

        Raises:
            Untrusted: `checkpoint`, hashes that should be there are missing. Unavailable: `store`.
        """
        published = await self.published()
        size = 0 if published is None else published.size
        first = index * WIDTH
        if first + width > size >> HEIGHT * level:
            return None
        whole = (await self._tree.subtree_tiles([(level, index)])).get((level, index))
        if whole is not None:
            return whole[: width * HASH_SIZE]
        return b"".join(await self._hashes(level, first, width, known=True))

    async def tlog_proof(self, index: int) -> Proof | None:
        """The C2SP tlog-proof of an entry under a checkpoint read `FRESH` ago at most; None while none covers it."""
        covering = None if self.witnesses is None else await self.witnesses.covering(index)
        covering = covering or await self._covering(index)
        if covering is None:
            return None
        note, size = covering
        return Proof(index, tuple(await self._path(index, size)), note)

    async def _covering(self, index: int) -> tuple[str, int] | None:
        now = self._clock.now()
        if self._newest is None or index >= self._newest[1] or now - self._newest_read > FRESH:
            note = await self.note()
            self._newest = None if note is None else (note, notes.read_body(note)[0].size)
            self._newest_read = now
        return self._newest if self._newest is not None and index < self._newest[1] else None

    async def _known(self, wanted: Sequence[Node]) -> dict[Node, bytes]:
        """As `_nodes`, from memory where it is kept."""
        known = {node: self._kept[node] for node in wanted if node in self._kept}
        if len(known) < len(wanted):
            fresh = await self._nodes([node for node in wanted if node not in known], known=True)
            self._keep(fresh)
            known.update(fresh)
        for node in wanted:
            if node in self._kept:  # another proof, made meanwhile, may have pushed it out
                self._kept.move_to_end(node)
        return known

    def _keep(self, nodes: Mapping[Node, bytes]) -> None:
        self._kept.update(nodes)
        while len(self._kept) > _KEPT_NODES:
            self._kept.popitem(last=False)

    async def _nodes(self, wanted: Iterable[Node], *, known: bool = False) -> dict[Node, bytes]:
        """Hashes of complete subtrees, from stored tiles, and from leaves where a tile is not full yet.

        With `known`, roots of full tiles that are in memory are taken from there: for proofs alone.
        """
        spans = {node: _span(node) for node in wanted}
        tiles = await self._tree.subtree_tiles(sorted({(level, start // WIDTH) for level, start, _ in spans.values()}))
        nodes: dict[Node, bytes] = {}
        for node, (level, start, count) in spans.items():
            tile = tiles.get((level, start // WIDTH))
            if tile is None:
                hashes = await self._hashes(level, start, count, known=known)
            else:
                hashes = _cut(tile, start % WIDTH, count)
            nodes[node] = merkle.root(hashes)
        return nodes

    async def _hashes(self, level: int, start: int, count: int, *, known: bool) -> list[bytes]:
        """`count` hashes of tree level 8 * level from `start`, of a tile that is not full."""
        if level == 0:
            hashes = await self._tree.leaf_hashes(start, start + count)
        else:
            nodes = [(HEIGHT * level, index) for index in range(start, start + count)]
            found = {node: self._kept[node] for node in nodes if known and node in self._kept}
            tiles = await self._tree.subtree_tiles([(level - 1, node[1]) for node in nodes if node not in found])
            fresh = {(HEIGHT * level, at): _tile_root(tile) for (_, at), tile in tiles.items()}
            if known:
                self._keep(fresh)
            hashes = [one for node in nodes if (one := found.get(node) or fresh.get(node)) is not None]
        if len(hashes) != count:
            raise Untrusted(Reason.CHECKPOINT, f"hashes are missing at level {level} from {start}")
        return hashes


def _recorder(wanted: list[Node]) -> merkle.Subtrees:
    """Notes which subtrees a proof needs; what it gives is no hash of anything."""

    def subtree(level: int, index: int) -> bytes:
        wanted.append((level, index))
        return bytes(HASH_SIZE)

    return subtree


def _span(node: Node) -> tuple[int, int, int]:
    """(tile level, first, count): the hashes of one tile that a subtree is made of."""
    level, index = node
    within = level % HEIGHT
    return level // HEIGHT, index << within, 1 << within


@lru_cache(maxsize=WIDTH * 2)
def _tile_root(tile: bytes) -> bytes:
    """The root of a full tile, kept by its very bytes: a stored tile that changed is another, and is hashed anew."""
    return merkle.root(_cut(tile, 0, WIDTH))


def _cut(tile: bytes, first: int, count: int) -> list[bytes]:
    return [tile[at * HASH_SIZE : (at + 1) * HASH_SIZE] for at in range(first, first + count)]


async def _full_tiles(step: Integration) -> dict[Node, bytes]:
    """The tiles that become full with this step's leaves, on every level.

    Roots of tiles, of this step's too, are needed only where a tile of the next level becomes full: once in 256.
    """
    full: dict[Node, bytes] = {}
    level, first, hashes = 0, step.size // WIDTH, [*step.tail, *step.leaves]
    while len(hashes) >= WIDTH:
        count = len(hashes) // WIDTH
        for ordinal in range(count):
            full[level, first + ordinal] = b"".join(hashes[ordinal * WIDTH : (ordinal + 1) * WIDTH])
        if first % WIDTH + count < WIDTH:
            break
        start = first // WIDTH * WIDTH
        before = await step.tiles([(level, index) for index in range(start, first)])
        tiles = {**before, **full}
        hashes = [_tile_root(tiles[level, index]) for index in range(start, first + count)]
        level, first = level + 1, first // WIDTH
    return full
