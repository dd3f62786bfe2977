"""One connection to the broker, for one use, until it is lost: then it is closed and another is made.

Rules: mutual TLS, the certificate is the login (EXTERNAL). Every call to the driver has a timeout, and whatever it
raises becomes `Unavailable`, a cancellation of its own making too: a driver whose connection died cancels those who
wait on it. Nothing is declared: the network's operator made the queues and exchanges, and our rights allow no more
than to use ours.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from ssl import SSLContext
from typing import Final, Self

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from pamqp.exceptions import PAMQPException

from bureaus.version import PRODUCT, VERSION
from schemas.errors import Reason, Unavailable

CONNECT: Final = 10.0
"""Seconds for a connection to one node of the broker."""
CALL: Final = 5.0
"""Seconds for one call to the driver."""
_FAILURES: Final = (aio_pika.exceptions.AMQPError, PAMQPException, OSError, RuntimeError)
"""What the driver raises of a connection or channel that is no more; OSError includes TimeoutError and TLS's errors.

And a bare `Exception`: what is asked of a connection that ended without a reason gets one (seen in aiormq 7.2.4)."""

for _driver in ("aiormq", "aio_pika"):  # we say what they log as Unavailable; without a handler it would go to stderr
    logging.getLogger(_driver).addHandler(logging.NullHandler())


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Whatever the driver raises inside becomes `Unavailable`: it was `doing` this."""
    try:
        yield
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise Unavailable(Reason.UNREACHABLE, f"{doing}: the connection was lost") from None
    except Exception as error:
        if not isinstance(error, _FAILURES) and type(error) is not Exception:
            raise
        raise Unavailable(Reason.UNREACHABLE, f"{doing}: {type(error).__name__}") from error


class Line:
    """A connection with its channels. Once `lost` is set it is of no more use."""

    def __init__(self, connection: AbstractConnection) -> None:
        self.lost = asyncio.Event()
        self._connection = connection
        connection.close_callbacks.add(lambda *_: self.lost.set())

    @classmethod
    async def open(cls, urls: Sequence[str], tls: SSLContext, name: str) -> Self:
        """Connect to one of the broker's nodes.

        Raises:
            Unavailable: `unreachable`, none of them answers or lets us in.
        """
        *others, last = random.sample(list(urls), len(urls))
        for url in others:
            try:
                return cls(await _connect(url, tls, name))
            except Unavailable:
                continue
        return cls(await _connect(last, tls, name))

    async def channel(self, *, confirms: bool) -> AbstractChannel:
        """A channel; when it ends, or the broker ends a consumer on it, the line is lost.

        Raises:
            Unavailable.
        """
        with translated("opening a channel"):
            async with asyncio.timeout(CALL):
                channel = self._connection.channel(publisher_confirms=confirms, on_return_raises=confirms)
                await channel
                channel.close_callbacks.add(lambda *_: self.lost.set())
                underlay = await channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(lambda *_: self.lost.set())
        return channel

    @asynccontextmanager
    async def closed_on_failure(self) -> AsyncIterator[None]:
        """Close the line if the block raises: it was not made ready."""
        try:
            yield
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close it; one that is lost already takes no time."""
        self.lost.set()
        try:
            with translated("closing"):
                async with asyncio.timeout(CALL):
                    await self._connection.close()
        except Unavailable:
            pass  # it is gone, which is what was wanted


async def _connect(url: str, tls: SSLContext, name: str) -> AbstractConnection:
    with translated("connecting to the broker"):
        async with asyncio.timeout(CONNECT):
            return await aio_pika.connect(
                url,
                ssl_context=tls,
                client_properties={"connection_name": name, "product": PRODUCT, "version": VERSION},
            )
