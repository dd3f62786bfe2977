"""What we say: intents, the envelopes that they were sealed in, receipts and proofs. Jobs for `Store.run`.

An intent is `waiting`, then `accepted` or `refused` for good. Its envelopes are `waiting`, `accepted`, `refused`, or
`replaced` by one under a new id; one of them is the intent's own at a time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

DUE: Final = """
    SELECT intent, digest, body FROM outgoing INDEXED BY outgoing_due WHERE state = 'waiting'
    ORDER BY urgent DESC, intent LIMIT ?
"""


class State(StrEnum):
    """Where an intent or an envelope stands."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Posting:
    """A sealed draft to put into the outbox."""

    draft: bytes
    digest: bytes
    body: bytes
    expires: int
    """Seconds since the epoch."""
    asks: bool
    """Whether answers are expected: the intent is an exchange."""
    salt: bytes
    """Of the commitment to the content."""
    urgent: bool = False
    """Submitted before those that are not."""


@dataclass(frozen=True, slots=True)
class Due:
    """An envelope to submit."""

    intent: int
    digest: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Sending:
    """Where an intent stands, with the receipt of its envelope."""

    intent: int
    draft: bytes
    state: State
    digest: bytes
    asks: bool
    receipt: bytes | None
    reason: str | None
    expires: int


@dataclass(frozen=True, slots=True)
class Proved:
    """An accepted envelope, its ledger index, and its entry and proof once they were verified."""

    digest: bytes
    place: int
    entry: bytes | None
    proof: str | None
    standing: str | None = None
    """What the proof's cosignatures were found to make of it (schemas.notes.Standing)."""


def post(db: sqlite3.Connection, postings: Sequence[Posting], now: int) -> list[int]:
    """Put sealed drafts into the outbox: their intents' ids, in order. `now` in milliseconds."""
    return [_post(db, posting, now) for posting in postings]


def _post(db: sqlite3.Connection, posting: Posting, now: int) -> int:
    row = db.execute(
        "INSERT INTO intent (draft, state, digest, asks, created) VALUES (?, ?, ?, ?, ?) RETURNING id",
        (posting.draft, State.WAITING, posting.digest, posting.asks, now),
    ).fetchone()
    _add_envelope(db, int(row[0]), posting)
    return int(row[0])


def _add_envelope(db: sqlite3.Connection, intent: int, posting: Posting) -> None:
    db.execute(
        "INSERT INTO outgoing (digest, intent, body, state, expires, salt, urgent) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (posting.digest, intent, posting.body, State.WAITING, posting.expires, posting.salt, posting.urgent),
    )


def due(db: sqlite3.Connection, limit: int) -> list[Due]:
    """Envelopes that wait for the gateway's decision: urgent ones first, then those of the oldest intent."""
    return [Due(intent, bytes(digest), bytes(body)) for intent, digest, body in db.execute(DUE, (limit,))]


def accept(db: sqlite3.Connection, due: Due, receipt: bytes, place: int) -> None:
    """Keep the verified acceptance of an envelope; `place` is its ledger index."""
    db.execute(
        "UPDATE outgoing SET state = ?, receipt = ?, place = ? WHERE digest = ?",
        (State.ACCEPTED, receipt, place, due.digest),
    )
    db.execute("UPDATE intent SET state = ? WHERE id = ?", (State.ACCEPTED, due.intent))


def refuse(db: sqlite3.Connection, due: Due, receipt: bytes | None, reason: str, successor: Posting | None) -> None:
    """Keep a refusal: final, or the envelope is replaced by its `successor`, sealed again under a new id."""
    state = State.REFUSED if successor is None else State.REPLACED
    db.execute(
        "UPDATE outgoing SET state = ?, receipt = ?, reason = ? WHERE digest = ?", (state, receipt, reason, due.digest)
    )
    if successor is None:
        db.execute("UPDATE intent SET state = ? WHERE id = ?", (State.REFUSED, due.intent))
    else:
        _add_envelope(db, due.intent, successor)
        db.execute("UPDATE intent SET digest = ? WHERE id = ?", (successor.digest, due.intent))


