"""The plain relay: consume, publish with confirms, acknowledge. No security, no recording, nothing kept.

Written as one would to be fast with the usual stack: uvloop, micro-batches that are published together and then
acknowledged with one word, persistent messages, quorum queues. Run as a program; says on standard output how fast it
went (`--items`), or relays until it is told to stop.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import ssl
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import aio_pika
import uvloop
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage

BATCH: Final = 100
PREFETCH: Final = 400
Mark = tuple[float, int, float]


def options() -> argparse.Namespace:
    """The command line, the same for every relay in Python."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="of the broker")
    parser.add_argument("--authority", type=Path, required=True)
    parser.add_argument("--certificate", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument("--sources", nargs="+", required=True, help="queues to take from")
    parser.add_argument("--exchange", default="deliver", help="exchange to publish to")
    parser.add_argument("--keys", nargs="+", required=True, help="routing keys, taken in turn")
    parser.add_argument("--items", type=int, default=0, help="end after so many; 0 goes on")
    return parser.parse_args()


def context(said: argparse.Namespace) -> ssl.SSLContext:
    """TLS with the certificate given."""
    made = ssl.create_default_context(cafile=said.authority)
    made.load_cert_chain(said.certificate, said.key)
    made.check_hostname = False
    return made


def mark(done: int) -> Mark:
    """Where a run is: time, items, CPU seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), done, used.ru_utime + used.ru_stime


async def relay(said: argparse.Namespace) -> list[Mark]:
    """Relay until `items` are through: marks, one a batch."""
    connection = await aio_pika.connect(said.url, ssl_context=context(said))
    outgoing = await aio_pika.connect(said.url, ssl_context=context(said))
    incoming_channel = await connection.channel(publisher_confirms=False)
    await incoming_channel.set_qos(prefetch_count=max(PREFETCH // len(said.sources), 1))
    channel = await outgoing.channel(publisher_confirms=True, on_return_raises=True)
    exchange = await channel.get_exchange(said.exchange, ensure=False)
    arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    for name in said.sources:
        source = await incoming_channel.get_queue(name, ensure=False)
        await source.consume(arrived.put)
    marks, done = [mark(0)], 0
    while not said.items or done < said.items:
        batch = [await arrived.get()]
        while len(batch) < BATCH and not arrived.empty():
            batch.append(arrived.get_nowait())
        await publish(exchange, batch, said.keys, done)
        await batch[-1].ack(multiple=True)
        done += len(batch)
        marks.append(mark(done))
    await connection.close()
    await outgoing.close()
    return marks


async def publish(
    exchange: AbstractExchange, batch: Sequence[AbstractIncomingMessage], keys: Sequence[str], done: int
) -> None:
    """Publish a batch and wait for all its confirmations."""
    await asyncio.gather(
        *(
            exchange.publish(
                aio_pika.Message(
                    message.body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, message_id=f"{done + at}"
                ),
                keys[(done + at) % len(keys)],
                mandatory=True,
            )
            for at, message in enumerate(batch)
        )
    )


if __name__ == "__main__":
    print(json.dumps(uvloop.run(relay(options()))))
