"""The high-water mark: never lowered, whole or not there, and a store behind it is not signed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from gateway.adapters.memory import MemoryStore, MemoryTree
from gateway.highwater import FILE, FileMark
from schemas.claims import Head
from schemas.errors import Misuse, Reason, Unavailable, Untrusted
from tests.support import World


async def append(store: MemoryStore, *entries: bytes) -> None:
    async with store.begin() as transaction:
        await transaction.append([(entry, None) for entry in entries])


async def test_the_mark_is_lifted_and_never_lowered(tmp_path: Path) -> None:
    mark = FileMark(tmp_path)
    assert await mark.read() is None
    heads = [Head(size, bytes([size]) * 32) for size in range(1, 20)]
    await asyncio.gather(*(FileMark(tmp_path).lift(head) for head in reversed(heads)))
    assert await mark.read() == heads[-1]
    await mark.lift(heads[0])
    assert await mark.read() == heads[-1]


@pytest.mark.parametrize("text", ["", "12", "x 00", "-1 " + "00" * 32, "3 00ff", "3 " + "00" * 32 + " more"])
async def test_what_is_no_mark_stops_the_gateway(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(Misuse, match="high-water"):
        await FileMark(tmp_path).read()
    with pytest.raises(Misuse):
        await FileMark(tmp_path).lift(Head(5, bytes(32)))


async def test_a_home_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="cannot write"):
        await FileMark(tmp_path / "gone").lift(Head(5, bytes(32)))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full here")
async def test_a_full_disk_passes_and_is_mended_by_itself(tmp_path: Path) -> None:
    world, store, mark = World(), MemoryStore(), FileMark(tmp_path)
    ledger = world.ledger(MemoryTree(store), mark)
    await append(store, b"one")
    await ledger.integrate(10)
    (tmp_path / f".{FILE}.{os.getpid()}").symlink_to("/dev/full")
    with pytest.raises(Unavailable) as refused:
        await ledger.checkpoint()
    assert refused.value.reason is Reason.STORE
    assert await mark.read() is None
    assert await ledger.note() is None, "what the mark does not hold is not published"
    assert await ledger.checkpoint() is not None
    assert await mark.read() == await ledger.head()


async def test_a_store_behind_the_mark_is_not_signed(tmp_path: Path) -> None:
    world, store, mark = World(), MemoryStore(), FileMark(tmp_path)
    ledger = world.ledger(MemoryTree(store), mark)
    await append(store, b"one", b"two", b"three")
    await ledger.integrate(10)
    await ledger.agree()
    assert await mark.read() == Head(0, (await ledger.head()).root), "before the first checkpoint"
    assert await ledger.checkpoint() is not None
    assert await mark.read() == await ledger.head()
    old = MemoryStore()
    restored = world.ledger(MemoryTree(old), mark)
    await append(old, b"one", b"two")
    await restored.integrate(10)
    for refused in (restored.agree, restored.checkpoint):
        with pytest.raises(Untrusted, match="older") as error:
            await refused()
        assert error.value.reason is Reason.CHECKPOINT
    await append(old, b"another third", b"four")
    await restored.integrate(10)
    with pytest.raises(Untrusted, match="not those"):
        await restored.checkpoint()
    assert await restored.note() is None


async def test_the_mark_follows_what_another_process_published(tmp_path: Path) -> None:
    world, store = World(), MemoryStore()
    tree, mark = MemoryTree(store), FileMark(tmp_path)
    signing, watching = world.ledger(tree), world.ledger(tree, mark)
    for entry in (b"one", b"two"):
        await append(store, entry)
        await signing.integrate(10)
        await signing.checkpoint()
        await watching.agree()
        assert await mark.read() == await signing.head()
