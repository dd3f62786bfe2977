"""Questions for documents among ten million records: at the service against a bare SQL look-up, and from a border unit.

BUREAUNET_BENCH_DOCUMENTS says another number of records. At the service: the search and its row in the log, committed,
against one statement a question by the same key through the same driver, which reads the same row and does nothing with
it; both with 64 askers; on SQLite, and again on a PostgreSQL of its own (fsync on). The driver's own figure without any
of it, one connection, is printed beside. From a border unit: over a real gateway by HTTP, against the same with a
thousand records, both on SQLite.

Making ten million records twice takes some minutes: run it by its name (`make bench ONLY=documents`).
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import bindparam, select

from benchmarks import document_postgresql
from benchmarks.compare import ROUNDS, Measured, Question, told
from benchmarks.document_border import AT_ONCE, QUERIES, border
from benchmarks.document_records import fill, question
from bureaus.sandbox.postgres import Postgres
from bureaus.secretariat.databases.documents import number_key
from bureaus.secretariat.databases.questions import Asked, QuestionLog
from bureaus.secretariat.databases.search import Searching
from bureaus.secretariat.registry import Registry
from bureaus.secretariat.registry.databases import found, record
from bureaus.secretariat.settings import DEFAULT
from schemas import messages
from schemas.identity import Address
from schemas.messages.databases import DatabaseQuery

RECORDS: Final = int(os.environ.get("BUREAUNET_BENCH_DOCUMENTS", "10000000"))
FEW: Final = 1000
ASKED: Final = 4000
"""Of one round at the service."""
_PACKAGES: Final = ("aiosqlite", "sqlalchemy", f"sqlite={sqlite3.sqlite_version}")
_ASKER: Final = Address("KE")
_BARE: Final = (
    select(record.c.content).join(found, found.c.record == record.c.id).where(found.c.key == bindparam("key"))
)
_PLAIN: Final = "SELECT content FROM record_found JOIN record ON record.id = record_found.record WHERE key = ?"


def run() -> Sequence[Measured]:
    """Measure."""
    with tempfile.TemporaryDirectory(prefix="documents-") as folder:
        return asyncio.run(_run(Path(folder)))


async def _run(folder: Path) -> Sequence[Measured]:
    many, few = folder / "many.db", folder / "few.db"
    begun = time.perf_counter()
    await fill(many, RECORDS)
    await fill(few, FEW)
    size = many.stat().st_size / 2**30
    print(f"  {RECORDS} records made in {time.perf_counter() - begun:.0f} s, {size:.1f} GiB", flush=True)
    _driver(many)
    what = f"documents among {RECORDS} at the service, logged, against a bare look-up by the same driver"
    asked = Question("documents", what, "a second", goal=0.5, lower_is_better=False, packages=_PACKAGES)
    service = await _service(f"sqlite+aiosqlite:///{many}", asked)
    border_unit = await _border(folder, many, few)
    return [service, await on_postgresql(), *border_unit]


async def on_postgresql() -> Measured:
    """The same at the service on PostgreSQL, which is made, filled and thrown away."""
    async with Postgres() as server:
        begun = time.perf_counter()
        url = await server.create_database("registry")
        size = await document_postgresql.fill(url, RECORDS) / 2**30
        print(f"  {RECORDS} records made in {time.perf_counter() - begun:.0f} s, {size:.1f} GiB", flush=True)
        async with document_postgresql.connected(url) as connection:
            version = await connection.fetchval("SHOW server_version")
            look_up = await connection.prepare(_PLAIN.replace("?", "$1"))
            keys, begun = _keys(), time.perf_counter()
            for key in keys:
                await look_up.fetch(key)
            rate = len(keys) / (time.perf_counter() - begun)
        print(f"  asyncpg alone, one connection, keys made before: {rate:.0f} look-ups a second", flush=True)
        what = (
            f"documents among {RECORDS} at the service on PostgreSQL, logged, against a bare look-up by the same driver"
        )
        packages = ("asyncpg", "sqlalchemy", f"postgresql={version}")
        asked = Question("documents-postgresql", what, "a second", goal=0.5, lower_is_better=False, packages=packages)
        return await _service(url, asked)


def _keys() -> list[int]:
    rng = random.Random(2)  # noqa: S311  # which documents are asked for
    asked = [question(rng, RECORDS).document for _ in range(ASKED)]
    return [number_key(one.number) for one in asked if one is not None]


def _driver(path: Path) -> None:
    database, keys = sqlite3.connect(path), _keys()
    begun = time.perf_counter()
    for key in keys:
        database.execute(_PLAIN, (key,)).fetchall()
    took = time.perf_counter() - begun
    database.close()
    print(f"  sqlite3 alone, one thread, keys made before: {len(keys) / took:.0f} look-ups a second", flush=True)


async def _service(url: str, measured: Question) -> Measured:
    registry = await Registry.open(url)
    searching, log = Searching(registry, DEFAULT), QuestionLog(registry)
    slowest: list[float] = []

    async def ours(query: DatabaseQuery) -> None:
        begun = time.perf_counter_ns()
        answered = await searching.answer(_ASKER, query)
        messages.encode(answered.answer)
        took = (time.perf_counter_ns() - begun) // 1000
        await log.write(
            Asked(
                os.urandom(32), _ASKER, int(time.time()), urgent=True, query=query, answered=answered, microseconds=took
            )
        )
        slowest.append((time.perf_counter_ns() - begun) / 1e6)

    async def bare(query: DatabaseQuery) -> None:
        if query.document is not None:
            async with registry.reading() as connection:
                (await connection.execute(_BARE, {"key": number_key(query.document.number)})).all()

    try:
        rounds = [(await _rate(ours, at), await _rate(bare, at)) for at in range(ROUNDS + 1)]
    finally:
        await registry.aclose()
    slowest.sort()
    p50, p99 = (slowest[int(len(slowest) * share)] for share in (0.5, 0.99))
    print(f"  at the service, {AT_ONCE} askers: p50 {p50:.1f} ms, p99 {p99:.1f} ms, its commit included", flush=True)
    return told(measured, rounds[1:])


async def _rate(ask: Callable[[DatabaseQuery], Awaitable[None]], at: int) -> float:
    rng = random.Random(at)  # noqa: S311  # which documents are asked for
    asked: Iterator[DatabaseQuery] = iter([question(rng, RECORDS) for _ in range(ASKED)])

    async def asker() -> None:
        for query in asked:
            await ask(query)

    begun = time.perf_counter()
    await asyncio.gather(*(asker() for _ in range(AT_ONCE)))
    return ASKED / (time.perf_counter() - begun)


async def _border(folder: Path, many: Path, few: Path) -> Sequence[Measured]:
    async with border(folder / "network") as unit:
        rounds = [(await unit.asking(many, RECORDS), await unit.asking(few, FEW)) for _ in range(ROUNDS)]
    where = f"from a border unit over HTTP among {RECORDS}, against {FEW}"
    packages = (*_PACKAGES, "aiohttp", "cryptography")
    rate = Question(
        "documents-border",
        f"documents {where}: {QUERIES} questions, {AT_ONCE} at once",
        "a second",
        goal=0.9,
        lower_is_better=False,
        packages=packages,
    )
    alone = Question("documents-alone", f"a document {where}: one at a time, median", "ms", 1.1, packages=packages)
    return [
        told(rate, [(ours.rate, other.rate) for ours, other in rounds]),
        told(alone, [(ours.alone, other.alone) for ours, other in rounds]),
    ]
