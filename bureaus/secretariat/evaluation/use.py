"""How bureaus used the databases, and who was silent: from the log of questions, the hits and the duty desk's silences.

Rules: no person and no document is in these tables; a false hit is one that its owner said is not valid; what is still
in process is neither. Times of answers are the service's own, from the handler's begin; those of confirmations are from
the question to the owner's last word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.exercises.report import quantile
from bureaus.secretariat.registry.databases import hit, log
from bureaus.secretariat.registry.duty import silence
from bureaus.secretariat.registry.relays import relay
from schemas.identity import Address
from schemas.messages.search_codes import Search, Validity

if TYPE_CHECKING:
    from pydantic import JsonValue


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
    seconds: list[float] = field(default_factory=list)
    """How long each of its answers took."""
    asked_of: int = 0
    """Hits on its own records whose confirmation it was asked for."""
    unanswered: int = 0
    """Of those, such as it has said no last word on."""
    confirming: list[float] = field(default_factory=list)
    """Seconds to its last word."""
    silences: int = 0
    """Attested of it in this operation, and told to the duty desk."""

    def to_json(self) -> dict[str, JsonValue]:
        """With the quantiles in place of every time."""
        answers, confirmed = sorted(self.seconds), sorted(self.confirming)
        return {
            "questions": self.questions,
            "urgent": self.urgent,
            "hits": self.hits,
            "candidates": self.candidates,
            "confirmed": self.confirmed,
            "false_hits": self.false_hits,
            "answer_seconds": {"median": _exact(answers, 0.5), "p99": _exact(answers, 0.99)},
            "asked_of": self.asked_of,
            "unanswered": self.unanswered,
            "confirmation_seconds": {"median": quantile(confirmed, 0.5), "p99": quantile(confirmed, 0.99)},
            "silences": self.silences,
        }


def _exact(ordered: list[float], share: float) -> float | None:
    """As `quantile`, to the microsecond."""
    found = quantile([1000 * one for one in ordered], share)
    return None if found is None else round(found / 1000, 6)


async def use(
    connection: AsyncConnection, *, since: int, until: int, operation: str, bureaus: Collection[str]
) -> dict[str, Use]:
    """The use by each of these bureaus, from `since` to before `until`, in seconds since the epoch."""
    found: defaultdict[str, Use] = defaultdict(Use)
    for row in await connection.execute(select(log).where(log.c.time >= since, log.c.time < until)):
        one = found[row.bureau]
        one.questions += 1
        one.urgent += row.urgent
        one.hits += row.result == Search.HIT
        one.candidates += row.result == Search.CANDIDATES
        one.seconds.append(row.microseconds / 1_000_000)
    for row in await connection.execute(select(hit).where(hit.c.time >= since, hit.c.time < until)):
        asker, owner = found[row.bureau], found[Address(row.owner).bureau]
        asker.confirmed += row.state == Validity.CONFIRMED
        asker.false_hits += row.state == Validity.NOT_VALID
        if row.state in _CLOCKED:
            owner.asked_of += 1
            owner.unanswered += row.answered is None
            owner.confirming += [] if row.answered is None else [float(row.answered - row.time)]
    for row in await connection.execute(select(silence).where(silence.c.operation == operation)):
        found[Address(row.asked).bureau].silences += 1
    return {bureau: found[bureau] for bureau in sorted(found) if bureau in bureaus}


_CLOCKED = frozenset({"asked", *map(str, Validity)})
"""States of a hit whose owner was asked to confirm it."""


async def relays(connection: AsyncConnection, operation: str) -> Mapping[str, int]:
    """How many relays of the operation came to what."""
    query = select(relay.c.state, func.count()).where(relay.c.operation == operation).group_by(relay.c.state)
    return {str(state): int(count) for state, count in await connection.execute(query)}
