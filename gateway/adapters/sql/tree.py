"""The integrated part of the ledger on SQL (`ports.Tree`), and who does a chore (`ports.Leases`).

What chores ask all the time goes to the drivers as it is (straight.py, line.py); `$1` is `?1` on SQLite.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy import and_, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.sql import arrays, rows
from gateway.adapters.sql import tables as t
from gateway.adapters.sql.database import Database
from gateway.adapters.sql.line import line_of
from gateway.adapters.sql.straight import fetch
from gateway.adapters.sql.together import Together
from schemas.claims import Head
from schemas.merkle import HASH_SIZE

_WIDTH: Final = 256
_APPENDED: Final = "SELECT log_seq.next, tree_state.size FROM log_seq, tree_state"
_HEAD: Final = "SELECT size, peaks FROM tree_state"
_HASHES: Final = "SELECT hash FROM leaf WHERE idx >= $1 AND idx < $2 ORDER BY idx"
_GROW: Final = "UPDATE tree_state SET size = $1, peaks = $2"
_TILE: Final = ("level", "idx", "hashes")
_CHECKPOINT: Final = "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1"


def _acquiring(here: str) -> str:
    """Take or keep a lease of $3 milliseconds from `here` on."""
    return f"""
        INSERT INTO lease (name, holder, until) VALUES ($1, $2, {here} + $3)
        ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
        WHERE lease.holder = excluded.holder OR lease.until <= {here}
        RETURNING name
    """  # noqa: S608  # a clock of ours


_ACQUIRE_SQLITE: Final = _acquiring("$4")
_ACQUIRE_POSTGRESQL: Final = _acquiring("CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)")
"""By PostgreSQL's clock: those of the processes may differ by minutes."""


async def _ask(
    connection: AsyncConnection, statement: str, *values: object, is_sqlite: bool
) -> Sequence[Sequence[Any]]:
    """Ask the driver itself, within the connection's transaction."""
    if is_sqlite:
        return await line_of(connection).ask(_of_sqlite(statement), values)
    return await fetch(connection, statement, *values)


def _of_sqlite(statement: str) -> str:
    return statement.replace("$", "?")


def _peaks(data: bytes) -> list[bytes]:
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]


async def _tiles(connection: AsyncConnection, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], bytes]:
    if not keys:
        return {}
    levels: dict[int, list[int]] = {}
    for level, index in keys:
        levels.setdefault(level, []).append(index)
    wanted = (and_(t.tile.c.level == level, t.tile.c.idx.in_(found)) for level, found in levels.items())
    rows = await connection.execute(select(t.tile).where(or_(*wanted)))
    return {(row.level, row.idx): row.hashes for row in rows.all()}


class SqlIntegration:
    """A `ports.Integration` in a transaction that holds the tree's state."""

    def __init__(self, connection: AsyncConnection, size: int, peaks: Sequence[bytes], *, is_sqlite: bool) -> None:
        self._connection, self._sqlite = connection, is_sqlite
        self.size, self.peaks = size, peaks
        self.tail: Sequence[bytes] = ()
        self.leaves: Sequence[bytes] = ()

    async def read(self, end: int) -> None:
        """Read the leaves up to `end`, and those before them only where a tile becomes full."""
        fills = end // _WIDTH > self.size // _WIDTH
        start = self.size // _WIDTH * _WIDTH if fills else self.size
        found = await _ask(self._connection, _HASHES, start, end, is_sqlite=self._sqlite)
        hashes = [row[0] for row in found]
        self.tail, self.leaves = hashes[: self.size - start], hashes[self.size - start :]

    async def tiles(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], bytes]:
        """As the port says."""
        return await _tiles(self._connection, keys)

    async def save(self, size: int, peaks: Sequence[bytes], tiles: Mapping[tuple[int, int], bytes]) -> None:
        """As the port says."""
        full = [(*key, hashes) for key, hashes in tiles.items()]
        if self._sqlite:
            line_of(self._connection).post(_of_sqlite(_GROW), [(size, b"".join(peaks))])
            rows.put(self._connection, t.tile, _TILE, full)
            return
        together = Together(self._connection)
        together.post(_GROW, size, b"".join(peaks))
        arrays.put(together, t.tile, _TILE, full)
        await together.finish()


class SqlTree:
    """A `ports.Tree` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _asked(self, question: str, *values: object) -> Sequence[Sequence[Any]]:
        """What a question by itself gives."""
        if self._database.sqlite:
            return await self._database.each(_of_sqlite(question), [values])
        async with self._database.asking() as connection:
            return await fetch(connection, question, *values)

    @asynccontextmanager
    async def integrate(self, limit: int) -> AsyncIterator[SqlIntegration | None]:
        """As the port says."""
        appended, size = (await self._asked(_APPENDED))[0]
        if appended == size:
            yield None
            return
        async with self._database.batch() as connection:
            step = await self._locked(connection)
            if step is not None:  # what was appended since goes with the next step
                await step.read(min(step.size + limit, appended))
            yield step

    async def _locked(self, connection: AsyncConnection) -> SqlIntegration | None:
        """The tree's state, locked; None where another has it. On SQLite the transaction itself is the lock."""
        is_sqlite = self._database.sqlite
        question = _HEAD if is_sqlite else f"{_HEAD} FOR UPDATE SKIP LOCKED"
        states = await _ask(connection, question, is_sqlite=is_sqlite)
        if not states:
            return None
        size, peaks = states[0]
        return SqlIntegration(connection, size, _peaks(peaks), is_sqlite=is_sqlite)

    async def subtree_tiles(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], bytes]:
        """As the port says."""
        async with self._database.read() as connection:
            return await _tiles(connection, keys)

    async def leaf_hashes(self, start: int, end: int) -> list[bytes]:
        """As the port says."""
        return [row[0] for row in await self._asked(_HASHES, start, end)]

    async def head(self) -> tuple[int, Sequence[bytes]]:
        """As the port says."""
        size, peaks = (await self._asked(_HEAD))[0]
        return size, _peaks(peaks)

    async def checkpoint(self) -> str | None:
        """As the port says."""
        newest = await self._asked(_CHECKPOINT)
        return newest[0][0] if newest else None

    async def publish(self, head: Head, note: str) -> bool:
        """As the port says."""
        dialect = sqlite if self._database.sqlite else postgresql
        put = dialect.insert(t.checkpoint).on_conflict_do_nothing().values(size=head.size, note=note)
        async with self._database.write() as connection:
            largest = (await connection.execute(select(func.max(t.checkpoint.c.size)))).scalar_one()
            if largest is not None and largest >= head.size:
                return False
            return (await connection.execute(put.returning(t.checkpoint.c.size))).first() is not None


class SqlLeases:
    """A `ports.Leases` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def acquire(self, name: str, holder: str, now: int, until: int) -> bool:
        """As the port says."""
        length = until - now
        if not self._database.sqlite:
            async with self._database.asking() as connection:  # one statement, which commits by itself
                return bool(await fetch(connection, _ACQUIRE_POSTGRESQL, name, holder, length))
        async with self._database.write() as connection:
            return bool(await _ask(connection, _ACQUIRE_SQLITE, name, holder, length, now, is_sqlite=True))

    async def release(self, name: str, holder: str) -> None:
        """As the port says."""
        async with self._database.write() as connection:
            await connection.execute(delete(t.lease).where(t.lease.c.name == name, t.lease.c.holder == holder))
