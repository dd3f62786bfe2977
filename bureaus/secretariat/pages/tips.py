"""Triage of tips, and public appeals: pages of the fugitive unit."""

from __future__ import annotations

from aiohttp import web

from bureaus.secretariat.office import Office
from bureaus.secretariat.pages.guard import Visit, done, told
from bureaus.secretariat.pages.views import Views
from bureaus.secretariat.tips import numbers
from bureaus.secretariat.tips.appeals import Appeals
from bureaus.secretariat.tips.pictures import Pictures
from bureaus.secretariat.tips.sealing import Seal
from bureaus.secretariat.tips.taking import TipState
from bureaus.secretariat.tips.triage import Triage
from schemas.errors import Misuse
from schemas.messages.codes import TipFinding


class TipPages:
    """Pages about tips."""

    def __init__(self, office: Office, views: Views) -> None:
        self._office, self._views = office, views
        self.triage = Triage(office, Seal.at(office.bureau.home))
        self._appeals, self._pictures = Appeals(office), Pictures(office.settings)

    async def page(self, visit: Visit) -> web.StreamResponse:
        """GET /tips, of one state where ?state says one."""
        asked = visit.request.query.get("state", "")
        state = TipState(asked) if asked in set(TipState) else None
        values = {
            "visit": visit,
            "here": "tips",
            "done": told(visit),
            "lines": await self.triage.list(state),
            "counts": await self.triage.counts(),
            "states": list(TipState),
            "asked": state,
        }
        return self._views.page("tips.html", values)

    async def one(self, visit: Visit) -> web.StreamResponse:
        """GET /tips/{number}."""
        opened = await self.triage.open(_number(visit), who=visit.who)
        appeal = await self._appeals.one(opened.line.appeal) if opened.line.appeal else None
        values = {
            "visit": visit,
            "here": "tips",
            "done": told(visit),
            "one": opened,
            "appeal": appeal,
            "bureaus": self._office.everybody(),
            "findings": list(TipFinding),
        }
        return self._views.page("tip.html", values)

    async def picture(self, visit: Visit) -> web.StreamResponse:
        """GET /tips/{number}/pictures/{id}."""
        data = await self.triage.picture(_number(visit), visit.number(), who=visit.who)
        return web.Response(body=data, content_type="image/jpeg")

    async def forward(self, visit: Visit) -> web.StreamResponse:
        """POST /tips/{number}/forward."""
        number, form = _number(visit), await visit.form()
        to = form.get("to", "").replace(",", " ").split()
        urgent = form.get("urgent") == "yes"
        await self.triage.forward(number, to, form.get("remarks", ""), who=visit.who, urgent=urgent)
        return done(visit, f"/tips/{number}", f"It goes to {', '.join(to)}.")

    async def answer(self, visit: Visit) -> web.StreamResponse:
        """POST /tips/{number}/answer."""
        number, form = _number(visit), await visit.form()
        await self.triage.answer(number, form.get("text", ""), who=visit.who)
        return done(visit, f"/tips/{number}", "The answer waits for whoever gave the tip.")

    async def close(self, visit: Visit) -> web.StreamResponse:
        """POST /tips/{number}/close."""
        number, form = _number(visit), await visit.form()
        if form.get("finding") not in set(TipFinding):
            raise Misuse("say what came of it")
        await self.triage.close(number, TipFinding(form["finding"]), form.get("why", ""), who=visit.who)
        return done(visit, "/tips", f"{number} is closed.")

    async def appeals(self, visit: Visit) -> web.StreamResponse:
        """GET /appeals."""
        values = {
            "visit": visit,
            "here": "appeals",
            "done": told(visit),
            "appeals": await self._appeals.all(ended=True),
            "bureaus": self._office.everybody(),
        }
        return self._views.page("appeals.html", values)

    async def appeal(self, visit: Visit) -> web.StreamResponse:
        """POST /appeals: a new one."""
        form, sent = await visit.form(), (await visit.request.post()).get("picture")
        picture = None
        if isinstance(sent, web.FileField) and sent.filename:
            picture = await self._pictures.anew(sent.file.read())
        if form.get("seeks") not in self._office.everybody():
            raise Misuse("an appeal is for a bureau of the network")
        reference = await self._appeals.open(
            (form.get("title", ""), form.get("text", "")),
            seeks=form["seeks"],
            consent=form.get("consent", ""),
            notice=form.get("notice", "").strip(),
            operation=form.get("operation", "").strip(),
            picture=picture,
            who=visit.who,
        )
        return done(visit, "/appeals", f"{reference} is shown to the public.")

    async def end(self, visit: Visit) -> web.StreamResponse:
        """POST /appeals/{reference}/end."""
        form, reference = await visit.form(), visit.request.match_info["reference"]
        await self._appeals.end(reference, form.get("why", ""), who=visit.who)
        return done(visit, "/appeals", f"{reference} is shown no longer.")

    async def shown(self, visit: Visit) -> web.StreamResponse:
        """GET /appeals/{reference}/picture."""
        data = await self._appeals.picture(visit.request.match_info["reference"])
        if data is None:
            raise Misuse("there is no such picture")
        return web.Response(body=data, content_type="image/jpeg")


def _number(visit: Visit) -> str:
    """Raises Misuse where the path has none."""
    found = numbers.read_number(visit.request.match_info["number"])
    if found is None:
        raise Misuse("there is no such tip")
    return found
