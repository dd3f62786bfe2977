"""What we witnessed, in the store. Jobs for `Store.run`."""

from __future__ import annotations

import sqlite3

from schemas.claims import Head
from schemas.errors import Reason, Untrusted


def last(db: sqlite3.Connection) -> tuple[Head, str] | None:
    """The largest head that we witnessed or were about to, and its note."""
    row = db.execute("SELECT size, root, note FROM witnessed ORDER BY size DESC LIMIT 1").fetchone()
    return None if row is None else (Head(row[0], bytes(row[1])), row[2])


def advance(db: sqlite3.Connection, head: Head, note: str) -> None:
    """Keep a head that we are about to sign; the same again changes nothing.

    Raises:
        Untrusted: `consistency`, we kept a larger one, or another one of this size.
    """
    before = last(db)
    if before is not None and (before[0].size > head.size or (before[0].size == head.size and before[0] != head)):
        raise Untrusted(Reason.CONSISTENCY, f"we witnessed another tree, of {before[0].size} entries, before")
    # Of the heads before, size and root stay: a head of each size is signed once and for ever.
    db.execute("UPDATE witnessed SET note = '' WHERE size < ? AND note <> ''", (head.size,))
    db.execute("INSERT OR IGNORE INTO witnessed VALUES (?, ?, ?)", (head.size, head.root, note))
