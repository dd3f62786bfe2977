"""The operators' listener of a supervisor: the health of all workers in one place.

Ready means that every worker is there and says itself that it is ready. The metrics are those of all workers, each
sample with the label `worker`, and the supervisor's own with the label `supervisor`. The refusals are those of all,
in the order of their times, each with its worker's number.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import Final, TypeAlias

import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from gateway.api.operators import CHECK_SECONDS
from gateway.watching import CONTENT_TYPE, Watching

ASK_SECONDS: Final = CHECK_SECONDS + 2.0
"""A worker may take so long to answer: longer than its own checks."""
ABSENT: Final = "it is being started"
Places: TypeAlias = Callable[[], Sequence[str | None]]
"""URLs of the workers' own operators' listeners, by place; None while one is being started."""


class WorkersApi:
    """Health, readiness, metrics and refusals of all workers."""

    def __init__(self, places: Places, watching: Watching) -> None:
        self._places = places
        self._watching = watching
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
        """GET /healthz: the supervisor serves."""
        return web.json_response({"alive": True})

    async def ready(self, _request: web.Request) -> web.Response:
        """GET /readyz: 200 or 503, with what each worker says."""
        answers = await self._ask("/readyz")
        found = {f"worker-{number}": _said(answer) for number, answer in enumerate(answers)}
        if self._stopping:
            found["stopping"] = "told to stop"
        ready = all(said == "ok" for said in found.values())
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return web.json_response({"ready": ready, "checks": found}, status=status)

    async def metrics(self, _request: web.Request) -> web.Response:
        """GET /metrics."""
        own = ("supervisor", self._watching.metrics().decode())
        workers = [
            (str(number), answer[1])
            for number, answer in enumerate(await self._ask("/metrics"))
            if answer is not None and answer[0] == HTTPStatus.OK
        ]
        return web.Response(body=merged([own, *workers]), headers={"Content-Type": CONTENT_TYPE})

    async def refusals(self, _request: web.Request) -> web.Response:
        """GET /refusals."""
        rows: list[dict[str, object]] = []
        for number, answer in enumerate(await self._ask("/refusals")):
            if answer is not None and answer[0] == HTTPStatus.OK:
                rows += [{**row, "worker": number} for row in json.loads(answer[1])["refusals"]]
        rows.sort(key=lambda row: int(str(row["time"])))
        return web.json_response({"refusals": rows})

    async def _ask(self, path: str) -> list[tuple[int, str] | None]:
        timeout = aiohttp.ClientTimeout(total=ASK_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as client:
            return list(await asyncio.gather(*(_get(client, place, path) for place in self._places())))


async def _get(client: aiohttp.ClientSession, place: str | None, path: str) -> tuple[int, str] | None:
    if place is None:
        return None
    try:
        async with client.get(place + path) as response:
            return response.status, await response.text()
    except (aiohttp.ClientError, TimeoutError):
        return None


def _said(answer: tuple[int, str] | None) -> str:
    if answer is None:
        return ABSENT
    return "ok" if answer[0] == HTTPStatus.OK else answer[1]


class _Families:
    """Metrics that were counted elsewhere, as a collector."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[Metric]:
        """All of them."""
        yield from self._families


def merged(parts: Iterable[tuple[str, str]]) -> bytes:
    """Metrics of several processes, (name of the process, its metrics as text), as one text."""
    families: dict[str, Metric] = {}
    for worker, said in parts:
        for family in text_string_to_metric_families(said):
            into = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            for sample in family.samples:
                labels = {**sample.labels, "worker": worker}
                into.add_sample(sample.name, labels, sample.value, sample.timestamp, sample.exemplar)
    registry = CollectorRegistry()
    registry.register(_Families(families.values()))
    return generate_latest(registry)
