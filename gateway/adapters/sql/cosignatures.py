"""What witnesses are asked and what they signed, on SQL (`gateway.ports_witnesses.Cosignatures`)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.adapters.sql import tables as t
from gateway.adapters.sql.database import Database
from gateway.ports_witnesses import Offered


class SqlCosignatures:
    """A `gateway.ports_witnesses.Cosignatures` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self) -> str | None:
        """As the port says."""
        newest = select(t.checkpoint.c.note).order_by(t.checkpoint.c.size.desc()).limit(1)
        async with self._database.read() as connection:
            return (await connection.execute(newest)).scalar_one_or_none()

    async def published(self, size: int) -> str | None:
        """As the port says."""
        async with self._database.read() as connection:
            found = await connection.execute(select(t.checkpoint.c.note).where(t.checkpoint.c.size == size))
            return found.scalar_one_or_none()

    async def offer(self, size: int, time: int, keep: int) -> None:
        """As the port says."""
        dialect = sqlite if self._database.sqlite else postgresql
        stay = select(t.offered.c.size).order_by(t.offered.c.size.desc()).limit(keep).scalar_subquery()
        async with self._database.write() as connection:
            put = dialect.insert(t.offered).values(size=size, time=time).on_conflict_do_nothing()
            await connection.execute(put)
            await connection.execute(delete(t.cosignature).where(t.cosignature.c.size.not_in(stay)))
            await connection.execute(delete(t.offered).where(t.offered.c.size.not_in(stay)))

    async def offered(self, limit: int) -> Sequence[Offered]:
        """As the port says."""
        newest = (
            select(t.offered, t.checkpoint.c.note)
            .join(t.checkpoint, t.checkpoint.c.size == t.offered.c.size)
            .order_by(t.offered.c.size.desc())
            .limit(limit)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(newest)).all()
            sizes = [row.size for row in rows]
            lines: dict[int, list[tuple[str, str]]] = {size: [] for size in sizes}
            if sizes:
                cosigned = t.cosignature
                asked = select(cosigned).where(cosigned.c.size.in_(sizes)).order_by(cosigned.c.witness)
                for row in (await connection.execute(asked)).all():
                    lines[row.size].append((row.witness, row.line))
        return [Offered(row.size, row.time, row.note, tuple(lines[row.size])) for row in rows]

    async def cosign(self, size: int, witness: str, line: str, time: int) -> bool:
        """As the port says."""
        dialect = sqlite if self._database.sqlite else postgresql
        put = dialect.insert(t.cosignature).on_conflict_do_nothing()
        put = put.values(size=size, witness=witness, line=line, time=time)
        async with self._database.write() as connection:
            there = await connection.execute(select(t.offered.c.size).where(t.offered.c.size == size))
            if there.first() is None:
                return False
            return (await connection.execute(put.returning(t.cosignature.c.size))).first() is not None
