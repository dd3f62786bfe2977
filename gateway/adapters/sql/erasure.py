"""Takes sealed parts out of the database for good, within a transaction: which are due, and what becomes of copies.

On PostgreSQL a deleted row's bytes stay in its file until the partition is dropped or written anew
(gateway/adapters/sql/bodies.py); on SQLite they are overwritten at once, and in the write-ahead log when it is emptied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, Row, Select, and_, bindparam, delete, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.sql import tables as t
from gateway.adapters.sql.tables import Stage
from gateway.ports import Held, Placed, Unplaced
from schemas.directory import Link
from schemas.identity import Address


def _locked(*where: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    columns = t.message.c.digest, t.message.c.operation, t.message.c.kind, t.message.c.due
    return select(*columns).where(t.message.c.due.is_not(None), *where).with_for_update()


def _held(rows: Sequence[Row[*tuple[Any, ...]]]) -> list[Held]:
    found = [Held(row.digest, row.operation, row.kind, row.due) for row in rows]
    return sorted(found, key=lambda held: held.digest)


async def held(connection: AsyncConnection, digests: Sequence[bytes]) -> list[Held]:
    """As `ports.Transaction.held`."""
    chosen = _locked(t.message.c.digest.in_(sorted(digests))).order_by(t.message.c.digest)
    return _held((await connection.execute(chosen)).all())


async def due(connection: AsyncConnection, day: int, limit: int) -> list[Held]:
    """As `ports.Transaction.due`: chosen by their day, and locked by their digests, as an order locks them."""
    wanted = t.message.c.due.is_not(None), t.message.c.due <= day
    while True:
        first = select(t.message.c.digest).where(*wanted).order_by(t.message.c.due).limit(limit)
        digests = sorted((await connection.execute(first)).scalars())
        chosen = _locked(t.message.c.digest.in_(digests), t.message.c.due <= day).order_by(t.message.c.digest)
        found = _held((await connection.execute(chosen)).all()) if digests else []
        if found or not digests:  # else an order was quicker with each of them: others may be due
            return found


async def erase(connection: AsyncConnection, digests: Sequence[bytes], *, is_sqlite: bool) -> Unplaced:
    """As `ports.Transaction.erase`."""
    wanted = sorted(digests)
    await connection.execute(delete(t.body).where(_bodies_of(wanted)))
    await connection.execute(update(t.message).where(t.message.c.digest.in_(wanted)).values(due=None))
    await _erase_quarantined(connection, wanted, is_sqlite=is_sqlite)
    return await _end_copies(connection, wanted)


def _bodies_of(digests: Sequence[bytes]) -> ColumnElement[bool]:
    """Each with its day, so that one partition is looked into."""
    days = select(t.message.c.due).where(t.message.c.digest.in_(digests), t.message.c.due.is_not(None))
    return and_(t.body.c.digest.in_(digests), t.body.c.day.in_(days))


async def _erase_quarantined(connection: AsyncConnection, digests: Sequence[bytes], *, is_sqlite: bool) -> None:
    kept = (await connection.execute(select(func.count()).select_from(t.quarantine))).scalar_one()
    if not kept:
        return
    inside = text("instr(body, :statement) > 0" if is_sqlite else "position(:statement in body) > 0")
    gone = delete(t.quarantine).where(inside.bindparams(bindparam("statement", type_=LargeBinary)))
    statements = select(t.message.c.statement).where(t.message.c.digest.in_(digests))
    for row in (await connection.execute(statements)).all():
        await connection.execute(gone, {"statement": row.statement})


async def _end_copies(connection: AsyncConnection, digests: Sequence[bytes]) -> Unplaced:
    copies = t.delivery
    columns = copies.c.digest, copies.c.recipient
    never = and_(copies.c.state == Stage.PENDING.value, copies.c.idx.is_(None))
    on_broker = and_(copies.c.link == str(Link.AMQP), copies.c.state != Stage.FAILED.value)
    chosen = (
        select(*columns, copies.c.inbox, copies.c.link, copies.c.idx)
        .where(copies.c.digest.in_(digests), or_(never, on_broker))
        .order_by(*columns)  # the order in which everybody locks them
        .with_for_update()
    )
    rows = (await connection.execute(chosen)).all()
    if not rows:
        return Unplaced((), frozenset())
    ended = update(copies).where(copies.c.digest == bindparam("d"), copies.c.recipient == bindparam("r"))
    values = [{"d": row.digest, "r": row.recipient} for row in rows]
    await connection.execute(ended.values(state=Stage.FAILED.value), values)
    of = {row.digest: row for row in (await connection.execute(_messages(digests))).all()}
    pending = tuple(
        Placed(row.digest, Address(row.recipient), of[row.digest].operation, of[row.digest].kind)
        for row in rows
        if row.idx is None
    )
    queues = frozenset(Address(row.inbox) for row in rows if row.link == str(Link.AMQP))
    return Unplaced(pending, queues)


def _messages(digests: Sequence[bytes]) -> Select[*tuple[Any, ...]]:
    columns = t.message.c.digest, t.message.c.operation, t.message.c.kind
    return select(*columns).where(t.message.c.digest.in_(digests))
