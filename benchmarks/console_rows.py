"""Fills a gateway's database with exchanges, fast: copies of rows that its own pipeline made, under other digests.

Order of work: read one exchange of each sort that is there (a query with its answer, a query alone, a refused one) ->
take down the indices that are no constraint -> insert from `generate_series` on the server -> make the indices again.

Rules: every table has the rows that such exchanges leave, with sealed parts already erased; entries of the ledger have
their digest and time, and are hashed as leaves, so that the gateway's integrator makes the tree of them. What is signed
in a copied row says what the original said: a copy is there to be searched among, and does not verify.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Final

import asyncpg

from schemas.evidence import Event, read_entry

BLOCK: Final = 50
"""Exchanges in one block: its first is refused, every second has an answer, the others were handed over."""
REFUSED, ALONE, ANSWERED = "refused", "alone", "answered"
DAYS: Final = 60
"""What is filled in was received over so many days."""
UNREAD: Final = 200
"""Copies that nobody acknowledged, about, spread over all: what waits is of today, however long the history is."""
SILENT: Final = 100
"""One in so many was escalated, and one in so many is awaited."""
DEEDS: Final = 20
"""One row of the audit for so many."""
_TABLES: Final = ("message", "outcome", "delivery", "acknowledgement", "answer_clock", "leaf", "audit")


def sort_of(place: int) -> str:
    """Which sort the exchange at this place of a block is."""
    return REFUSED if place == 0 else ANSWERED if place % 2 else ALONE


@dataclass(frozen=True, slots=True)
class Leaves:
    """Entries of one sort of exchange, each (bytes, where its digest is, where its time is, of the answer)."""

    rows: tuple[tuple[bytes, int, int, bool], ...]


@dataclass(frozen=True, slots=True)
class Filled:
    """What a filler did."""

    exchanges: int
    leaves: int
    seconds: float


async def fill(connection: asyncpg.Connection, exchanges: int, operation: str, bureaus: list[str]) -> Filled:
    """Add that many exchanges, half of them in `operation`: what was done. The gateway must be at rest."""
    begun = time.perf_counter()
    await connection.execute("SET synchronous_commit = off; SET session_replication_role = replica")
    await connection.execute("SET maintenance_work_mem = '512MB'; SET work_mem = '256MB'")
    leaves = [await _leaves(connection, sort_of(place)) for place in range(BLOCK)]
    indices = await connection.fetch(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY($1) AND indexname LIKE 'ix_%'", _TABLES
    )
    async with connection.transaction():
        for row in indices:
            await connection.execute(f"DROP INDEX {row['indexname']}")
        first = await connection.fetchval("SELECT next FROM log_seq")
        total = await _entries(connection, exchanges, first, leaves, operation)
        await _messages(connection, exchanges, first, leaves, operation, bureaus)
        await connection.execute(_AUDIT, exchanges // DEEDS)
        await connection.execute("UPDATE log_seq SET next = $1", first + total)
        for row in indices:
            await connection.execute(row["indexdef"])
    await connection.execute("VACUUM ANALYZE")
    return Filled(exchanges, total, time.perf_counter() - begun)


async def _leaves(connection: asyncpg.Connection, sort: str) -> Leaves:
    """The entries of an exchange of this sort, in their order, with what is replaced in them."""
    query = await _original(connection, sort)
    answer = await connection.fetchval("SELECT digest FROM message WHERE re = $1", query)
    found: list[tuple[int, bytes, bool]] = []
    for digest, is_answer in ((query, False), (answer, True)):
        if digest is None:
            continue
        rows = await connection.fetch("SELECT idx, entry FROM leaf WHERE position($1 in entry) > 0", digest)
        found += [(row["idx"], row["entry"], is_answer) for row in rows]
    templates: list[tuple[bytes, int, int, bool]] = []
    for _, raw, is_answer in sorted(found):
        entry = read_entry(raw)
        if entry.event in {Event.SUBMISSION_ACCEPTANCE, Event.SUBMISSION_REJECTION, Event.CONTENT_CONSIGNMENT} or (
            entry.event is Event.CONTENT_HANDOVER
        ):
            named = raw.index(entry.digest or b"")
            timed = raw.index(b"\x1b" + entry.time.to_bytes(8)) + 1
            templates.append((raw, named + 1, timed + 1, is_answer))
    return Leaves(tuple(templates))


async def _original(connection: asyncpg.Connection, sort: str) -> bytes:
    where = {
        REFUSED: "NOT accepted",
        ANSWERED: "accepted AND thread IS NULL AND EXISTS (SELECT FROM message a WHERE a.re = m.digest)",
        ALONE: (
            "accepted AND thread IS NULL AND EXISTS (SELECT FROM acknowledgement k WHERE k.digest = m.digest) "
            "AND NOT EXISTS (SELECT FROM message a WHERE a.re = m.digest)"
        ),
    }
    found = await connection.fetchval(f"SELECT digest FROM message m WHERE {where[sort]} LIMIT 1")  # noqa: S608  # ours
    assert isinstance(found, bytes), f"the traffic before has no exchange that is {sort}"  # noqa: S101
    return found


async def _entries(
    connection: asyncpg.Connection, exchanges: int, first: int, leaves: list[Leaves], operation: str
) -> int:
    """Insert the ledger's entries: how many."""
    step, offsets = _offsets(leaves)
    rows = [
        {"place": place, "nth": nth, "entry": raw.hex(), "named": named, "timed": timed, "answer": answer}
        for place, one in enumerate(leaves)
        for nth, (raw, named, timed, answer) in enumerate(one.rows)
    ]
    pace = _pace(exchanges)
    await connection.execute(_LEAVES, exchanges, first, step, offsets, json.dumps(rows), BLOCK, pace, operation)
    blocks, rest = divmod(exchanges, BLOCK)
    return blocks * step + (offsets[rest] if rest else 0)


