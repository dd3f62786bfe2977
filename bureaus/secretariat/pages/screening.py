"""Screening: requests for notices, what the rules found, and what a person decides.

Who screens asks for more or refuses; who publishes approves; a red notice and whatever was flagged needs two different
people. Article 3 is decided by them: the rules flag, and decide nothing. Pictures of bureaus are made anew before a
browser of ours opens them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from aiohttp import web
from pydantic import JsonValue

from bureaus.secretariat.notices import acts
from bureaus.secretariat.notices.rules import people_needed
from bureaus.secretariat.notices.values import RequestState
from bureaus.secretariat.office import Office
from bureaus.secretariat.pages.guard import Visit, done, told
from bureaus.secretariat.pages.views import Views
from bureaus.secretariat.staff.rights import Right
from bureaus.secretariat.tips.pictures import Pictures
from bureaus.secretariat.typed import tidy
from schemas.errors import Misuse
from schemas.messages.attachments import MediaType
from schemas.messages.notice_codes import NoticeGround
from schemas.messages.notices import NoticeBody

_SHOWN: Final = frozenset({MediaType.JPEG, MediaType.PNG})


class Screening:
    """Pages of screeners and publishers."""

    def __init__(self, office: Office, views: Views) -> None:
        self._office, self._views = office, views
        self._pictures = Pictures(office.settings)

    async def page(self, visit: Visit) -> web.StreamResponse:
        """GET /screening."""
        values = {
            "visit": visit,
            "here": "screening",
            "done": told(visit),
            "lines": await acts.waiting(self._office),
            "now": self._office.now(),
        }
        return self._views.page("screening.html", values)

    async def one(self, visit: Visit) -> web.StreamResponse:
        """GET /screening/{id}."""
        found = await acts.request(self._office, visit.number())
        message = found.content.message
        values = {
            "visit": visit,
            "here": "screening",
            "done": told(visit),
            "one": found,
            "facts": list(facts(message)),
            "needed": max(found.request.needed, people_needed(message, found.findings)),
            "pictures": [(place, entry) for place, entry in enumerate(message.attachments)],
            "shown": _SHOWN,
            "grounds": list(NoticeGround),
            "now": self._office.now(),
            "open": found.request.state is RequestState.WAITING,
            "undecided": found.request.state in (RequestState.WAITING, RequestState.MORE),
            "screens": Right.SCREENER in visit.rights,
            "publishes": Right.PUBLISHER in visit.rights,
            "approved": visit.who in {approval.who for approval in found.approvals},
        }
        return self._views.page("request.html", values)

    async def picture(self, visit: Visit) -> web.StreamResponse:
        """GET /screening/{id}/pictures/{place}."""
        found, place = await acts.request(self._office, visit.number()), visit.number("place")
        entries = found.content.message.attachments
        if place >= len(entries) or entries[place].media not in _SHOWN:
            raise Misuse("there is no such picture")
        data = await self._pictures.anew(bytes(found.content.attachments[place]))
        return web.Response(body=data, content_type="image/jpeg")

    async def more(self, visit: Visit) -> web.StreamResponse:
        """POST /screening/{id}/more."""
        form = await visit.form()
        questions = tidy(form.get("questions", ""))
        row = await acts.ask_more(self._office, visit.number(), who=visit.who, questions=questions)
        return done(visit, "/screening", f"{row.owner} is asked about {row.reference}.")

    async def refuse(self, visit: Visit) -> web.StreamResponse:
        """POST /screening/{id}/refuse."""
        form = await visit.form()
        if form.get("ground") not in set(NoticeGround):
            raise Misuse("a request is refused with a ground")
        ground, why = NoticeGround(form["ground"]), tidy(form.get("why", ""))
        row = await acts.refuse(self._office, visit.number(), who=visit.who, ground=ground, why=why)
        return done(visit, "/screening", f"{row.reference} of {row.owner} is refused: {ground}.")

    async def approve(self, visit: Visit) -> web.StreamResponse:
        """POST /screening/{id}/approve."""
        form = await visit.form()
        why, seen = tidy(form.get("why", "")), form.get("seen", "")
        row = await acts.approve(self._office, visit.number(), who=visit.who, why=why, seen=seen)
        waits = "it is published" if row.state is RequestState.APPROVED else "another person has to approve it too"
        return done(visit, "/screening", f"You approved {row.reference} of {row.owner}: {waits}.")


def facts(message: NoticeBody) -> Iterator[tuple[str, str]]:
    """Everything that a notice says, as pairs of where it stands and what it is; attachments apart."""
    value: JsonValue = message.model_dump(
        mode="json", exclude_none=True, exclude_defaults=True, exclude={"attachments"}
    )
    yield from _flat("", value)


def _flat(path: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _flat(f"{path}, {name}".lstrip(", ").replace("_", " "), part)
    elif isinstance(value, list):
        for number, part in enumerate(value, 1):
            yield from _flat(f"{path} {number}" if len(value) > 1 else path, part)
    else:
        yield path, str(value)
