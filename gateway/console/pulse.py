"""What the ledger says of now: rates, latencies and who exchanges with whom, from its last entries alone.

Order of work: `look` reads what was appended since the last look, at most `BEHIND` entries, and adds them to the minute
that they are of. Nobody looks while no page asks. The cost is that of the new entries, however large the ledger is; the
latency of a message counts where its acceptance was seen too.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.clocks import State
from gateway.ports import Clock, Store
from gateway.ports_console import Backlog, Sightings
from schemas.errors import Reason
from schemas.evidence import Entry, Event, read_entry
from schemas.identity import Address

BEHIND: Final = 5000
"""Entries read at most in one look; older ones are left out."""
MINUTES: Final = 60
EVERY: Final = 20.0
"""Seconds between two looks while nobody watches, so that what waited is known of every minute."""
FRESH: Final = 1500
"""Milliseconds between two looks."""
COUNT: Final = 5000
"""Milliseconds between two counts of the answer clocks, which cost as many rows as are open."""
_PAGE: Final = 1000
_OPEN: Final = 20_000
"""Acceptances remembered, to measure how long their messages took."""
_SAMPLES: Final = 2000
"""Latencies kept of one minute."""
_TRAFFIC: Final = 15
"""Minutes that the map shows."""


@dataclass(slots=True)
class Minute:
    """What one minute had."""

    accepted: int = 0
    refused: Counter[Reason] = field(default_factory=Counter)
    handed: int = 0
    failed: int = 0
    latencies: list[int] = field(default_factory=list)
    """Milliseconds from acceptance to handover."""
    pairs: Counter[tuple[Address, Address]] = field(default_factory=Counter)
    """(sender, recipient) of copies that were placed in an inbox."""

    def quantile(self, share: float) -> int | None:
        """A latency that this share of the minute's does not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


class Pulse:
    """Follows the ledger's end for everyone who looks."""

    def __init__(self, store: Store, sightings: Sightings, clock: Clock) -> None:
        self._store, self._sightings, self._clock = store, sightings, clock
        self._minutes: OrderedDict[int, Minute] = OrderedDict()
        self._opened: OrderedDict[bytes, tuple[int, Address]] = OrderedDict()
        """Digest -> (when it was accepted, its sender)."""
        self._lock = asyncio.Lock()
        self._looked = -FRESH
        self.size = 0
        """Entries of the ledger, as last looked."""
        self._at: int | None = None
        self.backlogs: tuple[Backlog, ...] = ()
        self.states: Mapping[State, int] = {}
        """Answer clocks by state, as counted a while ago."""
        self._counted = -COUNT
        self.history: deque[tuple[int, int, int]] = deque(maxlen=MINUTES)
        """(minute, copies that nobody acknowledged, overdue answers), of the minutes in which someone looked."""

    async def look(self) -> None:
        """Take in what is new, unless someone just did.

        Raises:
            Unavailable: `store`.
        """
        async with self._lock:
            now = self._clock.now()
            if now - self._looked < FRESH:
                return
            size = await self._store.size()
            start = max(size - BEHIND, 0 if self._at is None else self._at)
            while start < size and (page := await self._store.leaves(start, min(size, start + _PAGE))):
                for leaf in page:
                    self._take(read_entry(leaf.entry))
                start = page[-1].index + 1
            self._at = self.size = size
            self.backlogs = tuple(await self._sightings.backlogs())
            if now - self._counted >= COUNT:
                self.states, self._counted = await self._store.clock_states(), now
            self._remember(now)
            self._looked = now

    def _remember(self, now: int) -> None:
        total = sum(one.pending + one.waiting for one in self.backlogs)
        if self.history and self.history[-1][0] == now // 60_000:
            self.history.pop()
        self.history.append((now // 60_000, total, self.overdue))
        oldest = now // 60_000 - MINUTES
        while self.history[0][0] <= oldest:
            self.history.popleft()
        for minute in [one for one in self._minutes if one <= oldest]:
            del self._minutes[minute]

    def _take(self, entry: Entry) -> None:
        minute = self._minutes.setdefault(entry.time // 60_000, Minute())
        match entry.event:
            case Event.SUBMISSION_ACCEPTANCE if entry.digest is not None and entry.party is not None:
                minute.accepted += 1
                self._opened[entry.digest] = entry.time, entry.party
                if len(self._opened) > _OPEN:
                    self._opened.popitem(last=False)
            case Event.SUBMISSION_REJECTION:
                minute.refused[entry.reason or Reason.INTERNAL] += 1
            case Event.CONTENT_CONSIGNMENT:
                self._placed(minute, entry)
            case Event.CONTENT_HANDOVER:
                minute.handed += 1
                self._measure(minute, entry)
            case Event.CONTENT_CONSIGNMENT_FAILURE | Event.CONTENT_HANDOVER_FAILURE:
                minute.failed += 1
            case _:
                pass

    def _placed(self, minute: Minute, entry: Entry) -> None:
        opened = self._opened.get(entry.digest or b"")
        if opened is not None and entry.party is not None:
            minute.pairs[opened[1].bureau, entry.party.bureau] += 1

    def _measure(self, minute: Minute, entry: Entry) -> None:
        opened = self._opened.get(entry.digest or b"")
        if opened is not None and len(minute.latencies) < _SAMPLES:
            minute.latencies.append(max(0, entry.time - opened[0]))

    # ---- what pages show

    @property
    def overdue(self) -> int:
        """Answers whose silence was attested."""
        return self.states.get(State.OVERDUE, 0) + self.states.get(State.ESCALATED, 0)

    def minutes(self) -> list[tuple[int, Minute]]:
        """The last hour, oldest first, each with its minute since the epoch; quiet minutes too."""
        last = self._clock.now() // 60_000
        nothing = Minute()
        return [(at, self._minutes.get(at, nothing)) for at in range(last - MINUTES + 1, last + 1)]

    def traffic(self) -> Counter[tuple[Address, Address]]:
        """Copies by (sender's bureau, recipient's bureau) in the last minutes."""
        found: Counter[tuple[Address, Address]] = Counter()
        for _, minute in self.minutes()[-_TRAFFIC:]:
            found += minute.pairs
        return found

    def refused(self) -> Counter[Reason]:
        """Refusals of the last minutes by reason."""
        found: Counter[Reason] = Counter()
        for _, minute in self.minutes()[-_TRAFFIC:]:
            found += minute.refused
        return found
