"""The outbox gives urgent messages first, by an index, also in a store that an earlier version made."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from bureaus.store import FILE, Store, sending
from bureaus.store.sending import Posting


def posting(number: int, *, urgent: bool = False) -> Posting:
    digest, salt = bytes([number]) * 32, bytes(16)
    return Posting(b"a draft", digest, b"a body", 2_000_000_000, asks=False, salt=salt, urgent=urgent)


def numbers(due: list[sending.Due]) -> list[int]:
    return [one.digest[0] for one in due]


def plan(db: sqlite3.Connection) -> str:
    return " ".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sending.DUE}", (8,)))


async def test_urgent_messages_pass_those_that_wait(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / FILE) as store:
        waiting = [posting(number) for number in range(1, 40)]
        await store.run(sending.post, [*waiting, posting(40, urgent=True), posting(41), posting(42, urgent=True)], 1)
        assert numbers(await store.run(sending.due, 4)) == [40, 42, 1, 2]
        found = await store.run(plan)
        assert "outgoing_due" in found
        assert "TEMP B-TREE" not in found


async def test_what_waits_in_an_older_store_goes_on(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / FILE) as store:
        await store.run(sending.post, [posting(1), posting(2)], 1)
    connection = sqlite3.connect(tmp_path / FILE)  # as version 4 had it
    with connection:
        connection.execute("DROP INDEX outgoing_due")
        connection.execute("ALTER TABLE outgoing DROP COLUMN urgent")
        connection.execute("PRAGMA user_version = 4")
    connection.close()
    async with await Store.open(tmp_path / FILE) as store:
        await store.run(sending.post, [posting(3, urgent=True)], 1)
        assert numbers(await store.run(sending.due, 8)) == [3, 1, 2]