async def _messages(
    connection: asyncpg.Connection,
    exchanges: int,
    first: int,
    leaves: list[Leaves],
    operation: str,
    bureaus: list[str],
) -> None:
    """Insert what the pipeline keeps of the messages."""
    step, offsets = _offsets(leaves)
    for sort in (REFUSED, ALONE, ANSWERED):
        original = await _original(connection, sort)
        places = [place for place in range(BLOCK) if sort_of(place) == sort]
        named = [bureaus, operation, BLOCK, _pace(exchanges), first, step, offsets, original, places]
        await connection.execute(_MESSAGE.format(**_QUERY), exchanges, *named)
        if sort == ANSWERED:
            original = await connection.fetchval("SELECT digest FROM message WHERE re = $1", original)
            named[-2] = original
            await connection.execute(_MESSAGE.format(**_ANSWER), exchanges, *named)
    clock = await connection.fetchrow("SELECT query, bureau FROM answer_clock LIMIT 1")
    await connection.execute(_CLOCKS, exchanges, bureaus, BLOCK, _pace(exchanges), clock["query"])
    await connection.execute(_UNREAD, exchanges, bureaus, BLOCK, max(2, exchanges // UNREAD))


def _offsets(leaves: list[Leaves]) -> tuple[int, list[int]]:
    """Entries of a block, and how many stand in it before each of its places."""
    counts = [len(one.rows) for one in leaves]
    return sum(counts), [sum(counts[:place]) for place in range(BLOCK)]


def _pace(exchanges: int) -> int:
    """Milliseconds between two exchanges."""
    return DAYS * 86_400_000 // exchanges


_DIGEST: Final = "sha256(int8send({} * 2 + {}))"
_QUERY: Final = {"answer": 0, "thread": "NULL::bytea", "late": 0, "behind": 0}
_ANSWER: Final = {
    "answer": 1,
    "thread": _DIGEST.format("n", 0),
    "late": 60_000,
    "behind": 3,
}
_LEAVES: Final = """
    WITH template AS (
        SELECT * FROM json_to_recordset($5::json)
            AS row(place int, nth int, entry text, named int, timed int, answer boolean)
    ), made AS (
        SELECT $2::bigint + (n / $6::int) * $3::int + ($4::int[])[n % $6 + 1] + nth AS idx,
            overlay(overlay(decode(entry, 'hex') PLACING sha256(int8send(n * 2 + answer::int)) FROM named FOR 32)
                PLACING int8send((extract(epoch FROM now()) * 1000)::bigint - ($1::bigint - n) * $7::bigint)
                FROM timed FOR 8) AS entry,
            CASE WHEN n % 4 < 2 THEN $8::text ELSE 'synthetic-' || n % 200 END AS operation
        FROM generate_series(0, $1::bigint - 1) AS n JOIN template ON place = n % $6
    )
    INSERT INTO leaf (idx, hash, entry, operation)
    SELECT idx, sha256('\\x00'::bytea || entry), entry, operation FROM made
"""
_MESSAGE: Final = """
    WITH chosen AS (
        SELECT n, sha256(int8send(n * 2 + {answer})) AS digest, {thread} AS opened,
            (extract(epoch FROM now()) * 1000)::bigint - ($1::bigint - n) * $5::bigint + {late} AS received,
            ($2::text[])[(n + {answer}) % cardinality($2) + 1] AS sender,
            ($2::text[])[(n + 1 - {answer}) % cardinality($2) + 1] AS recipient,
            $6::bigint + (n / $4::int) * $7::int + ($8::int[])[n % $4 + 1] + {behind} AS idx
        FROM generate_series(0, $1::bigint - 1) AS n WHERE n % $4 = ANY($10::int[])
    ), message_put AS (
        INSERT INTO message (digest, iss, cti, operation, kind, exercise, purpose, handling, urgency, thread, re,
            answer, until, reply_by, expires, recipients, recipient_count, sealed_hash, sealed_size, statement,
            accepted, reason, received, due)
        SELECT c.digest, c.sender, substring(c.digest FROM 1 FOR 16),
            CASE WHEN n % 4 < 2 THEN $3::text ELSE 'synthetic-' || n % 200 END,
            m.kind, m.exercise, m.purpose, m.handling, m.urgency, c.opened, c.opened, m.answer, m.until, m.reply_by,
            m.expires, c.recipient, 1, sha256(c.digest), m.sealed_size, m.statement, m.accepted, m.reason, c.received,
            NULL
        FROM chosen c, message m WHERE m.digest = $9
    ), outcome_put AS (
        INSERT INTO outcome (digest, idx, receipt)
        SELECT c.digest, c.idx, o.receipt FROM chosen c, outcome o WHERE o.digest = $9
    )
    INSERT INTO acknowledgement (digest, recipient, evidence, raw, idx)
    SELECT c.digest, c.recipient, sha256(c.digest), k.raw, c.idx + 2
    FROM chosen c, acknowledgement k WHERE k.digest = $9
"""
_CLOCKS: Final = f"""
    INSERT INTO answer_clock
    SELECT sha256(int8send(n * 2)), asked, asked, ($2::text[])[n % cardinality($2) + 1], c.operation, c.kind, c.urgency,
        at, CASE WHEN n % {SILENT} = 2 THEN at + 60000 ELSE at + {2 * DAYS} * 86400000::bigint END,
        c.default_seconds, c.longest_seconds, c.reminders, c.requests,
        CASE WHEN n % 2 = 1 THEN 'answered' WHEN n % {SILENT} = 2 THEN 'escalated' ELSE 'acknowledged' END,
        CASE WHEN n % {SILENT} = 2 THEN 3 ELSE 0 END,
        CASE WHEN n % {SILENT} = 4 THEN at + {2 * DAYS} * 86400000::bigint END,
        CASE WHEN n % 2 = 1 THEN sha256(int8send(n * 2 + 1)) END, NULL
    FROM (
        SELECT n, (extract(epoch FROM now()) * 1000)::bigint - ($1::bigint - n) * $4::bigint AS at,
            ($2::text[])[(n + 1) % cardinality($2) + 1] AS asked
        FROM generate_series(0, $1::bigint - 1) AS n WHERE n % $3::int > 0 AND (n % 2 = 1 OR n % {SILENT} IN (2, 4))
    ) AS chosen, answer_clock c WHERE c.query = $5
"""  # noqa: S608  # numbers of ours
_UNREAD: Final = """
    WITH gone AS (
        DELETE FROM acknowledgement WHERE digest IN (
            SELECT sha256(int8send(n * 2)) FROM generate_series(0, $1::bigint - 1) AS n
            WHERE n % $4::int = 1 AND n % $3::int > 0
        ) RETURNING digest, recipient, idx
    )
    INSERT INTO delivery (digest, recipient, inbox, link, state, idx, expires, lease_until, attempts)
    SELECT digest, recipient, recipient, 'http', 1, idx - 1, 4000000000, 0, 1
    FROM gone WHERE cardinality($2::text[]) > 0
"""
_AUDIT: Final = """
    INSERT INTO audit (time, actor, action, subject, why, idx)
    SELECT n * 1000, 'nobody', 'export-list', 'state=refused', 'a synthetic reason', NULL
    FROM generate_series(1, $1::bigint) AS n
"""
