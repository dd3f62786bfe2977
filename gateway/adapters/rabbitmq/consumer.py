"""Hands over what arrives on the gateway's queues and tells the broker when it may forget it: the port Arrivals.

Order: each queue has a channel of its own, with few messages in hand, so that a bureau that sends much holds up nobody
else, and a slow routine message no urgent one. Every message is given to the handler at once, in a task of ours; when
the handler returns, the message is decided. Acknowledged is, in one word to the broker, everything up to the last
message of the queue before which all are decided: once half of what may be in hand is, or a moment later, since each
word costs the broker a round of the queue's own log.

Rules: never rejected, never requeued: a handler that cannot decide now waits, and the broker's prefetch limit stops
the flow. When a session ends, what is in hand may finish; the broker gives it again and the pipeline says the same
again. A queue that is not there yet is looked for again; one that appears is consumed without a new session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from aio_pika.abc import AbstractConnection
from aiormq.exceptions import ChannelAccessRefused, ChannelNotFoundEntity

from gateway.adapters.rabbitmq.direct import direct_of
from gateway.adapters.rabbitmq.guard import GuardedConnection
from gateway.adapters.rabbitmq.hold import Hold
from gateway.adapters.rabbitmq.lane import Lane, Moments
from gateway.adapters.rabbitmq.session import DEFAULTS, Endpoint, Session, Timing
from gateway.ports import Handler, Taking, Watcher
from schemas.wire import SHARED_QUEUES

PREFETCH: Final = 16
"""Messages of one queue in hand, unless the settings say otherwise."""
HELD_BYTES: Final = 256 << 20
"""Bytes of all queues in hand, unless the settings say otherwise."""
_AT_ONCE: Final = 32
"""Channels that are opened at one time."""
Queues = Callable[[], Iterable[str]]
"""Names of the queues to consume, asked for again and again."""


class Consumer:
    """Consumes `queues` for as long as it is started, and what is left in the queues that bureaus once shared."""

    def __init__(
        self,
        endpoint: Endpoint,
        queues: Queues,
        watcher: Watcher,
        timing: Timing = DEFAULTS,
        *,
        prefetch: int = PREFETCH,
        held_bytes: int = HELD_BYTES,
    ) -> None:
        self._session = Session("consumer", endpoint, self._work, watcher, timing)
        self._queues = queues
        self._watcher = watcher
        self._timing = timing
        self._prefetch = prefetch
        self._hold = Hold(held_bytes, watcher)
        self._moments = Moments()
        self._handler: Handler | None = None
        self._taking: Taking | None = None
        self._lanes: dict[str, Lane] = {}
        self._stopping = False

    async def start(self, handler: Handler, taking: Taking | None = None) -> None:
        """Begin to consume; `handler` gets every message that `taking` does not take (port Arrivals)."""
        self._handler, self._taking = handler, taking
        self._session.start()

    async def stop(self) -> None:
        """Take no more, finish and acknowledge what is in hand, and close the connection."""
        self._stopping = True
        lanes = list(self._lanes.items())
        found = await asyncio.gather(*(lane.drain() for _, lane in lanes), return_exceptions=True)
        for (name, _), error in zip(lanes, found, strict=True):
            if error is not None:  # another process is given what this one held of it
                self._watcher.saw("broker-drain-failed", queue=name, why=type(error).__name__)
        await self._session.stop()

    async def _work(self, connection: AbstractConnection) -> None:
        self._lanes = lanes = dict[str, Lane]()
        if isinstance(connection, GuardedConnection) and connection.link is not None:
            connection.link[0].hold = self._hold
        try:
            await self._open(connection, SHARED_QUEUES)
            missing = await self._look(connection, frozenset())
            self._watcher.saw("broker-consuming", queues=len(lanes))
            while True:
                tasks = [lane.acknowledging for lane in lanes.values()]
                await _first_end(tasks, self._timing.look)
                missing = await self._look(connection, missing)
        finally:
            self._lanes = {}
            await asyncio.gather(*(lane.close() for lane in lanes.values()), return_exceptions=True)

    async def _look(self, connection: AbstractConnection, known: frozenset[str]) -> frozenset[str]:
        """Consume what is wanted and not consumed yet: the queues that are not there, which are told of once."""
        wanted = [name for name in self._queues() if name not in self._lanes]
        await self._open(connection, wanted)
        missing = frozenset(wanted) - self._lanes.keys()
        for name in sorted(missing - known):
            self._watcher.saw("broker-queue-unavailable", queue=name)
        return missing

    async def _open(self, connection: AbstractConnection, names: Sequence[str]) -> None:
        """Consume those of these queues that are there."""
        for start in range(0, len(names), _AT_ONCE):
            some = (self._consume(connection, name) for name in names[start : start + _AT_ONCE])
            for result in await asyncio.gather(*some, return_exceptions=True):
                if result is not None:
                    raise result

    async def _consume(self, connection: AbstractConnection, name: str) -> None:
        assert self._handler is not None  # noqa: S101  # a session begins in start
        channel = await self._session.bare_channel(connection, confirms=False)
        if self._stopping:
            return
        lane = Lane(
            name, self._handler, self._watcher, self._timing, self._prefetch, self._hold, self._moments, self._taking
        )
        try:
            await lane.open(channel, direct_of(connection))
        except (ChannelNotFoundEntity, ChannelAccessRefused):  # the broker has not loaded the newest definitions
            return
        self._lanes[name] = lane
        await self._session.keep(channel)


async def _first_end(tasks: Sequence[asyncio.Task[None]], within: float) -> None:
    """Wait until one of these ends, and raise what it did; or for so long."""
    rest = asyncio.create_task(asyncio.sleep(within))
    try:
        done, _ = await asyncio.wait({*tasks, rest}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        rest.cancel()
    for task in done:
        task.result()
