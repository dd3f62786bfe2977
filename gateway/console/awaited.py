"""Answers that are awaited: who was asked, by whom, until when, how late; those longest due first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from gateway.clocks import OPEN, Clock, State
from gateway.console.desk import Desk, Shelf
from gateway.console.guard import Visit
from gateway.console.listing import EXPORT, Asked, Listing, Part, Row, given, hexadecimal, instant, number
from gateway.console.views import Views, span
from gateway.ports_looks import Awaited
from schemas.codes import Urgency
from schemas.errors import Malformed, Reason
from schemas.identity import Address

PAGE: Final = 50
LATE: Final = frozenset({State.OVERDUE, State.ESCALATED})
_CHOICES: Final[Mapping[str, frozenset[State]]] = {
    "late": LATE,
    "open": OPEN,
    **{str(state): frozenset({state}) for state in (*sorted(OPEN), State.OVERDUE, State.ESCALATED)},
}
"""What may be asked for as state; empty is all of them."""
_SOON: Final = 0.25
"""Of its time: what has less left is soon due."""


@dataclass(frozen=True, slots=True)
class Line:
    """A clock as the page shows it."""

    clock: Clock
    late: str
    """How late it is; empty while there is time."""
    left: str
    soon: bool


class Overdue:
    """The page."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk, self._views = desk, views

    async def page(self, visit: Visit) -> web.StreamResponse:
        """GET /overdue."""
        asked = LISTING.asked(visit.request.query)
        said, more, found = "", "", list[Clock]()
        try:
            found = await _read(self._desk, asked, visit.request.query.get("after", ""), PAGE + 1)
        except Malformed as error:
            said = error.detail
        if len(found) > PAGE:
            more = urlencode({**given(asked), "after": _place(found[PAGE - 1])})
        now = self._desk.clock.now()
        values = {
            "visit": visit,
            "here": "overdue",
            "asked": asked,
            "lines": [_line(clock, now) for clock in found[:PAGE]],
            "counts": await self._desk.store.clock_states(),
            "states": list(_CHOICES),
            "urgencies": list(Urgency),
            "more": more,
            "said": said,
            "may_export": visit.role in EXPORT,
        }
        return self._views.page("overdue.html", values, HTTPStatus.BAD_REQUEST if said else HTTPStatus.OK)


async def _read(desk: Shelf, asked: Asked, after: str, limit: int) -> list[Clock]:
    state, urgency = asked["state"], asked["urgency"]
    if state and state not in _CHOICES:
        raise Malformed(Reason.STRUCTURE, f"not a state: {state[:40]}")
    if urgency and urgency not in tuple(Urgency):
        raise Malformed(Reason.STRUCTURE, f"not an urgency: {urgency[:40]}")
    sought = Awaited(
        _CHOICES[state] if state else OPEN | LATE,
        bureau=asked["bureau"] or None,
        urgency=Urgency(urgency) if urgency else None,
        after=_behind(after),
        limit=limit,
    )
    return list(await desk.looks.awaited(sought))


def _place(clock: Clock) -> str:
    return f"{clock.due}.{clock.query.hex()}.{clock.recipient}"


def _behind(text: str) -> tuple[int, bytes, Address] | None:
    if not text:
        return None
    due, _, rest = text.partition(".")
    query, _, recipient = rest.partition(".")
    return number(due), hexadecimal(query, 32), Address.parse(recipient)


def _line(clock: Clock, now: int) -> Line:
    late = span(now - clock.due) if now >= clock.due else ""
    left = "" if late else span(clock.due - now)
    return Line(clock, late, left, not late and clock.due - now < _SOON * (clock.due - clock.opened))


async def read(desk: Shelf, asked: Asked, after: str, limit: int) -> Part:
    """Rows of the list."""
    found = await _read(desk, asked, after, limit + 1)
    more = _place(found[limit - 1]) if len(found) > limit else ""
    now = desk.clock.now()
    return Part([_row(clock, now) for clock in found[:limit]], more)


def _row(clock: Clock, now: int) -> Row:
    return {
        "due": instant(clock.due),
        "late_seconds": max(0, (now - clock.due) // 1000),
        "state": str(clock.state),
        "asked": str(clock.recipient),
        "asker": str(clock.sender),
        "operation": clock.operation,
        "kind": clock.kind,
        "urgency": str(clock.urgency),
        "opened": instant(clock.opened),
        "query": clock.query.hex(),
    }


LISTING: Final = Listing(
    "overdue",
    "answers that are awaited or overdue, those longest due first",
    ("due", "late_seconds", "state", "asked", "asker", "operation", "kind", "urgency", "opened", "query"),
    read,
    ("state", "bureau", "urgency"),
)
