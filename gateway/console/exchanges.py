"""Search among messages, and one exchange from its first message to its last proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from gateway.console.desk import Desk, Shelf
from gateway.console.evidence import WORDS, Story, steps, story
from gateway.console.guard import Visit
from gateway.console.listing import EXPORT, Asked, Listing, Part, Row, given, instant, number
from gateway.console.views import Views
from gateway.ports_console import Outlook, Seen, Sought
from schemas.errors import Forbidden, Malformed, Reason

PAGE: Final = 50
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
        asked = LISTING.asked(visit.request.query)
        said, found = "", list[Seen]()
        try:
            sought = replace(read_search(asked), before=_before(visit.request.query.get("before", "")), limit=PAGE + 1)
            found = list(await self._desk.sightings.search(sought))
        except Malformed as error:
            said = error.detail
        more = ""
        if len(found) > PAGE:
            more = urlencode({**given(asked), "before": _place(found[PAGE - 1])})
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
                "may_export": visit.role in EXPORT,
            },
            HTTPStatus.BAD_REQUEST if said else HTTPStatus.OK,
        )

    async def one(self, visit: Visit) -> web.StreamResponse:
        """GET /exchanges/{digest}: the exchange that a message is of, each message with its steps."""
        asked, stories, cut = await self._exchange(visit)
        return self._views.page(
            "exchange.html",
            {
                "visit": visit,
                "here": "exchanges",
                "asked": asked,
                "stories": stories,
                "cut": cut,
                "words": WORDS,
            },
        )

    async def told(self, visit: Visit) -> web.StreamResponse:
        """GET /api/exchanges/{digest}: the same for programs."""
        asked, shown, cut = await self._exchange(visit)
        messages = [{**_row(one.seen), **steps(one)} for one in shown]
        return web.json_response({"asked": asked.digest.hex(), "messages": messages, "cut": cut})

    async def _exchange(self, visit: Visit) -> tuple[Seen, list[Story], bool]:
        """The message that was asked for, the messages of its exchange with their steps, and whether there are more."""
        digest = _digest(visit.request.match_info["digest"])
        found = await self._desk.sightings.search(Sought(id=digest, limit=1))
        if not found:
            raise Forbidden(Reason.NOT_FOUND, "there is no such message here")
        messages = await self._desk.sightings.exchange(found[0].thread, _MESSAGES + 1)
        shown = list(messages[:_MESSAGES])
        if found[0].digest not in {one.digest for one in shown}:
            shown.append(found[0])
        return found[0], [await story(self._desk, one) for one in shown], len(messages) > _MESSAGES


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
    return number(received), _digest(digest)


def _place(one: Seen) -> str:
    return f"{one.received}.{one.digest.hex()}"


def _row(one: Seen) -> Row:
    return {
        "received": instant(one.received),
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


async def read(desk: Shelf, asked: Asked, after: str, limit: int) -> Part:
    """Rows of the list."""
    sought = replace(read_search(asked), before=_before(after), limit=limit + 1)
    found = await desk.sightings.search(sought)
    return Part([_row(one) for one in found[:limit]], _place(found[limit - 1]) if len(found) > limit else "")


LISTING: Final = Listing("exchanges", "messages, newest first", _COLUMNS, read, _FIELDS)
