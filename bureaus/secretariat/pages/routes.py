"""The staff's pages: the table of routes, and how they are put on the staff's listener.

A page is served because it stands here, with the rights that open it; there is no other way in.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from aiohttp import web

from bureaus.secretariat.notices import acts
from bureaus.secretariat.office import Office
from bureaus.secretariat.pages.duty import DutyPages, Tile
from bureaus.secretariat.pages.entrance import Entrance
from bureaus.secretariat.pages.guard import Guard, Page, Visit
from bureaus.secretariat.pages.lists import Lists
from bureaus.secretariat.pages.screening import Screening
from bureaus.secretariat.pages.tips import TipPages
from bureaus.secretariat.pages.views import Item, Views, dress
from bureaus.secretariat.staff.rights import Right
from bureaus.secretariat.staff.sessions import Sessions
from bureaus.secretariat.tips.taking import TipState

NAME: Final = "General Secretariat"
ALL: Final = frozenset(Right)
DUTY: Final = frozenset({Right.DUTY})
SCREEN: Final = frozenset({Right.SCREENER})
PUBLISH: Final = frozenset({Right.PUBLISHER})
SCREENING: Final = SCREEN | PUBLISH
TIPS: Final = frozenset({Right.FUGITIVE})
NOTICES: Final = SCREENING | {Right.EVALUATOR, Right.DUTY}
REVIEWS: Final = frozenset({Right.EVALUATOR, Right.SCREENER})
AUDIT: Final = frozenset({Right.EVALUATOR})
MENU: Final[tuple[Item, ...]] = (
    ("duty", "Duty desk", DUTY),
    ("screening", "Screening", SCREENING),
    ("notices", "Notices", NOTICES),
    ("tips", "Tips", TIPS),
    ("appeals", "Public appeals", TIPS),
    ("reviews", "Reviews", REVIEWS),
    ("audit", "Audit", AUDIT),
)


class StaffPages:
    """The pages of one office."""

    def __init__(self, office: Office, names: Collection[str] = (), *, secure: bool = False) -> None:
        """`names` are those that lead here beside IP addresses; `secure` says that browsers come over TLS."""
        views, sessions = Views(NAME, MENU), Sessions(office)
        self._office, self._views = office, views
        self.guard = Guard(sessions, views, names, secure=secure)
        entrance = Entrance(sessions, views, self.guard)
        duty, tips = DutyPages(office, views, self._waiting), TipPages(office, views)
        screening, lists = Screening(office, views), Lists(office, views)
        self._triage = tips.triage
        self.pages: tuple[Page, ...] = (
            Page("GET", "/sign-in", entrance.form, None),
            Page("POST", "/sign-in", entrance.sign_in, None),
            Page("GET", "/static/{name}", entrance.static, None),
            Page("POST", "/sign-out", entrance.sign_out, ALL),
            Page("GET", "/", self._first, ALL),
            Page("GET", "/duty", duty.page, DUTY),
            Page("POST", "/duty/{id}/call", duty.call, DUTY),
            Page("POST", "/duty/{id}/close", duty.close, DUTY),
            Page("POST", "/duty/notes", duty.leave, DUTY),
            Page("POST", "/duty/notes/{id}/take", duty.take, DUTY),
            Page("GET", "/screening", screening.page, SCREENING),
            Page("GET", "/screening/{id}", screening.one, SCREENING),
            Page("GET", "/screening/{id}/pictures/{place}", screening.picture, SCREENING),
            Page("POST", "/screening/{id}/more", screening.more, SCREEN),
            Page("POST", "/screening/{id}/refuse", screening.refuse, SCREEN),
            Page("POST", "/screening/{id}/approve", screening.approve, PUBLISH),
            Page("GET", "/notices", lists.notices, NOTICES),
            Page("GET", "/notices/{number}/{year}", lists.notice, NOTICES),
            Page("POST", "/notices/{number}/{year}/cancel", lists.cancel, PUBLISH),
            Page("GET", "/tips", tips.page, TIPS),
            Page("GET", "/tips/{number}", tips.one, TIPS),
            Page("GET", "/tips/{number}/pictures/{id}", tips.picture, TIPS),
            Page("POST", "/tips/{number}/forward", tips.forward, TIPS),
            Page("POST", "/tips/{number}/answer", tips.answer, TIPS),
            Page("POST", "/tips/{number}/close", tips.close, TIPS),
            Page("GET", "/appeals", tips.appeals, TIPS),
            Page("POST", "/appeals", tips.appeal, TIPS),
            Page("POST", "/appeals/{reference}/end", tips.end, TIPS),
            Page("GET", "/appeals/{reference}/picture", tips.shown, TIPS),
            Page("GET", "/reviews", lists.reviews, REVIEWS),
            Page("GET", "/audit", lists.audit, AUDIT),
        )

    def mount(self, application: web.Application) -> None:
        """Put the pages on an application."""
        application.add_routes([web.route(page.method, page.path, self.guard.behind(page)) for page in self.pages])
        application.on_response_prepare.append(dress)

    async def _first(self, visit: Visit) -> web.StreamResponse:
        """GET /: the first page that these rights open."""
        path = next((path for path, _, rights in MENU if visit.rights & frozenset(rights)), None)
        if path is None:
            return self._views.page("welcome.html", {"visit": visit, "here": ""})
        raise web.HTTPSeeOther(f"/{path}")

    async def _waiting(self) -> Sequence[Tile]:
        """What waits in the other rooms, for the duty desk."""
        requests, late = await acts.waiting(self._office), await acts.overdue(self._office)
        counts = await self._triage.counts()
        unread = counts.get(TipState.NEW, 0) + counts.get(TipState.MORE, 0)
        return (
            ("requests on screening", len(requests), "screening", False),
            ("requests past their time", len(late), "screening", bool(late)),
            ("tips that wait", unread, "tips", False),
        )
