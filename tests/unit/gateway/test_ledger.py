"""The tree over many entries, and what happens when the stored tree contradicts itself."""

from __future__ import annotations

import pytest

from gateway.adapters.memory import MemoryStore, MemoryTree
from schemas import merkle
from schemas.errors import Reason, Untrusted
from schemas.merkle import leaf_hash
from tests.support import World

LARGE = 256 * 256 + 300
"""A full tile of level 1, and some."""


async def made(count: int) -> tuple[MemoryStore, MemoryTree, list[bytes]]:
    store = MemoryStore()
    entries = [number.to_bytes(4) for number in range(count)]
    async with store.begin() as transaction:
        await transaction.append([(entry, None) for entry in entries])
    return store, MemoryTree(store), [leaf_hash(entry) for entry in entries]


async def test_tiles_of_higher_levels() -> None:
    _, tree, hashes = await made(LARGE)
    ledger = World().ledger(tree)
    while await ledger.integrate(7000):
        pass
    subtrees = merkle.of_leaves(hashes)
    assert len(tree.tiles[1, 0]) == 256 * 32
    assert (0, 256) in tree.tiles
    assert await ledger.root(LARGE) == merkle.range_hash(subtrees, 0, LARGE)
    assert await ledger.root(60_000) == merkle.range_hash(subtrees, 0, 60_000)
    for index, size in ((0, LARGE), (65_535, LARGE), (65_536, LARGE), (LARGE - 1, LARGE), (12_345, 60_000)):
        assert await ledger.proof(index, size) == merkle.inclusion_proof(subtrees, index, size)
    for old in (1, 256, 60_000, 65_536):
        assert await ledger.consistency(old, LARGE) == merkle.consistency_proof(subtrees, old, LARGE)


async def test_nothing_is_signed_over_a_tree_that_stored_tiles_contradict() -> None:
    _, tree, _ = await made(300)
    world = World()
    ledger = world.ledger(tree)
    await ledger.integrate(300)
    tile = tree.tiles[0, 0]
    tree.tiles[0, 0] = bytes(32) + tile[32:]
    with pytest.raises(Untrusted) as refused:
        await ledger.checkpoint()
    assert refused.value.reason is Reason.CHECKPOINT
    assert await ledger.note() is None
    tree.tiles[0, 0] = tile
    assert await ledger.checkpoint() is not None


async def test_a_missing_tile_is_noticed() -> None:
    _, tree, _ = await made(70_000)
    ledger = World().ledger(tree)
    while await ledger.integrate(70_000):
        pass
    assert await ledger.root(70_000)
    del tree.tiles[1, 0]
    with pytest.raises(Untrusted) as refused:
        await ledger.root(70_000)
    assert refused.value.reason is Reason.CHECKPOINT
