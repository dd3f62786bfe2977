"""The operators' way to an exercise's clock: where it stands, and letting time pass.

On the operators' listener. Elsewhere than on an exercise network whose gateway was served with --exercise-clock, both
are refused in words. What changes time is JSON alone, which no page of another site can send without being allowed to.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from aiohttp import web

from gateway.advancing import Advancing, Moment
from schemas.errors import Misuse, Unavailable

PATH: Final = "/exercise/clock"
REFUSED: Final = "time is the machine's here: serve an exercise network with --exercise-clock"


class ExerciseApi:
    """GET and POST /exercise/clock."""

    def __init__(self, advancing: Advancing | None) -> None:
        """`advancing` is None where time is the machine's."""
        self._advancing = advancing

    def routes(self) -> list[web.RouteDef]:
        """The routes of this part."""
        return [web.get(PATH, self.read), web.post(PATH, self.advance)]

    async def read(self, _request: web.Request) -> web.Response:
        """GET: where the clock stands and when something is due next, in milliseconds since the epoch."""
        if self._advancing is None:
            return _refused(HTTPStatus.FORBIDDEN, REFUSED)
        try:
            return _said(await self._advancing.moment())
        except Unavailable as error:
            return _refused(HTTPStatus.SERVICE_UNAVAILABLE, str(error))

    async def advance(self, request: web.Request) -> web.Response:
        """POST {"to": MILLISECONDS}: go forward; answered when nothing is in hand and nothing is due."""
        if self._advancing is None:
            return _refused(HTTPStatus.FORBIDDEN, REFUSED)
        to = await _asked(request)
        if to is None:
            return _refused(HTTPStatus.BAD_REQUEST, 'application/json: {"to": milliseconds since the epoch}')
        try:
            return _said(await self._advancing.to(to))
        except Misuse as error:
            return _refused(HTTPStatus.CONFLICT, error.detail)
        except Unavailable as error:
            return _refused(HTTPStatus.SERVICE_UNAVAILABLE, str(error))


async def _asked(request: web.Request) -> int | None:
    if request.content_type != "application/json":
        return None
    try:
        body = await request.json()
    except ValueError:
        return None
    match body:
        case {"to": int(to)} if not isinstance(to, bool):
            return to
    return None


def _said(moment: Moment) -> web.Response:
    return web.json_response({"now": moment.now, "due": moment.due})


def _refused(status: HTTPStatus, why: str) -> web.Response:
    return web.json_response({"error": why}, status=status)
