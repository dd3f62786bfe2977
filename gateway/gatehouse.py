"""Counts at the gate: links' quotas, bureaus' statements and recorded refusals in the minute, refusals to summarise.

All of it is of this process and in memory, bounded by the number of links that the certificates allow. A summary is one
entry for each link, naming the link and never the claimed sender.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.admission import Bucket
from gateway.ports import Candidate, Rejected, Watcher
from gateway.settings import Pipeline
from schemas.errors import Reason
from schemas.evidence import Entry, Event
from schemas.identity import Address

_MINUTE: Final = 60_000
"""Milliseconds."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is kept of a refusal for operators: codes, hashes and the link's name, and nothing that a sender wrote."""

    time: int
    """Milliseconds since the epoch."""
    link: Address
    """From the certificate, never the claimed sender."""
    step: int
    """Of protocol section 3."""
    reason: Reason
    digest: bytes
    index: int | None
    """Of the ledger's entry, where it has one of its own."""

    def row(self) -> dict[str, str | int | None]:
        """For a machine to read."""
        return {
            "time": self.time,
            "link": str(self.link),
            "step": self.step,
            "reason": str(self.reason),
            "digest": self.digest.hex(),
            "index": self.index,
        }


class Gatehouse:
    """What this process remembers of who came."""

    def __init__(self, limits: Pipeline, watcher: Watcher) -> None:
        self._limits, self._watcher = limits, watcher
        self._buckets: OrderedDict[Address, Bucket] = OrderedDict()
        self._minute = -1
        self._published: Counter[str] = Counter()
        self._recorded: Counter[str] = Counter()
        self._uncounted: Counter[Address] = Counter()
        self.refusals: deque[Refusal] = deque(maxlen=limits.refusal_log_items)
        """The last refusals, for operators to look at."""

    def admit(self, link: Address, now: int) -> bool:
        """Whether the link's quota has room for one more submission at `now` (step 1)."""
        burst = self._limits.link_per_minute
        bucket = self._buckets.pop(link, None) or Bucket(float(burst), now)
        self._buckets[link], room = bucket.take(now, burst / 60, burst)
        while len(self._buckets) > self._limits.links_remembered:
            self._buckets.popitem(last=False)
        return room

    def _turn(self, now: int) -> None:
        if now // _MINUTE != self._minute:
            self._minute = now // _MINUTE
            self._published.clear()
            self._recorded.clear()

    def records(self, bureau: str, now: int) -> bool:
        """Whether one more refusal of the bureau is recorded in the minute of `now`; it is counted then."""
        self._turn(now)
        if self._recorded[bureau] >= self._limits.recorded_refusals_per_minute:
            return False
        self._recorded[bureau] += 1
        return True

    def publishes(self, bureau: str, now: int) -> bool:
        """Whether one more statement of the bureau is taken in the minute of `now`; it is counted then."""
        self._turn(now)
        if self._published[bureau] >= self._limits.statements_per_minute:
            return False
        self._published[bureau] += 1
        return True

    def admitted(self, candidate: Candidate, index: int, decided: int, now: int) -> None:
        """Tell the watcher of a message that was admitted, in a batch that began at `decided`."""
        header, received = candidate.statement.header, candidate.submission.received
        name = candidate.statement.digest.hex()
        self._watcher.saw(
            "admitted",
            digest=name,
            thread=header.thread.hex() if header.thread else name,
            operation=header.sub,
            kind=header.kind,
            urgency=header.urgency,
            over=candidate.submission.over,
            sender=header.iss,
            recipients=len(header.aud),
            index=index,
            waited=decided - received,
            milliseconds=now - received,
        )

    def refused(self, rejected: Rejected, index: int | None, now: int) -> None:
        """Keep a refusal for operators, tell the watcher, count it for its link where it is no entry of its own."""
        kept = Refusal(now, rejected.link, rejected.step, rejected.reason, rejected.digest, index)
        self.refusals.append(kept)
        if index is None:
            self._uncounted[rejected.link] += 1
        self._watcher.saw(
            "refused",
            digest=rejected.digest.hex(),
            link=rejected.link,
            step=rejected.step,
            reason=rejected.reason,
            index=index,
        )

    def summaries(self, now: int) -> list[Entry]:
        """One entry for each link with refusals since the last call."""
        counted = sorted(self._uncounted.items())
        self._uncounted.clear()
        return [Entry(Event.REFUSAL_SUMMARY, now, party=link, count=count) for link, count in counted]

    def unsaid(self, entries: Sequence[Entry]) -> None:
        """These summaries could not be recorded: what they count is in the next ones."""
        for entry in entries:
            if entry.party is not None:
                self._uncounted[entry.party] += entry.count or 0
