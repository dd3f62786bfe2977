"""The quarantine: what could not be processed, looked at one by one, and the commands that act on it.

Every look is an entry of the ledger (gateway/quarantine.py) and a row of the audit. Release and discard are commands:
a release needs room in the quarantine that a serving gateway cannot promise, a discard the signatures of two people.
"""

from __future__ import annotations

import hashlib
from typing import Final

from aiohttp import web

from gateway.console.desk import Desk
from gateway.console.guard import Visit
from gateway.console.views import Views
from gateway.operators import Action, operator_id
from gateway.quarantine import DISCARD_REASONS, Quarantine
from schemas.errors import Malformed, Reason

_LINE: Final = 32
_SHOWN: Final = 512
"""Bytes of a body on the page."""


class Aside:
    """The pages."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk, self._views = desk, views

    def _held(self, visit: Visit) -> Quarantine:
        operator = operator_id(self._desk.network.id, visit.account)
        return Quarantine(self._desk.store, self._desk.clock, operator)

    async def page(self, visit: Visit) -> web.StreamResponse:
        """GET /quarantine: all that is set aside."""
        await self._desk.deeds.begun(visit.account, Action.QUARANTINE_LIST)
        values = {"visit": visit, "here": "quarantine", "found": await self._held(visit).items()}
        return self._views.page("quarantine.html", values)

    async def one(self, visit: Visit) -> web.StreamResponse:
        """GET /quarantine/{number}: one with the beginning of its bytes."""
        text = visit.request.match_info["number"]
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise Malformed(Reason.STRUCTURE, "not a number")
        await self._desk.deeds.begun(visit.account, Action.QUARANTINE_SHOW, text)
        item = await self._held(visit).show(int(text))
        body = item.body or b""
        lines = [body[at : at + _LINE].hex(" ", 2) for at in range(0, min(len(body), _SHOWN), _LINE)]
        values = {"visit": visit, "here": "quarantine", "item": item, "lines": lines, "reasons": DISCARD_REASONS}
        return self._views.page("aside.html", {**values, "sha256": hashlib.sha256(body).hexdigest()})
