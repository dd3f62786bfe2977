"""One session with the broker: a connection and what is done on it, made again whole after any failure.

Order: connect to the first host that answers, run the work, and when the connection, a channel or the work ends, tear
all of it down, wait a little longer each time, and begin again. `start` and `stop` are the owner's; `recycle` is for
whoever notices that a session is of no use although nothing ended.

Rules: every call to the driver has a timeout. A driver that dies may cancel those who wait on it: a cancellation that
nobody asked of our own task is one more failure. Nothing of a session outlives it but the work's own tasks.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext, TLSVersion, create_default_context
from typing import Final, Self

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from pamqp.exceptions import PAMQPException

from gateway.adapters.rabbitmq.direct import connection_class
from gateway.ports import Watcher
from schemas.errors import Misuse
from schemas.wire import broker_urls

FAILURES: Final = (aio_pika.exceptions.AMQPError, PAMQPException, OSError, RuntimeError)
"""What the driver raises when a connection or channel is no more; OSError includes TimeoutError and TLS's errors."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the broker is waited for, in seconds."""

    connect: float = 10.0
    """One connection to one host."""
    call: float = 5.0
    """One call to the driver, such as opening a channel, acknowledging or closing."""
    confirm: float = 3.0
    """Without any confirmation of what was published: the session is recycled then."""
    first_pause: float = 0.1
    """After the first failure; doubled with each one more."""
    longest_pause: float = 10.0
    steady: float = 10.0
    """A session that lasted so long was good: the next pause is the first one again."""
    look: float = 5.0
    """Between two looks for queues that are new."""
    grace: float = 5.0
    """What is in hand when a session ends may take so long to finish."""


DEFAULTS: Final = Timing()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the broker is, and how we show who we are."""

    hosts: Sequence[str]
    """AMQP URLs of its nodes (schemas/wire.py `broker_urls`), tried in turn."""
    tls: SSLContext
    """Trusts the network's authority and shows our certificate."""

    @classmethod
    def of(cls, broker: str, certificate: Path, key: Path, authority: Path, password: bytes | None = None) -> Self:
        """The broker as settings name it, and PEM files: our certificate, its key, the authority's certificate.

        `password` is what the key is encrypted with, None where it is not.

        Raises:
            Misuse: `broker` is not of the form, or a file cannot be read or is not what it should be.
        """
        try:
            tls = create_default_context(cafile=authority)
            tls.load_cert_chain(certificate, key, password)
        except (OSError, ValueError) as error:  # ssl's own errors are OSErrors
            raise Misuse(f"the certificates for the broker cannot be used: {type(error).__name__}") from error
        tls.minimum_version = TLSVersion.TLSv1_3
        return cls(broker_urls(broker), tls)


Work = Callable[[AbstractConnection], Awaitable[None]]


def cancelled_from_outside() -> bool:
    """Whether our own task was asked to end, in an `except CancelledError`: otherwise a dying driver raised it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class Session:
    """Runs `work` on a connection for as long as it lasts, again and again."""

    def __init__(self, name: str, endpoint: Endpoint, work: Work, watcher: Watcher, timing: Timing = DEFAULTS) -> None:
        self._name = name
        self._endpoint = endpoint
        self._hosts = itertools.cycle(random.sample(list(endpoint.hosts), len(endpoint.hosts)))
        self._work = work
        self._watcher = watcher
        self._timing = timing
        self._over = asyncio.Event()
        self._reason = ""
        self._connected = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; returns at once."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"broker-{self._name}")

    async def stop(self) -> None:
        """End the session and begin no other."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def recycle(self, reason: str) -> None:
        """End this session; another begins."""
        if not self._over.is_set():
            self._reason = reason
            self._over.set()

    async def open_channel(self, connection: AbstractConnection, *, confirms: bool) -> AbstractChannel:
        """A channel whose end is the session's end too."""
        channel = await self.bare_channel(connection, confirms=confirms)
        await self.keep(channel)
        return channel

    async def bare_channel(self, connection: AbstractConnection, *, confirms: bool) -> AbstractChannel:
        """A channel to try something on, whose end ends nothing else."""
        async with asyncio.timeout(self._timing.call):
            channel = connection.channel(publisher_confirms=confirms, on_return_raises=confirms)
            await channel
        return channel

    async def keep(self, channel: AbstractChannel) -> None:
        """From now on the end of this channel is the session's end too."""
        channel.close_callbacks.add(lambda *_: self.recycle("a channel was closed"))
        async with asyncio.timeout(self._timing.call):
            underlay = await channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(lambda *_: self.recycle("the broker cancelled a consumer"))
        if channel.is_closed:
            self.recycle("a channel was closed")

    async def _run(self) -> None:
        failures = 0
        while True:
            began = asyncio.get_running_loop().time()
            why = await self._outcome()
            self._watcher.saw("broker-session-failed", session=self._name, why=why)
            lasted = asyncio.get_running_loop().time() - began
            failures = 0 if lasted > self._timing.steady else failures
            pause = min(self._timing.longest_pause, self._timing.first_pause * 2 ** min(failures, 16))
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # spreads reconnections, hides nothing
            failures += 1

    async def _outcome(self) -> str:
        """Run one session; why it ended."""
        try:
            await self._once()
        except asyncio.CancelledError:
            if cancelled_from_outside():
                raise
            return "cancelled by the driver"
        except Exception as error:  # noqa: BLE001  # whatever ended a session, the next is tried and operators are told
            return self._told(error)
        return self._reason

    def _told(self, error: Exception) -> str:
        """What operators hear: the driver's words while connecting; later they might hold what passed."""
        name = type(error).__name__
        return name if self._connected else f"cannot connect: {name}: {error}"

    async def _once(self) -> None:
        self._connected = False
        connection = await self._connect()
        self._connected = True
        self._over.clear()
        connection.close_callbacks.add(lambda *_: self.recycle("the connection was closed"))
        work = asyncio.ensure_future(self._work(connection))
        over = asyncio.create_task(self._over.wait())
        try:
            await asyncio.wait({work, over}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            work.cancel()
            over.cancel()
            await asyncio.gather(work, over, return_exceptions=True)
            await self._close(connection)

    async def _connect(self) -> AbstractConnection:
        host = next(self._hosts)
        async with asyncio.timeout(self._timing.connect):
            connection = await aio_pika.connect(
                host,
                ssl_context=self._endpoint.tls,
                client_properties={
                    "connection_name": f"bureaunet gateway, {self._name}",
                    "product": "bureaunet-gateway",
                },
                connection_class=connection_class(),
            )
        self._watcher.saw("broker-connected", session=self._name)
        return connection

    async def _close(self, connection: AbstractConnection) -> None:
        try:
            async with asyncio.timeout(self._timing.call):
                await connection.close()
        except asyncio.CancelledError:
            if cancelled_from_outside():
                raise
        except FAILURES as error:
            self._watcher.saw("broker-close-failed", session=self._name, why=type(error).__name__)
