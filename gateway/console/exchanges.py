"""Search among messages, the list as CSV or JSON, and one exchange from its first message to its last proof."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from gateway.console.desk import Desk
from gateway.console.evidence import WORDS, story
from gateway.console.guard import Visit
from gateway.console.views import Views, csv_line, utc
from gateway.operators import Action
from gateway.ports_console import AccountRole, Outlook, Seen, Sought
from schemas.errors import Forbidden, Malformed, Reason

PAGE: Final = 50
_EXPORT_PAGE: Final = 500
_MESSAGES: Final = 20
"""Of one exchange, on one page."""
_FIELDS: Final = ("since", "until", "sender", "recipient", "operation", "kind", "state", "id")
_COLUMNS: Final = (
    "received",
    "digest",
    "sender",
    "recipients",
    "operation",
    "kind",
    "urgency",
    "exercise",
    "accepted",
    "reason",
    "answer",
    "exchange",
    "index",
)


class Exchanges:
    """The pages."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk, self._views = desk, views

    async def page(self, visit: Visit) -> web.StreamResponse:
        """GET /exchanges: a page of messages; what cannot be understood of the search is said above the list."""
        asked = {name: visit.request.query.get(name, "").strip() for name in _FIELDS}
        said, found = "", []
        try:
            sought = replace(read_search(asked), before=_before(visit.request.query.get("before", "")), limit=PAGE + 1)
            found = list(await self._desk.sightings.search(sought))
        except Malformed as error:
            said = error.detail
        more = ""
        if len(found) > PAGE:
            last = found[PAGE - 1]
            more = urlencode({**_given(asked), "before": f"{last.received}.{last.digest.hex()}"})
        return self._views.page(
            "exchanges.html",
            {
                "visit": visit,
                "here": "exchanges",
                "asked": asked,
                "found": found[:PAGE],
                "more": more,
                "said": said,
                "outlooks": list(Outlook),
                "may_export": visit.role is not AccountRole.VIEWER,
            },
            HTTPStatus.BAD_REQUEST if said else HTTPStatus.OK,
        )

    async def export(self, visit: Visit) -> web.StreamResponse:
        """POST /exchanges/export: the list as CSV or JSON lines; who took it and why is recorded first."""
        form = {name: value for name, value in (await visit.request.post()).items() if isinstance(value, str)}
        why = form.get("why", "").strip()
        if not why:
            raise Malformed(Reason.STRUCTURE, "an export needs a reason")
        asked = {name: form.get(name, "").strip() for name in _FIELDS}
        sought = read_search(asked)
        as_csv = form.get("form") == "csv"
        await self._desk.deeds.did(visit.account, Action.EXPORT_LIST, urlencode(_given(asked)), why)
        name = f"messages.{'csv' if as_csv else 'jsonl'}"
        headers = {
            "Content-Type": "text/csv; charset=utf-8" if as_csv else "application/jsonl",
            "Content-Disposition": f'attachment; filename="{name}"',
        }
        response = web.StreamResponse(headers=headers)
        await response.prepare(visit.request)
        if as_csv:
            await response.write(csv_line(_COLUMNS).encode())
        async for one in self._all(sought):
            row = _row(one)
            line = csv_line(row[name] for name in _COLUMNS) if as_csv else json.dumps(row) + "\n"
            await response.write(line.encode())
        await response.write_eof()
        return response

    async def _all(self, sought: Sought) -> AsyncIterator[Seen]:
        left, before = self._desk.limits.export_items, None
        while left > 0:
            page = await self._desk.sightings.search(replace(sought, before=before, limit=min(left, _EXPORT_PAGE)))
            for one in page:
                yield one
            if not page:
                return
            before, left = (page[-1].received, page[-1].digest), left - len(page)

    async def one(self, visit: Visit) -> web.StreamResponse:
        """GET /exchanges/{digest}: the exchange that a message is of, each message with its steps."""
        digest = _digest(visit.request.match_info["digest"])
        found = await self._desk.sightings.search(Sought(id=digest, limit=1))
        if not found:
            raise Forbidden(Reason.NOT_FOUND, "there is no such message here")
        messages = await self._desk.sightings.exchange(found[0].thread, _MESSAGES + 1)
        shown = list(messages[:_MESSAGES])
        if found[0].digest not in {one.digest for one in shown}:
            shown.append(found[0])
        stories = [await story(self._desk, one) for one in shown]
        return self._views.page(
            "exchange.html",
            {
                "visit": visit,
                "here": "exchanges",
                "asked": found[0],
                "stories": stories,
                "cut": len(messages) > _MESSAGES,
                "words": WORDS,
            },
        )


def read_search(asked: Mapping[str, str]) -> Sought:
    """What a form asks for.

    Raises:
        Malformed: `structure`, a time, a state or an id cannot be read.
    """
    return Sought(
        since=_time(asked["since"]),
        until=_time(asked["until"]),
        outlook=_outlook(asked["state"]),
        id=_id(asked["id"]),
        sender=asked["sender"] or None,
        recipient=asked["recipient"] or None,
        operation=asked["operation"] or None,
        kind=asked["kind"] or None,
    )


def _time(text: str) -> int | None:
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed(Reason.STRUCTURE, f"not a time: {text[:40]}; write 2026-07-01T08:30") from None
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)


def _outlook(text: str) -> Outlook | None:
    if text and text not in tuple(Outlook):
        raise Malformed(Reason.STRUCTURE, f"not a state: {text[:40]}")
    return Outlook(text) if text else None


def _id(text: str) -> bytes | None:
    if not text:
        return None
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if not 4 <= len(found) <= 32:
        raise Malformed(Reason.STRUCTURE, "an id is 8 to 64 hexadecimal digits, an even number of them")
    return found


def _digest(text: str) -> bytes:
    found = _id(text)
    if found is None or len(found) != 32:
        raise Malformed(Reason.STRUCTURE, "a digest is 64 hexadecimal digits")
    return found


def _before(text: str) -> tuple[int, bytes] | None:
    if not text:
        return None
    received, _, digest = text.partition(".")
    if not received.isascii() or not received.isdigit() or len(received) > 15:
        raise Malformed(Reason.STRUCTURE, "not a place in the list")
    return int(received), _digest(digest)


def _given(asked: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in asked.items() if value}


def _row(one: Seen) -> dict[str, str | int | bool | None]:
    return {
        "received": f"{utc(one.received).replace(' ', 'T')}Z",
        "digest": one.digest.hex(),
        "sender": str(one.sender),
        "recipients": " ".join(one.recipients),
        "operation": one.operation,
        "kind": one.kind,
        "urgency": one.urgency,
        "exercise": one.exercise,
        "accepted": one.accepted,
        "reason": None if one.reason is None else str(one.reason),
        "answer": one.answer,
        "exchange": one.thread.hex(),
        "index": one.index,
    }
