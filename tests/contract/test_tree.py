"""The ledger's tree on every store: tiles, checkpoints and proofs agree with RFC 9162 over the entries."""

from __future__ import annotations

import asyncio
import time

import pytest

from gateway.adapters.memory import MemoryLeases, MemoryStore
from gateway.adapters.sql import SqlLeases, SqlStore
from gateway.ports import Leases
from schemas import merkle, notes
from schemas.claims import Head
from schemas.errors import Reason, Untrusted
from schemas.merkle import leaf_hash
from tests.support import Stores, World


async def append(stores: Stores, count: int, start: int = 0) -> list[bytes]:
    made = [b"entry %d" % number for number in range(start, start + count)]
    async with stores.store.begin() as transaction:
        assert await transaction.append([(entry, None) for entry in made]) == start
    return made


async def test_tiles_roots_and_proofs_agree_with_the_tree_over_the_entries(stores: Stores) -> None:
    ledger = World().ledger(stores.tree)
    entries: list[bytes] = []
    hashes: list[bytes] = []
    for count in (1, 254, 1, 1, 256, 511, 3):
        entries += await append(stores, count, len(entries))
        while await ledger.integrate(200):
            pass
        hashes = [leaf_hash(entry) for entry in entries]
        assert await ledger.root(len(entries)) == merkle.root(hashes)
        size, peaks = await stores.tree.head()
        assert (size, merkle.Frontier(size, peaks).root()) == (len(entries), merkle.root(hashes))
    subtrees = merkle.of_leaves(hashes)
    for size in (1, 255, 256, 257, 513, 1027):
        for index in {0, size // 2, size - 1}:
            assert await ledger.proof(index, size) == merkle.inclusion_proof(subtrees, index, size)
        assert await ledger.consistency(size, 1027) == merkle.consistency_proof(subtrees, size, 1027)
    tiles = await stores.tree.subtree_tiles([(0, n) for n in range(6)])
    assert tiles == {(0, n): b"".join(hashes[n * 256 : (n + 1) * 256]) for n in range(4)}


async def test_a_step_whose_leaves_fill_a_tile_has_what_the_tile_begins_with(stores: Stores) -> None:
    hashes = [leaf_hash(entry) for entry in await append(stores, 300)]
    await World().ledger(stores.tree).integrate(200)
    async with stores.tree.integrate(90) as step:
        assert step is not None
        assert (step.size, [*step.tail], [*step.leaves]) == (200, hashes[:200], hashes[200:290])
    async with stores.tree.integrate(50) as step:
        assert step is not None
        assert [*step.leaves] == hashes[200:250], "a tile that stays open needs no more"


async def test_no_proof_of_what_is_not_there(stores: Stores) -> None:
    ledger = World().ledger(stores.tree)
    await append(stores, 3)
    await ledger.integrate(2)
    for index, size in ((2, 3), (2, 2), (-1, 2)):
        with pytest.raises(Untrusted) as refused:
            await ledger.proof(index, size)
        assert refused.value.reason is Reason.INCLUSION
    with pytest.raises(Untrusted) as larger:
        await ledger.consistency(1, 3)
    assert larger.value.reason is Reason.CONSISTENCY


async def test_a_checkpoint_is_signed_when_the_tree_grew_and_covers_its_entries(stores: Stores) -> None:
    world = World()
    ledger = world.ledger(stores.tree)
    assert await ledger.head() == Head(0, merkle.EMPTY)
    entries = await append(stores, 5)
    assert await ledger.tlog_proof(0) is None
    await ledger.integrate(100)
    note = await ledger.checkpoint()
    assert note is not None
    signed = notes.read_checkpoint(note, world.network.policy)
    assert (signed.checkpoint.size, signed.time) == (5, world.clock.now() // 1000)
    assert await ledger.checkpoint() is None
    assert await ledger.note() == note
    for index, entry in enumerate(entries):
        proof = await ledger.tlog_proof(index)
        assert proof is not None
        assert proof.verify(entry, world.network.policy).checkpoint.size == 5
    assert await ledger.tlog_proof(5) is None


async def test_a_smaller_checkpoint_never_follows_a_larger_one(stores: Stores) -> None:
    assert await stores.tree.publish(Head(5, bytes(32)), "five")
    assert not await stores.tree.publish(Head(4, bytes(32)), "four")
    assert not await stores.tree.publish(Head(5, bytes(32)), "five again")
    assert await stores.tree.checkpoint() == "five"


async def test_two_integrators_do_each_step_once(stores: Stores) -> None:
    world = World()
    entries = await append(stores, 700)
    ledgers = [world.ledger(stores.tree) for _ in range(4)]
    taken = await asyncio.gather(*(ledger.integrate(700) for ledger in ledgers))
    assert sorted(taken) == [0, 0, 0, 700]
    assert await ledgers[0].root(700) == merkle.root([leaf_hash(entry) for entry in entries])


def leases_of(stores: Stores) -> Leases:
    if isinstance(stores.store, MemoryStore):
        return MemoryLeases()
    assert isinstance(stores.store, SqlStore)
    return SqlLeases(stores.store.database)


async def test_a_chore_is_leased_to_one_holder_until_it_ends(stores: Stores) -> None:
    leases = leases_of(stores)

    async def acquire(name: str, holder: str, milliseconds: int = 60_000) -> bool:
        now = time.time_ns() // 1_000_000
        return await leases.acquire(name, holder, now, now + milliseconds)

    assert await acquire("ledger", "one", 200)
    assert await acquire("ledger", "one")
    assert not await acquire("ledger", "two")
    assert await acquire("expire", "two")
    await asyncio.sleep(0.3)
    assert not await acquire("ledger", "two"), "it was renewed"
    assert await acquire("ledger", "one", 200)
    await asyncio.sleep(0.3)
    assert await acquire("ledger", "two")
    assert not await acquire("ledger", "one")
    await leases.release("ledger", "one")
    assert not await acquire("ledger", "one"), "it was another's to give up"
    await leases.release("ledger", "two")
    assert await acquire("ledger", "one")


async def test_the_operations_entries_are_read_in_pages(stores: Stores) -> None:
    async with stores.store.begin() as transaction:
        await transaction.append([(b"%d" % n, "one" if n % 2 else "two") for n in range(10)])
    found = await stores.store.operation_leaves("one", 2, 3)
    assert [(leaf.index, leaf.entry) for leaf in found] == [(3, b"3"), (5, b"5"), (7, b"7")]
    assert [leaf.index for leaf in await stores.store.leaves(8, 20)] == [8, 9]
