"""Ledgers of a given size on SQLite, for measuring: made once by the program's own integrator, in `build/ledgers`.

Entries are of the real form and size, and say nothing that anybody did. They go in many at a time; tiles, tree state
and the signed checkpoint are made by `gateway.ledger` itself.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.adapters.memory import ListWatcher, SetClock
from gateway.adapters.sql import Database, SqlStore, SqlTree, prepare
from gateway.ledger import Ledger
from schemas.evidence import Entry, Event
from schemas.identity import Address
from schemas.keys import NoteKey
from schemas.merkle import leaf_hash

FOLDER: Final = Path("build/ledgers")
NOW: Final = 1_800_000_000_000
_DIGEST: Final = bytes(range(32))
_STEP: Final = 20_000
"""Leaves integrated at once, as the gateway does."""
_VERSION: Final = "1"


def entry(number: int) -> bytes:
    """A synthetic entry: 230 bytes, of the form of an acceptance in an operation."""
    return _TEMPLATE.replace(_DIGEST, number.to_bytes(32))


_TEMPLATE: Final = Entry(
    Event.SUBMISSION_ACCEPTANCE,
    NOW,
    digest=_DIGEST,
    operation="infra-growth",
    number=1_000_000,
    previous=bytes(32),
    party=Address("FR"),
    kind="whereabouts.query/1",
    key_id=bytes(32),
).encode()


@dataclass(frozen=True, slots=True)
class Opened:
    """A ledger to measure."""

    store: SqlStore
    ledger: Ledger
    size: int


def made(size: int) -> Path:
    """The file of a ledger of `size` entries: from the cache, or made now."""
    path = FOLDER / f"{_VERSION}-{size}.db"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        fresh = FOLDER / f".{os.getpid()}-{size}.db"
        asyncio.run(_make(fresh, size))
        fresh.replace(path)
    return path


async def _make(path: Path, size: int) -> None:
    database = Database(f"sqlite+aiosqlite:///{path}")
    await prepare(database)
    with closing(sqlite3.connect(path)) as driver:
        rows = ((at, leaf_hash(entry(at)), entry(at), "infra-growth") for at in range(size))
        driver.executemany("INSERT INTO leaf (idx, hash, entry, operation) VALUES (?, ?, ?, ?)", rows)
        driver.execute("UPDATE log_seq SET next = ?", (size,))
        driver.commit()
    ledger = _ledger(SqlTree(database))
    while await ledger.integrate(_STEP):
        pass
    await ledger.checkpoint()
    await database.close()
    with closing(sqlite3.connect(path)) as driver:
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _ledger(tree: SqlTree) -> Ledger:
    return Ledger(tree, NoteKey("log.growth.invalid", bytes(32)), SetClock(NOW), ListWatcher())


@contextmanager
def copied(size: int) -> Iterator[Path]:
    """A copy on the disk that a measurement may add to; it is removed afterwards."""
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        path = Path(shutil.copyfile(made(size), Path(folder, "ledger.db")))
        with path.open("rb") as copy:
            os.fsync(copy.fileno())  # or a commit that is measured may wait for the copy
        yield path


@asynccontextmanager
async def opened(path: Path, size: int) -> AsyncIterator[Opened]:
    """A ledger in a file, with nothing of it in this process's memory yet."""
    database = Database(f"sqlite+aiosqlite:///{path}")
    try:
        yield Opened(SqlStore(database), _ledger(SqlTree(database)), size)
    finally:
        await database.close()
