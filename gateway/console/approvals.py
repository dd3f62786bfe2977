"""Requests of operators: what waits for a second person, who asked for it and why, until when, and how to sign.

No private key comes here: an operator signs on their own machine and brings the file. A file that is brought is
recorded, with who brought it and why, before it is kept.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from gateway.approvals import Standing
from gateway.console.desk import Desk, Shelf
from gateway.console.guard import Visit
from gateway.console.listing import ACT, EXPORT, Asked, Listing, Part, hexadecimal, instant, number
from gateway.console.takeaway import reason
from gateway.console.views import Views
from gateway.operators import Action
from schemas.errors import Forbidden, Malformed, Reason

PAGE: Final = 50
LARGEST: Final = 64 * 1024
"""Bytes of a request."""


class ApprovalPages:
    """The pages."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk, self._views = desk, views

    async def page(self, visit: Visit) -> web.StreamResponse:
        """GET /approvals."""
        after = visit.request.query.get("after", "")
        found = list(await self._desk.requests.listed(_behind(after), PAGE + 1))
        operators = await self._desk.requests.operators()
        more = _place(found[PAGE - 1].kept.made, found[PAGE - 1].kept.id) if len(found) > PAGE else ""
        values = {
            "visit": visit,
            "here": "approvals",
            "found": found[:PAGE],
            "more": more,
            "operators": operators,
            "may_bring": visit.role in ACT and operators is not None,
            "may_export": visit.role in EXPORT,
            "done": self._views.told(visit.request, visit.token),
            "waits": [one for one in found if one.standing in {Standing.WAITS, Standing.READY}],
        }
        return self._views.page("approvals.html", values)

    async def bring(self, visit: Visit) -> web.StreamResponse:
        """POST /approvals: a signed request, or another signature under one."""
        sent = await visit.request.post()
        file = sent.get("file")
        if not isinstance(file, web.FileField):
            raise Malformed(Reason.STRUCTURE, "choose the request's file")
        data = file.file.read(LARGEST + 1)
        if not 0 < len(data) <= LARGEST:
            raise Malformed(Reason.STRUCTURE, f"a request has up to {LARGEST} bytes")
        why = reason({name: value.strip() for name, value in sent.items() if isinstance(value, str)})
        await self._desk.deeds.did(visit.account, Action.REQUEST_BRING, file.filename, why, data)
        found = await self._desk.requests.bring(data, visit.account, why)
        said = f"{found.kept.act}: {len(found.signers)} of {found.needed} signed, it {found.standing}"
        return self._views.done(visit.request, visit.token, f"approvals#a{found.kept.id.hex()[:12]}", said)

    async def file(self, visit: Visit) -> web.StreamResponse:
        """GET /approvals/{id}: the request with its signatures so far, for the next to sign."""
        name = visit.request.match_info["id"]
        found = await self._desk.requests.one(hexadecimal(name, 32))
        if found is None:
            raise Forbidden(Reason.NOT_FOUND, "there is no such request here")
        headers = {"Content-Disposition": f'attachment; filename="request-{name[:12]}.cbor"'}
        return web.Response(body=found.kept.statement, content_type="application/cbor", headers=headers)


def _place(made: int, id_: bytes) -> str:
    return f"{made}.{id_.hex()}"


def _behind(text: str) -> tuple[int, bytes] | None:
    if not text:
        return None
    made, _, id_ = text.partition(".")
    return number(made), hexadecimal(id_, 32)


async def read(desk: Shelf, _asked: Asked, after: str, limit: int) -> Part:
    """Rows of the list."""
    found = list(await desk.requests.listed(_behind(after), limit + 1))
    more = _place(found[limit - 1].kept.made, found[limit - 1].kept.id) if len(found) > limit else ""
    return Part(
        [
            {
                "id": one.kept.id.hex(),
                "act": one.kept.act,
                "subject": one.kept.subject.hex(),
                "made": instant(one.kept.made),
                "until": instant(one.until),
                "standing": str(one.standing),
                "signed": ", ".join(one.signers),
                "needed": one.needed,
                "brought_by": one.kept.account,
                "why": one.kept.why,
            }
            for one in found[:limit]
        ],
        more,
    )


LISTING: Final = Listing(
    "approvals",
    "requests of operators: what waits for a second person",
    ("id", "act", "subject", "made", "until", "standing", "signed", "needed", "brought_by", "why"),
    read,
)
