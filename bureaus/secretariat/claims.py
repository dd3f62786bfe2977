"""Totals as somebody claimed them: each with its date and its source, side by side, and none merged with another.

Published totals of the same operations differ (a fact sheet of January 2018 says 480 arrested and 320 located, a report
of December 2017 says 540 and 300); both are kept as they stand. Our own count is a claim among them, as of its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import exists, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.exercises import catalogue
from bureaus.secretariat import reports, tally
from bureaus.secretariat.registry import audit
from bureaus.secretariat.registry.results import claim
from schemas.errors import Misuse
from schemas.messages.codes import ResultKind

ALL: Final = "infra"
"""The scope of totals over all INFRA operations."""
OURS: Final = "reported to the secretariat"


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody says that something came to; None where it is not said."""

    scope: str
    """An operation's id, or `infra`."""
    source: str
    published: str
    """A date as far as known."""
    arrested: int | None = None
    located: int | None = None
    identified: int | None = None
    rescued: int | None = None
    seized: int | None = None

    def said(self) -> dict[str, int]:
        """What it says, by kind of result."""
        return {name: count for name in map(str, ResultKind) if (count := asdict(self)[name]) is not None}


async def add(connection: AsyncConnection, made: Claim, *, who: str, now: int) -> bool:
    """Keep a claim: False where it is there.

    Raises:
        Misuse: the same source said something else on the same date: a source has one word a date.
    """
    same = claim.c.scope == made.scope, claim.c.source == made.source, claim.c.published == made.published
    if (await connection.execute(select(exists().where(*same)))).scalar_one():
        if made in await claims(connection, made.scope):
            return False
        raise Misuse(f"{made.source} of {made.published} is there, and says something else")
    await connection.execute(insert(claim).values(**asdict(made), who=who, time=now))
    why = f"{made.source}, {made.published}"
    await audit.note(connection, time=now, who=who, act="added a claim", subject=made.scope, why=why)
    return True


async def claims(connection: AsyncConnection, scope: str) -> list[Claim]:
    """What is claimed of one scope, by date and source."""
    query = select(claim).where(claim.c.scope == scope).order_by(claim.c.published, claim.c.source)
    return [
        Claim(
            row.scope,
            row.source,
            row.published,
            row.arrested,
            row.located,
            row.identified,
            row.rescued,
            row.seized,
        )
        for row in await connection.execute(query)
    ]


async def side_by_side(connection: AsyncConnection, scope: str, now: int) -> Sequence[Claim]:
    """Every claim of a scope, and our own count where bureaus reported anything."""
    found = await claims(connection, scope)
    cases = await reports.standing(connection, scope)
    if cases:
        day = datetime.fromtimestamp(now, UTC).date().isoformat()
        found.append(Claim(scope, OURS, day, **asdict(tally.totals(cases))))
    return found


def published() -> list[Claim]:
    """The public totals over all INFRA operations that this package knows."""
    return [
        Claim(ALL, one.source, one.published, arrested=one.arrested, located=one.located) for one in catalogue.totals()
    ]
