"""The floor: what one message must cost, each part alone, and what a gateway process spends on one.

Signature verification and hashing in this process; the ledger's append (message, body, delivery, entry) into PostgreSQL
with fsync on, through the driver's COPY, in batches of 100; a relay written in C. `floor` compares a gateway's CPU for
one message with the sum of the parts; `floor-*` says of each part what share of the gateway's CPU it is.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import asyncpg

from benchmarks import beside, scenes
from benchmarks.compare import ROUNDS, Measured, Question, told
from benchmarks.ground import Ground, Pace, posts
from schemas import envelope, merkle, wire
from schemas.codes import Urgency

PACKAGES: Final = ("aio-pika", "asyncpg", "cryptography", "uvloop")
PARTS: Final = {
    "signature": "verifying one Ed25519 signature",
    "hashing": "hashing a statement, its sealed part, and a leaf",
    "append": "appending message, body, delivery and entry by COPY, in batches of 100 with fsync on (client and wait)",
    "c-relay": "relaying it with librabbitmq",
}
WHOLE: Final = Question(
    "floor",
    "CPU of a gateway process for one message, against the sum of its floor's parts",
    "us",
    3.0,
    packages=PACKAGES,
)
COUNT: Final = 2000
_BATCH: Final = 100
_TABLES: Final = """
    CREATE TEMP TABLE floor_message (digest bytea PRIMARY KEY, statement bytea, operation text, received bigint);
    CREATE TEMP TABLE floor_body (digest bytea PRIMARY KEY, sealed bytea);
    CREATE TEMP TABLE floor_delivery (digest bytea, recipient text, state smallint, PRIMARY KEY (digest, recipient));
    CREATE TEMP TABLE floor_leaf (idx bigint PRIMARY KEY, hash bytea, entry bytea);
"""


def run() -> list[Measured]:
    """Measure."""
    with scenes.stage() as stage:
        rounds = [stage.play(_round) for _ in range(ROUNDS)]
    whole = told(WHOLE, [(ours, sum(parts.values())) for ours, parts in rounds])
    return [whole, *(_share(name, [(parts[name], ours) for ours, parts in rounds]) for name in PARTS)]


def _share(name: str, pairs: list[tuple[float, float]]) -> Measured:
    what = f"{PARTS[name]}, against a gateway process's CPU for one message"
    return told(replace(WHOLE, name=f"floor-{name}", what=what, goal=1.0), pairs)


async def _round(made: Ground) -> tuple[float, dict[str, float]]:
    """Microseconds for one message: the gateway's CPU, and each part of the floor."""
    ours = (await scenes.through_ours(made, COUNT)).cpu
    sent = [one for _, one in made.queries(COUNT)]
    parts = {
        "signature": _signature(made, sent),
        "hashing": _hashing(sent),
        "append": await _append(made, sent),
        "c-relay": await _in_c(made),
    }
    print("  " + ", ".join(f"{name} {value:.0f} us" for name, value in {"ours": ours, **parts}.items()), flush=True)
    return ours, parts


def _signature(made: Ground, sent: list[envelope.Envelope]) -> float:
    read = [envelope.read(one.statement) for one in sent]
    found = [made.directory.signing(one.key_id) for one in read]
    keys = [entry.key for _, entry in (one for one in found if one is not None)]
    begun = time.process_time()
    for statement, key in zip(read, keys, strict=True):
        statement.verify(key)
    return (time.process_time() - begun) / len(sent) * 1e6


def _hashing(sent: list[envelope.Envelope]) -> float:
    begun = time.process_time()
    for one in sent:
        hashlib.sha256(one.statement).digest()
        hashlib.sha256(one.sealed or b"").digest()
        merkle.leaf_hash(one.statement[:300])
    return (time.process_time() - begun) / len(sent) * 1e6


async def _append(made: Ground, sent: list[envelope.Envelope]) -> float:
    assert made.running.postgres is not None  # noqa: S101  # the ground is over AMQP
    url = made.running.postgres.url_of("bureaunet").replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    suffix = secrets.token_hex(4)
    tables = [f"floor_{name}_{suffix}" for name in ("message", "body", "delivery", "leaf")]
    created = _TABLES.replace("TEMP ", "")  # a temporary table is never written to the log, and would cost too little
    for name in ("message", "body", "delivery", "leaf"):
        created = created.replace(f"floor_{name} ", f"floor_{name}_{suffix} ")
    await connection.execute(created)
    try:
        begun = time.perf_counter()
        for start in range(0, len(sent), _BATCH):
            some = sent[start : start + _BATCH]
            rows = (
                [(one.digest, one.statement, "infra-benchmark", start) for one in some],
                [(one.digest, one.sealed) for one in some],
                [(one.digest, "AA", 0) for one in some],
                [(start + at, one.digest, one.statement[:300]) for at, one in enumerate(some)],
            )
            async with connection.transaction():
                for table, records in zip(tables, rows, strict=True):
                    await connection.copy_records_to_table(table, records=records)
        return float(time.perf_counter() - begun) / len(sent) * 1e6
    finally:
        await connection.execute("DROP TABLE " + ", ".join(tables))
        await connection.close()


async def _in_c(made: Ground) -> float:
    await made.empty()
    await made.load(list(posts(made.queries(COUNT))))
    return (await relayed_in_c(made, COUNT)).cpu


async def relayed_in_c(made: Ground, items: int) -> Pace:
    """The relay in C over what is in the gateway's queues: how fast it went."""
    source = beside.REPOSITORY / "benchmarks" / "relays" / "relay.c"
    out = Path(made.running.gateway_home).parent / "relay"
    if not await asyncio.to_thread(out.exists):
        await beside.compiled(source, out, "rabbitmq")
    assert made.running.broker is not None  # noqa: S101  # the ground is over AMQP
    tls = made.gateway_tls
    where = ("127.0.0.1", str(made.running.broker.port), tls.authority, tls.certificate, tls.key)
    key = wire.inbox_queue(made.bureaus[0], Urgency.ROUTINE)
    return await beside.relayed(
        [out, *where, str(items), str(_BATCH), ",".join(made.sources), wire.EXCHANGE_DELIVER, key], items
    )
