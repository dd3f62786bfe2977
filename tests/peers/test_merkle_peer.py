"""Two Merkle libraries that nobody here wrote agree with ours: roots and proofs at every size to 100."""

import pymerkle
import pytest
import scitt_cose.merkle as scitt
from pymerkle.proof import InclusionProof

from schemas import merkle
from schemas.errors import Untrusted

pytestmark = pytest.mark.peers

ENTRIES = [f"entry {number}".encode() for number in range(100)]
HEX = [entry.hex() for entry in ENTRIES]
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]
SUBTREES = merkle.of_leaves(LEAVES)
SIZES = range(1, len(ENTRIES) + 1)


@pytest.fixture(scope="module")
def tree() -> pymerkle.InmemoryTree:
    made = pymerkle.InmemoryTree(algorithm="sha256")
    for entry in ENTRIES:
        made.append_entry(entry)
    return made


def test_roots_agree_at_every_size(tree: pymerkle.InmemoryTree) -> None:
    assert merkle.root([]).hex() == scitt.merkle_root([])
    for size in SIZES:
        root = merkle.root(LEAVES[:size])
        assert root == tree.get_root(size)
        assert root.hex() == scitt.merkle_root(HEX[:size])


def test_pymerkle_takes_our_inclusion_proofs_and_makes_the_same(tree: pymerkle.InmemoryTree) -> None:
    for size in SIZES:
        root = merkle.root(LEAVES[:size])
        for index in range(0, size, 3):
            ours = merkle.inclusion_proof(SUBTREES, index, size)
            theirs = tree.prove_inclusion(index + 1, size)
            assert theirs.path == [LEAVES[index], *ours]
            theirs.path = [LEAVES[index], *ours]
            theirs.verify(LEAVES[index], root)
            assert isinstance(theirs, InclusionProof)


def test_scitt_takes_our_inclusion_proofs_and_makes_the_same() -> None:
    for size in SIZES:
        root = merkle.root(LEAVES[:size])
        for index in range(0, size, 7):
            ours = [node.hex() for node in merkle.inclusion_proof(SUBTREES, index, size)]
            assert scitt.inclusion_proof(HEX[:size], index) == ours
            assert scitt.verify_inclusion(HEX[index], index, size, ours, root.hex())
            wrong = (index + 1) % size
            if wrong != index:
                assert not scitt.verify_inclusion(HEX[index], wrong, size, ours, root.hex())


def test_scitt_takes_our_consistency_proofs_and_makes_the_same() -> None:
    for new in SIZES:
        second = merkle.root(LEAVES[:new])
        for old in range(1, new + 1, 5):
            first = merkle.root(LEAVES[:old])
            ours = [node.hex() for node in merkle.consistency_proof(SUBTREES, old, new)]
            assert scitt.consistency_proof(HEX, old, new) == ours
            assert scitt.verify_consistency(first.hex(), second.hex(), old, new, ours)
            merkle.verify_consistency(old, first, new, second, [bytes.fromhex(node) for node in ours])


def test_both_refuse_the_same_wrong_proofs() -> None:
    for size in range(2, 40):
        root = merkle.root(LEAVES[:size])
        path = merkle.inclusion_proof(SUBTREES, 1, size)
        for wrong in (path[:-1], [*path, bytes(32)], path[::-1] if path[::-1] != path else path[1:]):
            assert not scitt.verify_inclusion(HEX[1], 1, size, [node.hex() for node in wrong], root.hex())
            with pytest.raises(Untrusted):
                merkle.verify_inclusion(LEAVES[1], 1, size, wrong, root)
