"""A reader of C2SP tiles that nobody here wrote reads ours: checkpoint, root and proofs, of a million entries.

It computes roots and proofs from our tiles alone, at random sizes to a million, and they are ours; two more libraries
take the proofs. Signatures of checkpoints (ML-DSA-44) are taken both ways.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import pymerkle
import pytest
import pytest_asyncio
import scitt_cose.merkle as scitt
import tamperlog.merkle as tamper
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from tlog_scales import signing, tlog
from tlog_scales.reader import TilesReader
from tlog_scales.tiles import level_tiles

from gateway.adapters.memory import MemoryStore, MemoryTree
from gateway.api import tiles
from gateway.ledger import Ledger
from schemas import merkle
from schemas.keys import NotePublic
from schemas.merkle import leaf_hash
from schemas.notes import Policy, read_checkpoint
from tests.support import World

pytestmark = [pytest.mark.peers, pytest.mark.asyncio(loop_scope="module")]

SIZE = 1_000_000
ROUNDS = 60
_RANDOM = random.Random(9162)  # noqa: S311 - the same each time


@dataclass
class Served:
    """The tree of a million, and its tiles by the paths under which the gateway serves them."""

    world: World
    ledger: Ledger
    tree: MemoryTree
    note: str
    leaves: list[bytes]
    partial: dict[str, bytes]

    def get(self, *path: str) -> bytes | None:
        """What the reader asks for: `checkpoint`, or `tile` and its path."""
        if path == ("checkpoint",):
            return self.note.encode()
        text = "/".join(path[1:])
        level, index, width = tiles.parse(path[1], "/".join(path[2:]))
        return self.tree.tiles.get((level, index)) if width == tiles.FULL else self.partial.get(text)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> Served:
    world, store = World(), MemoryStore()
    tree = MemoryTree(store)
    entries = [number.to_bytes(4) for number in range(SIZE)]
    async with store.begin() as transaction:
        await transaction.append([(entry, None) for entry in entries])
    ledger = world.ledger(tree)
    while await ledger.integrate(SIZE):
        pass
    note = await ledger.checkpoint()
    assert note is not None
    partial: dict[str, bytes] = {}
    for level in range(3):
        full, width = level_tiles(SIZE, level)
        if width:
            partial[tiles.path(level, full, width)] = await ledger.tile(level, full, width) or b""
    return Served(world, ledger, tree, note, [leaf_hash(entry) for entry in entries], partial)


async def test_a_reader_of_tiles_computes_the_root_that_the_log_signed(served: Served) -> None:
    reader = TilesReader(served)
    found = reader.get_checkpoint()
    assert (found.size, found.root_hash) == (SIZE, reader.calculate_root_hash())
    found.verify(signing.Vkey(served.world.log.name, None, 6, served.world.log.public.raw))
    ours = read_checkpoint(served.note, served.world.network.policy).checkpoint
    assert (ours.size, ours.root) == (found.size, found.root_hash)


async def test_a_checkpoint_signed_by_others_is_taken_by_ours() -> None:
    signer = signing.MLDSA44CosignatureSigner("log.test.invalid", MLDSA44PrivateKey.generate())
    made = tlog.Checkpoint.make_signed("log.test.invalid", 7, bytes(range(32)), [signer])
    policy = Policy("log.test.invalid", NotePublic(signer.vkey.pubkey))
    read = read_checkpoint(made.serialize(), policy).checkpoint
    assert (read.size, read.root) == (7, bytes(range(32)))


async def test_inclusion_proofs_agree_at_random_sizes_to_a_million(served: Served) -> None:
    reader = TilesReader(served)
    for _ in range(ROUNDS):
        size = _RANDOM.randrange(1, SIZE + 1)
        index = _RANDOM.randrange(size)
        reader.set_size(SIZE)
        root = reader.mth(0, size)
        assert root == await served.ledger.root(size)
        theirs = reader.get_inclusion_proof(index, size)
        ours = await served.ledger.proof(index, size)
        assert theirs.node_hashes == ours
        theirs.check(served.leaves[index], root)
        merkle.verify_inclusion(served.leaves[index], index, size, ours, root)
        tamper.verify_inclusion(index, size, served.leaves[index], ours, root)
        entry, path = index.to_bytes(4).hex(), [node.hex() for node in ours]
        assert scitt.verify_inclusion(entry, index, size, path, root.hex())


async def test_consistency_proofs_agree_at_random_sizes_to_a_million(served: Served) -> None:
    reader = TilesReader(served)
    reader.set_size(SIZE)
    for _ in range(ROUNDS):
        old, new = sorted(_RANDOM.sample(range(1, SIZE + 1), 2))
        first, second = await served.ledger.root(old), await served.ledger.root(new)
        theirs = reader.get_consistency_proof(old, new)
        ours = await served.ledger.consistency(old, new)
        assert theirs.node_hashes == ours
        theirs.check(first, second)
        merkle.verify_consistency(old, first, new, second, ours)
        tamper.verify_consistency(old, first, new, second, ours)
        assert scitt.verify_consistency(first.hex(), second.hex(), old, new, [node.hex() for node in ours])


async def test_a_tree_that_others_built_has_our_roots_and_proofs_to_fifty_thousand(served: Served) -> None:
    count = 50_000
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for number in range(count):
        tree.append_entry(number.to_bytes(4))
    for _ in range(10):
        size = _RANDOM.randrange(1, count + 1)
        index = _RANDOM.randrange(size)
        root = await served.ledger.root(size)
        assert tree.get_root(size) == root
        assert tree.prove_inclusion(index + 1, size).path == [
            served.leaves[index],
            *await served.ledger.proof(index, size),
        ]
        tree.prove_consistency(max(1, size // 3), size).verify(await served.ledger.root(max(1, size // 3)), root)
