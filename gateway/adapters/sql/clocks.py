"""Answer clocks and attestations on SQL: what a transaction writes, and what is read.

What a step costs does not grow with the clocks that are open: due ones are found by the index of those that time still
moves, those of an answer by their key, and no query counts or sorts all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import Row, Select, bindparam, delete, func, insert, literal_column, select, tuple_, update
from sqlalchemy.sql.elements import BindParameter

from gateway.adapters.sql import tables as t
from gateway.adapters.sql.database import Database
from gateway.adapters.sql.statements import SqlStatements
from gateway.adapters.sql.tables import Place
from gateway.clocks import OPEN, Attested, Clock, State, Terms
from schemas.codes import Urgency
from schemas.directory import Link
from schemas.errors import Reason
from schemas.identity import Address

_KEY: Final = t.answer_clock.c.query, t.answer_clock.c.bureau, t.answer_clock.c.recipient
_SILENT: Final = (State.OVERDUE, State.ESCALATED)


class _ClockRow(NamedTuple):
    """A row of the table, of those that the driver itself gives."""

    query: bytes
    bureau: str
    recipient: str
    sender: str
    operation: str
    kind: str
    urgency: str
    opened: int
    due: int
    default_seconds: int
    longest_seconds: int
    reminders: str
    requests: int
    state: str
    stage: int
    next_at: int | None
    answer: bytes | None
    reason: str | None


_LOCK: Final = f"""
    SELECT {", ".join(_ClockRow._fields)} FROM answer_clock
    WHERE (query, bureau) IN (SELECT * FROM unnest($1::bytea[], $2::text[])) AND /*after*/ TRUE
    ORDER BY query, bureau, recipient FOR UPDATE
