"""An inbox on the broker: what the sorter takes of a message, what is left of it, and when the broker may forget it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

import pytest
from aio_pika.abc import AbstractIncomingMessage

from bureaus.links import NO_PLACE
from bureaus.links.broker import Line
from bureaus.links.inbox import Inbox
from schemas.codes import Urgency
from schemas.errors import Malformed
from schemas.identity import Address
from schemas.wire import MAX_ITEMS, InboxItem, ItemType, inbox_queue

BUREAU = Address("BR")
Take = Callable[[AbstractIncomingMessage], Awaitable[None]]


@dataclass
class Message:
    body: bytes
    forgotten: bool = False

    async def ack(self) -> None:
        self.forgotten = True


@dataclass
class Broker:
    """A line, its channels and its queues, as far as an inbox needs them."""

    takers: dict[str, Take] = field(default_factory=dict)
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    asked: str = ""

    async def channel(self, *, confirms: bool) -> Broker:
        assert not confirms
        return self

    async def set_qos(self, prefetch_count: int) -> None:
        assert prefetch_count > 0

    async def get_queue(self, name: str, *, ensure: bool) -> Broker:
        assert not ensure
        self.asked = name
        return self

    async def consume(self, take: Take) -> None:
        self.takers[self.asked] = take

    async def gives(self, *items: InboxItem, urgency: Urgency = Urgency.URGENT, body: bytes | None = None) -> Message:
        message = Message(b"".join(item.encode() for item in items) if body is None else body)
        await self.takers[inbox_queue(BUREAU, urgency)](cast("AbstractIncomingMessage", message))
        return message


def receipt(what: bytes) -> InboxItem:
    return InboxItem(5, ItemType.RECEIPT, what, b"", None)


async def opened(*awaited: bytes) -> tuple[Inbox, Broker]:
    """An inbox whose sorter takes these."""
    broker = Broker()
    inbox = Inbox(cast("Line", broker), lambda item: item.acceptance in awaited)
    await inbox.open(BUREAU)
    return inbox, broker


async def test_receipts_that_all_are_awaited_are_forgotten_at_once() -> None:
    inbox, broker = await opened(b"first", b"second")
    message = await broker.gives(receipt(b"first"), receipt(b"second"))
    assert message.forgotten
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await anext(inbox.batches())


async def test_what_nobody_awaits_of_a_message_keeps_it_until_the_next_batch() -> None:
    inbox, broker = await opened(b"first")
    message = await broker.gives(receipt(b"first"), receipt(b"stray"))
    batches = inbox.batches()
    assert [(item.acceptance, item.index) for item in await anext(batches)] == [(b"stray", NO_PLACE)]
    assert not message.forgotten
    await broker.gives(receipt(b"next"))
    await anext(batches)
    assert message.forgotten


async def test_a_batch_is_bounded_in_items_not_in_messages() -> None:
    inbox, broker = await opened()
    for _ in range(3):
        await broker.gives(*(receipt(b"%d" % at) for at in range(MAX_ITEMS - 10)))
    batches = inbox.batches()
    assert [len(await anext(batches)) for _ in range(2)] == [2 * (MAX_ITEMS - 10), MAX_ITEMS - 10]


async def test_a_message_that_holds_no_items_is_told_of_and_not_given_again() -> None:
    inbox, broker = await opened()
    message = await broker.gives(body=b"\x80")
    with pytest.raises(Malformed):
        await anext(inbox.batches())
    assert message.forgotten
