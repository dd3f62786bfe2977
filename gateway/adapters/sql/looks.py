"""What the console looks at besides messages, on SQL (`gateway.ports_looks`).

Clocks are read one state at a time, each by an index that goes on by when they are due, and the pages are merged: what
a page costs does not grow with the clocks that have ended.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, case, select, text, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import QueuePool

from gateway.adapters.sql import tables as t
from gateway.adapters.sql.clocks import read_clock
from gateway.adapters.sql.database import Database
from gateway.clocks import Clock, State
from gateway.ports_looks import ANSWERS, Approval, Awaited, Condition, Presence, Replica
from schemas.directory import Link
from schemas.identity import Address

_CLOCK: Final = t.answer_clock.c
_ORDER: Final = _CLOCK.due, _CLOCK.query, _CLOCK.bureau, _CLOCK.recipient
_REPLICAS: Final = text(
    "SELECT application_name, coalesce(state, '') AS state, extract(epoch FROM replay_lag) AS lag "
    "FROM pg_stat_replication"
)
_SESSIONS: Final = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")


class SqlLooks:
    """A `gateway.ports_looks.Looks` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def awaited(self, asked: Awaited) -> Sequence[Clock]:
        """As the port says."""
        found: list[Clock] = []
        async with self._database.read() as connection:
            for state in sorted(asked.states):
                rows = await connection.execute(_of_state(asked, state))
                found += map(read_clock, rows)
        return sorted(found, key=lambda one: (one.due, *one.key))[: asked.limit]

    async def answer_times(self) -> Mapping[Address, Sequence[int]]:
        """As the port says."""
        last = (
            select(_CLOCK.bureau, _CLOCK.answer, _CLOCK.opened)
            .where(_CLOCK.state == str(State.ANSWERED))
            .order_by(_CLOCK.due.desc())
            .limit(ANSWERS)
            .subquery()
        )
        took = select(last.c.bureau, (t.message.c.received - last.c.opened).label("took"))
        found: dict[Address, list[int]] = defaultdict(list)
        async with self._database.read() as connection:
            for row in await connection.execute(took.join(t.message, t.message.c.digest == last.c.answer)):
                found[Address(row.bureau)].append(max(0, int(row.took)))
        return found

    async def presences(self) -> Mapping[Address, Presence]:
        """As the port says."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select(t.presence))).all()
        return {Address(row.link): Presence(Address(row.link), row.time, Link(row.way), row.agent) for row in rows}

    async def heard(self, seen: Sequence[Presence]) -> None:
        """As the port says."""
        table = t.presence
        put = (sqlite if self._database.sqlite else postgresql).insert(table)
        fresh = put.excluded
        agent = case((fresh.agent == "", table.c.agent), else_=fresh.agent)
        kept = put.on_conflict_do_update(
            index_elements=["link"],
            set_={"time": fresh.time, "way": fresh.way, "agent": agent},
            where=table.c.time <= fresh.time,
        )
        rows = [
            {"link": str(one.link), "time": one.time, "way": str(one.way), "agent": one.agent}
            for one in sorted(seen, key=lambda one: one.link)
        ]
        if rows:
            async with self._database.write() as connection:
                await connection.execute(kept, rows)

    async def condition(self) -> Condition:
        """As the port says."""
        begun = time.monotonic()
        pool = self._database.engine.pool
        counted = (pool.size(), pool.checkedout()) if isinstance(pool, QueuePool) else (1, 0)
        async with self._database.read() as connection:

            async def one(statement: str) -> Any:  # noqa: ANN401  # whatever the database says
                return (await connection.execute(text(statement))).scalar_one()

            revision = str(await one("SELECT version_num FROM alembic_version"))
            if self._database.sqlite:
                product = f"SQLite {await one('SELECT sqlite_version()')}"
                size = int(await one("PRAGMA page_count")) * int(await one("PRAGMA page_size"))
                sessions, replicas = None, []
            else:
                product = f"PostgreSQL {str(await one('SHOW server_version')).partition(' ')[0]}"
                size = int(await one("SELECT pg_database_size(current_database())"))
                sessions = int((await connection.execute(_SESSIONS)).scalar_one())
                replicas = [
                    Replica(row.application_name, row.state, None if row.lag is None else float(row.lag))
                    for row in await connection.execute(_REPLICAS)
                ]
        took = (time.monotonic() - begun) * 1000
        return Condition(product, size, revision, *counted, sessions, tuple(replicas), took)


def _of_state(asked: Awaited, state: State) -> Select[*tuple[Any, ...]]:
    page = select(t.answer_clock).where(_CLOCK.state == str(state)).order_by(*_ORDER).limit(asked.limit)
    if asked.bureau is not None:
        page = page.where(_CLOCK.bureau == asked.bureau)
    if asked.urgency is not None:
        page = page.where(_CLOCK.urgency == str(asked.urgency))
    if asked.after is not None:
        due, query, recipient = asked.after
        # The first part lets the index begin at the right place; the second breaks ties.
        last = tuple_(due, query, str(recipient.bureau), str(recipient))
        page = page.where(_CLOCK.due >= due, tuple_(*_ORDER) > last)
    return page


class SqlApprovals:
    """A `gateway.ports_looks.Approvals` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def bring(self, approval: Approval) -> None:
        """As the port says."""
        put = (sqlite if self._database.sqlite else postgresql).insert(t.approval)
        row = {
            name: getattr(approval, name) for name in ("id", "act", "subject", "made", "statement", "account", "why")
        }
        more = put.on_conflict_do_update(index_elements=["id"], set_={"statement": put.excluded.statement})
        async with self._database.write() as connection:
            await connection.execute(more, row)

    async def approval(self, id_: bytes) -> Approval | None:
        """As the port says."""
        found = await self._all(_approvals().where(t.approval.c.id == id_))
        return found[0] if found else None

    async def approvals(self, since: int, before: tuple[int, bytes] | None, limit: int) -> Sequence[Approval]:
        """As the port says."""
        order = t.approval.c.made, t.approval.c.id
        page = _approvals().where(t.approval.c.made >= since).order_by(*(one.desc() for one in order)).limit(limit)
        if before is not None:
            page = page.where(t.approval.c.made <= before[0], tuple_(*order) < tuple_(*before))
        return await self._all(page)

    async def about(self, act: str, subject: bytes) -> Sequence[Approval]:
        """As the port says."""
        named = _approvals().where(t.approval.c.act == act, t.approval.c.subject == subject)
        found = await self._all(named.order_by(t.approval.c.made.desc()).limit(100))
        return [one for one in found if not one.used]

    async def _all(self, statement: Select[*tuple[Any, ...]]) -> list[Approval]:
        async with self._database.read() as connection:
            return [_approval(row) for row in await connection.execute(statement)]


def _approvals() -> Select[*tuple[Any, ...]]:
    used = t.used_request.c.hash
    joined = t.approval.outerjoin(t.used_request, used == t.approval.c.id)
    return select(t.approval, used.is_not(None).label("used")).select_from(joined)


def _approval(row: Row[*tuple[Any, ...]]) -> Approval:
    plain = row.act, row.subject, row.made, row.statement, row.account, row.why
    return Approval(row.id, *plain, used=bool(row.used))
