"""One queue within one session: what arrives goes to the handler, and what is decided is acknowledged (consumer.py).

Order and rules are the consumer's. This runs for every message, so it is compiled (compiled-modules.txt).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import Final, TypeAlias

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue

from gateway.adapters.rabbitmq.direct import Direct, place_of
from gateway.adapters.rabbitmq.hold import Hold
from gateway.adapters.rabbitmq.session import Timing
from gateway.adapters.rabbitmq.sorting import Taken
from gateway.ports import Arrival, Handler, Taking, Watcher

ACKNOWLEDGE: Final = 0.5
"""Seconds after which what is decided is acknowledged, if it is not half of what may be in hand before."""
Message: TypeAlias = AbstractIncomingMessage | Taken


class Moments:
    """Wakes all lanes of a session that wait for the next moment at once: what they say goes out in one write."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Event] = []

    def wake(self, lane: asyncio.Event) -> None:
        """Set this at the next moment."""
        if not self._waiting:
            asyncio.get_running_loop().call_later(ACKNOWLEDGE, self._now)
        self._waiting.append(lane)

    def _now(self) -> None:
        waiting, self._waiting = self._waiting, []
        for lane in waiting:
            lane.set()


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
        moments: Moments,
        taking: Taking | None = None,
    ) -> None:
        self._queue = queue
        self._moments = moments
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
        self._later = False
        """Whether what is decided and not acknowledged at once is seen to at the next moment."""
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
            self._later = False
            if self._failure is not None:
                raise self._failure
            last = self._take_decided()
            if last is not None:
                await self._say(last)
            if not self._in_hand and not self._decided:
                self._idle.set()

    async def _say(self, last: Message) -> None:
        """Acknowledge this message and all before it. Raises OSError, and what the driver does."""
        if isinstance(last, Taken):
            last.acknowledge()
            if not last.outgoing.full:
                return
        async with asyncio.timeout(self._timing.call):
            await (last.outgoing.room() if isinstance(last, Taken) else last.ack(multiple=True))

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
        body = message.body
        arrival = Arrival(message.exchange or "", message.user_id, message.type, body)
        self._held += len(body)
        self._hold.take(len(body))
        self._in_hand += 1
        if self._in_hand == 1:  # while more are in hand, neither can be set
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
        elif not self._later:
            self._later = True
            self._moments.wake(self._changed)
        if not self._in_hand:
            self._settled.set()

    def _take_decided(self) -> Message | None:
        """The last message before which, and with which, all are decided. Tags count from 1 without gaps."""
        last: Message | None = None
        while (message := self._decided.pop(self._acknowledged + 1, None)) is not None:
            self._acknowledged += 1
            self._held -= len(message.body)
            self._hold.give(len(message.body))
            last = message
        return last
