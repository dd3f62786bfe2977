"""Fills a registry on PostgreSQL with stolen documents, as many as wanted: COPY for the rows, their keys sorted first.

Rows come in the order of their numbers, so that each of their indexes grows at its end; what they are found by is
random, and goes in sorted by the server. Nothing waits for the disk until all is there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from benchmarks.document_records import AT_A_TIME, RECORD_COLUMNS, numbers, rows
from bureaus.secretariat.databases.documents import number_key
from bureaus.secretariat.registry import Registry

_FAST: Final = ("synchronous_commit = off", "work_mem = '256MB'", "statement_timeout = 0")


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """The driver's own connection to a database by SQLAlchemy's URL."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        yield connection
    finally:
        await connection.close()


async def fill(url: str, count: int) -> float:
    """Make a registry in an empty database, with so many documents: its size in bytes."""
    registry = await Registry.open(url)
    await registry.aclose()
    async with connected(url) as connection:
        for setting in _FAST:
            await connection.execute(f"SET {setting}")
        await connection.execute("CREATE TEMP TABLE keyed (key bigint, record bigint)")
        for begin in range(0, count, AT_A_TIME):
            some = numbers(begin, min(begin + AT_A_TIME, count))
            await connection.copy_records_to_table("record", records=rows(some, count), columns=RECORD_COLUMNS)
            keys = [(number_key(one), at + 1) for at, one in some]
            await connection.copy_records_to_table("keyed", records=keys)
        await connection.execute("INSERT INTO record_found (key, record) SELECT key, record FROM keyed ORDER BY 1, 2")
        await connection.execute("DROP TABLE keyed")
        await connection.execute("VACUUM ANALYZE record, record_found")
        await connection.execute("CHECKPOINT")  # else it is written while questions are timed
        return float(await connection.fetchval("SELECT pg_database_size(current_database())"))
