"""The integrated part of the ledger on SQL (`ports.Tree`), and who does a chore (`ports.Leases`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Executable,
    String,
    and_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.sql import tables as t
from gateway.adapters.sql.database import Database
from schemas.claims import Head
from schemas.merkle import HASH_SIZE

_WIDTH: Final = 256
_SERVER_NOW: Final = cast(func.extract("epoch", func.clock_timestamp()) * 1000, BigInteger)
"""PostgreSQL's clock in milliseconds: those of the processes may differ by minutes."""


def _acquiring(put: sqlite.Insert | postgresql.Insert, here: ColumnElement[int]) -> Executable:
    """Take or keep a lease: made once, since building it costs more than asking it, and each chore asks."""
    holder, until = bindparam("by", type_=String), here + bindparam("length", type_=BigInteger)
    put = put.values(name=bindparam("wanted", type_=String), holder=holder, until=until)
    free = (t.lease.c.holder == holder) | (t.lease.c.until <= here)
    again = put.on_conflict_do_update(index_elements=["name"], set_={"holder": holder, "until": until}, where=free)
    return again.returning(t.lease.c.name)


_ACQUIRE_SQLITE: Final = _acquiring(sqlite.insert(t.lease), bindparam("now", type_=BigInteger))
_ACQUIRE_POSTGRESQL: Final = _acquiring(postgresql.insert(t.lease), _SERVER_NOW)


def _peaks(data: bytes) -> list[bytes]:
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]


async def _hashes(connection: AsyncConnection, start: int, end: int) -> list[bytes]:
    leaf = t.leaf
    statement = select(leaf.c.hash).where(leaf.c.idx >= start, leaf.c.idx < end).order_by(leaf.c.idx)
    return [row.hash for row in (await connection.execute(statement)).all()]


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

    def __init__(
        self,
        connection: AsyncConnection,
        size: int,
        peaks: Sequence[bytes],
        tail: Sequence[bytes],
        leaves: Sequence[bytes],
    ) -> None:
        self._connection = connection
        self.size, self.peaks, self.tail, self.leaves = size, peaks, tail, leaves

    async def tiles(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], bytes]:
        """As the port says."""
        return await _tiles(self._connection, keys)

    async def save(self, size: int, peaks: Sequence[bytes], tiles: Mapping[tuple[int, int], bytes]) -> None:
        """As the port says."""
        await self._connection.execute(update(t.tree_state).values(size=size, peaks=b"".join(peaks)))
        rows = [{"level": level, "idx": index, "hashes": hashes} for (level, index), hashes in tiles.items()]
        if rows:
            await self._connection.execute(insert(t.tile), rows)


class SqlTree:
    """A `ports.Tree` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def integrate(self, limit: int) -> AsyncIterator[SqlIntegration | None]:
        """As the port says."""
        async with self._database.read() as connection:
            grown = select(t.log_seq.c.next - t.tree_state.c.size).join_from(t.log_seq, t.tree_state, true())
            if (await connection.execute(grown)).scalar_one() == 0:
                yield None
                return
        async with self._database.write() as connection:
            state = (await connection.execute(select(t.tree_state).with_for_update(skip_locked=True))).first()
            if state is None:
                yield None
                return
            start = state.size // _WIDTH * _WIDTH
            hashes = await _hashes(connection, start, state.size + limit)
            done = state.size - start
            yield SqlIntegration(connection, state.size, _peaks(state.peaks), hashes[:done], hashes[done:])

    async def subtree_tiles(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], bytes]:
        """As the port says."""
        async with self._database.read() as connection:
            return await _tiles(connection, keys)

    async def leaf_hashes(self, start: int, end: int) -> list[bytes]:
        """As the port says."""
        async with self._database.read() as connection:
            return await _hashes(connection, start, end)

    async def head(self) -> tuple[int, Sequence[bytes]]:
        """As the port says."""
        async with self._database.read() as connection:
            state = (await connection.execute(select(t.tree_state))).one()
            return state.size, _peaks(state.peaks)

    async def checkpoint(self) -> str | None:
        """As the port says."""
        newest = select(t.checkpoint.c.note).order_by(t.checkpoint.c.size.desc()).limit(1)
        async with self._database.read() as connection:
            return (await connection.execute(newest)).scalar_one_or_none()

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
        said = {"wanted": name, "by": holder, "now": now, "length": until - now}
        statement = _ACQUIRE_SQLITE if self._database.sqlite else _ACQUIRE_POSTGRESQL
        async with self._database.write() as connection:
            return (await connection.execute(statement, said)).first() is not None

    async def release(self, name: str, holder: str) -> None:
        """As the port says."""
        async with self._database.write() as connection:
            await connection.execute(delete(t.lease).where(t.lease.c.name == name, t.lease.c.holder == holder))
