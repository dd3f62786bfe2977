"""An operation's evaluation: one value, one JSON object. What was not measured is absent, never zero.

Order: results by what bureaus reported; totals as claimed, side by side; the four objectives; quality before and after;
the databases' use by bureau; the network's use by bureau, where a record was given and verifies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat import claims, reports, statements, tally
from bureaus.secretariat.claims import Claim
from bureaus.secretariat.evaluation import use as using
from bureaus.secretariat.evaluation.network import Network
from bureaus.secretariat.evaluation.use import Use
from bureaus.secretariat.quality.survey import Survey, survey
from bureaus.secretariat.tally import Listed, Standing
from schemas.operation import Operation, Role

if TYPE_CHECKING:
    from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All that is known, from `since` to before `until`, in seconds since the epoch."""

    operation: Operation
    since: int
    until: int
    cases: tuple[Standing, ...]
    listed: tuple[Listed, ...]
    claims: tuple[Claim, ...]
    measures: Mapping[str, tuple[int, Mapping[str, int]]]
    quality: Survey
    use: Mapping[str, Use]
    relays: Mapping[str, int]
    network: Network | None

    def by_tag(self) -> dict[str, dict[str, int]]:
        """Cases by tag, and how many of them have a result."""
        tagged = Counter(str(tag) for case in self.listed for tag in case.tags)
        solved = Counter(str(tag) for case in self.cases for tag in case.tags)
        return {tag: {"cases": tagged[tag], "results": solved[tag]} for tag in sorted(tagged)}

    def by_country(self) -> dict[str, int]:
        """Results by where they were."""
        return dict(sorted(Counter(one.word.country or "unknown" for one in self.cases).items()))

    def to_json(self) -> dict[str, JsonValue]:
        """One object for machines."""
        operation = self.operation
        return {
            "operation": {
                "id": operation.id,
                "name": operation.name,
                "owner": str(operation.owner),
                "phase": str(operation.phase),
                "version": operation.version,
                "members": [str(member.address) for member in operation.members],
                "since": self.since,
                "until": self.until,
            },
            "results": {
                "totals": dict(asdict(tally.totals(self.cases))),
                "cases": len(self.listed),
                "reported": len(self.cases),
                "corroborated": sum(one.corroborated for one in self.cases),
                "disputed": sum(bool(one.disputed) for one in self.cases),
                "corrected": sum(one.word.corrects for one in self.cases),
                "by_tag": {tag: dict(found) for tag, found in self.by_tag().items()},
                "by_country": dict(self.by_country()),
            },
            "claims": [{"source": one.source, "published": one.published, **one.said()} for one in self.claims],
            "objectives": None if operation.progress is None else dict(asdict(operation.progress.objectives)),
            "measures": {what: {"time": time, **counts} for what, (time, counts) in self.measures.items()},
            "quality": self.quality.to_json(),
            "databases": {bureau: one.to_json() for bureau, one in self.use.items()},
            "relays": dict(self.relays),
            "network": None if self.network is None else _network(self.network),
        }


def _network(shown: Network) -> dict[str, JsonValue]:
    return {
        **shown.measured(),
        "size": shown.size,
        "bureaus": {bureau: one.to_json() for bureau, one in shown.by_bureau.items()},
    }


async def evaluate(
    connection: AsyncConnection, versions: Sequence[Operation], *, now: int, shown: Network | None
) -> Evaluation:
    """Evaluate an operation from all its versions, oldest first, with what its record showed, if anything."""
    operation, since = versions[-1], versions[0].time
    ended = 1 + next((one.time for one in versions if one.closed), now)
    members = {str(one.address.bureau) for one in operation.members if one.role is not Role.AUDITOR}
    return Evaluation(
        operation=operation,
        since=since,
        until=ended,
        cases=tuple(await reports.standing(connection, operation.id)),
        listed=tuple(await reports.cases(connection, operation.id)),
        claims=tuple(await claims.side_by_side(connection, operation.id, now)),
        measures=await statements.measures(connection, operation.id),
        quality=await survey(connection, now=now, owners=members, operation=operation.id),
        use=await using.use(connection, since=since, until=ended, operation=operation.id, bureaus=members),
        relays=await using.relays(connection, operation.id),
        network=shown,
    )
