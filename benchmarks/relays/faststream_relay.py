"""A relay as FastStream's users write one: a subscriber with a pydantic model, which publishes it again.

Runs in the environment of benchmarks/requirements.txt, so it imports nothing of the project but the plain relay's
command line.
"""

from __future__ import annotations

import asyncio
import json

import uvloop
from faststream.rabbit import Channel, RabbitBroker, RabbitExchange, RabbitQueue
from faststream.security import BaseSecurity
from pydantic import BaseModel

from benchmarks.relays.raw import PREFETCH, Mark, context, mark, options


class Query(BaseModel):
    """What travels."""

    sender: str
    content: str


async def main() -> list[Mark]:
    """Relay until all are through: marks, one in fifty messages."""
    said = options()
    broker = RabbitBroker(
        said.url,
        security=BaseSecurity(ssl_context=context(said)),
        default_channel=Channel(prefetch_count=PREFETCH // len(said.sources)),
        graceful_timeout=5,
    )
    target = RabbitExchange(said.exchange, declare=False)
    marks, over = [mark(0)], asyncio.Event()
    done = 0

    async def relay(query: Query) -> None:
        nonlocal done
        number = done = done + 1
        await broker.publish(
            query, said.keys[number % len(said.keys)], target, mandatory=True, persist=True, message_id=str(number)
        )
        if number % 50 == 0:
            marks.append(mark(number))
        if number == said.items:
            marks.append(mark(number))
            over.set()

    for source in said.sources:
        broker.subscriber(RabbitQueue(source, declare=False))(relay)
    await broker.start()
    await over.wait()
    await asyncio.sleep(0.5)  # the last acknowledgements go out
    await broker.stop()
    return marks


if __name__ == "__main__":
    print(json.dumps(uvloop.run(main())))
