"""A history that nobody can rewrite: one entry rewritten, one dropped, two reordered, the log forked, an old database.

| what is done | who catches it | what is said |
|---|---|---|
| an entry is rewritten | the gateway's `ledger verify`; whoever verifies the record | the next breaks the chain; root |
| an entry is dropped | both | which is missing; the root that was signed |
| two entries are reordered | both | which breaks the chain; the root that was signed |
| one is rewritten, the rest chained anew | both, and the gateway, which signs nothing more | the root that was signed |
| the log is forked | the bureau that hears of both heads, which then seals nothing | the two heads contradict |
| an old database is restored | the gateway itself, which then signs nothing | it is older than what was published |

Witnesses catch a fork too, and before bureaus do: tests of their own show it. Real stores: SQLite under the gateway's
own pipeline for the first four, the shipped network in memory for the fork.
"""

from __future__ import annotations

import io
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from gateway import inspection
from gateway.export import export_operation
from gateway.highwater import FileMark
from schemas.codes import Purpose
from schemas.errors import BureaunetError, Reason, Untrusted
from schemas.evidence import Entry, Event, read_entry
from schemas.exchanges import Report
from schemas.merkle import leaf_hash
from schemas.record import verify_record
from tests.support import World, sql_stores, sqlite_url
from tests.unit.bureaus.network import OPERATION, QUERY, Team

Entries = dict[int, bytes]
"""Index -> entry."""
_TOUCHED = 4
"""The index that is tampered with: in the middle of the operation."""


@dataclass
class History:
    """A ledger in SQLite, its high-water mark, and a copy of its database from before the last messages."""

    world: World
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "ledger.db"

    def rewrite(self, change: Callable[[Entries], None]) -> None:
        """Change what is stored, past every rule of the gateway, and mend the hashes beside it."""
        with closing(sqlite3.connect(self.file)) as database, database:
            rows = database.execute("SELECT idx, entry FROM leaf ORDER BY idx").fetchall()
            before: Entries = {index: bytes(entry) for index, entry in rows}
            after = dict(before)
            change(after)
            for index in before.keys() - after.keys():
                database.execute("DELETE FROM leaf WHERE idx = ?", (index,))
            for index, entry in after.items():
                row = (entry, leaf_hash(entry), index)
                database.execute("UPDATE leaf SET entry = ?, hash = ? WHERE idx = ?", row)

    async def grow(self, messages: int) -> None:
        """More messages, and a checkpoint over them."""
        async with sql_stores(sqlite_url(self.folder)) as kept:
            async with self.world.gateway(kept.store) as exchange:
                for _ in range(messages):
                    self.world.clock.move(1000)
                    await self.world.send(exchange, self.world.envelope())
            ledger = self.world.ledger(kept.tree, FileMark(self.folder))
            while await ledger.integrate(1000):
                pass
            await ledger.checkpoint()

    async def inspected(self) -> None:
        """What the gateway's operator does: `bureaunet-gateway ledger verify`."""
        async with sql_stores(sqlite_url(self.folder)) as kept:
            await inspection.verify(kept.store, kept.tree, self.world.network.policy, lambda _: None)

    async def exported(self) -> Report:
        """What an auditor does: the operation's record, verified with the network file alone."""
        out = io.BytesIO()
        async with sql_stores(sqlite_url(self.folder)) as kept:
            await export_operation(kept.store, kept.tree, self.world.network.raw, self.world.operation.id, out.write)
        out.seek(0)
        return verify_record(out.read, self.world.network)


@pytest_asyncio.fixture
async def history(tmp_path: Path) -> AsyncIterator[History]:
    made = History(World(), tmp_path)
    await made.grow(3)
    yield made


def rewritten(entries: Entries) -> None:
    entry = read_entry(entries[_TOUCHED])
    entries[_TOUCHED] = replace(entry, time=entry.time - 1).encode()


