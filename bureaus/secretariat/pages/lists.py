"""What is published, which records are due for review, and the audit: for evaluators and whoever works with them."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from sqlalchemy import func, select

from bureaus.secretariat.notices import acts
from bureaus.secretariat.office import Office
from bureaus.secretariat.pages.guard import Visit, done, told
from bureaus.secretariat.pages.screening import facts
from bureaus.secretariat.pages.views import Views
from bureaus.secretariat.registry import audit
from bureaus.secretariat.registry.databases import record
from bureaus.secretariat.staff.rights import Right
from bureaus.secretariat.typed import tidy

_ROWS: Final = 200


class Lists:
    """Lists."""

    def __init__(self, office: Office, views: Views) -> None:
        self._office, self._views = office, views

    async def notices(self, visit: Visit) -> web.StreamResponse:
        """GET /notices; ?all=1 also those that ended."""
        everything = "all" in visit.request.query
        values = {
            "visit": visit,
            "here": "notices",
            "done": told(visit),
            "lines": (await acts.notices(self._office, all_states=everything))[:_ROWS],
            "everything": everything,
            "now": self._office.now(),
        }
        return self._views.page("notices.html", values)

    async def notice(self, visit: Visit) -> web.StreamResponse:
        """GET /notices/{number}."""
        entry, content = await acts.notice(self._office, _number(visit))
        values = {
            "visit": visit,
            "here": "notices",
            "entry": entry,
            "facts": list(facts(content.message)),
            "may_cancel": Right.PUBLISHER in visit.rights and entry.state == "in-force",
        }
        return self._views.page("notice.html", values)

    async def cancel(self, visit: Visit) -> web.StreamResponse:
        """POST /notices/{number}/cancel."""
        form = await visit.form()
        entry = await acts.cancel(self._office, _number(visit), who=visit.who, why=tidy(form.get("why", "")))
        return done(visit, "/notices", f"{entry.number} is being cancelled: everybody who got it is told.")

    async def reviews(self, visit: Visit) -> web.StreamResponse:
        """GET /reviews: records whose owner is to look at them, soonest first."""
        now = self._office.now()
        soon = now + self._office.settings.record_ask_seconds
        columns = record.c.id, record.c.owner, record.c.reference, record.c.kind, record.c.review, record.c.asked
        due = select(*columns).where(record.c.review <= soon).order_by(record.c.review, record.c.id).limit(_ROWS)
        async with self._office.registry.reading() as connection:
            lines = (await connection.execute(due)).all()
            counted = select(func.count()).select_from(record).where(record.c.review <= soon)
            count = int((await connection.execute(counted)).scalar_one())
        values = {"visit": visit, "here": "reviews", "lines": lines, "count": count, "now": now}
        return self._views.page("reviews.html", values)

    async def audit(self, visit: Visit) -> web.StreamResponse:
        """GET /audit; ?who= and ?subject= choose."""
        who, subject = (visit.request.query.get(name, "").strip() for name in ("who", "subject"))
        async with self._office.registry.reading() as connection:
            lines = await audit.acts(connection, who=who, subject=subject, limit=_ROWS)
        values = {"visit": visit, "here": "audit", "lines": lines, "who": who, "subject": subject}
        return self._views.page("audit.html", values)


def _number(visit: Visit) -> str:
    """`R-1/2026` stands in a path as `R-1-2026` would not: year and number are parts of it."""
    return f"{visit.request.match_info['number']}/{visit.request.match_info['year']}"
