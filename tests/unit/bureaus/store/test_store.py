"""The store's thread: a job is all or nothing, one failing job spoils no other, and one process has the file."""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bureaus.store import FILE, Store, identity
from schemas.errors import Forbidden, Misuse, Reason, Unavailable


def put(db: sqlite3.Connection, name: str) -> None:
    identity.put(db, {name: b"x"})


def put_and_refuse(db: sqlite3.Connection, name: str) -> None:
    identity.put(db, {name: b"x"})
    raise Forbidden(Reason.QUOTA, "no")


def break_a_rule(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO meta VALUES ('a', NULL)")


async def test_a_failing_job_is_undone_and_others_in_its_transaction_stand(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / FILE) as store:
        outcomes = await asyncio.gather(
            store.run(put, "a"),
            store.run(put_and_refuse, "b"),
            store.run(break_a_rule),
            store.run(put, "c"),
            return_exceptions=True,
        )
        assert isinstance(outcomes[1], Forbidden)
        assert isinstance(outcomes[2], Unavailable)
        assert outcomes[2].reason is Reason.STORE
        assert set(await store.run(identity.get_all)) == {"a", "c"}


async def test_a_job_that_fails_alone_leaves_nothing_and_the_store_goes_on(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / FILE) as store:
        with pytest.raises(Forbidden):
            await store.run(put_and_refuse, "b")
        with pytest.raises(Unavailable):
            await store.run(break_a_rule)
        await store.run(put, "a")
        assert set(await store.run(identity.get_all)) == {"a"}


def test_each_of_two_event_loops_hears_of_its_own_jobs(tmp_path: Path) -> None:
    store = asyncio.run(Store.open(tmp_path / FILE))
    with ThreadPoolExecutor() as threads:
        asked = [threads.submit(asyncio.run, _put_many(store, prefix)) for prefix in "ab"]
        assert [one.result() for one in asked] == [50, 50]
    asyncio.run(store.aclose())


async def _put_many(store: Store, prefix: str) -> int:
    return len(await asyncio.gather(*(store.run(put, f"{prefix}{number}") for number in range(50))))


async def test_what_ran_is_there_after_the_store_is_opened_again(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / FILE) as store:
        await store.run(put, "a")
    async with await Store.open(tmp_path / FILE) as store:
        assert await store.run(identity.get, "a") == b"x"


async def test_closing_finishes_what_was_asked_for(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / FILE)
    writes = [asyncio.ensure_future(store.run(put, str(number))) for number in range(500)]
    await asyncio.sleep(0)
    await store.aclose()
    await asyncio.gather(*writes)
    with pytest.raises(Misuse):
        await store.run(put, "late")
    async with await Store.open(tmp_path / FILE) as again:
        assert len(await again.run(identity.get_all)) == 500


async def test_only_one_has_the_file_open(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / FILE):
        with pytest.raises(Misuse, match="in use"):
            await Store.open(tmp_path / FILE)


async def test_a_store_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / FILE) as store:
        await store.run(put, "a")
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Misuse, match="version 99"):
        await Store.open(tmp_path / FILE)


async def test_a_file_that_is_no_store_is_said_to_be_unreadable(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database at all" * 100)
    with pytest.raises(Unavailable) as caught:
        await Store.open(tmp_path / FILE)
    assert caught.value.reason is Reason.STORE
