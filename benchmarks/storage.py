"""What one exchange takes on the disk: a message of 2 KB, its receipt, its copy, its acknowledgement, its entries.

Beside it stands what was sent: the submission and the acknowledgement themselves. Measured from the database's own size
after it was put in order (SQLite: pages in use; PostgreSQL: `pg_database_size`), for sealed parts kept and erased.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from uuid import uuid4

from sqlalchemy import text

from benchmarks.compare import ROUNDS, Measured, Question, told
from bureaus.sandbox.postgres import Postgres
from gateway.adapters.sql import Database, SqlBodies, SqlStore, SqlTree, prepare
from gateway.retention import Order, erase
from schemas.envelope import Envelope
from schemas.identity import Address
from tests.support import World, sqlite_url

MESSAGES: Final = 1_000
CONTENT: Final = bytes(1_900)
"""Padded to 2 KB."""
_Pairs = list[tuple[float, float]]


def measure() -> list[Measured]:
    """Both databases, kept and erased."""
    found: list[Measured] = []
    for name, pairs in asyncio.run(_all()).items():
        kind, state = name.split("-")
        what = f"bytes on {kind} for one exchange of 2 KB, sealed part {state}, against the bytes that were sent"
        goal = 2.5 if state == "kept" else 1.5
        question = Question(f"growth-storage-{kind.lower()}-{state}", what, "bytes", goal, packages=("sqlalchemy",))
        found.append(told(question, pairs))
    return found


async def _all() -> dict[str, _Pairs]:
    found: dict[str, _Pairs] = {}
    async with Postgres() as server:
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory() as folder:
                await _round("SQLite", sqlite_url(Path(folder)), found)
            name = f"growth_{uuid4().hex}"
            await _round("PostgreSQL", await server.create_database(name), found)
            await server.drop_database(name)
    return found


async def _round(kind: str, url: str, found: dict[str, _Pairs]) -> None:
    database = Database(url)
    await prepare(database)
    store, world = SqlStore(database), World()
    async with world.gateway(store) as exchange:
        await SqlBodies(database).prepare([world.clock.now() // 86_400_000 + 31])
        before = await size(database)
        envelopes = [world.envelope(content=CONTENT) for _ in range(MESSAGES)]
        sent = 0
        for at in range(0, MESSAGES, 100):
            part = envelopes[at : at + 100]
            await asyncio.gather(*(world.send(exchange, envelope) for envelope in part))
            said = [world.acknowledgement("BR", envelope.digest) for envelope in part]
            await asyncio.gather(*(exchange.evidence(Address("BR"), one) for one in said))
            sent += sum(len(world.submission(envelope).body) for envelope in part) + sum(map(len, said))
        ledger = world.ledger(SqlTree(database))
        while await ledger.integrate(20_000):
            pass
        await ledger.checkpoint()
        found.setdefault(f"{kind}-kept", []).append(((await size(database) - before) / MESSAGES, sent / MESSAGES))
        await _erase(store, database, world, envelopes)
        found.setdefault(f"{kind}-erased", []).append(((await size(database) - before) / MESSAGES, sent / MESSAGES))
    await database.close()


async def _erase(store: SqlStore, database: Database, world: World, envelopes: Sequence[Envelope]) -> None:
    digests = [envelope.digest for envelope in envelopes]
    await erase(store, SqlBodies(database), world.clock, digests, Order(bytes(32)))


async def size(database: Database) -> int:
    """Bytes in use, after the database was put in order."""
    if database.sqlite:
        async with database.read() as connection:
            names = ("page_count", "freelist_count", "page_size")
            pages, free, page = [(await connection.execute(text(f"PRAGMA {name}"))).scalar_one() for name in names]
        return int((pages - free) * page)
    async with database.read() as connection:
        await connection.execute(text("VACUUM (FULL) message"))
        await connection.execute(text("VACUUM (FULL) delivery"))
        return int((await connection.execute(text("SELECT pg_database_size(current_database())"))).scalar_one())