def dropped(entries: Entries) -> None:
    del entries[_TOUCHED]


def reordered(entries: Entries) -> None:
    entries[_TOUCHED], entries[_TOUCHED + 1] = entries[_TOUCHED + 1], entries[_TOUCHED]


def chained_anew(entries: Entries) -> None:
    """Rewritten, and every later entry made to follow: a history without a gap that never was."""
    rewritten(entries)
    leaf = read_entry(entries[_TOUCHED]).leaf
    for index in sorted(entries):
        if index > _TOUCHED and (entry := read_entry(entries[index])).operation is not None:
            entries[index] = replace(entry, previous=leaf).encode()
            leaf = read_entry(entries[index]).leaf


def last_rewritten(entries: Entries) -> None:
    """The newest entry, which no other names: the signed root alone speaks against it."""
    last = max(entries)
    entry = read_entry(entries[last])
    entries[last] = replace(entry, time=entry.time - 1).encode()


async def test_what_was_not_touched_verifies_for_both(history: History) -> None:
    await history.inspected()
    assert (await history.exported()).messages == 3


@pytest.mark.parametrize(
    ("change", "reason", "said"),
    [
        (rewritten, Reason.RECORD_GAP, "entry 5 does not continue the chain"),
        (dropped, Reason.RECORD_GAP, "entry 4 is missing"),
        (reordered, Reason.RECORD_GAP, "entry 4 does not continue the chain"),
        (chained_anew, Reason.CHECKPOINT, "do not give the root that the log signed"),
        (last_rewritten, Reason.CHECKPOINT, "do not give the root that the log signed"),
    ],
)
async def test_an_entry_rewritten_dropped_or_reordered_is_caught_by_operator_and_auditor(
    history: History, change: Callable[[Entries], None], reason: Reason, said: str
) -> None:
    history.rewrite(change)
    with pytest.raises(BureaunetError) as caught:
        await history.inspected()
    assert said in caught.value.detail
    assert caught.value.reason is reason
    with pytest.raises(Untrusted, match="is not in the tree of 8 under this root") as untrusted:
        await history.exported()
    assert untrusted.value.reason is Reason.INCLUSION


async def test_nothing_more_is_signed_over_a_rewritten_history(history: History) -> None:
    history.rewrite(rewritten)
    with pytest.raises(Untrusted, match="contradict the tree") as caught:
        await history.grow(1)
    assert caught.value.reason is Reason.CHECKPOINT


async def test_a_gateway_on_an_old_database_notices_and_signs_nothing(history: History) -> None:
    old = history.folder / "old.db"
    with closing(sqlite3.connect(history.file)) as there, closing(sqlite3.connect(old)) as copy:
        there.backup(copy)
    await history.grow(2)
    for suffix in ("", "-wal", "-shm"):
        history.file.with_name(history.file.name + suffix).unlink(missing_ok=True)
    shutil.copy(old, history.file)
    async with sql_stores(sqlite_url(history.folder)) as kept:
        ledger = history.world.ledger(kept.tree, FileMark(history.folder))
        with pytest.raises(Untrusted, match="restored from an old backup") as caught:
            await ledger.agree()
        assert caught.value.reason is Reason.CHECKPOINT
    with pytest.raises(Untrusted, match="not those that this gateway has published"):
        await history.grow(8)  # another history, longer than the first


async def test_a_bureau_that_hears_of_both_heads_of_a_fork_raises_the_alarm_and_seals_nothing(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        await fr.refresh()
        ledger = team.network.ledger
        ledger.entries[-1] = Entry(Event.OPERATOR_ACTION, 1).encode()  # what others are shown from here on
        ledger.append(Entry(Event.OPERATOR_ACTION, 2))
        with pytest.raises(Untrusted, match="does not extend") as caught:
            await fr.refresh()
        assert caught.value.reason is Reason.CONSISTENCY
        with pytest.raises(Untrusted, match="alarm, nothing is sealed"):
            await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
