"""Counts for the metrics on SQL (`gateway.ports_measures.Measures`): reads alone, over what nobody acknowledged yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Select, func, literal_column, select, true, union_all

from gateway.adapters.sql import tables as t
from gateway.adapters.sql.database import Database
from gateway.ports_measures import Lying, Stage
from schemas.codes import Urgency
from schemas.directory import Link
from schemas.identity import Address

_STAGES: Final[Mapping[t.Stage, Stage]] = {t.Stage.PENDING: Stage.PENDING, t.Stage.CONSIGNED: Stage.CONSIGNED}


class SqlMeasures:
    """A `gateway.ports_measures.Measures` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lying(self) -> Sequence[Lying]:
        """As the port says."""
        asked = union_all(*(lying(stage, sqlite=self._database.sqlite) for stage in _STAGES))
        async with self._database.read() as connection:
            rows = (await connection.execute(asked)).all()
        return [
            Lying(
                Address(row.inbox),
                Link(row.link),
                Urgency(row.urgency),
                _STAGES[t.Stage(row.state)],
                int(row.copies),
                int(row.oldest),
            )
            for row in rows
        ]

    async def set_aside(self) -> tuple[int, int]:
        """As the port says."""
        size = func.coalesce(func.sum(func.length(t.quarantine.c.body)), 0)
        async with self._database.read() as connection:
            row = (await connection.execute(select(func.count().label("items"), size.label("size")))).one()
        return int(row.items), int(row.size)


def lying(stage: t.Stage, *, sqlite: bool) -> Select[tuple[str, str, str, int, int, int]]:
    """What is counted of one stage, as a literal, so that its partial index applies.

    Each copy's message is looked up by its key, whatever PostgreSQL reckons: it would read all messages that there are.
    """
    copies, known = t.delivery, t.message
    same = known.c.digest == copies.c.digest
    of = known if sqlite else select(known.c.urgency, known.c.received).where(same).limit(1).lateral("of")
    by = copies.c.inbox, copies.c.link, of.c.urgency, copies.c.state
    return (
        select(*by, func.count().label("copies"), func.min(of.c.received).label("oldest"))
        .join(of, same if sqlite else true())
        .where(copies.c.state == literal_column(str(stage.value)))
        .group_by(*by)
    )
