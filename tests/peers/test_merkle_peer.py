"""Three Merkle libraries that nobody here wrote agree with ours, at every size to 300: roots and proofs, both ways.

Verified by all, at every size to 300, for every index and every older size; made by them too, and equal, for some of
each. Random sizes to a million are in test_tiles_peer.py.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pymerkle
import pytest
import scitt_cose.merkle as scitt
import tamperlog.merkle as tamper
from pymerkle.proof import InclusionProof
from tamperlog.errors import ProofError

from schemas import merkle
from schemas.errors import Untrusted

pytestmark = pytest.mark.peers

ENTRIES = [f"entry {number}".encode() for number in range(300)]
HEX = [entry.hex() for entry in ENTRIES]
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]
SUBTREES = merkle.of_leaves(LEAVES)
SIZES = range(1, len(ENTRIES) + 1)
ROOTS = [merkle.range_hash(SUBTREES, 0, size) for size in range(len(ENTRIES) + 1)]


@pytest.fixture(scope="module")
def tree() -> pymerkle.InmemoryTree:
    made = pymerkle.InmemoryTree(algorithm="sha256")
    for entry in ENTRIES:
        made.append_entry(entry)
    return made


def some(size: int, start: int = 0) -> Iterator[int]:
    """Ends, neighbours of powers of two, and two at random: numbers from `start` to below `size`."""
    drawn = random.Random(size)  # noqa: S311 - the same each time
    split = 1 << (size - 1).bit_length() - 1 if size > 1 else 0
    wanted = {start, split - 1, split, size - 1, drawn.randrange(start, size), drawn.randrange(start, size)}
    yield from sorted(number for number in wanted if start <= number < size)


def test_roots_agree_at_every_size(tree: pymerkle.InmemoryTree) -> None:
    assert ROOTS[0].hex() == scitt.merkle_root([])
    assert ROOTS[0] == tamper.merkle_root([])
    for size in SIZES:
        assert ROOTS[size] == tree.get_root(size) == tamper.merkle_root(LEAVES[:size])
        assert ROOTS[size].hex() == scitt.merkle_root(HEX[:size])


def test_every_inclusion_proof_of_ours_is_taken_by_all(tree: pymerkle.InmemoryTree) -> None:
    for size in SIZES:
        root, hexed = ROOTS[size], ROOTS[size].hex()
        theirs = tree.prove_inclusion(1, size)
        for index in range(size):
            ours = merkle.inclusion_proof(SUBTREES, index, size)
            tamper.verify_inclusion(index, size, LEAVES[index], ours, root)
            if index % 3 == size % 3:
                assert scitt.verify_inclusion(HEX[index], index, size, [node.hex() for node in ours], hexed)
        theirs.path = [LEAVES[0], *merkle.inclusion_proof(SUBTREES, 0, size)]
        theirs.verify(LEAVES[0], root)
        assert isinstance(theirs, InclusionProof)


def test_every_consistency_proof_of_ours_is_taken_by_all() -> None:
    for new in SIZES:
        second = ROOTS[new]
        for old in range(1, new + 1):
            ours = merkle.consistency_proof(SUBTREES, old, new)
            tamper.verify_consistency(old, ROOTS[old], new, second, ours)
            if old % 3 == new % 3:
                hexed = [node.hex() for node in ours]
                assert scitt.verify_consistency(ROOTS[old].hex(), second.hex(), old, new, hexed)


def test_inclusion_proofs_of_theirs_are_ours(tree: pymerkle.InmemoryTree) -> None:
    for size in SIZES:
        for index in some(size):
            ours = merkle.inclusion_proof(SUBTREES, index, size)
            assert tree.prove_inclusion(index + 1, size).path == [LEAVES[index], *ours]
            assert tamper.inclusion_proof(index, LEAVES[:size]) == ours
            assert scitt.inclusion_proof(HEX[:size], index) == [node.hex() for node in ours]
            merkle.verify_inclusion(LEAVES[index], index, size, ours, ROOTS[size])


def test_consistency_proofs_of_theirs_are_ours_or_lead_to_the_same_roots(tree: pymerkle.InmemoryTree) -> None:
    for new in SIZES:
        for old in some(new + 1, 1):
            ours = merkle.consistency_proof(SUBTREES, old, new)
            assert tamper.consistency_proof(old, LEAVES[:new]) == ours
            assert scitt.consistency_proof(HEX[:new], old, new) == [node.hex() for node in ours]
            merkle.verify_consistency(old, ROOTS[old], new, ROOTS[new], ours)
            tree.prove_consistency(old, new).verify(ROOTS[old], ROOTS[new])  # its paths are of its own form


def test_all_refuse_the_same_wrong_proofs() -> None:
    for size in range(2, 60):
        root = ROOTS[size]
        path = merkle.inclusion_proof(SUBTREES, 1, size)
        for wrong in (path[:-1], [*path, bytes(32)], path[::-1] if path[::-1] != path else path[1:]):
            assert not scitt.verify_inclusion(HEX[1], 1, size, [node.hex() for node in wrong], root.hex())
            with pytest.raises(ProofError):
                tamper.verify_inclusion(1, size, LEAVES[1], wrong, root)
            with pytest.raises(Untrusted):
                merkle.verify_inclusion(LEAVES[1], 1, size, wrong, root)
        for other in range(size):
            if other != 1:
                assert not scitt.verify_inclusion(HEX[1], other, size, [node.hex() for node in path], root.hex())
                with pytest.raises(Untrusted):
                    merkle.verify_inclusion(LEAVES[1], other, size, path, root)
        chain = merkle.consistency_proof(SUBTREES, 1, size)
        for wrong in (chain[:-1], [*chain, bytes(32)], chain[::-1] if chain[::-1] != chain else [bytes(32)]):
            with pytest.raises(ProofError):
                tamper.verify_consistency(1, ROOTS[1], size, root, wrong)
            with pytest.raises(Untrusted):
                merkle.verify_consistency(1, ROOTS[1], size, root, wrong)
