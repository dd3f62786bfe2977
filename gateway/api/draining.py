"""Who is owed an answer by a listener that is about to stop: requests in hand, and who connected and has yet to ask.

Order: the listener takes no new connections (`close`); each answer from then on ends its connection; `settled` waits
until nobody is owed an answer any more, or the time is over; whoever finishes a handshake after that is cut off
before a request of theirs is anyone's work (`over`). So what stands behind the listener may stop after `settled`.

Rules: a connection is owed an answer to its first request, for a moment after it was accepted. One that had an answer
may be closed at any time, as HTTP has it.
"""

from __future__ import annotations

import asyncio
from typing import Final
from weakref import WeakValueDictionary

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

ASKING_SECONDS: Final = 3.0
"""After it was accepted, a connection may finish its handshake and ask for something so long."""
_LOOK_SECONDS: Final = 0.01


class Arrival:
    """One accepted connection; a handshake that fails tells nobody, the arrival is then just forgotten."""

    __slots__ = ("__weakref__", "at")

    def __init__(self) -> None:
        self.at = asyncio.get_running_loop().time()
        """When it was accepted, by the loop's clock."""


class Owed:
    """Counts what one listener owes."""

    def __init__(self, application: web.Application) -> None:
        """Stands before every handler of an application that does not run yet."""
        self.over = False
        """What stands behind the listener is about to stop: nobody new is let in."""
        self._closing = False
        self._in_hand = 0
        self._silent: WeakValueDictionary[asyncio.BaseProtocol, Arrival] = WeakValueDictionary()
        application.middlewares.insert(0, self._counting())
        application.on_response_prepare.append(self._end)

    def accepted(self, protocol: asyncio.BaseProtocol) -> Arrival:
        """A connection was accepted: what its protocol keeps for as long as it lives."""
        arrival = self._silent[protocol] = Arrival()
        return arrival

    def lost(self, protocol: asyncio.BaseProtocol) -> None:
        """A connection ended."""
        self._silent.pop(protocol, None)

    def close(self) -> None:
        """From now on each answer ends its connection."""
        self._closing = True

    async def settled(self, within: float) -> None:
        """Wait until nobody is owed an answer any more, at most `within` seconds; then it is over."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + within
        while (self._in_hand or self._arriving(loop.time())) and loop.time() < ends:  # noqa: ASYNC110  # a handshake that fails tells nobody
            await asyncio.sleep(_LOOK_SECONDS)
        self.over = True

    def _arriving(self, now: float) -> bool:
        return any(now - arrival.at < ASKING_SECONDS for arrival in self._silent.values())

    def _counting(self) -> Middleware:
        @web.middleware
        async def counting(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._silent.pop(request.protocol, None)
            self._in_hand += 1
            try:
                return await handler(request)
            finally:
                self._in_hand -= 1

        return counting

    async def _end(self, _request: web.Request, response: web.StreamResponse) -> None:
        if self._closing:
            response.force_close()
            response.headers["Connection"] = "close"