def resealed(db: sqlite3.Connection, intent: int) -> int:
    """How many envelopes of an intent were replaced."""
    row = db.execute(
        "SELECT count(*) FROM outgoing WHERE intent = ? AND state = ?", (intent, State.REPLACED)
    ).fetchone()
    return int(row[0])


def sending(db: sqlite3.Connection, intent: int) -> Sending | None:
    """Where an intent stands."""
    query = """SELECT i.id, i.draft, i.state, i.digest, i.asks, o.receipt, o.reason, o.expires
        FROM intent AS i JOIN outgoing AS o ON o.digest = i.digest WHERE i.id = ?"""
    row = db.execute(query, (intent,)).fetchone()
    if row is None:
        return None
    _, draft, state, digest, asks, receipt, reason, expires = row
    return Sending(intent, draft, State(state), digest, bool(asks), receipt, reason, expires)


def find(db: sqlite3.Connection, digest: bytes) -> Sending | None:
    """The intent that one of its envelopes, by digest, belongs to."""
    row = db.execute("SELECT intent FROM outgoing WHERE digest = ?", (digest,)).fetchone()
    return None if row is None else sending(db, row[0])


def unproved(db: sqlite3.Connection, limit: int) -> list[Proved]:
    """Accepted envelopes without a proof, by ledger index."""
    rows = db.execute(
        "SELECT digest, place FROM outgoing WHERE state = 'accepted' AND proof IS NULL ORDER BY place LIMIT ?", (limit,)
    )
    return [Proved(digest, place, None, None) for digest, place in rows]


def proved(db: sqlite3.Connection, digest: bytes) -> Proved | None:
    """An accepted envelope and what proves it, as far as it was fetched."""
    row = db.execute(
        "SELECT digest, place, entry, proof, standing FROM outgoing WHERE digest = ? AND state = 'accepted'", (digest,)
    ).fetchone()
    return None if row is None else Proved(*row)


def provisional(db: sqlite3.Connection, below: int, limit: int) -> list[Proved]:
    """Envelopes whose kept proof awaits the quorum of witnesses, with a ledger index below `below`, by index."""
    query = "SELECT digest, place FROM outgoing WHERE standing = 'provisional' AND place < ? ORDER BY place LIMIT ?"
    rows = db.execute(query, (below, limit))
    return [Proved(bytes(digest), place, None, None, "provisional") for digest, place in rows]


def keep_proof(db: sqlite3.Connection, digest: bytes, entry: bytes, proof: str, standing: str) -> None:
    """Keep a verified tlog-proof with the entry that it proves; a proof with the quorum is never replaced by less."""
    db.execute(
        "UPDATE outgoing SET entry = ?, proof = ?, standing = ?"
        " WHERE digest = ? AND (standing IS NOT 'witnessed' OR ? = 'witnessed')",
        (entry, proof, standing, digest, standing),
    )


def submitted(db: sqlite3.Connection, digest: bytes) -> tuple[bytes, bytes] | None:
    """An envelope's framed submission and its receipt, once it was decided."""
    query = "SELECT body, receipt FROM outgoing WHERE digest = ? AND receipt IS NOT NULL"
    row = db.execute(query, (digest,)).fetchone()
    return None if row is None else (bytes(row[0]), bytes(row[1]))


def receipts(db: sqlite3.Connection) -> list[bytes]:
    """Every receipt that we keep: of what we sent, accepted or refused, then of what came to us."""
    query = "SELECT receipt FROM outgoing WHERE receipt IS NOT NULL UNION ALL SELECT receipt FROM incoming"
    return [bytes(receipt) for (receipt,) in db.execute(query)]


def count(db: sqlite3.Connection) -> dict[str, int]:
    """Envelopes by state."""
    return dict(db.execute("SELECT state, count(*) FROM outgoing GROUP BY state").fetchall())
