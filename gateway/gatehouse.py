"""Counts at the gate: links' quotas, bureaus' messages and recorded refusals in the minute, refusals to summarise.

All of it is of this process and in memory, bounded by the number of links that the certificates allow. A summary is one
entry for each link, naming the link and never the claimed sender.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Mapping
from typing import Final

from gateway.admission import Bucket
from gateway.ports import Rejected
from gateway.settings import Pipeline
from schemas.evidence import Entry, Event
from schemas.identity import Address

_MINUTE: Final = 60_000
"""Milliseconds."""


class Gatehouse:
    """What this process remembers of who came."""

    def __init__(self, limits: Pipeline) -> None:
        self._limits = limits
        self._buckets: OrderedDict[Address, Bucket] = OrderedDict()
        self._minute = -1
        self._spent: Counter[str] = Counter()
        self._recorded: Counter[str] = Counter()
        self._uncounted: Counter[Address] = Counter()
        self.refusals: deque[Rejected] = deque(maxlen=limits.refusal_log_items)
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
            self._spent.clear()
            self._recorded.clear()

    def spent(self, now: int) -> Mapping[str, int]:
        """Messages admitted in the minute of `now`, by bureau."""
        self._turn(now)
        return dict(self._spent)

    def spend(self, bureau: str) -> None:
        """Count a message as admitted."""
        self._spent[bureau] += 1

    def records(self, bureau: str, now: int) -> bool:
        """Whether one more refusal of the bureau is recorded in the minute of `now`; it is counted then."""
        self._turn(now)
        if self._recorded[bureau] >= self._limits.recorded_refusals_per_minute:
            return False
        self._recorded[bureau] += 1
        return True

    def remember(self, rejected: Rejected, *, recorded: bool) -> None:
        """Keep a refusal for operators, and count one that is no entry of its own for its link's summary."""
        self.refusals.append(rejected)
        if not recorded:
            self._uncounted[rejected.link] += 1

    def summaries(self, now: int) -> list[Entry]:
        """One entry for each link with refusals since the last call."""
        counted = sorted(self._uncounted.items())
        self._uncounted.clear()
        return [Entry(Event.REFUSAL_SUMMARY, now, party=link, count=count) for link, count in counted]
