"""What a batch asks before it decides, in one question (`ports_facts.FactReads`): one trip to the database.

PostgreSQL: one statement of several parts, whose rows have the same columns and say which part they are of. What is
looked for is a list of rows, not `= ANY`: a plan made while the tables were empty reads all of them until PostgreSQL
has counted, and compared each row with each element then. SQLite: the parts one after another in one trip to its
thread, on one view.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from gateway.adapters.sql.database import Database
from gateway.adapters.sql.rows import QUESTIONS, SIZE
from gateway.adapters.sql.straight import fetch
from gateway.ports import Decided, Spent, ThreadFacts
from gateway.ports_facts import Asked, Known
from schemas.codes import Handling, Purpose
from schemas.identity import Address

_DECIDED, _ID, _THREAD, _SPENT = 1, 2, 3, 4
KNOWN: Final = """
    SELECT 0, NULL::bytea, NULL::bytea, next, NULL::bigint, NULL::boolean, NULL::text, NULL::text, NULL::text,
        NULL::text, NULL::text
    FROM log_seq WHERE id = 1
    UNION ALL
    SELECT 1, outcome.digest, outcome.receipt, outcome.idx, NULL, message.accepted, NULL, NULL, NULL, NULL, NULL
    FROM outcome JOIN message ON message.digest = outcome.digest
    WHERE outcome.digest IN (SELECT * FROM unnest($1::bytea[]))
    UNION ALL
    SELECT 2, digest, cti, NULL, NULL, NULL, iss, NULL, NULL, NULL, NULL
    FROM message WHERE cti IN (SELECT * FROM unnest($2::bytea[]))
    UNION ALL
    SELECT 3, digest, thread, NULL, NULL, exercise, operation, purpose, handling, iss, recipients
    FROM message WHERE digest IN (SELECT * FROM unnest($3::bytea[])) AND accepted
    UNION ALL
    SELECT 4, NULL, NULL, messages, bytes, NULL, bureau, NULL, NULL, NULL, NULL
    FROM spent WHERE bureau IN (SELECT * FROM unnest($4::text[])) AND minute = $5::bigint
"""
"""What a batch asks; a test looks at how PostgreSQL would answer before it knows how large the tables are."""


async def known(database: Database, asked: Asked) -> Known:
    """As the port says."""
    return await (_of_sqlite if database.sqlite else _of_postgresql)(database, asked)


async def _of_postgresql(database: Database, asked: Asked) -> Known:
    ctis = list({cti for _, cti in asked.ids})
    async with database.asking() as connection:
        rows = await fetch(connection, KNOWN, asked.digests, ctis, asked.named, asked.bureaus, asked.minute)
    parts: dict[int, list[Sequence[Any]]] = {_DECIDED: [], _ID: [], _THREAD: [], _SPENT: []}
    size = 0
    for row in rows:
        if row[0] == 0:
            size = int(row[3])
        else:
            parts[row[0]].append(row)
    taken = ((row[6], row[2], row[1]) for row in parts[_ID])
    threads = ((row[1], row[6], row[5], row[7], row[8], row[9], row[10], row[2]) for row in parts[_THREAD])
    return Known(
        size,
        {row[1]: Decided(row[2], row[3], row[5]) for row in parts[_DECIDED]},
        _ids(taken, asked) if parts[_ID] else {},
        {row[0]: _thread(row) for row in threads},
        [Spent(row[6], row[3], row[4]) for row in parts[_SPENT]],
    )


async def _of_sqlite(database: Database, asked: Asked) -> Known:
    questions = (
        (SIZE, ((),)),
        (QUESTIONS["decided"], [(digest,) for digest in asked.digests]),
        (QUESTIONS["ids"], sorted(set(asked.ids))),
        (QUESTIONS["threads"], [(digest,) for digest in asked.named]),
        (QUESTIONS["spent"], [(bureau, asked.minute) for bureau in asked.bureaus]),
    )
    sizes, decided, ids, threads, spent = await database.several(questions)
    return Known(
        int(sizes[0][0]),
        {digest: Decided(receipt, index, bool(accepted)) for digest, receipt, index, accepted in decided},
        {(sender, cti): digest for sender, cti, digest in ids},
        {row[0]: _thread(row) for row in threads},
        [Spent(*row) for row in spent],
    )


def _ids(taken: Iterable[tuple[str, bytes, bytes]], asked: Asked) -> dict[tuple[str, bytes], bytes]:
    """Of the ids that are taken, whoever sent them, those that were asked for."""
    wanted = set(asked.ids)
    return {(sender, cti): digest for sender, cti, digest in taken if (sender, cti) in wanted}


def _thread(row: Sequence[Any]) -> ThreadFacts:
    digest, operation, exercise, purpose, handling, sender, recipients, thread = row
    parties = frozenset(Address(part) for part in recipients.split(" "))
    where = Purpose(purpose), Handling(handling), Address(sender), parties
    return ThreadFacts(operation, bool(exercise), *where, thread=thread or digest)
