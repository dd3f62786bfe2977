"""The operators' listener: is it alive, is it ready and if not why, the metrics, and the last refusals.

Plain HTTP: keep it on loopback.

Ready means that a write was committed and, where there is a broker, a publish confirmed, just now and each within
`CHECK_SECONDS`; a gateway that was told to stop is not ready.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Final, TypeAlias

from aiohttp import web

from gateway.gatehouse import Refusal
from gateway.watching import CONTENT_TYPE, Watching
from schemas.errors import BureaunetError, Reason

CHECK_SECONDS: Final = 3.0
Check: TypeAlias = Callable[[], Awaitable[None]]
"""Returns when all is well; raises Unavailable."""


class OperatorsApi:
    """Health, readiness, metrics and refusals."""

    def __init__(self, checks: Mapping[str, Check], watching: Watching, refusals: Iterable[Refusal]) -> None:
        """`refusals` are the last ones, oldest first, bounded by whoever keeps them."""
        self._checks = checks
        self._watching = watching
        self._refusals = refusals
        self._stopping = False

    def routes(self) -> list[web.RouteDef]:
        """The routes of this part."""
        return [
            web.get("/healthz", self.health),
            web.get("/readyz", self.ready),
            web.get("/metrics", self.metrics),
            web.get("/refusals", self.refusals),
        ]

    def stop(self) -> None:
        """Be ready no more."""
        self._stopping = True

    async def health(self, _request: web.Request) -> web.Response:
        """GET /healthz: the process serves."""
        return web.json_response({"alive": True})

    async def ready(self, _request: web.Request) -> web.Response:
        """GET /readyz: 200 or 503, with what each check says."""
        found = dict(zip(self._checks, await asyncio.gather(*map(_outcome, self._checks.values())), strict=True))
        if self._stopping:
            found["stopping"] = "told to stop"
        ready = all(said == "ok" for said in found.values())
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return web.json_response({"ready": ready, "checks": found}, status=status)

    async def metrics(self, _request: web.Request) -> web.Response:
        """GET /metrics."""
        return web.Response(body=self._watching.metrics(), headers={"Content-Type": CONTENT_TYPE})

    async def refusals(self, _request: web.Request) -> web.Response:
        """GET /refusals: the last refusals of submissions, oldest first."""
        return web.json_response({"refusals": [one.row() for one in self._refusals]})


async def _outcome(check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except TimeoutError:
        return f"{Reason.TIMEOUT}: no answer within {CHECK_SECONDS:g} s"
    except BureaunetError as error:
        return str(error)
    return "ok"
