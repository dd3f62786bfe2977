"""Signing in and out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from aiohttp import web

from gateway.console.guard import SIGN_IN, Guard, Visit
from gateway.console.issuing import Issuing
from gateway.console.sessions import Sessions
from gateway.console.views import PREFIX, Views

_REFUSED: Final = "The name or the password is not right, or the account has to wait after attempts that failed."


class Entrance:
    """The pages for who is not signed in, and the way out."""

    def __init__(self, sessions: Sessions, views: Views, guard: Guard, issuing: Issuing) -> None:
        self._sessions, self._views, self._guard, self._issuing = sessions, views, guard, issuing

    async def form(self, visit: Visit) -> web.StreamResponse:
        """GET /sign-in; ?left=1 for one who just left, and may want to leave the provider too."""
        leave = await self._issuing.farewell() if "left" in visit.request.query else None
        return self._form(visit, "", leave=leave)

    def _form(
        self, visit: Visit, said: str, status: HTTPStatus = HTTPStatus.OK, leave: str | None = None
    ) -> web.Response:
        values = {"token": visit.token, "said": said, "label": self._issuing.label, "leave": leave}
        return self._views.page("sign_in.html", values, status)

    async def sign_in(self, visit: Visit) -> web.StreamResponse:
        """POST /sign-in: a new session, or the form again with one sentence for whatever was wrong."""
        form = await visit.request.post()
        name, password = form.get("name"), form.get("password")
        guard = self._guard
        token = None
        if isinstance(name, str) and isinstance(password, str):
            before, address = guard.cookie(visit.request), guard.address(visit.request)
            token = await self._sessions.sign_in(name, password, before, address)
        if token is None:
            return self._form(visit, _REFUSED, HTTPStatus.UNAUTHORIZED)
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": f"{PREFIX}/"})
        guard.give(visit.request, response, guard.session_name, token)
        guard.take(response, guard.entrance_name)
        return response

    async def sign_out(self, visit: Visit) -> web.StreamResponse:
        """POST /sign-out."""
        if visit.signed is not None:
            await self._sessions.sign_out(visit.signed)
        to = f"{SIGN_IN}?left=1" if self._issuing.label else SIGN_IN
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": to})
        self._guard.take(response, self._guard.session_name)
        return response

    async def static(self, visit: Visit) -> web.StreamResponse:
        """GET /static/{name}."""
        return self._views.static(visit.request.match_info["name"])
