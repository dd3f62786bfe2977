"""The gateway's side of the witnesses: one checkpoint for all, lines verified, a quorum counted, what lacks said."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.adapters.memory import MemoryCosignatures, MemoryStore, MemoryTree
from gateway.ledger import Ledger
from gateway.witnesses import KEPT, Policies, Witnesses, best_note
from schemas.directory import directory_hash, sign_directory
from schemas.errors import Forbidden, Reason, Unavailable, Untrusted
from schemas.identity import Address
from schemas.keys import NoteKey
from schemas.notes import Checkpoint, Standing, read_body, read_checkpoint
from schemas.witness import Witnesses as Set
from schemas.witness import cosign
from tests.support import World

CODES = ("AR", "BR", "CL", "FR", "PE")


class Scene:
    """A ledger in memory whose directory names five witnesses, one of whom may be dishonest."""

    def __init__(self, quorum: int = 4) -> None:
        self.world = World(*CODES)
        self.store = MemoryStore()
        self.tree = MemoryTree(self.store)
        self.kept = MemoryCosignatures(self.tree)
        self.ledger: Ledger = self.world.ledger(self.tree)
        self.policies = Policies(self.store, self.world.network)
        self.witnesses = Witnesses(self.kept, self.policies, self.world.clock, self.world.watcher)
        self.ledger.witnesses = self.witnesses
        self.keys = {code: NoteKey.generate(code) for code in CODES}
        self.set = Set({code: key.public for code, key in self.keys.items()}, quorum, 1)

    async def name(self, named: Set | None, index: int) -> None:
        """Publish a directory version that names witnesses, with its entry at `index`."""
        world = self.world
        before = world.directory
        after = replace(before, version=before.version + 1, previous=before.hash, hash=b"", witnesses=named)
        raw = sign_directory(after, [world.authority], world.network)
        world.directory = replace(after, hash=directory_hash(raw))
        async with self.store.begin() as transaction:
            await transaction.save_directory(world.directory, raw, index)

    async def begin(self) -> Scene:
        async with self.store.begin() as transaction:
            await transaction.save_directory(self.world.directory, self.world.directory_raw, 0)
        await self.name(self.set, 1)
        await self.grow(3)
        return self

    async def grow(self, count: int = 1, seconds: float = 10.0) -> Checkpoint:
        """More entries, time, a checkpoint, and it is offered if one is due."""
        async with self.store.begin() as transaction:
            await transaction.append([(b"entry", None)] * count)
        self.world.clock.move(round(seconds * 1000))
        await self.ledger.integrate(1000)
        note = await self.ledger.checkpoint()
        assert note is not None
        await self.witnesses.offer()
        return read_body(note)[0]

    async def sign(self, *codes: str, what: Checkpoint | None = None) -> None:
        for code in codes:
            note = await self.witnesses.candidate()
            assert note is not None
            body = cosign(what or read_body(note)[0], self.keys[code], self.world.clock.now() // 1000)
            await self.witnesses.take(Address(code), body)


async def test_all_are_asked_for_the_same_checkpoint_however_fast_the_tree_grows() -> None:
    scene = await Scene().begin()
    first = await scene.witnesses.candidate()
    grown = await scene.grow(seconds=3.0)
    assert await scene.witnesses.candidate() == first
    after = await scene.grow(seconds=7.0)
    assert after.size > grown.size
    asked = await scene.witnesses.candidate()
    assert asked is not None
    assert read_body(asked)[0] == after


async def test_a_quorum_makes_a_note_witnessed_and_proofs_lead_to_it() -> None:
    scene = await Scene().begin()
    head = read_body(await scene.witnesses.candidate() or "")[0]
    policy = await scene.policies.at(head.size)
    await scene.sign("AR", "BR", "FR")
    assert await scene.witnesses.witnessed() is None
    proof = await scene.ledger.tlog_proof(0)
    assert proof is not None
    assert proof.verify(b"entry", policy).standing(policy) is Standing.PROVISIONAL
    await scene.sign("PE")
    note = await scene.witnesses.witnessed()
    assert note is not None
    assert read_checkpoint(note, policy).standing(policy) is Standing.WITNESSED
    assert await best_note(scene.kept, scene.policies, 1) == note == await scene.witnesses.published(head.size)
    await scene.grow(2)
    proof = await scene.ledger.tlog_proof(0)
    assert proof is not None
    assert proof.verify(b"entry", policy).standing(policy) is Standing.WITNESSED, "the newer one has no quorum yet"
    newer = await scene.ledger.tlog_proof(head.size)
    assert newer is not None
    assert newer.verify(b"entry", policy).standing(policy) is Standing.PROVISIONAL
    assert await best_note(scene.kept, scene.policies, head.size + 1) is None


async def test_a_line_twice_counts_once_and_a_late_one_is_no_fault() -> None:
    scene = await Scene().begin()
    old = read_body(await scene.witnesses.candidate() or "")[0]
    for _ in range(4):
        await scene.sign("FR")
    assert await scene.witnesses.witnessed() is None
    await scene.grow()
    await scene.sign("AR", "BR", "CL", what=old)
    assert read_body(await scene.witnesses.witnessed() or "")[0] == old


@pytest.mark.parametrize("by", ["stranger", "forger", "link", "root", "size", "log"])
async def test_a_line_that_does_not_count_is_refused_and_named(by: str) -> None:
    scene = await Scene().begin()
    head = read_body(await scene.witnesses.candidate() or "")[0]
    signer, link, reason = scene.keys["FR"], Address("FR"), Reason.CHECKPOINT
    if by == "stranger":
        signer, link = NoteKey.generate("IPSG"), Address("IPSG")
    elif by == "forger":
        signer = NoteKey.generate("FR")
    elif by == "link":
        link, reason = Address("BR"), Reason.LINK_IDENTITY
    elif by == "root":
        head = replace(head, root=bytes(32))
    elif by == "size":
        head = replace(head, size=head.size + 1)
    else:
        head = replace(head, origin="another.example")
    with pytest.raises((Untrusted, Forbidden)) as refused:
        await scene.witnesses.take(link, cosign(head, signer, 1))
    assert refused.value.reason is reason
    seen = [one.fields["witness"] for one in scene.world.watcher.named("cosignature-failed")]
    assert seen == (["FR"] if by in ("root", "size") else [])


async def test_a_checkpoint_that_went_by_without_its_quorum_is_told_with_who_was_missing() -> None:
    scene = await Scene().begin()
    await scene.sign("AR", "BR", "FR")
    await scene.grow()
    said = scene.world.watcher.named("witnesses-unavailable")
    assert [(one.fields["signed"], one.fields["quorum"], one.fields["missing"]) for one in said] == [(3, 4, "CL PE")]


async def test_a_newer_policy_counts_from_the_entry_that_brought_it() -> None:
    scene = await Scene().begin()
    old = read_body(await scene.witnesses.candidate() or "")[0]
    await scene.sign("AR", "BR", "CL", "FR")
    heir = NoteKey.generate("FR")
    await scene.name(Set({"FR": heir.public}, 1, 0), old.size)
    new = await scene.grow()
    with pytest.raises(Untrusted):
        await scene.sign("BR")
    await scene.witnesses.take(Address("FR"), cosign(new, heir, 1))
    assert read_body(await scene.witnesses.witnessed() or "")[0] == new
    before, after = await scene.policies.at(old.size), await scene.policies.at(new.size)
    assert (before.quorum, after.quorum) == (4, 1)
    read_checkpoint(await scene.witnesses.published(old.size) or "", before)
    read_checkpoint(await scene.witnesses.published(new.size) or "", after)


async def test_without_witnesses_nothing_is_asked() -> None:
    scene = Scene()
    await scene.grow()
    assert await scene.witnesses.candidate() is None
    assert await scene.witnesses.witnessed() is None
    assert await scene.witnesses.covering(0) is None


async def test_what_is_kept_is_bounded() -> None:
    scene = await Scene().begin()
    for _ in range(KEPT + 3):
        await scene.grow()
    assert len(await scene.kept.offered(10 * KEPT)) == KEPT


async def test_a_look_that_failed_is_made_again_and_who_asks_meanwhile_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = await Scene().begin()
    note = await scene.witnesses.candidate()
    offered, failing, calls = scene.kept.offered, asyncio.Event(), 0

    async def slowly(limit: int) -> object:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        if not failing.is_set():
            raise Unavailable(Reason.STORE, "away")
        return await offered(limit)

    monkeypatch.setattr(scene.kept, "offered", slowly)
    scene.world.clock.move(60_000)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await scene.witnesses.candidate()
    failing.set()
    fresh = Witnesses(scene.kept, scene.policies, scene.world.clock, scene.world.watcher)
    calls = 0
    assert await asyncio.gather(*(fresh.candidate() for _ in range(3))) == [note] * 3, "also who asked second"
    assert calls <= 2, "one look for all of them"
