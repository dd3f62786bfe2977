"""What witnesses look up, and whoever wants a checkpoint with their cosignatures."""

from __future__ import annotations

from typing import Protocol

from aiohttp import web

from gateway.api.problems import RETRY_SECONDS, missing
from gateway.api.requests import number
from schemas import wire


class Notes(Protocol):
    """What gives notes: `gateway.witnesses`."""

    async def candidate(self) -> str | None:
        """The note that witnesses are asked to sign, with the lines that it has."""

    async def witnessed(self) -> str | None:
        """The newest note that the quorum of its policy signed."""

    async def published(self, size: int) -> str | None:
        """The note of this size, with the lines that it has."""


class WitnessingApi:
    """Handlers of notes with cosignatures."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def routes(self) -> list[web.RouteDef]:
        """The routes of this part."""
        handlers = {
            wire.CANDIDATE: self.candidate,
            wire.WITNESSED: self.witnessed,
            f"{wire.CHECKPOINT}/{{size}}": self.published,
        }
        return [web.get(path, handler, allow_head=False) for path, handler in handlers.items()]

    async def candidate(self, _request: web.Request) -> web.Response:
        """GET /v1/checkpoint/candidate."""
        return _note(await self._notes.candidate(), "no checkpoint awaits witnesses", RETRY_SECONDS)

    async def witnessed(self, _request: web.Request) -> web.Response:
        """GET /v1/checkpoint/witnessed."""
        return _note(await self._notes.witnessed(), "no checkpoint has its quorum of witnesses", RETRY_SECONDS)

    async def published(self, request: web.Request) -> web.Response:
        """GET /v1/checkpoint/{size}."""
        return _note(await self._notes.published(number(request, "size")), "no checkpoint of this size was published")


def _note(text: str | None, otherwise: str, retry_after: int | None = None) -> web.Response:
    if text is None:
        raise missing(otherwise, retry_after=retry_after)
    return web.Response(text=text, content_type="text/plain", charset="utf-8")
