"""Messages that we have in clear, sent or received: what one of them is disclosed from. Jobs for `Store.run`."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from bureaus.drafts import Draft
from schemas.wire import decode_submission


@dataclass(frozen=True, slots=True)
class Held:
    """An accepted message with what opens its commitment, and its proof where we keep it."""

    digest: bytes
    statement: bytes
    salt: bytes | None
    """None of what was sent before salts were kept."""
    content: bytes
    receipt: bytes
    entry: bytes | None
    proof: str | None
    ours: bool
    """Whether we sent it."""


def find(db: sqlite3.Connection, prefix: str) -> list[bytes]:
    """The digests, two at most, of accepted messages that begin with these hexadecimal digits."""
    query = """SELECT digest FROM outgoing WHERE state = 'accepted' AND hex(digest) LIKE :p
        UNION SELECT digest FROM incoming WHERE hex(digest) LIKE :p LIMIT 2"""
    return [bytes(digest) for (digest,) in db.execute(query, {"p": f"{prefix}%"})]


def held(db: sqlite3.Connection, digest: bytes) -> Held | None:
    """An accepted message by its digest."""
    query = """SELECT o.body, o.salt, i.draft, o.receipt, o.entry, o.proof FROM outgoing AS o
        JOIN intent AS i ON i.id = o.intent WHERE o.digest = ? AND o.state = 'accepted'"""
    row = db.execute(query, (digest,)).fetchone()
    if row is not None:
        body, salt, draft, receipt, entry, proof = row
        content = Draft.decode(draft).content
        return Held(digest, decode_submission(body).statement, salt, content, receipt, entry, proof, ours=True)
    query = "SELECT statement, salt, content, receipt FROM incoming WHERE digest = ?"
    row = db.execute(query, (digest,)).fetchone()
    if row is None:
        return None
    statement, salt, content, receipt = row
    return Held(digest, statement, salt, content, receipt, None, None, ours=False)


def directories(db: sqlite3.Connection) -> list[bytes]:
    """Every directory version that we verified, ascending."""
    return [bytes(raw) for (raw,) in db.execute("SELECT raw FROM directory ORDER BY version")]
