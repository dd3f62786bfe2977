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
from contextlib import suppress
from functools import partial
from typing import Final, TypeAlias

from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue
from aiormq.exceptions import ChannelAccessRefused, ChannelNotFoundEntity

from gateway.adapters.rabbitmq.direct import Direct, Taken, direct_of, place_of
from gateway.adapters.rabbitmq.guard import GuardedConnection
from gateway.adapters.rabbitmq.hold import Hold
from gateway.adapters.rabbitmq.session import DEFAULTS, Endpoint, Session, Timing
from gateway.ports import Arrival, Handler, Taking, Watcher
from schemas.wire import SHARED_QUEUES

PREFETCH: Final = 16
"""Messages of one queue in hand, unless the settings say otherwise."""
HELD_BYTES: Final = 256 << 20
"""Bytes of all queues in hand, unless the settings say otherwise."""
ACKNOWLEDGE: Final = 0.2
"""Seconds after which what is decided is acknowledged, if it is not half of what may be in hand before."""
_AT_ONCE: Final = 32
"""Channels that are opened at one time."""
Message: TypeAlias = AbstractIncomingMessage | Taken
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
        lane = Lane(name, self._handler, self._watcher, self._timing, self._prefetch, self._hold, self._taking)
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


class Lane:
    """One queue within one session."""

    def __init__(
        self,
        queue: str,
        handler: Handler,
        watcher: Watcher,
        timing: Timing,
        prefetch: int,
        hold: Hold,
        taking: Taking | None = None,
    ) -> None:
        self._queue = queue
        self._hold = hold
        self._held = 0
        self._handler, self._taking = handler, taking
        self._watcher = watcher
        self._timing = timing
        self._prefetch = prefetch
        self._patience = timing.grace
        self._consumption: AbstractQueue | None = None
        self._tag = ""
        self._handling: set[asyncio.Task[None]] = set()
        self._in_hand = 0
        """Messages that are not decided."""
        self._settled = asyncio.Event()
        """There are none."""
        self._settled.set()
        self._decided: dict[int, Message] = {}
        self._acknowledged = 0
        self._changed = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._failure: BaseException | None = None
        self._closed = self._draining = False
        self._later: asyncio.TimerHandle | None = None
        """Sees to what is decided and not acknowledged at once."""
        self._early: list[Message] | None = []
        """What the direct way brought before the driver said that we consume; None from then on."""
        self.acknowledging: asyncio.Task[None]
        """Tells the broker what it may forget, from `open` to `close`."""

    async def open(self, channel: AbstractChannel, direct: Direct | None = None) -> None:
        """Begin to consume, by the direct way where there is one.

        Raises ChannelNotFoundEntity, ChannelAccessRefused: there is no such queue for us.
        """
        async with asyncio.timeout(self._timing.call):
            if direct is not None:
                direct.arriving((await place_of(channel))[0], self._take)
            await channel.set_qos(prefetch_count=self._prefetch)
            self._consumption = await channel.get_queue(self._queue, ensure=False)
            self._tag = await self._consumption.consume(self._arrive)
        self.acknowledging = asyncio.create_task(self._acknowledge())
        early, self._early = self._early or [], None
        for message in early:
            self._take(message)

    async def _acknowledge(self) -> None:
        """Acknowledge what is decided, without end. Raises what a handler raised, and what the driver does."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            self._forget_later()
            if self._failure is not None:
                raise self._failure
            last = self._take_decided()
            if last is not None:
                async with asyncio.timeout(self._timing.call):
                    await last.ack(multiple=True)
            if not self._in_hand and not self._decided:
                self._idle.set()

    async def drain(self) -> None:
        """Take no more; return when all that is in hand is acknowledged, or the time for it is over."""
        if self._consumption is None:
            return
        self._draining = True
        self._changed.set()
        try:
            async with asyncio.timeout(self._timing.grace):
                await self._consumption.cancel(self._tag)
                await self._idle.wait()
        finally:
            self._patience = 0.0

    async def close(self) -> None:
        """Let handlers finish for a while; the broker has given up on this session and gives its messages again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                await self._settled.wait()
        self._closed = True
        self._forget_later()
        for task in self._handling:
            task.cancel()
        self.acknowledging.cancel()
        await asyncio.gather(self.acknowledging, return_exceptions=True)
        self._hold.give(self._held)
        self._held = 0

    async def _arrive(self, message: AbstractIncomingMessage) -> None:
        self._take(message)

    def _take(self, message: Message) -> None:
        if self._closed:  # other lanes may still wait for their handlers; the broker gives this one again
            return
        if self._early is not None:
            self._early.append(message)
            return
        arrival = Arrival(message.exchange or "", message.user_id, message.type, message.body)
        self._held += len(message.body)
        self._hold.take(len(message.body))
        self._in_hand += 1
        self._idle.clear()
        self._settled.clear()
        if message.redelivered:
            self._watcher.saw("arrival-redelivered", queue=self._queue)
        if self._taking is not None and self._taking(arrival, partial(self._settle, message), self._own):
            return
        task = asyncio.ensure_future(self._handler(arrival))
        self._handling.add(task)
        task.add_done_callback(partial(self._done, message))

    def _own(self, task: asyncio.Task[None]) -> None:
        """Keep what goes on with a message that was taken, no longer than the lane is open: then it is given again."""
        if self._closed:
            task.cancel()
            return
        self._handling.add(task)
        task.add_done_callback(self._handling.discard)

    def _done(self, message: Message, task: asyncio.Task[None]) -> None:
        self._handling.discard(task)
        cancelled = RuntimeError("a handler was cancelled") if task.cancelled() else None
        self._settle(message, cancelled or task.exception())

    def _settle(self, message: Message, error: BaseException | None) -> None:
        """A message is decided, or nobody can decide it here."""
        self._in_hand -= 1
        if error is not None:
            self._failure = error
        elif message.delivery_tag is not None:
            self._decided[message.delivery_tag] = message
        if error is not None or self._draining or len(self._decided) >= self._prefetch // 2:
            self._changed.set()
        elif self._later is None:
            self._later = asyncio.get_running_loop().call_later(ACKNOWLEDGE, self._changed.set)
        if not self._in_hand:
            self._settled.set()

    def _forget_later(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None

    def _take_decided(self) -> Message | None:
        """The last message before which, and with which, all are decided. Tags count from 1 without gaps."""
        last: Message | None = None
        while (message := self._decided.pop(self._acknowledged + 1, None)) is not None:
            self._acknowledged += 1
            self._held -= len(message.body)
            self._hold.give(len(message.body))
            last = message
        return last
