"""Fills a registry with stolen documents, as many as wanted: rows in order, indexes of sorted rows, no journal.

Numbers are strung together from a counter, so that the n-th is known again without looking. All are synthetic.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bureaus.secretariat.databases.documents import number_key
from bureaus.secretariat.registry import Registry
from schemas.messages.codes import DocumentType
from schemas.messages.databases import DatabaseQuery, DocumentQuestion

OWNERS: Final = ("BR", "FR", "KE", "AR", "ZA", "IN", "JP", "CA")
_SIGNS: Final = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ"
_SPREAD: Final = 2_654_435_761
"""Odd, so that every counter gives another number."""
_NUMBERS: Final = 1 << 40
_LISTED: Final = 0.01
_REVIEW: Final = 4_000_000_000
_AT_A_TIME: Final = 100_000
_FAST: Final = (
    "journal_mode=OFF",
    "synchronous=OFF",
    "cache_size=-400000",
    "temp_store=MEMORY",
    "locking_mode=EXCLUSIVE",
)
_RECORD: Final = (
    "INSERT INTO record (id, owner, reference, contact, kind, visibility, denied, content, names, changed, review)"
    " VALUES (?, ?, ?, ?, 'travel-document', 'open', '', ?, '', 1700000000, ?)"
)


def number(at: int) -> str:
    """The number of the `at`-th document: nine signs."""
    value, signs = at * _SPREAD % _NUMBERS, []
    for _ in range(8):
        value, sign = divmod(value, len(_SIGNS))
        signs.append(_SIGNS[sign])
    return "X" + "".join(signs)


async def fill(path: Path, count: int) -> None:
    """Make a registry in a file, with so many documents."""
    registry = await Registry.open(f"sqlite+aiosqlite:///{path}")
    await registry.aclose()
    await asyncio.to_thread(_fill, path, count)


def _fill(path: Path, count: int) -> None:
    database = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in _FAST:
            database.execute(f"PRAGMA {pragma}")
        database.execute("DROP INDEX ix_record_review")
        database.execute("CREATE TEMP TABLE keyed (key INTEGER, record INTEGER)")
        database.execute("BEGIN")
        share = -(-count // len(OWNERS))
        for begin in range(0, count, _AT_A_TIME):
            numbers = [(at, number(at)) for at in range(begin, min(begin + _AT_A_TIME, count))]
            database.executemany(_RECORD, _rows(numbers, share))
            database.executemany("INSERT INTO keyed VALUES (?, ?)", [(number_key(one), at + 1) for at, one in numbers])
        database.execute("INSERT INTO record_found SELECT key, record FROM keyed ORDER BY key, record")
        database.execute("CREATE INDEX ix_record_review ON record (review)")
        database.execute("COMMIT")
        database.execute("PRAGMA journal_mode=WAL")
    finally:
        database.close()


def _rows(numbers: list[tuple[int, str]], share: int) -> Iterator[tuple[int, str, str, str, bytes, int]]:
    for at, one in numbers:
        owner = OWNERS[at // share]
        reference = f"{owner}-{at:09}"
        content = (
            f'{{"act":"add","document":{{"document":{{"issuer":"{owner}","number":"{one}","type":"passport"}},'
            f'"status":"stolen"}},"reference":"{reference}"}}'
        )
        yield at + 1, owner, reference, owner, content.encode(), _REVIEW + at


def question(rng: random.Random, records: int) -> DatabaseQuery:
    """A document to ask for: one in a hundred is listed, far more than at a border."""
    at = rng.randrange(records) if rng.random() < _LISTED else records + rng.randrange(1_000_000_000)
    return DatabaseQuery(document=DocumentQuestion(number=number(at), type=DocumentType.PASSPORT))
