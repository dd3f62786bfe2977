"""The direct way to the wire for the mass of messages, beside the driver and on its connection.

The driver connects, logs in, opens channels, consumes, sends heartbeats and closes. What costs it most, a lock, a
future and three small writes for each message, is done here instead: deliveries, confirmations and returns are taken
out of the stream before the driver sees them (sorting.py), and what is published goes out in one write for many.

Rules: only whole frames are written, in one call, so that they never fall between the driver's own. Whatever is not
asked for here passes to the driver untouched but for its properties (guard.py). A frame that cannot be read ends the
session, as any failure does. It rests on parts of the driver that are no promise of its, so `direct_of` gives nothing
with versions other than those tried, and all goes through the driver's public functions then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from aio_pika.abc import AbstractChannel, AbstractConnection

from gateway.adapters.rabbitmq.guard import GuardedConnection
from gateway.adapters.rabbitmq.outgoing import Outgoing
from gateway.adapters.rabbitmq.sorting import Arriving, DirectReader, Taken

TRIED: Final = {"aio-pika": "10.2.", "aiormq": "7.2."}
"""Versions whose inner parts are as we use them (test_direct.py holds them to it)."""


class DirectConnection(GuardedConnection):
    """A connection with the direct way beside the driver."""

    reading = DirectReader
    direct: Direct | None = None
    """Once it is connected and was asked for."""


@dataclass(frozen=True, slots=True)
class Direct:
    """The direct way on one connection."""

    reader: DirectReader
    outgoing: Outgoing

    def arriving(self, channel: int, take: Callable[[Taken], None]) -> None:
        """From now on what is delivered on `channel` goes to `take`, at once and not in a task."""
        self.reader.taps[channel] = Arriving(take, channel, self.outgoing)


def direct_of(connection: AbstractConnection) -> Direct | None:
    """The direct way on a connection; None where the driver is of a version that was not tried."""
    if not isinstance(connection, DirectConnection) or not was_tried():
        return None
    link = connection.link
    if connection.direct is None and link is not None and isinstance(link[0], DirectReader):
        connection.direct = Direct(link[0], Outgoing(link[1]))
    return connection.direct


def connection_class() -> type[GuardedConnection]:
    """The kind of connection to make."""
    return DirectConnection if was_tried() else GuardedConnection


def was_tried() -> bool:
    """Whether the driver is of a version that was tried."""
    return all(version(name).startswith(known) for name, known in TRIED.items())


async def place_of(channel: AbstractChannel) -> tuple[int, int]:
    """(its number, the largest frame that the broker takes) of an open channel."""
    underlay = await channel.get_underlay_channel()
    return underlay.number, underlay.connection.connection_tune.frame_max
