"""SQLite without room: what cannot be written is `Unavailable` at once, and goes again when there is room."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.adapters.sql.database import Database
from schemas.errors import Reason, Unavailable

LARGE = text("INSERT INTO held VALUES (zeroblob(1000000))")


async def allow(database: Database, pages: int) -> None:
    """SQLite says of a database with so many pages what it says of a full disk. One connection is open: this one."""
    async with database.read() as connection:
        await connection.execute(text(f"PRAGMA max_page_count={pages}"))


async def test_a_full_disk_is_said_at_once_and_passes(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'small.db'}", pool=1)
    try:
        async with database.write() as connection:
            await connection.execute(text("CREATE TABLE held (content BLOB)"))
        await allow(database, 4)
        began = time.monotonic()
        for _ in range(3):
            with pytest.raises(Unavailable) as refused:
                async with database.write() as connection:
                    await connection.execute(LARGE)
            assert refused.value.reason is Reason.STORE
        assert time.monotonic() - began < 12, "whoever waits for the disk waits five seconds each time"
        await allow(database, 1_000_000)
        async with database.write() as connection:
            await connection.execute(LARGE)
        async with database.read() as connection:
            assert (await connection.execute(text("SELECT count(*) FROM held"))).scalar_one() == 1
    finally:
        await database.close()
