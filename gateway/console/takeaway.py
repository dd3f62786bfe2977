"""Every list as a file, for who says why, and for programs, a page at a time.

Who takes a list away, which and why, is recorded before the first row is sent. What a program reads is what its page
shows, to whoever may open that page.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from gateway.console.desk import Desk, Shelf
from gateway.console.guard import Visit
from gateway.console.listing import Asked, Listing, Row, given
from gateway.console.views import csv_line
from gateway.operators import Action
from schemas.errors import BureaunetError, Malformed, Reason

_PAGE: Final = 500
_SHOWN: Final = 50
"""Rows of an answer to a program that does not say how many."""


async def form(visit: Visit) -> dict[str, str]:
    """The texts of a form."""
    return {name: value.strip() for name, value in (await visit.request.post()).items() if isinstance(value, str)}


def reason(said: dict[str, str]) -> str:
    """Why somebody does what they do.

    Raises:
        Malformed: `structure`, they did not say.
    """
    if not said.get("why"):
        raise Malformed(Reason.STRUCTURE, "say why: it is recorded")
    return said["why"]


class Takeaway:
    """The handlers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def export(self, listing: Listing) -> Callable[[Visit], Awaitable[web.StreamResponse]]:
        """POST /LIST/export: the list as CSV or JSON lines."""

        async def handler(visit: Visit) -> web.StreamResponse:
            said = await form(visit)
            why, asked = reason(said), listing.asked(said)
            first = await listing.read(self._desk, asked, "", 1)  # what cannot be understood is said before anything
            subject = f"{listing.name} {urlencode(given(asked))}".strip()
            await self._desk.deeds.did(visit.account, Action.EXPORT_LIST, subject, why)
            return await self._send(visit, listing, asked, as_csv=said.get("form") == "csv", empty=not first.rows)

        return handler

    async def _send(
        self, visit: Visit, listing: Listing, asked: Asked, *, as_csv: bool, empty: bool
    ) -> web.StreamResponse:
        name = f"{listing.name}.{'csv' if as_csv else 'jsonl'}"
        kind = "text/csv; charset=utf-8" if as_csv else "application/jsonl"
        headers = {"Content-Type": kind, "Content-Disposition": f'attachment; filename="{name}"'}
        response = web.StreamResponse(headers=headers)
        await response.prepare(visit.request)
        try:
            if as_csv:
                await response.write(csv_line(listing.columns).encode())
            if not empty:
                async for row in rows(self._desk, listing, asked, self._desk.limits.export_items):
                    line = csv_line(row[name] for name in listing.columns) if as_csv else json.dumps(dict(row)) + "\n"
                    await response.write(line.encode())
            await response.write_eof()
        except BureaunetError as error:  # the answer has begun: it can only be cut off, which the browser sees
            self._desk.watcher.saw("console-cut-off", page=listing.name, reason=error.reason)
            if visit.request.transport is not None:
                visit.request.transport.abort()
        return response

    def api(self, listing: Listing) -> Callable[[Visit], Awaitable[web.StreamResponse]]:
        """GET /api/LIST: a page as JSON; `after` is what the page before named, `limit` at most 500."""

        async def handler(visit: Visit) -> web.StreamResponse:
            query = visit.request.query
            text = query.get("limit", str(_SHOWN))
            limit = min(int(text), _PAGE) if text.isascii() and text.isdigit() and len(text) < 6 else 0
            if not limit:
                raise Malformed(Reason.STRUCTURE, f"limit is 1 to {_PAGE}")
            if listing.look is not None:
                await self._desk.deeds.did(visit.account, listing.look)
            part = await listing.read(self._desk, listing.asked(query), query.get("after", ""), limit)
            answer = {"list": listing.name, "rows": [dict(row) for row in part.rows], "next": part.more or None}
            return web.json_response(answer, status=HTTPStatus.OK)

        return handler


async def session(visit: Visit) -> web.StreamResponse:
    """GET /api/session: who is signed in, and the token that a program's own POSTs carry in the field `token`."""
    role = None if visit.role is None else str(visit.role)
    return web.json_response({"account": visit.account or None, "role": role, "token": visit.token})


async def rows(desk: Shelf, listing: Listing, asked: Asked, most: int) -> AsyncIterator[Row]:
    """The list from its beginning.

    Raises:
        Unavailable: `store`. Malformed: `structure`, what is asked.
    """
    place, left = "", most
    while left > 0:
        part = await listing.read(desk, asked, place, min(left, _PAGE))
        for row in part.rows:
            yield row
        place, left = part.more, left - len(part.rows)
        if not place:
            return
