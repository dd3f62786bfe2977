"""Where sealed parts lie on SQL, and how nothing is left of them (`ports.Bodies`).

PostgreSQL: a partition for each day on which sealed parts are erased, made ahead, dropped whole; its files are unlinked
then. What comes for a day without one goes into the default partition, and is moved when the day's is made, so that no
insert ever finds no place. What is erased before its time leaves its bytes in the day's files: they are written anew.
A sealed part of which two fit on a page stays in its row, and none is compressed, since no ciphertext can be: set apart
in pieces, with an index of their own, it cost twice the CPU.
SQLite: what is deleted is overwritten (`secure_delete`), and the write-ahead log, which has the bytes too, is emptied.

All this needs the owner of `body` on PostgreSQL. For another role rows are deleted, and nothing is dropped or written
anew; `Misuse` says so, after the rows are gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from gateway.adapters.sql import tables as t
from gateway.adapters.sql.database import Database, translated
from schemas.errors import Misuse, Reason, Unavailable

DEFAULT: Final = "body_default"
_PARTITIONS: Final = text(
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'body'::regclass"
)
_PATIENCE: Final = text("SET LOCAL lock_timeout = '2s'")
"""What changes a partitioned table waits for all who read it, and holds up all who come after: better to come again."""
_IN_ROW: Final = 4064
"""Bytes of a row that stays whole: two of them and what is around them are a page of 8 KiB."""
_TRIES: Final = 20
_PAUSE: Final = 0.05
"""Seconds between tries to empty SQLite's write-ahead log: a reader of an older state keeps it."""


def _name(day: int) -> str:
    return f"body_{day:d}"


class SqlBodies:
    """A `ports.Bodies` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def prepare(self, days: Collection[int]) -> None:
        """As the port says."""
        if self._database.sqlite:
            return
        present = await self._days()
        async with self._database.read() as connection:
            strays = await _days_in_default(connection)
        for day in sorted({*days, *strays} - set(present)):
            await self._make(day)
        if strays:
            await self._empty_default()

    async def sweep(self, today: int) -> None:
        """As the port says."""
        if self._database.sqlite:
            await self._empty_log()
            return
        left = select(func.count()).where(t.message.c.due <= today).select_from(t.message)
        async with self._database.read() as connection:
            if (await connection.execute(left)).scalar_one():
                return  # not erased yet
        for day in await self._days():
            if day <= today:
                await self._drop(day)

    async def scrub(self, days: Collection[int]) -> None:
        """As the port says."""
        if self._database.sqlite:
            await self._empty_log()
            return
        present = await self._days()
        names = {_name(day) if day in present else DEFAULT for day in days}
        async with self._maintaining() as connection:
            for name in sorted(names):
                await connection.execute(text(f"VACUUM (FULL) {name}"))

    async def _days(self) -> list[int]:
        async with self._database.read() as connection:
            names = [row.relname for row in (await connection.execute(_PARTITIONS)).all()]
        return sorted(int(name.removeprefix("body_")) for name in names if name != DEFAULT)

    async def _make(self, day: int) -> None:
        """Make a day's partition, and move into it what came before it was there."""
        name = _name(day)
        async with self._database.write() as connection:
            await connection.execute(_PATIENCE)
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": 0x626F6479})
            if (await connection.execute(text("SELECT to_regclass(:name)"), {"name": name})).scalar_one() is not None:
                return
            moved = f"DELETE FROM {DEFAULT} WHERE day = {day:d} RETURNING *"  # noqa: S608 - our own name, and a number
            for statement in (
                # else what waits for the default partition meanwhile would be refused once the day has its own
                "LOCK TABLE body IN SHARE ROW EXCLUSIVE MODE",
                f"CREATE TABLE {name} (LIKE body INCLUDING ALL) WITH (toast_tuple_target = {_IN_ROW})",
                f"ALTER TABLE {name} ALTER COLUMN sealed SET STORAGE EXTERNAL",
                f"LOCK TABLE {DEFAULT} IN ACCESS EXCLUSIVE MODE",
                f"WITH moved AS ({moved}) INSERT INTO {name} SELECT * FROM moved",  # noqa: S608 - as above
                f"ALTER TABLE body ATTACH PARTITION {name} FOR VALUES FROM ({day:d}) TO ({day + 1:d})",
            ):
                await connection.execute(text(statement))

    async def _empty_default(self) -> None:
        """Unlink the default partition's file, once everything was moved out of it."""
        async with self._database.write() as connection:
            await connection.execute(_PATIENCE)
            await connection.execute(text(f"LOCK TABLE {DEFAULT} IN ACCESS EXCLUSIVE MODE"))
            if not await _days_in_default(connection):
                await connection.execute(text(f"TRUNCATE {DEFAULT}"))

    async def _drop(self, day: int) -> None:
        try:
            async with self._database.write() as connection:
                await connection.execute(_PATIENCE)
                await connection.execute(text(f"DROP TABLE {_name(day)}"))
        except Misuse:
            async with self._database.write() as connection:
                await connection.execute(delete(t.body).where(t.body.c.day == day))
            raise

    @asynccontextmanager
    async def _maintaining(self) -> AsyncIterator[AsyncConnection]:
        """A connection of PostgreSQL outside any transaction, whose statements take as long as they need."""
        url, options = self._database.engine.url, {"timeout": 10}
        engine = create_async_engine(url, pool_size=1, isolation_level="AUTOCOMMIT", connect_args=options)
        try:
            with translated():
                async with engine.connect() as connection:
                    yield connection
        finally:
            await engine.dispose()

    async def _empty_log(self) -> None:
        """Write SQLite's log into the file, and cut it to nothing."""
        for _ in range(_TRIES):
            with translated():
                async with self._database.engine.connect() as connection:
                    await connection.execution_options(bureaunet_no_begin=True)
                    busy = (await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))).scalar_one()
            if not busy:
                return
            await asyncio.sleep(_PAUSE)
        raise Unavailable(Reason.STORE, "the write-ahead log is in use; what was erased is still in it")


async def _days_in_default(connection: AsyncConnection) -> Sequence[int]:
    days = await connection.execute(text(f"SELECT DISTINCT day FROM {DEFAULT}"))  # noqa: S608 - our own name
    return [row.day for row in days]
