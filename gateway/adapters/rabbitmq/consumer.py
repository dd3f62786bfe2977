"""Hands over what arrives on the gateway's queues and tells the broker when it may forget it: the port Arrivals.

Order: each queue has a channel of its own, so that a slow routine message holds up no urgent one. Every message is
given to the handler at once, in a task of ours; when the handler returns, the message is decided. Acknowledged is, in
one word to the broker, everything up to the last message before which all are decided.

Rules: never rejected, never requeued: a handler that cannot decide now waits, and the broker's prefetch limit stops
the flow. When a session ends, what is in hand may finish; the broker gives it again and the pipeline says the same
again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue

from gateway.adapters.rabbitmq.session import DEFAULTS, Endpoint, Session, Timing
from gateway.ports import Arrival, Handler, Watcher

PREFETCH: Final = 200
"""Messages of one queue in hand."""


class Consumer:
    """Consumes `queues` for as long as it is started."""

    def __init__(self, endpoint: Endpoint, queues: Sequence[str], watcher: Watcher, timing: Timing = DEFAULTS) -> None:
        self._session = Session("consumer", endpoint, self._work, watcher, timing)
        self._queues = queues
        self._watcher = watcher
        self._timing = timing
        self._handler: Handler | None = None
        self._lanes: list[Lane] = []

    async def start(self, handler: Handler) -> None:
        """Begin to consume; `handler` gets every message (port Arrivals)."""
        self._handler = handler
        self._session.start()

    async def stop(self) -> None:
        """Take no more, finish and acknowledge what is in hand, and close the connection."""
        lanes = list(self._lanes)
        await asyncio.gather(*(lane.drain() for lane in lanes), return_exceptions=True)
        await self._session.stop()

    async def _work(self, connection: AbstractConnection) -> None:
        assert self._handler is not None  # noqa: S101  # a session begins in start
        lanes = self._lanes = [Lane(queue, self._handler, self._timing) for queue in self._queues]
        tasks: list[asyncio.Task[None]] = []
        try:
            for lane in lanes:
                await lane.open(await self._session.open_channel(connection, confirms=False))
                tasks.append(asyncio.create_task(lane.acknowledge()))
            self._watcher.saw("broker-consuming")
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._lanes = []
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, *(lane.close() for lane in lanes), return_exceptions=True)


class Lane:
    """One queue within one session."""

    def __init__(self, queue: str, handler: Handler, timing: Timing) -> None:
        self._queue = queue
        self._handler = handler
        self._timing = timing
        self._patience = timing.grace
        self._consumption: AbstractQueue | None = None
        self._tag = ""
        self._handling: set[asyncio.Task[None]] = set()
        self._decided: dict[int, AbstractIncomingMessage] = {}
        self._acknowledged = 0
        self._changed = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._failure: BaseException | None = None

    async def open(self, channel: AbstractChannel) -> None:
        """Begin to consume."""
        async with asyncio.timeout(self._timing.call):
            await channel.set_qos(prefetch_count=PREFETCH)
            self._consumption = await channel.get_queue(self._queue, ensure=False)
            self._tag = await self._consumption.consume(self._arrive)

    async def acknowledge(self) -> None:
        """Acknowledge what is decided, without end. Raises what a handler raised, and what the driver does."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._failure is not None:
                raise self._failure
            last = self._take_decided()
            if last is not None:
                async with asyncio.timeout(self._timing.call):
                    await last.ack(multiple=True)
            if not self._handling and not self._decided:
                self._idle.set()

    async def drain(self) -> None:
        """Take no more; return when all that is in hand is acknowledged, or the time for it is over."""
        if self._consumption is None:
            return
        try:
            async with asyncio.timeout(self._timing.grace):
                await self._consumption.cancel(self._tag)
                await self._idle.wait()
        finally:
            self._patience = 0.0

    async def close(self) -> None:
        """Let handlers finish for a while; the broker has given up on this session and gives its messages again."""
        if self._handling:
            await asyncio.wait(self._handling, timeout=self._patience)
        for task in self._handling:
            task.cancel()

    async def _arrive(self, message: AbstractIncomingMessage) -> None:
        arrival = Arrival(message.exchange or "", message.user_id, message.type, message.body)
        self._idle.clear()
        task = asyncio.ensure_future(self._handler(arrival))
        self._handling.add(task)
        task.add_done_callback(partial(self._done, message))

    def _done(self, message: AbstractIncomingMessage, task: asyncio.Task[None]) -> None:
        self._handling.discard(task)
        if task.cancelled():
            self._failure = RuntimeError("a handler was cancelled")
        elif task.exception() is not None:
            self._failure = task.exception()
        elif message.delivery_tag is not None:
            self._decided[message.delivery_tag] = message
        self._changed.set()

    def _take_decided(self) -> AbstractIncomingMessage | None:
        """The last message before which, and with which, all are decided. Tags count from 1 without gaps."""
        last: AbstractIncomingMessage | None = None
        while (message := self._decided.pop(self._acknowledged + 1, None)) is not None:
            self._acknowledged += 1
            last = message
        return last
