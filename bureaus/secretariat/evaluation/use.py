"""How bureaus used the databases, and who was silent: from the log of questions, the hits and the duty desk's silences.

Rules: no person and no document is in these tables; a false hit is one that its owner said is not valid; what is still
in process is neither. Times of answers are the service's own, from the handler's begin; those of confirmations are from
the question to the owner's last word.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat.registry.databases import hit, log
from bureaus.secretariat.registry.duty import silence
from bureaus.secretariat.registry.relays import relay
from schemas.identity import Address
from schemas.messages.search_codes import Search, Validity

if TYPE_CHECKING:
    from pydantic import JsonValue


TICK: Final = 100
"""Microseconds to which times of answers are told apart: so many as there are of each, and no list of all."""


@dataclass(slots=True)
class Times:
    """How long things took: how many took so many ticks."""

    seconds: float
    """Of one tick."""
    counts: Counter[int] = field(default_factory=Counter)

    def quantile(self, share: float) -> float | None:
        """The smallest that a `share` of all do not exceed, in seconds to the tenth of a millisecond; None for none."""
        left = max(1, math.ceil(share * self.counts.total()))
        for ticks in sorted(self.counts):
            left -= self.counts[ticks]
            if left <= 0:
                return round(ticks * self.seconds, 4)
        return None

    def to_json(self) -> dict[str, JsonValue]:
        """Median and 99th percentile."""
        return {"median": self.quantile(0.5), "p99": self.quantile(0.99)}


@dataclass(slots=True)
class Use:
    """One bureau's, its units' with it."""

    questions: int = 0
    urgent: int = 0
    hits: int = 0
    candidates: int = 0
    confirmed: int = 0
    false_hits: int = 0
    """Of its questions: the owner said that the record is not valid."""
    answering: Times = field(default_factory=lambda: Times(TICK / 1_000_000))
    """How long each of its answers took."""
    asked_of: int = 0
    """Hits on its own records whose confirmation it was asked for."""
    unanswered: int = 0
    """Of those, such as it has said no last word on."""
    confirming: Times = field(default_factory=lambda: Times(1.0))
    """Until its last word."""
    silences: int = 0
    """Attested of it in this operation, and told to the duty desk."""

    def to_json(self) -> dict[str, JsonValue]:
        """With the quantiles in place of every time."""
        return {
            "questions": self.questions,
            "urgent": self.urgent,
            "hits": self.hits,
            "candidates": self.candidates,
            "confirmed": self.confirmed,
            "false_hits": self.false_hits,
            "answer_seconds": self.answering.to_json(),
            "asked_of": self.asked_of,
            "unanswered": self.unanswered,
            "confirmation_seconds": self.confirming.to_json(),
            "silences": self.silences,
        }


async def use(
    connection: AsyncConnection, *, since: int, until: int, operation: str, bureaus: Collection[str]
) -> dict[str, Use]:
    """The use by each of these bureaus, from `since` to before `until`, in seconds since the epoch.

    The engine counts; what comes from it is bounded by bureaus and by how many times are different.
    """
    found: defaultdict[str, Use] = defaultdict(Use)
    for row in await connection.execute(_questions(since, until)):
        one = found[row.bureau]
        one.questions += row.many
        one.urgent += row.urgent
        one.hits += row.hits
        one.candidates += row.candidates
        one.answering.counts[row.ticks] += row.many
    for row in await connection.execute(_hits(since, until)):
        asker, owner = found[row.bureau], found[Address(row.owner).bureau]
        asker.confirmed += row.many if row.state == Validity.CONFIRMED else 0
        asker.false_hits += row.many if row.state == Validity.NOT_VALID else 0
        if row.state in _CLOCKED:
            owner.asked_of += row.many
            owner.unanswered += row.many if row.took is None else 0
            if row.took is not None:
                owner.confirming.counts[row.took] += row.many
    attested = select(silence.c.asked, func.count()).where(silence.c.operation == operation).group_by(silence.c.asked)
    for asked, many in await connection.execute(attested):
        found[Address(asked).bureau].silences += many
    return {bureau: found[bureau] for bureau in sorted(found) if bureau in bureaus}


def _questions(since: int, until: int) -> Select[Any]:
    """Questions by bureau and by how long the answer took, in ticks."""
    ticks = (log.c.microseconds // TICK).label("ticks")
    return (
        select(
            log.c.bureau,
            ticks,
            func.count().label("many"),
            _how_many(log.c.urgent).label("urgent"),
            _how_many(log.c.result == Search.HIT).label("hits"),
            _how_many(log.c.result == Search.CANDIDATES).label("candidates"),
        )
        .where(log.c.time >= since, log.c.time < until)
        .group_by(log.c.bureau, "ticks")
    )


def _hits(since: int, until: int) -> Select[Any]:
    """Hits by whose they are, by their state and by the seconds until the owner's last word."""
    took = (hit.c.answered - hit.c.time).label("took")
    parts = (hit.c.bureau, hit.c.owner, hit.c.state, took)
    query = select(*parts, func.count().label("many"))
    return query.where(hit.c.time >= since, hit.c.time < until).group_by(*parts)


def _how_many(where: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((where, 1), else_=0))


_CLOCKED = frozenset({"asked", *map(str, Validity)})
"""States of a hit whose owner was asked to confirm it."""


async def relays(connection: AsyncConnection, operation: str) -> Mapping[str, int]:
    """How many relays of the operation came to what."""
    query = select(relay.c.state, func.count()).where(relay.c.operation == operation).group_by(relay.c.state)
    return {str(state): int(count) for state, count in await connection.execute(query)}
