"""One hop through one gateway process, against a FastStream relay with pydantic models, in turns.

The other reads JSON of the same size into a model, and publishes it confirmed, mandatory and persistent.
"""

from __future__ import annotations

import base64
import json
from typing import Final

from benchmarks import beside, scenes
from benchmarks.compare import Measured, Question, compare
from benchmarks.ground import Ground, Pace
from schemas import wire
from schemas.wire import ItemType

QUESTION: Final = Question(
    "faststream",
    "one hop, admitted, recorded and consigned by one gateway process, against a FastStream relay with pydantic models",
    "messages/s",
    goal=1.0,
    lower_is_better=False,
    packages=("aio-pika", "aiormq", "asyncpg", "cryptography", "uvloop", "faststream=0.7.8"),
)
ITEMS: Final = 2500
"""Messages of one round."""
_BASE64: Final = 4 / 3
"""JSON carries bytes so much longer: fewer of them make the same size."""


async def _other(made: Ground, items: int) -> Pace:
    await made.empty()
    posts = []
    for sender, envelope in made.queries(items):
        body = wire.encode_submission(envelope)
        text = base64.b64encode(body[: int(len(body) / _BASE64) - 40]).decode("ascii")
        posts.append((sender, ItemType.ENVELOPE, json.dumps({"sender": str(sender), "content": text}).encode()))
    await made.load(posts)
    program = beside.REPOSITORY / "benchmarks" / "relays" / "faststream_relay.py"
    return scenes.told("other", await beside.relayed([beside.peers(), program, *beside.arguments(made, items)], items))


def run() -> Measured:
    """Measure."""
    with scenes.stage() as stage:
        return compare(
            QUESTION,
            lambda: stage.play(lambda made: scenes.through_ours(made, ITEMS)).rate,
            lambda: stage.play(lambda made: _other(made, ITEMS)).rate,
        )
