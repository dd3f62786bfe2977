"""The Merkle tree of RFC 9162 section 2.1: hashes, inclusion and consistency proofs, made and verified.

Making proofs reads subtree hashes through a `Subtrees` function, so the same code serves a list in memory and tiles in
a database. Verifying needs nothing but the proof. All hashes are SHA-256, 32 bytes.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias, TypeVar

from schemas.errors import Reason, Untrusted

T = TypeVar("T")
HASH_SIZE: Final = 32
EMPTY: Final = hashlib.sha256().digest()
"""The root of a tree with no leaves."""

Subtrees: TypeAlias = Callable[[int, int], bytes]
"""`(level, index)` -> the hash of the complete subtree over leaves [index << level, (index + 1) << level)."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def of_leaves(hashes: Sequence[bytes]) -> Subtrees:
    """A `Subtrees` over leaf hashes in memory; each inner node is computed once."""
    levels: list[dict[int, bytes]] = []

    def subtree(level: int, index: int) -> bytes:
        if level == 0:
            return hashes[index]
        while len(levels) < level:
            levels.append({})
        known = levels[level - 1]
        if index not in known:
            known[index] = node_hash(subtree(level - 1, 2 * index), subtree(level - 1, 2 * index + 1))
        return known[index]

    return subtree


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1


def range_hash(subtrees: Subtrees, start: int, end: int) -> bytes:
    """MTH(D[start:end]) for a range whose start is aligned as the tree's splits make it."""
    size = end - start
    if size == 0:
        return EMPTY
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return subtrees(level, start >> level)
    middle = start + _split(size)
    return node_hash(range_hash(subtrees, start, middle), range_hash(subtrees, middle, end))


def root(hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes in memory: pairs, level by level, where an odd last node goes up as it is."""
    if not hashes:
        return EMPTY
    level = list(hashes)
    while len(level) > 1:
        above = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = [*above, level[-1]] if len(level) & 1 else above
    return level[0]


def levels(hashes: Sequence[bytes]) -> list[list[bytes]]:
    """All nodes over leaf hashes in memory, level by level, as `root` makes them: the last level is the root alone."""
    found = [list(hashes)]
    while len(found[-1]) > 1:
        level = found[-1]
        above = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        found.append([*above, level[-1]] if len(level) & 1 else above)
    return found


def siblings(levels: Sequence[Sequence[T]], index: int) -> list[T]:
    """The path of a leaf through `levels`, or through what stands for their nodes: its inclusion proof."""
    path: list[T] = []
    for level in levels:
        beside = index ^ 1
        if beside < len(level):
            path.append(level[beside])
        index >>= 1
    return path


def inclusion_proof(subtrees: Subtrees, index: int, size: int) -> list[bytes]:
    """PATH(index, D[0:size]) (RFC 9162 section 2.1.3.1), from the leaf's sibling up. Needs 0 <= index < size."""
    start, end = 0, size
    path: list[bytes] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(range_hash(subtrees, middle, end))
            end = middle
        else:
            path.append(range_hash(subtrees, start, middle))
            start = middle
    return path[::-1]


def consistency_proof(subtrees: Subtrees, old: int, new: int) -> list[bytes]:
    """PROOF(old, D[0:new]) (RFC 9162 section 2.1.4.1). Needs 0 <= old <= new."""
    if old in (0, new):
        return []
    path: list[bytes] = []
    start, end, complete = 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(range_hash(subtrees, middle, end))
            end = middle
        else:
            path.append(range_hash(subtrees, start, middle))
            start, complete = middle, False
    if not complete:
        path.append(range_hash(subtrees, start, end))
    return path[::-1]


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2).

    Raises:
        Untrusted: `inclusion`, the proof has not the shape of this index and size.
    """
    if not 0 <= index < size or any(len(node) != HASH_SIZE for node in path):
        raise Untrusted(Reason.INCLUSION, f"no proof has index {index} in a tree of {size}")
    node, last, result = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise Untrusted(Reason.INCLUSION, "the proof is too long")
        if node & 1 or node == last:
            result = node_hash(sibling, result)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise Untrusted(Reason.INCLUSION, "the proof is too short")
    return result


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], expected: bytes) -> None:
    """Check that `leaf` is at `index` in the tree of `size` leaves with root `expected`.

    Raises:
        Untrusted: `inclusion`.
    """
    if not hmac.compare_digest(root_from_inclusion(leaf, index, size, path), expected):
        raise Untrusted(Reason.INCLUSION, f"entry {index} is not in the tree of {size} under this root")


def root_before(index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root over the `index` entries before one, from its inclusion path in the tree of `size`, verified already.

    The siblings to the left are the complete subtrees that those entries are made of, the smallest first.
    """
    node, last, root = index, size - 1, b""
    for sibling in path:
        if node & 1 or node == last:
            root = node_hash(sibling, root) if root else sibling
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        node, last = node >> 1, last >> 1
    return root or EMPTY


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Check that the tree of `new` leaves begins with the tree of `old` leaves (RFC 9162 section 2.1.4.2).

    Raises:
        Untrusted: `consistency`.
    """
    if not 0 <= old <= new or any(len(node) != HASH_SIZE for node in path):
        raise Untrusted(Reason.CONSISTENCY, f"a tree of {new} cannot extend one of {old}")
    if old in (0, new):
        trivial = old_root == EMPTY if old == 0 else hmac.compare_digest(old_root, new_root)
        if path or not trivial:
            raise Untrusted(Reason.CONSISTENCY, "the two roots do not agree")
        return
    first, second = _consistency_roots(old, old_root, new, list(path))
    if not (hmac.compare_digest(first, old_root) and hmac.compare_digest(second, new_root)):
        raise Untrusted(Reason.CONSISTENCY, f"the tree of {new} does not extend the tree of {old}")


def _consistency_roots(old: int, old_root: bytes, new: int, path: list[bytes]) -> tuple[bytes, bytes]:
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise Untrusted(Reason.CONSISTENCY, "the proof is empty")
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise Untrusted(Reason.CONSISTENCY, "the proof is too long")
        if node & 1 or node == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise Untrusted(Reason.CONSISTENCY, "the proof is too short")
    return first, second


class Frontier:
    """The right edge of a growing tree: enough to add leaves and to know the root, in O(log n) memory."""

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self.peaks = list(peaks)
        """Roots of the complete subtrees from left to right, one for each bit set in `size`."""

    def add(self, leaf: bytes) -> None:
        """Append one leaf hash."""
        self.peaks.append(leaf)
        size = self.size
        while size & 1:
            right = self.peaks.pop()
            self.peaks.append(node_hash(self.peaks.pop(), right))
            size >>= 1
        self.size += 1

    def root(self) -> bytes:
        """The root of the tree so far."""
        if not self.peaks:
            return EMPTY
        result = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            result = node_hash(peak, result)
        return result
