"""The console of several workers, on their supervisor's listener: each request goes to one of them.

Order of work: the next worker in turn that is there; the request as it came, with the address that it came from at the
end of X-Forwarded-For; the answer as it comes, so that events which never end pass too. Sessions are in the database:
whichever worker answers knows who is signed in.

Rules: nothing is looked at here but what belongs to one connection; who may do what is the worker's to say. A worker
that cannot be reached is passed over; one that fails in the middle of an answer ends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Final

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from gateway.console.guard import dress
from gateway.console.views import PREFIX
from gateway.ports import Watcher

AT_ONCE: Final = 256
"""Requests that are passed on at one time."""
_CONNECT_SECONDS: Final = 5.0
_SILENT_SECONDS: Final = 60.0
_OF_ONE_CONNECTION: Final = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"}
    | {"transfer-encoding", "upgrade", "expect", "content-length"}
)


class Passing:
    """Passes requests on to the workers."""

    def __init__(self, places: Callable[[], Sequence[str | None]], watcher: Watcher) -> None:
        """`places` gives the URLs of the workers' own listeners; None while one is being started."""
        self._places, self._watcher = places, watcher
        self._turn = 0
        self._client: aiohttp.ClientSession | None = None
        self._open: set[aiohttp.ClientResponse] = set()
        self._stopping = False

    def mount(self, application: web.Application) -> None:
        """Put it on an application."""
        application.router.add_route("*", PREFIX, self.pass_on)
        application.router.add_route("*", PREFIX + "/{tail:.*}", self.pass_on)
        application.on_response_prepare.append(dress)

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        """Any request below PREFIX."""
        if self._stopping or len(self._open) >= AT_ONCE:
            return _nobody()
        body = await request.read() if request.can_read_body else None
        for place in self._order():
            try:
                upstream = await self._ask(request, place, body)
            except aiohttp.ClientConnectorError:
                continue  # nothing was sent: another may have it
            except (aiohttp.ClientError, TimeoutError) as error:
                self._watcher.saw("console-worker-failed", cause=type(error).__name__)
                break
            return await self._answer(request, upstream)
        return _nobody()

    def _order(self) -> Iterator[str]:
        places = [place for place in self._places() if place is not None]
        self._turn += 1
        for number in range(len(places)):
            yield places[(self._turn + number) % len(places)]

    async def _ask(self, request: web.Request, place: str, body: bytes | None) -> aiohttp.ClientResponse:
        if self._client is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENT_SECONDS)
            self._client = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=AT_ONCE),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=timeout,
                auto_decompress=False,
            )
        headers = _passed(request.headers)
        headers.add("X-Forwarded-For", request.remote or "unknown")
        url = URL(place + request.rel_url.raw_path_qs, encoded=True)
        return await self._client.request(
            request.method, url, headers=headers, data=body, allow_redirects=False, skip_auto_headers=("User-Agent",)
        )

    async def _answer(self, request: web.Request, upstream: aiohttp.ClientResponse) -> web.StreamResponse:
        self._open.add(upstream)
        response = web.StreamResponse(status=upstream.status, reason=upstream.reason)
        response.headers.extend(_passed(upstream.headers))
        response.content_length = upstream.content_length
        try:
            await response.prepare(request)
            async for part in upstream.content.iter_any():
                await response.write(part)
            await response.write_eof()
        except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
            self._watcher.saw("console-passage-ended", cause=type(error).__name__)
            if request.transport is not None:  # so that nobody takes half an answer for a whole one
                request.transport.abort()
        finally:
            self._open.discard(upstream)
            upstream.close()
        return response

    def stop(self) -> None:
        """Let those go whose answers never end."""
        self._stopping = True
        for upstream in list(self._open):
            upstream.close()

    async def close(self) -> None:
        """Close every connection to the workers."""
        self.stop()
        if self._client is not None:
            await self._client.close()
        await asyncio.sleep(0)


def _passed(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Headers without those of one connection, and without what `Connection` says is of one."""
    named = {name.strip().lower() for name in headers.get("Connection", "").split(",")}
    return CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower() not in _OF_ONE_CONNECTION | named
    )


def _nobody() -> web.Response:
    text = "no worker of this gateway can be reached now; try again\n"
    return web.Response(text=text, status=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": "2"})