"""  # noqa: S608  # names of our own columns
_SAVE: Final = """
    UPDATE answer_clock SET state = item.state, stage = item.stage, due = item.due, next_at = item.next_at,
        answer = item.answer, reason = item.reason
    FROM unnest(
        $1::bytea[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::bigint[], $7::bigint[], $8::bytea[],
        $9::text[]
    ) AS item(query, bureau, recipient, state, stage, due, next_at, answer, reason)
    WHERE answer_clock.query = item.query AND answer_clock.bureau = item.bureau
        AND answer_clock.recipient = item.recipient
"""
_KEY_OF: Final = itemgetter(0, 1, 2)
"""Of a row's values: query, bureau and recipient, as `Clock.key`."""
_MOVING: Final = ("query", "bureau", "recipient", "state", "stage", "due", "next_at", "answer", "reason")


class SqlClocks(SqlStatements):
    """`ports_clocks.ClockWrites` on one connection."""

    _opened: frozenset[bytes] = frozenset()
    """Queries whose clocks were opened in this transaction."""

    async def open_clocks(self, clocks: Sequence[Clock]) -> None:
        """As the port says."""
        self._opened |= {clock.query for clock in clocks}
        self._put(t.answer_clock, _ClockRow._fields, _rows(clocks))

    async def lock_clocks(self, keys: Sequence[tuple[bytes, Address]]) -> list[Clock]:
        """As the port says."""
        wanted = sorted(set(keys))
        if not wanted:
            return []
        if not self._sqlite:
            queries, bureaus = zip(*wanted, strict=True)
            if not self._opened.isdisjoint(queries):  # what was opened just now is not seen within the same statement
                await self.finish()
            locked = await self._together.ask(_LOCK, queries, [str(bureau) for bureau in bureaus])
            return [read_clock(_ClockRow(*row)) for row in locked]
        chosen = select(t.answer_clock).where(tuple_(*_KEY[:2]).in_(wanted)).order_by(*_KEY)
        return [read_clock(row) for row in await self._connection.execute(chosen)]

    async def due_clocks(self, now: int, limit: int) -> list[Clock]:
        """As the port says."""
        rows = await self._connection.execute(due_clocks(now, limit))
        return [read_clock(row) for row in rows]

    async def save_clocks(self, clocks: Sequence[Clock]) -> None:
        """As the port says."""
        if not clocks:
            return
        saved = _rows(clocks)
        if not self._sqlite:
            columns = dict(zip(_ClockRow._fields, zip(*saved, strict=True), strict=True))
            self._together.post(_SAVE, *(columns[name] for name in _MOVING))
            return
        named = {column: column == bindparam(f"k_{column.name}") for column in _KEY}
        changed: dict[str, BindParameter[Any]] = {name: bindparam(f"v_{name}") for name in _MOVING[3:]}
        names = {name: f"{'k' if name in _MOVING[:3] else 'v'}_{name}" for name in _MOVING}
        values = [{names[n]: v for n, v in zip(_ClockRow._fields, row, strict=True) if n in names} for row in saved]
        await self._connection.execute(update(t.answer_clock).where(*named.values()).values(changed), values)

    async def put_attestations(self, attestations: Sequence[Attested]) -> None:
        """As the port says."""
        if attestations:
            await self._connection.execute(insert(t.attestation), [_attestation(one) for one in attestations])


class ClockReads:
    """`ports_clocks.ClockReads` on one database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def clocks(self, query: bytes) -> list[Clock]:
        """As the port says."""
        chosen = select(t.answer_clock).where(t.answer_clock.c.query == query).order_by(*_KEY)
        async with self.database.read() as connection:
            return [read_clock(row) for row in await connection.execute(chosen)]

    async def overdue(self, after: Clock | None, limit: int) -> list[Clock]:
        """As the port says."""
        silent = [str(state) for state in _SILENT]
        order = t.answer_clock.c.due, *_KEY
        chosen = select(t.answer_clock).where(t.answer_clock.c.state.in_(silent)).order_by(*order).limit(limit)
        if after is not None:
            chosen = chosen.where(tuple_(*order) > tuple_(after.due, after.query, *map(str, after.key[1:])))
        async with self.database.read() as connection:
            return [read_clock(row) for row in await connection.execute(chosen)]

    async def clock_states(self) -> Mapping[State, int]:
        """As the port says."""
        state, wanted = t.answer_clock.c.state, [str(one) for one in (*sorted(OPEN), *_SILENT)]
        counted = select(state, func.count()).where(state.in_(wanted)).group_by(state)
        async with self.database.read() as connection:
            return {State(row[0]): int(row[1]) for row in await connection.execute(counted)}

    async def attested_inboxes(self, after: int, limit: int) -> Mapping[Address, int]:
        """As the port says."""
        table = t.attestation
        newer = (
            select(table.c.idx, table.c.inbox)
            .where(table.c.idx > after, table.c.state == Place.INBOX.value)
            .order_by(table.c.idx)
            .limit(limit)
        )
        async with self.database.read() as connection:
            return {Address(row.inbox): row.idx for row in await connection.execute(newer)}

    async def lease_attestations(self, now: int, lease: int, limit: int) -> list[Attested]:
        """As the port says."""
        table = t.attestation
        chosen = (
            select(table)
            .where(table.c.state == literal_column(str(Place.PENDING.value)), table.c.lease_until <= now)
            .order_by(table.c.lease_until, table.c.idx)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self.database.write() as connection:
            rows = (await connection.execute(chosen)).all()
            if rows:
                leased = _one_attestation().values(lease_until=now + lease)
                await connection.execute(leased, [{"i": row.idx, "b": row.inbox} for row in rows])
        return [Attested(row.idx, Address(row.inbox), Link(row.link), row.statement, row.created) for row in rows]

    async def mark_attested(self, placed: Sequence[Attested]) -> None:
        """As the port says."""
        if placed:
            rows = [{"i": one.index, "b": str(one.inbox)} for one in sorted(placed, key=lambda one: one.index)]
            async with self.database.write() as connection:
                await connection.execute(_one_attestation().values(state=Place.PLACED.value), rows)

    async def forget_attestations(self, before: int, limit: int) -> int:
        """As the port says."""
        table = t.attestation
        key = table.c.idx, table.c.inbox
        old = select(*key).where(table.c.created < before).order_by(table.c.created).limit(limit)
        async with self.database.write() as connection:
            gone = await connection.execute(delete(table).where(tuple_(*key).in_(old)))
        return int(gone.rowcount)


def due_clocks(now: int, limit: int) -> Select[*tuple[Any, ...]]:
    """Clocks whose time came: the partial index gives them, in its order."""
    when = t.answer_clock.c.next_at
    chosen = select(t.answer_clock).where(when.is_not(None), when <= now).order_by(when).limit(limit)
    return chosen.with_for_update(skip_locked=True)


def _one_attestation() -> Any:  # noqa: ANN401  # SQLAlchemy's update is generic in what it never says
    table = t.attestation
    return update(table).where(table.c.idx == bindparam("i"), table.c.inbox == bindparam("b"))


def _attestation(one: Attested) -> dict[str, object]:
    state = Place.INBOX if one.link is Link.HTTP else Place.PENDING
    return {
        "idx": one.index,
        "inbox": str(one.inbox),
        "link": str(one.link),
        "statement": one.statement,
        "state": state.value,
        "lease_until": 0,
        "created": one.created,
    }


def _rows(clocks: Sequence[Clock]) -> list[tuple[object, ...]]:
    """The rows of clocks, in the order in which everybody locks them."""
    return sorted(map(_row, clocks), key=_KEY_OF)


def _row(clock: Clock) -> tuple[object, ...]:
    """A clock's values as `_ClockRow` names them: a plain tuple, since columns are made of many of them at once."""
    terms, reason = clock.terms, clock.reason
    return (
        clock.query,
        str(clock.recipient.bureau),
        str(clock.recipient),
        str(clock.sender),
        clock.operation,
        clock.kind,
        str(clock.urgency),
        clock.opened,
        clock.due,
        terms.default,
        terms.longest,
        _words(terms.reminders),
        terms.requests,
        str(clock.state),
        clock.stage,
        clock.next_at,
        clock.answer,
        None if reason is None else str(reason),
    )


@lru_cache(maxsize=256)  # a directory says for each operation which
def _words(reminders: tuple[int, ...]) -> str:
    return " ".join(map(str, reminders))


def read_clock(row: Row[*tuple[Any, ...]] | _ClockRow) -> Clock:
    """A row of the table."""
    reminders = tuple(map(int, row.reminders.split()))
    return Clock(
        bytes(row.query),
        Address(row.recipient),
        Address(row.sender),
        row.operation,
        row.kind,
        Urgency(row.urgency),
        row.opened,
        row.due,
        Terms(row.default_seconds, row.longest_seconds, reminders, row.requests),
        State(row.state),
        row.stage,
        row.next_at,
        row.answer,
        None if row.reason is None else Reason(row.reason),
    )
