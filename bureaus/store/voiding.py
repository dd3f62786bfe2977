"""Messages that became void after we took them in. Jobs for `Store.run`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Held:
    """A message that we took in: enough to see whether its key was revoked."""

    digest: bytes
    statement: bytes
    receipt: bytes


def held_of(db: sqlite3.Connection, bureau: str) -> list[Held]:
    """Every message of an address and of its units that is not known to be void."""
    query = """SELECT digest, statement, receipt FROM incoming
        WHERE (iss = :b OR substr(iss, 1, length(:b) + 1) = :b || '/') AND digest NOT IN (SELECT digest FROM voided)"""
    return [Held(*map(bytes, row)) for row in db.execute(query, {"b": bureau})]


def keep(db: sqlite3.Connection, digests: Iterable[bytes], version: int) -> None:
    """These are void, as a directory version says."""
    db.executemany("INSERT OR IGNORE INTO voided VALUES (?, ?)", [(digest, version) for digest in digests])


def voided(db: sqlite3.Connection) -> list[tuple[int, Held]]:
    """(directory version, message) of all that are void, in the order in which they came."""
    query = """SELECT version, digest, statement, receipt FROM voided JOIN incoming USING (digest) ORDER BY sequence"""
    return [(version, Held(bytes(digest), bytes(s), bytes(r))) for version, digest, s, r in db.execute(query)]
