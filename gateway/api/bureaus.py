"""The bureaus' HTTP API: what they send, and their inboxes. `reading.py` has what they look up.

Order of work for each request, in `answering`: the connection's limits, the link's identity, the handler, the answer
sent in time. A submission's answer is the pipeline's signed receipt, whatever it says; errors become problem documents
in one place. Handlers know the protocols below, not what stands behind them.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final, Protocol, TypeAlias, TypeVar

from aiohttp import web

from gateway.api.listener import Connections
from gateway.api.problems import RETRY_SECONDS, Refused, internal, missing, problem, translate
from gateway.api.requests import LINK, Bodies, asked
from gateway.ports import Clock, Outcome, Submission, Trust
from gateway.settings import BureausListener
from gateway.watching import Watching
from schemas import wire
from schemas.directory import Link, State
from schemas.envelope import MAX_STATEMENT
from schemas.errors import BureaunetError, Reason
from schemas.identity import Address
from schemas.preferences import MAX_PREFERENCES

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
MAX_EVIDENCE: Final = MAX_STATEMENT
"""Bytes of an acknowledgement."""
MAX_OPERATION: Final = 1024 * 1024
"""Bytes of an operation's version."""
PIECE: Final = 64 * 1024
"""Bytes of an answer that are sent before looking whether the client takes them."""
RECEIPT_STATUS: Final = {
    Reason.LINK_QUOTA: HTTPStatus.TOO_MANY_REQUESTS,
    Reason.STATEMENT_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Reason.SEALED_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
"""Statuses of refusals that are not 422."""
_T = TypeVar("_T")


class Pipeline(Protocol):
    """What takes messages and statements in: `gateway.exchange`."""

    @property
    def trust(self) -> Trust:
        """The signed statements in force.

        Raises:
            Unavailable: there is no directory yet.
        """

    async def submit(self, submission: Submission) -> Outcome:
        """Decide one submission."""

    async def evidence(self, link: Address, body: bytes) -> None:
        """Take a recipient's acknowledgement."""

    async def publish_operation(self, link: Address, body: bytes) -> int:
        """Take a version of an operation: its ledger index."""

    async def publish_preferences(self, link: Address, body: bytes) -> int:
        """Take a version of a participant's refusals: its ledger index."""


class Inbox(Protocol):
    """What gives consigned messages out: `gateway.delivery`."""

    async def poll(self, inbox: Address, after: int, wait_seconds: float, limit: int) -> Sequence[wire.InboxItem]:
        """Items above `after`, or none after `wait_seconds`."""


class BureausApi:
    """Handlers of what bureaus send, and what surrounds every handler."""

    def __init__(
        self,
        pipeline: Pipeline,
        inbox: Inbox,
        clock: Clock,
        limits: BureausListener,
        watching: Watching,
        connections: Connections,
        heard: Callable[[Address, Link, str], None] = lambda *_said: None,
    ) -> None:
        """`heard` is told of each request: whose link it came over, and what the program calls itself."""
        self._pipeline = pipeline
        self._inbox = inbox
        self._clock = clock
        self._limits = limits
        self._watching = watching
        self._connections = connections
        self._heard = heard
        self._bodies = Bodies(limits.buffered_bytes, limits.body_seconds)
        self._stopping = asyncio.Event()
        self._polls: Counter[Address] = Counter()

    def routes(self) -> list[web.RouteDef]:
        """The routes of this part."""
        return [
            web.post(wire.MESSAGES, self.submit),
            web.get(wire.INBOX, self.poll, allow_head=False),
            web.post(wire.EVIDENCE, self.acknowledge),
            web.post(wire.OPERATIONS, self.publish_operation),
            web.post(wire.PREFERENCES, self.publish_preferences),
            web.get(wire.REFUSING, self.refusing, allow_head=False),
        ]

    def stop(self) -> None:
        """Let those who wait for their inbox go."""
        self._stopping.set()

    async def submit(self, request: web.Request) -> web.Response:
        """POST /v1/messages."""
        with self._bodies.room(request, wire.MAX_SUBMISSION) as room:
            body = await self._bodies.read(request, room)
            outcome = await self._pipeline.submit(Submission(request[LINK], body, self._clock.now()))
        status = HTTPStatus.OK
        if not outcome.accepted:
            status = RECEIPT_STATUS.get(outcome.reason or Reason.STRUCTURE, HTTPStatus.UNPROCESSABLE_ENTITY)
        headers = {"Retry-After": str(RETRY_SECONDS)} if status is HTTPStatus.TOO_MANY_REQUESTS else {}
        return web.Response(status=status, body=outcome.receipt, content_type=wire.CBOR_TYPE, headers=headers)

    async def poll(self, request: web.Request) -> web.Response:
        """GET /v1/inbox."""
        after = asked(request, "after", -1)
        wait = min(asked(request, "wait", 0), wire.MAX_WAIT)
        limit = max(1, min(asked(request, "limit", wire.MAX_ITEMS), wire.MAX_ITEMS))
        with self._one_more_poll(request[LINK]):
            items = await self._unless_stopping(self._inbox.poll(request[LINK], after, wait, limit))
        body = b"".join(item.encode() for item in items or ())
        return web.Response(body=body, content_type=wire.SEQUENCE_TYPE)

    async def acknowledge(self, request: web.Request) -> web.Response:
        """POST /v1/evidence."""
        with self._bodies.room(request, MAX_EVIDENCE) as room:
            await self._pipeline.evidence(request[LINK], await self._bodies.read(request, room))
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def publish_operation(self, request: web.Request) -> web.Response:
        """POST /v1/operations."""
        with self._bodies.room(request, MAX_OPERATION) as room:
            await self._pipeline.publish_operation(request[LINK], await self._bodies.read(request, room))
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def publish_preferences(self, request: web.Request) -> web.Response:
        """POST /v1/preferences."""
        with self._bodies.room(request, MAX_PREFERENCES) as room:
            await self._pipeline.publish_preferences(request[LINK], await self._bodies.read(request, room))
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def refusing(self, request: web.Request) -> web.Response:
        """GET /v1/refusing: whose statements name the link, to nobody else."""
        link, in_force = request[LINK], self._pipeline.trust.preferences
        names = sorted(str(owner) for owner, signed in in_force.items() if signed.preferences.names(link))
        return web.json_response(names)

    @contextmanager
    def _one_more_poll(self, link: Address) -> Iterator[None]:
        """Bound a link's polls: one whose client went away still waits to its end."""
        if self._polls[link] >= self._limits.connections_per_link:
            detail = f"{link} waits {self._polls[link]} times already"
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, Reason.LINK_QUOTA, detail, retry_after=RETRY_SECONDS)
        self._polls[link] += 1
        try:
            yield
        finally:
            self._polls[link] -= 1

    async def _unless_stopping(self, waiting: Awaitable[_T]) -> _T | None:
        """What `waiting` gives; None where the gateway stops before."""
        work = asyncio.ensure_future(waiting)
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return work.result() if work.done() else None
        finally:
            work.cancel()
            stopping.cancel()

    # ------------------------------------------------------------------------------------ around every handler

    async def answering(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Identify the link, run the handler, translate what it raises, and send the answer in time."""
        begun = asyncio.get_running_loop().time()
        try:
            response = await self._respond(request, handler)
            async with asyncio.timeout(self._limits.answer_seconds):
                response = await _send(request, response)
        except ConnectionError:  # it hung up: nobody's fault, and nobody is there to hear an answer
            self._watching.saw("client-gone", link=request.get(LINK))
            return _unheard(request)
        except TimeoutError:
            self._watching.saw("answer-failed", reason=Reason.TIMEOUT, link=request.get(LINK))
            return _unheard(request)
        self._count(request, response.status, asyncio.get_running_loop().time() - begun)
        return response

    def _count(self, request: web.Request, status: int, seconds: float) -> None:
        resource = request.match_info.route.resource
        route = "none" if resource is None else f"{request.method} {resource.canonical}"
        self._watching.answered(route, status, seconds)
        milliseconds = math.ceil(seconds * 1000)
        self._watching.saw("request", link=request.get(LINK), route=route, status=status, milliseconds=milliseconds)

    async def _respond(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            self._identify(request)
            return await handler(request)
        except Refused as refused:
            return problem(refused)
        except BureaunetError as error:
            said = translate(error)
            if said.status is HTTPStatus.INTERNAL_SERVER_ERROR:
                self._watching.failed("request-failed", error)
            return problem(said)
        except web.HTTPMethodNotAllowed:
            return problem(Refused(HTTPStatus.METHOD_NOT_ALLOWED, Reason.METHOD, "another method is meant here"))
        except web.HTTPException:
            return problem(missing("there is nothing here"))
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001  # the last resort: a fault of ours is an answer and a log line
            self._watching.failed("request-failed", error)
            return problem(internal())

    def _identify(self, request: web.Request) -> None:
        link = self._connections.link(request.transport)
        if link is None:
            raise Refused(HTTPStatus.FORBIDDEN, Reason.LINK_IDENTITY, "the certificate names no address", close=True)
        if self._connections.too_many(request.transport):
            detail = f"{link} has more than {self._limits.connections_per_link} connections"
            status = HTTPStatus.TOO_MANY_REQUESTS
            raise Refused(status, Reason.LINK_QUOTA, detail, retry_after=RETRY_SECONDS, close=True)
        row = self._pipeline.trust.directory.find(link)
        if row is None or row.state is State.WITHDRAWN:
            raise Refused(HTTPStatus.FORBIDDEN, Reason.LINK_IDENTITY, f"{link} is not in the directory")
        request[LINK] = link
        self._heard(link, Link.HTTP, request.headers.get("User-Agent", ""))


def _unheard(request: web.Request) -> web.Response:
    """Cut the connection: what stands for the answer that nobody takes, so that the server tells of no error."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=HTTPStatus.BAD_REQUEST)


async def _send(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Send an answer whole: what was sent.

    A large body goes in pieces: TLS takes one write of any size into its buffers, and a client that reads nothing would
    not be noticed.
    """
    body = response.body if isinstance(response, web.Response) else None
    if not isinstance(body, bytes) or len(body) <= PIECE:
        await response.prepare(request)
        await response.write_eof()
        return response
    pieces = web.StreamResponse(status=response.status, headers=response.headers)
    pieces.content_length = len(body)
    await pieces.prepare(request)
    for at in range(0, len(body), PIECE):
        await pieces.write(body[at : at + PIECE])
    await pieces.write_eof()
    return pieces
