"""The tree of RFC 9162: known roots, every proof at every size to 64, and no proof at another place."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import merkle
from schemas.errors import Reason, Untrusted

INPUTS = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")] + [
    bytes.fromhex("606162636465666768696a6b6c6d6e6f")
]
ROOTS = [  # the example tree of Certificate Transparency
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [merkle.leaf_hash(bytes((number,))) for number in range(64)]
SIZES = range(1, 65)


@pytest.mark.parametrize("size", range(9))
def test_known_roots(size: int) -> None:
    assert merkle.root([merkle.leaf_hash(data) for data in INPUTS[:size]]).hex() == ROOTS[size]


def plain_root(hashes: list[bytes]) -> bytes:
    """The definition of RFC 9162 section 2.1.1, written out."""
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return hashlib.sha256(b"\x01" + plain_root(hashes[:split]) + plain_root(hashes[split:])).digest()


@pytest.mark.parametrize("size", SIZES)
def test_every_entry_is_proved_at_its_place_and_nowhere_else(size: int) -> None:
    subtrees, root = merkle.of_leaves(LEAVES[:size]), merkle.root(LEAVES[:size])
    assert root == plain_root(LEAVES[:size])
    for index in range(size):
        path = merkle.inclusion_proof(subtrees, index, size)
        merkle.verify_inclusion(LEAVES[index], index, size, path, root)
        for other in range(size):
            if other != index:
                with pytest.raises(Untrusted):
                    merkle.verify_inclusion(LEAVES[index], other, size, path, root)


@pytest.mark.parametrize("new", SIZES)
def test_every_size_extends_every_smaller_one_and_no_other(new: int) -> None:
    subtrees = merkle.of_leaves(LEAVES[:new])
    root = merkle.root(LEAVES[:new])
    for old in range(new + 1):
        before = merkle.root(LEAVES[:old])
        path = merkle.consistency_proof(subtrees, old, new)
        merkle.verify_consistency(old, before, new, root, path)
        with pytest.raises(Untrusted):
            merkle.verify_consistency(old, merkle.leaf_hash(b"x"), new, root, path)
        for wrong in (path[:-1], [*path, bytes(32)]):
            if wrong != path:
                with pytest.raises(Untrusted) as caught:
                    merkle.verify_consistency(old, before, new, root, wrong)
                assert caught.value.reason is Reason.CONSISTENCY


@given(st.integers(1, 64), st.data())
def test_a_changed_proof_does_not_verify(size: int, data: st.DataObject) -> None:
    subtrees, root = merkle.of_leaves(LEAVES[:size]), merkle.root(LEAVES[:size])
    index = data.draw(st.integers(0, size - 1))
    path = merkle.inclusion_proof(subtrees, index, size)
    wrong = [*path[:-1]] if data.draw(st.booleans()) and path else [*path, bytes(32)]
    with pytest.raises(Untrusted) as caught:
        merkle.verify_inclusion(LEAVES[index], index, size, wrong, root)
    assert caught.value.reason is Reason.INCLUSION


@pytest.mark.parametrize(("index", "size"), [(-1, 4), (4, 4), (0, 0), (1 << 63, 4)])
def test_no_proof_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(Untrusted) as caught:
        merkle.verify_inclusion(LEAVES[0], index, size, [], LEAVES[0])
    assert caught.value.reason is Reason.INCLUSION


def test_hashes_of_another_length_are_refused() -> None:
    with pytest.raises(Untrusted):
        merkle.root_from_inclusion(LEAVES[0], 0, 2, [bytes(31)])
    with pytest.raises(Untrusted):
        merkle.verify_consistency(1, LEAVES[0], 2, merkle.root(LEAVES[:2]), [bytes(33)])


def test_a_tree_cannot_shrink() -> None:
    with pytest.raises(Untrusted) as caught:
        merkle.verify_consistency(3, LEAVES[0], 2, LEAVES[0], [])
    assert caught.value.reason is Reason.CONSISTENCY


def test_the_frontier_knows_every_root() -> None:
    frontier = merkle.Frontier()
    assert frontier.root() == merkle.EMPTY
    for size, leaf in enumerate(LEAVES, 1):
        frontier = merkle.Frontier(frontier.size, frontier.peaks)
        frontier.add(leaf)
        assert (frontier.size, frontier.root()) == (size, merkle.root(LEAVES[:size]))
        assert len(frontier.peaks) == size.bit_count()
