"""The quarantine: what could not be processed, looked at one by one, released, or discarded by two people.

Every look and act is an entry of the ledger (gateway/quarantine.py) and a row of the audit. A look shows what the bytes
are (who sent them, why they are here, their SHA-256, the header where it can be read) and none of the bytes. A release
goes through the pipeline as if the bytes came now; a discard rests on a request that two operators signed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import web

from gateway.approvals import Standing
from gateway.console.desk import Desk, Shelf
from gateway.console.guard import Visit
from gateway.console.listing import ACT, DECIDE, EXPORT, Asked, Listing, Part, instant, number
from gateway.console.takeaway import form, reason
from gateway.console.views import Views
from gateway.operators import Action, operator_id
from gateway.ports import Quarantined
from gateway.quarantine import DISCARD_REASONS, Quarantine, missing_item
from gateway.two_people import Act
from schemas import envelope, wire
from schemas.errors import BureaunetError, Malformed, Reason

PAGE: Final = 100


class Aside:
    """The pages."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk, self._views = desk, views

    def _held(self, visit: Visit) -> Quarantine:
        operator = operator_id(self._desk.network.id, visit.account)
        return Quarantine(self._desk.store, self._desk.clock, operator)

    async def page(self, visit: Visit) -> web.StreamResponse:
        """GET /quarantine: what is set aside, oldest first."""
        after = visit.request.query.get("after", "")
        await self._desk.deeds.did(visit.account, Action.QUARANTINE_LIST)
        found = list(await self._desk.store.set_aside(number(after) if after else -1, PAGE + 1))
        values = {
            "visit": visit,
            "here": "quarantine",
            "found": found[:PAGE],
            "more": found[PAGE - 1].id if len(found) > PAGE else None,
            "may_export": visit.role in EXPORT,
            "done": self._views.told(visit.request, visit.token),
        }
        return self._views.page("quarantine.html", values)

    async def one(self, visit: Visit) -> web.StreamResponse:
        """GET /quarantine/{number}."""
        return await self._shown(visit, await self._look(visit))

    async def _look(self, visit: Visit) -> Quarantined:
        text = _number(visit)
        row = await self._desk.deeds.begun(visit.account, Action.QUARANTINE_SHOW, str(text))
        item, entry = await self._held(visit).look(text)
        await self._desk.deeds.done(row, entry)
        return item

    async def _shown(
        self, visit: Visit, item: Quarantined, said: str = "", status: int = HTTPStatus.OK
    ) -> web.StreamResponse:
        body = item.body or b""
        requests = await self._desk.requests.about(Act.QUARANTINE_DISCARD, body)
        values = {
            "visit": visit,
            "here": "quarantine",
            "item": item,
            "sha256": hashlib.sha256(body).hexdigest(),
            "header": readable(body),
            "reasons": DISCARD_REASONS,
            "requests": requests,
            "ready": any(one.standing is Standing.READY for one in requests),
            "operators": await self._desk.requests.operators(),
            "may_release": visit.role in ACT,
            "may_discard": visit.role in DECIDE,
            "said": said,
        }
        return self._views.page("aside.html", values, status)

    async def release(self, visit: Visit) -> web.StreamResponse:
        """POST /quarantine/{number}/release: give the bytes to the pipeline again."""
        item, why = _number(visit), reason(await form(visit))
        row = await self._desk.deeds.begun(visit.account, Action.QUARANTINE_RELEASE, str(item), why)
        released = await self._held(visit).release(item, self._desk.pipeline)
        await self._desk.deeds.done(row, released.entry)
        if released.done:
            became = "accepted" if released.accepted else f"refused: {released.reason}"
            return self._views.done(visit.request, visit.token, "quarantine", f"{item} was released and {became}")
        kept = await self._desk.store.one_set_aside(item)
        if kept is None:
            raise missing_item(item)
        said = f"It stays here: the pipeline refused it for now ({released.reason}). Entry {released.entry} says so."
        return await self._shown(visit, kept, said, HTTPStatus.CONFLICT)

    async def discard(self, visit: Visit) -> web.StreamResponse:
        """POST /quarantine/{number}/discard: for good, where enough operators signed for it."""
        item, said = _number(visit), await form(visit)
        why, code = reason(said), said.get("reason", "")
        if code not in tuple(map(str, DISCARD_REASONS)):
            raise Malformed(Reason.STRUCTURE, "choose a reason")
        found = await self._desk.store.one_set_aside(item)
        if found is None:
            raise missing_item(item)
        row = await self._desk.deeds.begun(visit.account, Action.QUARANTINE_DISCARD, f"{item} {code}", why)
        await self._desk.requests.rest(Act.QUARANTINE_DISCARD, found.body or b"")
        entry = await self._held(visit).discard(item, Reason(code))
        await self._desk.deeds.done(row, entry)
        return self._views.done(
            visit.request, visit.token, "quarantine", f"{item} was discarded; entry {entry} says so"
        )


def _number(visit: Visit) -> int:
    text = visit.request.match_info["number"]
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Malformed(Reason.STRUCTURE, "not a number")
    return int(text)


def readable(body: bytes) -> Mapping[str, str]:
    """What can be read of bytes that claim to be a message, nothing verified; empty where nothing can."""
    try:
        framed = wire.decode_submission(body)
        statement = envelope.read(framed.statement)
    except BureaunetError:
        return {}
    header = statement.header
    return {
        "Claims to be from": str(header.iss),
        "To": " ".join(header.aud),
        "Operation": header.sub,
        "Kind": header.kind,
        "Digest": statement.digest.hex(),
        "Sealed part": f"{len(framed.sealed or b'')} bytes",
    }


async def read(desk: Shelf, _asked: Asked, after: str, limit: int) -> Part:
    """Rows of the list; who reads it is recorded where it is taken away."""
    found = list(await desk.store.set_aside(number(after) if after else -1, limit + 1))
    return Part(
        [
            {
                "id": one.id,
                "time": instant(one.time),
                "link": str(one.link),
                "cause": one.cause,
                "type": None if one.item is None else str(one.item),
                "size": one.size,
            }
            for one in found[:limit]
        ],
        str(found[limit - 1].id) if len(found) > limit else "",
    )


LISTING: Final = Listing(
    "quarantine",
    "bodies that could not be processed",
    ("id", "time", "link", "cause", "type", "size"),
    read,
    roles=EXPORT,
    look=Action.QUARANTINE_LIST,
)
