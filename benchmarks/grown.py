"""One hop through a gateway whose ledger has a million entries, against one whose ledger has none: in turns.

The large one's database is filled with copies of what the gateway kept of one message: message, outcome, clock, and
its two entries, under other digests, as answered long ago and erased since. They are there to be counted, indexed and
hashed, and do not verify. The gateway's own integrator makes the tree of them before anything is measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import asyncpg
from sqlalchemy import Table

from benchmarks import scenes
from benchmarks.compare import Measured, Question, compare
from benchmarks.ground import LOOK, Ground, Pace
from gateway.adapters.sql import tables as t
from gateway.clocks import State

ENTRIES: Final = 1_000_000
WARM_UPS: Final = 3
"""Rounds of the large one alone, before any counts. A page's first change after a checkpoint writes the whole page to
PostgreSQL's log, and filling ends with one: with a million entries the first rounds meet hardly a page that was changed
since. Each round changes more than half of those that are left."""
ITEMS: Final = 4000
"""Messages of one round."""
ROUNDS: Final = 7
"""A round is over in two seconds."""
_BEFORE: Final = 200
"""Messages that each gateway has carried before."""
_OF_A_MESSAGE: Final = 2
"""Entries: its acceptance and its consignment."""
_WITHIN: Final = 300.0
"""Seconds that the integrator may take."""
QUESTION: Final = Question(
    "growth",
    "one hop with 1e6 entries in the ledger, against an empty one (PostgreSQL)",
    "messages/s",
    goal=0.95,
    lower_is_better=False,
    packages=("aio-pika", "aiormq", "asyncpg", "cryptography", "uvloop"),
)
_DIGEST: Final = "sha256(int8send(n))"
_AGO: Final = "(n * 2000)"
"""Milliseconds between two messages."""
_COPIES: Final[Mapping[Table, Mapping[str, str]]] = {
    t.message: {
        "digest": _DIGEST,
        "cti": f"substring({_DIGEST} FROM 1 FOR 16)",
        "sealed_hash": f"sha256({_DIGEST})",
        "received": f"received - {_AGO}",
        "due": "NULL::integer",
    },
    t.outcome: {"digest": _DIGEST, "idx": f"$2::bigint + (n - 1) * {_OF_A_MESSAGE}"},
    t.answer_clock: {
        "query": _DIGEST,
        "state": f"'{State.ANSWERED}'",
        "opened": f"opened - {_AGO}",
        "next_at": "NULL::bigint",
    },
}
_LEAVES: Final = f"""
    WITH one AS (
        SELECT row_number() OVER (ORDER BY idx) - 1 AS nth, entry, operation, position($3::bytea IN entry) AS named
        FROM leaf WHERE position($3::bytea IN entry) > 0
    ), made AS (
        SELECT $2::bigint + (n - 1) * {_OF_A_MESSAGE} + nth AS idx,
            overlay(entry PLACING {_DIGEST} FROM named::integer FOR 32) AS entry, operation
        FROM generate_series(1, $1::bigint) AS n, one
    )
    INSERT INTO leaf (idx, hash, entry, operation)
    SELECT idx, sha256('\\x00'::bytea || entry), entry, operation FROM made
"""  # noqa: S608  # expressions of ours


def measure() -> Measured:
    """Measure."""
    with scenes.stage(fresh=True) as large, scenes.stage(fresh=True) as empty:
        large.play(_fill)
        for _ in range(WARM_UPS):
            large.play(_through)
        return compare(QUESTION, lambda: large.play(_through).rate, lambda: empty.play(_through).rate, ROUNDS)


async def _through(made: Ground) -> Pace:
    before = await _written(made)
    pace = await scenes.through_ours(made, ITEMS)
    print(f"         {(await _written(made) - before) / ITEMS:.0f} bytes of PostgreSQL's log for a message", flush=True)
    return pace


async def _written(made: Ground) -> int:
    """Bytes of PostgreSQL's log so far."""
    await made.entries()  # it opens the connection
    assert made.database is not None  # noqa: S101  # as it says
    return int(await made.database.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"))


async def _fill(made: Ground) -> None:
    await scenes.through_ours(made, _BEFORE)
    first = await made.entries()
    assert made.database is not None  # noqa: S101  # it was asked for its entries
    await _copy(made.database, first, ENTRIES // _OF_A_MESSAGE)
    await made.running.serve()
    async with asyncio.timeout(_WITHIN):
        while not await made.database.fetchval(_INTEGRATED):  # noqa: ASYNC110  # the database tells nobody
            await asyncio.sleep(LOOK)
    await made.running.drain()
    await made.database.execute("CHECKPOINT")  # else it comes while something is measured, and only here
    size = await made.database.fetchval(_SCATTERED) / (ENTRIES // _OF_A_MESSAGE)
    print(f"  filled up to {await made.entries()} entries; {size:.0f} bytes of indexes by hash a message", flush=True)


_SCATTERED: Final = """
    SELECT sum(pg_relation_size(name::regclass))::bigint
    FROM unnest(ARRAY['pk_message', 'ix_message_sealed_hash', 'pk_outcome', 'pk_answer_clock']) AS name
"""
"""The indexes of which any message may touch any page."""
_INTEGRATED: Final = "SELECT size = next FROM tree_state, log_seq"


async def _copy(connection: asyncpg.Connection, first: int, messages: int) -> None:
    """Add the rows of that many messages, the entries from index `first` on. The gateway must be at rest."""
    digest = await connection.fetchval("SELECT query FROM answer_clock LIMIT 1")
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")  # no look at each foreign key
        for table, other in _COPIES.items():
            await connection.execute(_copies(table, other), messages, first, digest)
        await connection.execute(_LEAVES, messages, first, digest)
        await connection.execute("UPDATE log_seq SET next = $1", first + messages * _OF_A_MESSAGE)
    await connection.execute("VACUUM ANALYZE")


def _copies(table: Table, other: Mapping[str, str]) -> str:
    """Insert copies of one message's row, but for some columns. $1: how many, $2: the first index, $3: its digest."""
    names = [column.name for column in table.columns]
    key = table.primary_key.columns[0].name
    values = ", ".join(other.get(name, name) for name in names)
    source = f"SELECT * FROM {table.name} WHERE {key} = $3::bytea"  # noqa: S608  # names of our own
    # every statement names the same three values
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {values} "  # noqa: S608  # as above
        f"FROM generate_series(1, $1::bigint) AS n, ({source}) AS one WHERE $2::bigint >= 0"
    )
