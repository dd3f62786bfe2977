"""The first page: what needs attention, then rates, latencies, backlog, and a map of who exchanges with whom.

It is kept live by server-sent events: each is the page's middle, made anew by the same template.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.console import places, plots
from gateway.console.desk import Desk
from gateway.console.guard import Visit
from gateway.console.pulse import Pulse
from gateway.console.sessions import Sessions
from gateway.console.views import Views
from schemas.directory import State
from schemas.errors import BureaunetError, Reason, Unavailable
from schemas.identity import Address
from schemas.notes import read_body

PACE: Final = 2.0
"""Seconds between two events."""
CHECK_SECONDS: Final = 3.0
_WAITS: Final = 15 * 60_000
"""Milliseconds: a copy that nobody fetched for so long needs attention."""
_LAPSES: Final = 30 * 24 * 3600
"""Seconds before a bureau's keys end."""
_LAG: Final = 10_000
"""Entries without a signed checkpoint."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that needs attention."""

    said: str
    page: str = ""
    """Where to look further, below the console's prefix."""
    grave: bool = True


@dataclass(frozen=True, slots=True)
class Dot:
    """A bureau on the map."""

    address: Address
    name: str
    state: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Way:
    """Traffic between two bureaus."""

    sender: Address
    recipient: Address
    count: int
    ends: tuple[int, int, int, int] | None
    """(x1, y1, x2, y2); None where one has no place on the map."""
    width: float


class Overview:
    """The page and its events."""

    def __init__(self, desk: Desk, views: Views, sessions: Sessions) -> None:
        self._desk, self._views, self._sessions = desk, views, sessions
        self._pulse = Pulse(desk.store, desk.sightings, desk.clock)
        self._watchers = 0
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Let those go who watch."""
        self._stopping.set()

    async def page(self, visit: Visit) -> web.StreamResponse:
        """GET /."""
        return self._views.page("overview.html", {"visit": visit, "here": "", **await self._values()})

    async def events(self, visit: Visit) -> web.StreamResponse:
        """GET /live: the page's middle, every `PACE` seconds, while the session lasts."""
        if self._watchers >= self._desk.limits.watchers:
            raise Unavailable(Reason.OVERLOADED, "too many pages are kept live")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        self._watchers += 1
        try:
            await response.prepare(visit.request)
            while visit.signed is not None and not self._stopping.is_set():
                if await self._sessions.who(visit.signed.token, use=False) is None:
                    await response.write(b"event: over\ndata: {}\n\n")
                    break
                text = self._views.text("live.html", await self._values())
                await response.write(b"data: " + json.dumps(text).encode() + b"\n\n")
                try:
                    await asyncio.wait_for(self._stopping.wait(), PACE)
                except TimeoutError:
                    continue
        except ConnectionError:
            self._desk.watcher.saw("console-watcher-gone")
        finally:
            self._watchers -= 1
        return response

    async def _values(self) -> dict[str, object]:
        await self._pulse.look()
        ways = self._ways()
        return {
            "now": self._desk.clock.now(),
            "notices": await self._notices(),
            "plots": self._plots(),
            "dots": self._dots(),
            "ways": ways,
            "refused": self._pulse.refused().most_common(8),
            "size": self._pulse.size,
            "width": places.WIDTH,
            "height": places.HEIGHT,
        }

    # ---- what needs attention

    async def _notices(self) -> list[Notice]:
        found = [*await self._failing(), *await self._unsigned(), *self._unfetched()]
        aside = await self._desk.store.set_aside(-1, 100)
        if aside:
            more = " or more" if len(aside) == 100 else ""
            found.append(Notice(f"{len(aside)}{more} bodies are in quarantine", "quarantine"))
        found += self._lapsing()
        for reason, count in self._pulse.refused().most_common(3):
            found.append(Notice(f"{count} refused lately: {reason}", "exchanges?state=refused", grave=False))
        return sorted(found, key=lambda one: not one.grave)

    async def _failing(self) -> list[Notice]:
        async def ask(name: str) -> Notice | None:
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    await self._desk.checks[name]()
            except TimeoutError:
                return Notice(f"{name} does not answer")
            except BureaunetError as error:
                return Notice(f"{name}: {error.detail or error.reason}")
            return None

        said = await asyncio.gather(*map(ask, self._desk.checks))
        return [one for one in said if one is not None]

    async def _unsigned(self) -> list[Notice]:
        note = await self._desk.ledger.note()
        signed = 0 if note is None else read_body(note)[0].size
        lag = self._pulse.size - signed
        return [Notice(f"{lag} entries of the ledger have no signed checkpoint")] if lag > _LAG else []

    def _unfetched(self) -> list[Notice]:
        now = self._desk.clock.now()
        return [
            Notice(
                f"{one.inbox} has not fetched {one.waiting + one.pending} for {(now - one.oldest) // 60_000} min",
                f"exchanges?state=waiting&recipient={one.inbox}",
            )
            for one in self._pulse.backlogs
            if now - one.oldest > _WAITS
        ]

    def _lapsing(self) -> list[Notice]:
        now = self._desk.clock.now() // 1000
        found: list[Notice] = []
        for row in self._desk.trust().directory.participants:
            if row.state is State.ACTIVE and row.lapses is not None and row.lapses - now < _LAPSES:
                days = max(0, (row.lapses - now) // 86_400)
                found.append(Notice(f"{row.address}'s keys end in {days} days", grave=days < 7))
        return found

    # ---- what is drawn

    def _plots(self) -> Sequence[plots.Plot]:
        minutes = [minute for _, minute in self._pulse.minutes()]
        accepted = [one.accepted for one in minutes]
        refused = [sum(one.refused.values()) for one in minutes]
        half, most = [one.quantile(0.5) for one in minutes], [one.quantile(0.99) for one in minutes]
        seen = dict(self._pulse.history)
        backlog = [seen.get(at) for at, _ in self._pulse.minutes()]
        return (
            plots.plot("Messages a minute", "a minute", [("accepted", accepted), ("refused", refused)]),
            plots.plot("From acceptance to handover", "ms", [("median", half), ("99 of 100", most)]),
            plots.plot("Copies not acknowledged", "copies", [("waiting", backlog)]),
        )

    def _dots(self) -> list[Dot]:
        found: list[Dot] = []
        for row in self._desk.trust().directory.participants:
            where = places.place(row.address)
            if where is not None and row.address.unit is None:
                found.append(Dot(row.address, row.name, str(row.state), *where))
        return found

    def _ways(self) -> list[Way]:
        found: list[Way] = []
        for (sender, recipient), count in self._pulse.traffic().most_common(60):
            first, last = places.place(sender), places.place(recipient)
            ends = None if first is None or last is None else (*first, *last)
            found.append(Way(sender, recipient, count, ends, min(6.0, 0.8 + count.bit_length() / 2)))
        return found
