"""Both ends of a link at a set pace: publishes sealed submissions, and notes when each reaches its recipient's inbox.

    ends.py FOLDER RATE URL [URGENCY]
                   FOLDER has bodies.json: [[sender, body in hexadecimal], ...], and tls/SENDER.{ca,crt,key}

It publishes without waiting for anything, so that a slow relay makes messages wait and not the sender; a message is
late from the moment that it was due, not from the one that it could be sent. Prints a JSON list: of each message the
second in which it was due, from the first one's on, and the one in which it arrived.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import aio_pika
import uvloop
from aio_pika.abc import AbstractIncomingMessage
from pamqp.commands import Basic

from schemas import wire
from schemas.codes import Urgency
from schemas.errors import Malformed
from schemas.identity import Address
from schemas.wire import ItemType

PATIENCE: Final = 60.0
"""Seconds that the last ones may take."""


def tls(folder: Path, name: str) -> ssl.SSLContext:
    """A bureau's way in."""
    made = ssl.create_default_context(cafile=folder / "tls" / f"{name}.ca")
    made.load_cert_chain(folder / "tls" / f"{name}.crt", folder / "tls" / f"{name}.key")
    made.check_hostname = False
    return made


async def main(folder: Path, rate: float, url: str, urgency: Urgency) -> list[tuple[float, float]]:
    """Run: when each message was due, and when it arrived, all of one urgency."""
    bodies = [(Address(name), bytes.fromhex(body)) for name, body in json.loads((folder / "bodies.json").read_text())]
    arrivals: list[tuple[float, bytes]] = []
    every = asyncio.Event()

    async def arrive(message: AbstractIncomingMessage) -> None:
        if message.type == ItemType.RECEIPT:  # the sender's own, in its urgent inbox
            return
        arrivals.append((time.perf_counter(), message.body))
        if len(arrivals) >= len(bodies):
            every.set()

    senders = {name: await _connect(folder, name, url) for name in {name for name, _ in bodies}}
    for name in senders:
        await _consume(await _connect(folder, name, url), wire.inbox_queue(name, urgency), arrive)
    channels = {name: await connection.channel(publisher_confirms=False) for name, connection in senders.items()}
    due: dict[bytes, float] = {}
    begun = time.perf_counter() + 0.2
    for at, (name, body) in enumerate(bodies):
        moment = begun + at / rate
        if (wait := moment - time.perf_counter()) > 0.001:
            await asyncio.sleep(wait)
        due[wire.decode_submission(body).statement] = moment
        await _publish(channels[name], name, body, urgency)
    async with asyncio.timeout(PATIENCE):
        await every.wait()
    return [(due[_statement(body)] - begun, moment - begun) for moment, body in arrivals]


def _statement(body: bytes) -> bytes:
    """The statement within an inbox item, or within a submission that a plain relay passed on as it was."""
    try:
        return wire.decode_item(body).statement
    except Malformed:
        return wire.decode_submission(body).statement


async def _connect(folder: Path, name: Address, url: str) -> aio_pika.abc.AbstractConnection:
    return await aio_pika.connect(url, ssl_context=tls(folder, name))


async def _consume(
    connection: aio_pika.abc.AbstractConnection,
    queue: str,
    arrive: Callable[[AbstractIncomingMessage], Awaitable[None]],
) -> None:
    channel = await connection.channel(publisher_confirms=False)
    inbox = await channel.get_queue(queue, ensure=False)
    await inbox.consume(arrive, no_ack=True)


async def _publish(channel: aio_pika.abc.AbstractChannel, name: Address, body: bytes, urgency: Urgency) -> None:
    underlay = await channel.get_underlay_channel()
    await underlay.basic_publish(
        body,
        exchange=wire.submit_exchange(name),
        routing_key=str(urgency),
        properties=Basic.Properties(message_type="envelope", user_id=str(name), delivery_mode=2, message_id="paced"),
        wait=False,  # type: ignore[call-arg]  # the driver's own class takes it, its abstract one forgot
    )


if __name__ == "__main__":
    said = Urgency(sys.argv[4]) if len(sys.argv) > 4 else Urgency.ROUTINE
    print(json.dumps(uvloop.run(main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3], said))))
