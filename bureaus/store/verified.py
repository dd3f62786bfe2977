"""What others signed and we verified: directory versions, operations, the tree head. Jobs for `Store.run`."""

from __future__ import annotations

import sqlite3

from bureaus.store import identity

CONFIRMED = "current"
NOTE = "checkpoint"
HOLDERS = "holders"


def directory(db: sqlite3.Connection) -> bytes | None:
    """The newest directory version that we verified."""
    row = db.execute("SELECT raw FROM directory ORDER BY version DESC LIMIT 1").fetchone()
    return None if row is None else bytes(row[0])


def chain(db: sqlite3.Connection, first: bytes) -> list[bytes]:
    """The newest version, or all up to it where the authority is no more who it was `first` (as `holders` gives it)."""
    rows = [bytes(raw) for (raw,) in db.execute("SELECT raw FROM directory ORDER BY version")]
    return rows[-1:] if holders(db) in (None, first) else rows


def keep_directory(db: sqlite3.Connection, version: int, raw: bytes, holders: bytes | None) -> None:
    """Keep a verified version, and who signed it or succeeds those who did (CBOR of schemas.threshold.Holders)."""
    db.execute("INSERT OR IGNORE INTO directory VALUES (?, ?)", (version, raw))
    if holders is not None:
        identity.put(db, {HOLDERS: holders})


def holders(db: sqlite3.Connection) -> bytes | None:
    """Who signed the newest version that we verified, or succeeds those who did."""
    return identity.get(db, HOLDERS)


def keep_confirmation(db: sqlite3.Connection, raw: bytes) -> None:
    """Keep the newest verified statement of which version is current."""
    identity.put(db, {CONFIRMED: raw})


def confirmation(db: sqlite3.Connection) -> bytes | None:
    """The newest verified statement of which version is current."""
    return identity.get(db, CONFIRMED)


def operations(db: sqlite3.Connection) -> list[tuple[int | None, bytes]]:
    """(ledger index, bytes) of every operation version, ascending within each operation."""
    return [(place, bytes(raw)) for place, raw in db.execute("SELECT place, raw FROM operation ORDER BY id, version")]


def keep_operation(db: sqlite3.Connection, name: str, version: int, place: int | None, raw: bytes) -> None:
    """Keep a verified version of an operation."""
    db.execute("INSERT OR REPLACE INTO operation VALUES (?, ?, ?, ?)", (name, version, place, raw))


def keep_checkpoint(db: sqlite3.Connection, note: str) -> None:
    """Keep the largest verified checkpoint, consistent with the ones before."""
    identity.put(db, {NOTE: note.encode()})


def checkpoint(db: sqlite3.Connection) -> str | None:
    """The largest verified checkpoint."""
    note = identity.get(db, NOTE)
    return None if note is None else note.decode()
