"""Operations, and one of them: who takes part, where it stands, and what may be exchanged in it."""

from __future__ import annotations

from aiohttp import web

from gateway.console.desk import Desk
from gateway.console.guard import Visit
from gateway.console.views import Views
from schemas.errors import Forbidden, Reason


class Operations:
    """The pages."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk, self._views = desk, views

    async def page(self, visit: Visit) -> web.StreamResponse:
        """GET /operations: the newest version of each, by id."""
        found = [signed.operation for _, signed in sorted(self._desk.trust().operations.items())]
        return self._views.page("operations.html", {"visit": visit, "here": "operations", "found": found})

    async def one(self, visit: Visit) -> web.StreamResponse:
        """GET /operations/{id}."""
        signed = self._desk.trust().operations.get(visit.request.match_info["id"])
        if signed is None:
            raise Forbidden(Reason.NOT_FOUND, "there is no such operation here")
        now = self._desk.clock.now() // 1000
        members = [(member, member.covers(now)) for member in signed.operation.members]
        values = {"visit": visit, "here": "operations", "one": signed.operation, "members": members}
        return self._views.page("operation.html", {**values, "hash": signed.hash, "key_id": signed.key_id})
