"""Every act of a person or of the service, as a row that is added and never changed.

`who` is a member of staff's name, `service`, or the address that a message came from; `act` is one word or a few,
`subject` names what it was done to (a notice's number, a reference), `why` is in the actor's words. No content.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat.registry.tables import METADATA

SERVICE: Final = "service"
_WIDE: Final = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself in an INTEGER alone."""

audit: Final = Table(
    "audit",
    METADATA,
    Column("id", _WIDE, primary_key=True, autoincrement=True),
    Column("time", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index("ix_audit_time", "time"),
    Index("ix_audit_subject", "subject"),
)


@dataclass(frozen=True, slots=True)
class Act:
    """One row. `time` in seconds since the epoch."""

    id: int
    time: int
    who: str
    act: str
    subject: str
    why: str


async def note(connection: AsyncConnection, *, time: int, who: str, act: str, subject: str, why: str = "") -> None:
    """Add an act, in the transaction of what it did."""
    await connection.execute(insert(audit).values(time=time, who=who, act=act, subject=subject, why=why))


async def acts(
    connection: AsyncConnection, *, since: int = 0, who: str = "", subject: str = "", limit: int = 1000
) -> Sequence[Act]:
    """The newest acts, newest first: from `since` on, of one person, about one subject, where those are given."""
    query = select(audit).where(audit.c.time >= since)
    if who:
        query = query.where(audit.c.who == who)
    if subject:
        query = query.where(audit.c.subject == subject)
    rows = await connection.execute(query.order_by(audit.c.id.desc()).limit(limit))
    return [Act(*row) for row in rows]
