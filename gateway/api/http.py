"""The two applications, put together from their parts."""

from __future__ import annotations

from aiohttp import web

from gateway.api.bureaus import BureausApi, Handler
from gateway.api.exercise import ExerciseApi
from gateway.api.operators import OperatorsApi
from gateway.api.reading import ReadingApi
from gateway.api.witnessing import WitnessingApi
from gateway.api.workers import WorkersApi
from schemas.wire import MAX_SUBMISSION


def bureaus_application(bureaus: BureausApi, reading: ReadingApi, witnessing: WitnessingApi) -> web.Application:
    """What bureaus reach: every route behind `BureausApi.answering`."""

    @web.middleware
    async def answering(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await bureaus.answering(request, handler)

    application = web.Application(middlewares=[answering], client_max_size=MAX_SUBMISSION)
    application.add_routes([*bureaus.routes(), *reading.routes(), *witnessing.routes()])
    return application


def operators_application(*parts: OperatorsApi | WorkersApi | ExerciseApi) -> web.Application:
    """What operators reach."""
    application = web.Application()
    for part in parts:
        application.add_routes(part.routes())
    return application
