"""A private broker with the network's definitions, and certificates for everyone on it. All bureaus are made up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from bureaus.sandbox.pki import SandboxAuthority, TlsFiles
from bureaus.sandbox.rabbitmq import Broker
from gateway.adapters.rabbitmq.session import Endpoint
from gateway.broker import write_definitions
from gateway.certificates import GATEWAY_NAME
from schemas.directory import Directory, Link, ParticipantKind
from schemas.identity import Address, MessageId
from schemas.wire import broker_urls
from tests.world import NOW, first_directory, participant

_T = TypeVar("_T")
CODES = [f"{first}{letter}" for first in "QX" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
"""Codes that no country has (ISO 3166-1 keeps QM to QZ and XA to XZ, and more, for private use)."""
UNIT = Address("QA/border-post")


def broker_directory() -> Directory:
    """The test network's directory with its rows on the broker, and more rows, two fresh ones for each test."""
    plain = first_directory()
    more = [participant(Address(code)) for code in CODES]
    unit = participant(UNIT, ParticipantKind.UNIT)
    rows = tuple(replace(row, link=Link.AMQP) for row in (*plain.participants, *more, unit))
    return replace(plain, participants=rows)


@dataclass
class Saw:
    """A watcher that remembers."""

    events: list[tuple[str, dict[str, str | int | None]]] = field(default_factory=list)

    def saw(self, name: str, **fields: str | int | None) -> None:
        self.events.append((name, fields))

    def count(self, name: str) -> int:
        return sum(1 for seen, _ in self.events if seen == name)

    async def until(self, name: str, times: int = 1) -> None:
        async def seen() -> bool:
            return self.count(name) >= times

        await eventually(seen)


@dataclass
class BrokerScene:
    """One broker and its authority."""

    folder: Path
    authority: SandboxAuthority
    server: TlsFiles
    definitions: Path
    broker: Broker | None = None
    _fresh: Iterator[str] = field(default_factory=lambda: iter(CODES))

    @classmethod
    def make(cls, folder: Path) -> BrokerScene:
        """Certificates and the definitions file; the broker is started by the fixture."""
        authority = SandboxAuthority()
        written = write_definitions(broker_directory(), folder / "definitions.json")
        return cls(folder, authority, authority.issue_server().save(folder, "server"), written.path)

    @property
    def running(self) -> Broker:
        """The broker."""
        assert self.broker is not None
        return self.broker

    @property
    def urls(self) -> Sequence[str]:
        """Its nodes, as settings give them."""
        return broker_urls(f"amqps://127.0.0.1:{self.running.port}")

    def fresh(self) -> Address:
        """A bureau that no other test has used."""
        code = next(self._fresh, None)
        assert code is not None, "the scene has too few bureaus for its tests: lengthen CODES"
        return Address(code)

    def files(self, user: str) -> TlsFiles:
        """A certificate for `user`."""
        return self.authority.issue_client(user).save(self.folder / "clients", user.replace("/", "."))

    @property
    def gateway(self) -> Endpoint:
        """What a gateway connects with."""
        files = self.files(GATEWAY_NAME)
        return Endpoint.of(f"amqps://127.0.0.1:{self.running.port}", files.certificate, files.key, files.authority)

    @asynccontextmanager
    async def connection(self, user: str) -> AsyncIterator[AbstractConnection]:
        """A bare connection of `user`, for what no honest program does."""
        connection = await aio_pika.connect(self.urls[0], ssl_context=self.files(user).client_context(), timeout=10)
        try:
            yield connection
        finally:
            await connection.close()

    async def put(self, user: str, exchange: str, key: str, body: bytes, **properties: object) -> None:
        """Publish one message as it is told, confirmed."""
        async with self.connection(user) as connection:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            target = await channel.get_exchange(exchange, ensure=False)
            message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, **properties)  # type: ignore[arg-type]  # a test names the properties
            await target.publish(message, key, timeout=10)

    async def take(self, user: str, queue_name: str, count: int) -> list[bytes]:
        """Take `count` messages out of a queue, as `user`."""
        async with self.connection(user) as connection:
            channel = await connection.channel()
            queue = await channel.get_queue(queue_name, ensure=False)
            arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
            await queue.consume(arrived.put)
            bodies: list[bytes] = []
            async with asyncio.timeout(60):
                while len(bodies) < count:
                    message = await arrived.get()
                    await message.ack()
                    bodies.append(message.body)
            return bodies


async def eventually(ask: Callable[[], Awaitable[_T]], within: float = 60.0) -> _T:
    """The first answer that is true or not empty. Raises TimeoutError after `within` seconds."""
    async with asyncio.timeout(within):
        while True:
            answer = await ask()
            if answer:
                return answer
            await asyncio.sleep(0.05)


def message_id() -> MessageId:
    """A fresh id of the test network's time."""
    return MessageId.new(NOW * 1000)
