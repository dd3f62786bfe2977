"""The first page: what needs attention, then figures, plots of the last hour, and a map of who exchanges with whom.

It is kept live by server-sent events: each is the page's middle, made anew by the same template.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from aiohttp import web

from gateway.approvals import Standing
from gateway.console import places, plots
from gateway.console.desk import Desk
from gateway.console.guard import Visit
from gateway.console.pulse import Pulse
from gateway.console.sessions import Sessions
from gateway.console.views import Views, span
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
_REQUESTS: Final = 100
_RATE: Final = 5
"""Whole minutes that figures are of."""
_APART: Final = 17, 9
"""Two names do not lie over each other."""
_WAYS: Final = 60
_BEND: Final = 0.16
_OVER: Final = b"event: over\ndata: {}\n\n"


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
    named: bool
    """There is room for its name."""
    left: bool = False
    """The name stands before it, since another bureau is close behind."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure."""

    figure: str
    said: str
    page: str
    """Where it is looked into, below the console's prefix."""
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """Traffic between two bureaus."""

    sender: Address
    recipient: Address
    count: int
    path: str
    """On the map, as in an SVG path; empty where one has no place on it."""
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
        """GET /live: the page's middle, every `PACE` seconds, while the session lasts.

        A store that fails while it lasts is said in an event: the answer has begun, and there is no other.
        """
        if self._watchers >= self._desk.limits.watchers:
            raise Unavailable(Reason.OVERLOADED, "too many pages are kept live")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        self._watchers += 1
        try:
            await response.prepare(visit.request)
            while visit.signed is not None and not self._stopping.is_set():
                event = await self._event(visit.signed.token)
                await response.write(event)
                if event == _OVER:
                    break
                try:
                    await asyncio.wait_for(self._stopping.wait(), PACE)
                except TimeoutError:
                    continue
        except ConnectionError:
            self._desk.watcher.saw("console-watcher-gone")
        finally:
            self._watchers -= 1
        return response

    async def _event(self, token: str) -> bytes:
        try:
            if await self._sessions.who(token, use=False) is None:
                return _OVER
            text = self._views.text("live.html", await self._values())
        except BureaunetError as error:
            return b"event: failed\ndata: " + json.dumps(str(error.detail or error.reason)).encode() + b"\n\n"
        return b"data: " + json.dumps(text).encode() + b"\n\n"

    async def sample(self) -> None:
        """Remember what waits now.

        Raises:
            Unavailable: `store`.
        """
        await self._pulse.look()

    async def _values(self) -> dict[str, object]:
        await self._pulse.look()
        ways = self._ways()
        note = await self._desk.ledger.note()
        signed = 0 if note is None else read_body(note)[0].size
        return {
            "now": self._desk.clock.now(),
            "notices": await self._notices(signed),
            "tiles": self._tiles(signed),
            "plots": self._plots(),
            "dots": self._dots(),
            "ways": ways,
            "refused": self._pulse.refused().most_common(8),
            "size": self._pulse.size,
            "width": places.WIDTH,
            "height": places.HEIGHT,
        }

    # ---- what needs attention

    async def _notices(self, signed: int) -> list[Notice]:
        found = [*await self._failing(), *await self._broken(), *self._silent(), *self._unfetched()]
        lag = self._pulse.size - signed
        if lag > _LAG:
            found.append(Notice(f"{lag} entries of the ledger have no signed checkpoint", "ledger"))
        aside = await self._desk.store.set_aside(-1, 100)
        if aside:
            more = " or more" if len(aside) == 100 else ""
            found.append(Notice(f"{len(aside)}{more} bodies are in quarantine", "quarantine"))
        found += [*await self._unsigned(), *self._lapsing()]
        for reason, count in self._pulse.refused().most_common(3):
            found.append(Notice(f"{count} refused lately: {reason}", "exchanges?state=refused", grave=False))
        return sorted(found, key=lambda one: not one.grave)

    def _silent(self) -> list[Notice]:
        count = self._pulse.overdue
        said = "answer is overdue: its silence is" if count == 1 else "answers are overdue: their silence is"
        return [Notice(f"{count} {said} attested", "overdue?state=late")] if count else []

    async def _broken(self) -> list[Notice]:
        """The broker's alarms, where it is asked."""
        if self._desk.broker is None:
            return []
        try:
            return [Notice(f"Broker: {alarm}", "broker") for alarm in (await self._desk.broker.look()).alarms]
        except BureaunetError as error:
            return [Notice(error.detail or str(error.reason), "broker", grave=False)]

    async def _unsigned(self) -> list[Notice]:
        """Requests of operators that wait."""
        found = await self._desk.requests.listed(None, _REQUESTS)
        waits = sum(one.standing in {Standing.WAITS, Standing.READY} for one in found)
        said = f"{waits} {'request waits' if waits == 1 else 'requests wait'} for a second person, or to be acted on"
        return [Notice(said, "approvals", grave=False)] if waits else []

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

    def _tiles(self, signed: int) -> Sequence[Tile]:
        minutes = [minute for _, minute in self._pulse.minutes()]
        last = minutes[-_RATE - 1 : -1]
        accepted = sum(one.accepted for one in last) / _RATE
        refused = sum(sum(one.refused.values()) for one in last)
        took = [value for one in minutes[-_RATE - 1 :] for value in one.latencies]
        waiting = sum(one.pending + one.waiting for one in self._pulse.backlogs)
        late, lag = self._pulse.overdue, self._pulse.size - signed
        return (
            Tile(f"{accepted:.1f}" if accepted < 10 else f"{accepted:.0f}", "messages a minute", "exchanges"),
            Tile(str(refused), f"refused in {_RATE} min", "exchanges?state=refused", bad=refused > 0),
            Tile(_took(took), "median to handover", "exchanges"),
            Tile(plots.short(waiting), "copies wait", "exchanges?state=waiting"),
            Tile(plots.short(late), "answers overdue", "overdue?state=late", bad=late > 0),
            Tile(plots.short(lag), "entries not signed", "ledger", bad=lag > _LAG),
        )

    def _plots(self) -> Sequence[plots.Plot]:
        minutes = self._pulse.minutes()
        accepted = [one.accepted for _, one in minutes]
        refused = [sum(one.refused.values()) for _, one in minutes]
        half, most = [one.quantile(0.5) for _, one in minutes], [one.quantile(0.99) for _, one in minutes]
        waited = {at: (copies, overdue) for at, copies, overdue in self._pulse.history}
        backlog = [waited[at][0] if at in waited else None for at, _ in minutes]
        overdue = [waited[at][1] if at in waited else None for at, _ in minutes]
        return (
            plots.plot("Messages", "a minute", [("accepted", accepted), ("refused", refused)]),
            plots.plot("Latency to handover", "ms", [("median", half), ("99 of 100", most)]),
            plots.plot("Unacknowledged", "copies", [("waiting", backlog)]),
            plots.plot("Answers overdue", "answers", [("overdue", overdue)]),
        )

    def _dots(self) -> list[Dot]:
        """Bureaus that have a place; one is named where its name hides no other's."""
        found: list[Dot] = []
        named: list[tuple[int, int]] = []
        counts = Counter[str]()
        for (sender, recipient), count in self._pulse.traffic().items():
            counts[str(sender)] += count
            counts[str(recipient)] += count
        rows = [row for row in self._desk.trust().directory.participants if row.address.unit is None]
        for row in sorted(rows, key=lambda row: -counts[str(row.address)]):
            where = places.place(row.address)
            if where is None:
                continue
            clear = all(abs(where[0] - x) > _APART[0] or abs(where[1] - y) > _APART[1] for x, y in named)
            if clear:
                named.append(where)
            found.append(Dot(row.address, row.name, str(row.state), *where, named=clear))
        return [replace(one, left=_crowded(one, found)) for one in found]

    def _ways(self) -> list[Way]:
        found: list[Way] = []
        for (sender, recipient), count in self._pulse.traffic().most_common(_WAYS):
            first, last = places.place(sender), places.place(recipient)
            path = "" if first is None or last is None or first == last else _arc(first, last)
            found.append(Way(sender, recipient, count, path, min(4.0, 0.8 + count.bit_length() / 3)))
        return found


def _crowded(one: Dot, dots: Sequence[Dot]) -> bool:
    return any(0 < other.x - one.x < _APART[0] and abs(other.y - one.y) < _APART[1] for other in dots)


def _arc(first: tuple[int, int], last: tuple[int, int]) -> str:
    """A path that bends to its left, so that both directions are seen."""
    (x1, y1), (x2, y2) = first, last
    x, y = (x1 + x2) / 2 + (y2 - y1) * _BEND, (y1 + y2) / 2 - (x2 - x1) * _BEND
    return f"M{x1},{y1}Q{x:.0f},{y:.0f} {x2},{y2}"


def _took(values: Sequence[int]) -> str:
    if not values:
        return "none"
    middle = sorted(values)[len(values) // 2]
    return f"{middle} ms" if middle < 10_000 else span(middle)
