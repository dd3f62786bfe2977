"""A gateway on a private broker with a real database, and bureaus on the other side: for tests of the AMQP link."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import pytest
from sqlalchemy import select

from bureaus.links.amqp import AmqpLink
from gateway.adapters.rabbitmq.consumer import Consumer, Queues
from gateway.adapters.rabbitmq.publisher import Publisher
from gateway.adapters.rabbitmq.session import Timing
from gateway.adapters.sql import tables
from gateway.adapters.sql.database import Database
from gateway.adapters.sql.schema import prepare
from gateway.adapters.sql.store import SqlStore
from gateway.api.amqp import Intake
from gateway.broker import submission_queues
from gateway.exchange import Exchange
from gateway.ports_facts import Asked
from schemas.claims import Head
from schemas.codes import Urgency
from schemas.directory import sign_directory
from schemas.envelope import Envelope
from schemas.errors import Forbidden, Misuse, Reason, Unavailable
from schemas.evidence import Acknowledgement, Event, read_entry, sign_acknowledgement
from schemas.evidence import Outcome as Handled
from schemas.identity import Address
from schemas.merkle import EMPTY
from schemas.operation import Member, Role, sign_operation
from schemas.receipts import Acceptance, read_acceptance
from schemas.wire import ACCEPTANCES, InboxItem, ItemType, encode_submission
from tests.broker_scene import BrokerScene, Saw, broker_directory, eventually, message_id
from tests.world import (
    ACCEPTANCE,
    AUTHORITY,
    IPSG,
    NOW,
    first_operation,
    header,
    new_network,
    sealed_by,
    signing,
)

QUICK = Timing(connect=30.0, call=20.0, confirm=10.0, first_pause=0.05, longest_pause=0.5, grace=20.0)
"""It tries again at once, and waits for what takes its time: the machine may stop it, or the broker, for seconds."""
PATIENT = {"amqp.CONFIRM": 20.0, "broker.CALL": 20.0, "inbox.CALL": 20.0}
"""The same for bureaus."""
NETWORK = new_network()
QUEUES = submission_queues(broker_directory())


@dataclass
class July2011:
    """The time of the test network, which stands still until a test moves it."""

    milliseconds: int = NOW * 1000

    def now(self) -> int:
        return self.milliseconds


@dataclass
class Gateway:
    """A gateway without its HTTP listeners: database, pipeline, broker."""

    store: SqlStore
    database: Database
    exchange: Exchange
    publisher: Publisher
    consumer: Consumer
    intake: Intake
    saw: Saw
    clock: July2011

    @classmethod
    async def make(cls, scene: BrokerScene, url: str, queues: Queues | None) -> Self:
        database, saw, clock = Database(url), Saw(), July2011()
        await prepare(database)
        store = SqlStore(database)
        publisher = Publisher(scene.gateway, saw, QUICK)
        exchange = Exchange(
            store=store, network=NETWORK, signer=ACCEPTANCE, clock=clock, watcher=saw, inboxes=publisher
        )
        consumer = Consumer(scene.gateway, queues or (lambda: QUEUES), saw, QUICK)
        intake = Intake(exchange, store, publisher, clock, saw)
        return cls(store, database, exchange, publisher, consumer, intake, saw, clock)

    async def __aenter__(self) -> Self:
        await self.exchange.start()
        await self.publisher.start()
        await self.saw.until("broker-publishing")  # nobody here publishes again by itself what found no broker
        await self.consumer.start(self.intake.decide, self.intake.take)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.consumer.stop()
        await self.exchange.stop()
        await self.publisher.stop()
        await self.database.close()

    async def events(self) -> list[Event]:
        """What the ledger says, in order."""
        async with asyncio.timeout(60):
            while True:
                with suppress(Unavailable):  # the connection that was asked died with its database: ask another
                    return [read_entry(leaf.entry).event for leaf in await self.store.leaves(0, 1 << 20)]
                await asyncio.sleep(0.05)

    async def until(self, event: Event, count: int = 1) -> list[Event]:
        async def there() -> list[Event]:
            events = await self.events()
            return events if events.count(event) >= count else []

        return await eventually(there)

    async def quarantined(self, count: int) -> list[tuple[str, str, bytes]]:
        """What is in quarantine, once there are `count`: link, cause and body of each."""

        async def there() -> bool:
            return len(await self.quarantine()) >= count

        await eventually(there)
        return await self.quarantine()

    async def quarantine(self) -> list[tuple[str, str, bytes]]:
        async with self.database.read() as connection:
            rows = await connection.execute(
                select(tables.quarantine.c.link, tables.quarantine.c.cause, tables.quarantine.c.body)
            )
            return [(row.link, row.cause, row.body) for row in rows]


@asynccontextmanager
async def gateway(
    scene: BrokerScene, url: str | Path, *members: Address, queues: Queues | None = None
) -> AsyncIterator[Gateway]:
    """A gateway with an operation of these members, on a database that may be there already."""
    made = await Gateway.make(
        scene, url if isinstance(url, str) else f"sqlite+aiosqlite:///{url / 'ledger.db'}", queues
    )
    async with made:
        if await made.store.size() == 0:
            await made.exchange.publish_directory(sign_directory(broker_directory(), [AUTHORITY], NETWORK))
            listed = tuple(Member(address, Role.PARTICIPANT, NOW - 3600) for address in members)
            operation = replace(first_operation(), members=(Member(IPSG, Role.OWNER, NOW - 3600), *listed))
            await made.exchange.publish_operation(IPSG, sign_operation(operation, NETWORK.id, signing(IPSG)))
        yield made


@dataclass
class Reading:
    """The HTTPS half of a link, as far as these tests need it: a digest's outcome, from the gateway's database."""

    store: SqlStore

    async def get(self, path: str) -> bytes:
        _, _, digest = path.partition(f"{ACCEPTANCES}/")
        wanted = bytes.fromhex(digest)
        decided = (await self.store.known(Asked([wanted]))).decided.get(wanted)
        if decided is None:
            raise Forbidden(Reason.UNREADABLE, "not there")
        return decided.receipt

    async def submit(self, body: bytes) -> bytes:  # noqa: ARG002  # the port's
        raise Misuse("envelopes go over the broker")

    def items(self, after: int) -> AsyncIterator[Sequence[InboxItem]]:  # noqa: ARG002  # the port's
        raise Misuse("the inbox is on the broker")

    async def acknowledge(self, body: bytes) -> None:  # noqa: ARG002  # the port's
        raise Misuse("evidence goes over the broker")

    async def publish(self, path: str, body: bytes) -> None:  # noqa: ARG002  # the port's
        raise Misuse("not in these tests")

    async def aclose(self) -> None:
        """Nothing is open."""


@asynccontextmanager
async def bureau(scene: BrokerScene, address: Address, at: Gateway) -> AsyncIterator[AmqpLink]:
    link = AmqpLink(address, scene.urls, scene.files(address).client_context(), Reading(at.store))
    with pytest.MonkeyPatch.context() as patient:
        for name, seconds in PATIENT.items():
            patient.setattr(f"bureaus.links.{name}", seconds)
        try:
            yield link
        finally:
            await link.aclose()


@dataclass
class Mailbox:
    """What a bureau took out of its inboxes."""

    items: list[InboxItem] = field(default_factory=list)

    def envelopes(self) -> list[InboxItem]:
        return [item for item in self.items if item.type is ItemType.ENVELOPE]

    async def empty(self, link: AmqpLink) -> None:
        """Take what comes, and begin again when the link is lost."""
        while True:
            with suppress(Unavailable):
                async for batch in link.items(-1):
                    self.items.extend(batch)
            await asyncio.sleep(0.1)

    async def until(self, count: int) -> list[InboxItem]:
        async def there() -> list[InboxItem]:
            return self.envelopes() if len(self.envelopes()) >= count else []

        return await eventually(there)


@asynccontextmanager
async def reading(link: AmqpLink) -> AsyncIterator[Mailbox]:
    box = Mailbox()
    task = asyncio.create_task(box.empty(link))
    try:
        yield box
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def query(sender: Address, recipient: Address, urgency: Urgency = Urgency.ROUTINE) -> Envelope:
    claims = header(NETWORK.id, iss=sender, aud=(recipient,), cti=message_id(), urgency=urgency)
    return sealed_by(claims)


def said(receipt: bytes) -> Acceptance:
    return read_acceptance(receipt, NETWORK.id, {ACCEPTANCE.key_id: ACCEPTANCE.public})


def acknowledgement(envelope: Envelope, recipient: Address) -> bytes:
    """The recipient's word that it processed it."""
    made = Acknowledgement(recipient, envelope.digest, Handled.PROCESSED, NOW, NETWORK.id, Head(0, EMPTY))
    return sign_acknowledgement(made, signing(recipient))


async def submitted(link: AmqpLink, envelope: Envelope) -> Acceptance:
    """Submit until there is a receipt, as an outbox does."""
    async with asyncio.timeout(120):
        while True:
            with suppress(Unavailable):
                return said(await link.submit(encode_submission(envelope)))
            await asyncio.sleep(0.1)
