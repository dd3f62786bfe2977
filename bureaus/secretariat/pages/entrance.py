"""Signing in and out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from aiohttp import web

from bureaus.secretariat.pages.guard import SIGN_IN, Guard, Visit
from bureaus.secretariat.pages.views import Views
from bureaus.secretariat.staff.sessions import Sessions

_REFUSED: Final = "The name or the password is not right, or the account has to wait after attempts that failed."


class Entrance:
    """The pages for who is not signed in, and the way out."""

    def __init__(self, sessions: Sessions, views: Views, guard: Guard) -> None:
        self._sessions, self._views, self._guard = sessions, views, guard

    async def form(self, visit: Visit) -> web.StreamResponse:
        """GET /sign-in."""
        return self._form(visit, "")

    def _form(self, visit: Visit, said: str, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
        return self._views.page("sign_in.html", {"token": visit.token, "said": said}, status)

    async def sign_in(self, visit: Visit) -> web.StreamResponse:
        """POST /sign-in: a new session, or the form again with one sentence for whatever was wrong."""
        form, guard = await visit.form(), self._guard
        before = guard.cookie(visit.request)
        token = await self._sessions.sign_in(form.get("name", ""), form.get("password", ""), before)
        if token is None:
            return self._form(visit, _REFUSED, HTTPStatus.UNAUTHORIZED)
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/"})
        guard.give(response, guard.session_name, token)
        guard.take(response, guard.entrance_name)
        return response

    async def sign_out(self, visit: Visit) -> web.StreamResponse:
        """POST /sign-out."""
        if visit.signed is not None:
            await self._sessions.sign_out(visit.signed)
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": SIGN_IN})
        self._guard.take(response, self._guard.session_name)
        return response

    async def static(self, visit: Visit) -> web.StreamResponse:
        """GET /static/{name}."""
        return self._views.static(visit.request.match_info["name"])
