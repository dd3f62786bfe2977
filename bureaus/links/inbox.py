"""Our inboxes on the broker, consumed over one line until it is lost.

Every arrival is decoded at once. The `sorter` looks at its items first, and takes a receipt that somebody waits for:
a message of which nothing is left is acknowledged to the broker at once. The rest waits, unacknowledged, for `batches`,
urgent mail first; the broker's prefetch limit bounds how much.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from aio_pika.abc import AbstractIncomingMessage

from bureaus.links import NO_PLACE
from bureaus.links.broker import CALL, Line, translated
from schemas.codes import Urgency
from schemas.errors import Malformed, Reason, Unavailable
from schemas.identity import Address
from schemas.wire import MAX_ITEMS, InboxItem, decode_message, inbox_queue

PREFETCH: Final = 200
"""Messages of one queue in hand."""
Sorter = Callable[[InboxItem], bool]
"""Says whether it took an item."""


@dataclass(frozen=True, slots=True)
class _Arrived:
    message: AbstractIncomingMessage
    items: list[InboxItem]
    broken: Malformed | None = None
    """Why the message holds no items, where it does not."""


class Inbox:
    """What comes for one participant over one line."""

    def __init__(self, line: Line, sorter: Sorter) -> None:
        self.line = line
        self._sorter = sorter
        self._waiting: dict[Urgency, deque[_Arrived]] = {Urgency.URGENT: deque(), Urgency.ROUTINE: deque()}
        self._given: list[_Arrived] = []
        self._arrived = asyncio.Event()

    async def open(self, address: Address) -> None:
        """Begin to consume.

        Raises:
            Unavailable.
        """
        for urgency in self._waiting:
            channel = await self.line.channel(confirms=False)
            with translated("consuming"):
                async with asyncio.timeout(CALL):
                    await channel.set_qos(prefetch_count=PREFETCH)
                    queue = await channel.get_queue(inbox_queue(address, urgency), ensure=False)
                    await queue.consume(partial(self._take, urgency))

    async def batches(self) -> AsyncIterator[list[InboxItem]]:
        """Items in batches, urgent first, without end. The next one asked for, the broker may forget the one before.

        A batch at which whoever asked gave up is the first of whoever asks next.

        Raises:
            Unavailable: the line was lost. Malformed: what came is no item; it will not come again.
        """
        while True:
            batch = self._given = self._given or await self._next_batch()
            broken = [one.broken for one in batch if one.broken is not None]
            items = [item for one in batch for item in one.items]
            if items:
                yield items
            await self._forget(batch)
            self._given = []
            if broken:
                raise broken[0]

    async def _next_batch(self) -> list[_Arrived]:
        lost = asyncio.ensure_future(self.line.lost.wait())
        try:
            while not any(self._waiting.values()):
                self._arrived.clear()
                arrived = asyncio.ensure_future(self._arrived.wait())
                try:
                    await asyncio.wait({lost, arrived}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    arrived.cancel()
                if lost.done():
                    break
        finally:
            lost.cancel()
        if self.line.lost.is_set():  # what waits comes again over the next line
            raise Unavailable(Reason.UNREACHABLE, "the connection to the inbox was lost")
        batch, count = list[_Arrived](), 0
        for queue in self._waiting.values():
            while queue and count < MAX_ITEMS:
                batch.append(queue.popleft())
                count += max(1, len(batch[-1].items))
        return batch

    async def _forget(self, batch: list[_Arrived]) -> None:
        try:
            await self._acknowledge(batch)
        except Unavailable:
            # nobody knows what the broker forgot: on this line the same batch would be refused again and again
            self.line.lost.set()
            raise

    async def _acknowledge(self, batch: list[_Arrived]) -> None:
        with translated("acknowledging"):
            async with asyncio.timeout(CALL):
                for one in batch:
                    await one.message.ack()

    async def _take(self, urgency: Urgency, message: AbstractIncomingMessage) -> None:
        found = arrival(message.body)
        if isinstance(found, Malformed):
            arrived = _Arrived(message, [], found)
        else:
            arrived = _Arrived(message, [item for item in found if not self._sorter(item)])
        if not arrived.items and arrived.broken is None:
            try:
                await self._acknowledge([arrived])
            except Unavailable:
                self.line.lost.set()  # the receipts come again, and nobody waits for them
            return
        self._waiting[urgency].append(arrived)
        self._arrived.set()


def arrival(body: bytes) -> list[InboxItem] | Malformed:
    """What a message body holds, without the places that it names: a queue has none, and nobody signed them."""
    try:
        return [replace(item, index=NO_PLACE) for item in decode_message(body)]
    except Malformed as error:
        return error
