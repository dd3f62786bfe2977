"""The duty desk's page and its keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from aiohttp import web

from bureaus.secretariat.duty.desk import Desk, Shift
from bureaus.secretariat.office import Office
from bureaus.secretariat.pages.guard import Visit, done, told
from bureaus.secretariat.pages.views import Views
from schemas.errors import Misuse

Tile: TypeAlias = tuple[str, int, str, bool]
"""What another room has waiting: its name, how many, the page, and whether somebody is late."""


class DutyPages:
    """Pages of the duty officer."""

    def __init__(self, office: Office, views: Views, more: Callable[[], Awaitable[Sequence[Tile]]]) -> None:
        """`more` says what waits elsewhere."""
        self._office, self._views, self._more = office, views, more
        self._desk = Desk(office)

    async def page(self, visit: Visit) -> web.StreamResponse:
        """GET /duty."""
        silences = await self._desk.silences()
        values = {
            "visit": visit,
            "here": "duty",
            "done": told(visit),
            "now": self._office.now(),
            "reply": self._office.settings.duty_reply_seconds,
            "silences": silences,
            "calls": sum(1 for one in silences if one.calls and not one.calls[-1].finding),
            "urgent": await self._desk.urgent(),
            "notes": await self._desk.notes(),
            "closed": (await self._desk.silences(closed=True))[:10],
            "more": await self._more(),
        }
        return self._views.page("duty.html", values)

    async def call(self, visit: Visit) -> web.StreamResponse:
        """POST /duty/{id}/call."""
        form = await visit.form()
        asked = await self._desk.call(visit.number(), form.get("remarks", ""), who=visit.who)
        return done(visit, "/duty", f"{asked} is asked again.")

    async def close(self, visit: Visit) -> web.StreamResponse:
        """POST /duty/{id}/close."""
        form = await visit.form()
        await self._desk.close(visit.number(), form.get("why", ""), who=visit.who)
        return done(visit, "/duty", "It is closed.")

    async def leave(self, visit: Visit) -> web.StreamResponse:
        """POST /duty/notes."""
        form = await visit.form()
        if form.get("shift") not in set(Shift):
            raise Misuse("a watch is of the day or of the night")
        await self._desk.leave(Shift(form["shift"]), form.get("text", ""), who=visit.who)
        return done(visit, "/duty", "The note is left for the next watch.")

    async def take(self, visit: Visit) -> web.StreamResponse:
        """POST /duty/notes/{id}/take."""
        await self._desk.take(visit.number(), who=visit.who)
        return done(visit, "/duty", "You have taken over.")
