"""Fills a registry with stolen documents, as many as wanted: rows in order, indexes of sorted rows, no journal.

Numbers are strung together from a counter, so that the n-th is known again without looking. All are synthetic.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TypeAlias

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
_CHANGED: Final = 1_700_000_000
_REVIEW: Final = 4_000_000_000
AT_A_TIME: Final = 100_000
"""Rows that are made before they are written."""
_FAST: Final = (
    "journal_mode=OFF",
    "synchronous=OFF",
    "cache_size=-400000",
    "temp_store=MEMORY",
    "locking_mode=EXCLUSIVE",
)
RECORD_COLUMNS: Final = (
    *("id", "owner", "reference", "contact", "kind", "visibility", "denied", "content", "names", "changed", "review"),
)
_RECORD: Final = f"INSERT INTO record ({', '.join(RECORD_COLUMNS)}) VALUES ({', '.join('?' * len(RECORD_COLUMNS))})"  # noqa: S608  # names alone
Row: TypeAlias = tuple[int, str, str, str, str, str, str, bytes, str, int, int]


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
        for begin in range(0, count, AT_A_TIME):
            some = numbers(begin, min(begin + AT_A_TIME, count))
            database.executemany(_RECORD, rows(some, count))
            database.executemany("INSERT INTO keyed VALUES (?, ?)", [(number_key(one), at + 1) for at, one in some])
        database.execute("INSERT INTO record_found SELECT key, record FROM keyed ORDER BY key, record")
        database.execute("CREATE INDEX ix_record_review ON record (review)")
        database.execute("COMMIT")
        database.execute("PRAGMA journal_mode=WAL")
    finally:
        database.close()


def numbers(begin: int, end: int) -> list[tuple[int, str]]:
    """Documents from the `begin`-th to before the `end`-th: (which, its number)."""
    return [(at, number(at)) for at in range(begin, end)]


def rows(some: Sequence[tuple[int, str]], count: int) -> Iterator[Row]:
    """Rows of RECORD_COLUMNS; each owner has the same share of all `count`, one owner after another."""
    share = -(-count // len(OWNERS))
    for at, one in some:
        owner = OWNERS[at // share]
        reference = f"{owner}-{at:09}"
        content = (
            f'{{"act":"add","document":{{"document":{{"issuer":"{owner}","number":"{one}","type":"passport"}},'
            f'"status":"stolen"}},"reference":"{reference}"}}'
        ).encode()
        yield at + 1, owner, reference, owner, "travel-document", "open", "", content, "", _CHANGED, _REVIEW + at


def question(rng: random.Random, records: int) -> DatabaseQuery:
    """A document to ask for: one in a hundred is listed, far more than at a border."""
    at = rng.randrange(records) if rng.random() < _LISTED else records + rng.randrange(1_000_000_000)
    return DatabaseQuery(document=DocumentQuestion(number=number(at), type=DocumentType.PASSPORT))
