"""What we are told: verified messages, our acknowledgements, what did not verify. Jobs for `Store.run`.

A message is `new` until a handler or a reader takes it, `running` in its hands, and `done` or `failed` for good. Its
acknowledgements are `waiting` from the same commit, then `sent`, or `refused` by the gateway.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bureaus.store import identity, sending

CURSOR = "cursor"
_NOTHING_KEPT = -1
_UNSIGNED = 3
"""The last check that nobody's signature stands behind (protocol section 4)."""


class State(StrEnum):
    """Where a message stands."""

    NEW = "new"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A signed acknowledgement of a message, by one of our addresses."""

    digest: bytes
    iss: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Taken:
    """A verified message to keep."""

    digest: bytes
    iss: str
    cti: bytes
    kind: str
    urgent: bool
    statement: bytes
    receipt: bytes
    salt: bytes
    content: bytes
    refers: tuple[bytes, ...]
    """Digests in thread and re: what it belongs to."""
    processed: tuple[Acknowledgement, ...]
    """For the case that it is processed by being kept: it answers an exchange, and no handler is for its kind."""


@dataclass(frozen=True, slots=True)
class Aside:
    """What did not verify: kept in quarantine; `refusals` are the acknowledgements that say so."""

    hash: bytes
    digest: bytes
    number: int
    reason: str
    item: bytes
    refusals: tuple[Acknowledgement, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """What came at once, to keep in one commit."""

    taken: Sequence[Taken]
    aside: Sequence[Aside]
    again: Collection[bytes] = ()
    """Digests of messages that came again."""
    cursor: int | None = None
    """The inbox index up to which all is kept with it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A message in the store."""

    sequence: int
    digest: bytes
    kind: str
    statement: bytes
    receipt: bytes
    content: bytes
    intent: int | None
    """The exchange of ours that it answers."""
    starts: int
    failures: int


@dataclass(frozen=True, slots=True)
class Attested:
    """What the gateway attested about a message."""

    key: bytes
    """What it is known by: nothing is kept twice."""
    digest: bytes
    event: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Known:
    """What the store has of the messages asked about."""

    digests: frozenset[bytes]
    ids: dict[tuple[str, bytes], bytes]


def cursor(db: sqlite3.Connection) -> int:
    """The highest inbox index that is kept; -1 before the first."""
    value = identity.get(db, CURSOR)
    return _NOTHING_KEPT if value is None else int(value)


def known(db: sqlite3.Connection, digests: Collection[bytes], ids: Collection[tuple[str, bytes]]) -> Known:
    """Which of these digests were taken in or refused before, and which messages have these (iss, cti).

    What failed before its sender's signature was checked was refused under nobody's word: a true copy may follow.
    """
    found: set[bytes] = set()
    for digest in digests:
        refused = "SELECT 1 FROM quarantine WHERE digest = :d AND number > :n"
        query = f"SELECT 1 FROM incoming WHERE digest = :d UNION {refused}"  # noqa: S608  # no value is put in
        if db.execute(query, {"d": digest, "n": _UNSIGNED}).fetchone() is not None:
            found.add(digest)
    by_id: dict[tuple[str, bytes], bytes] = {}
    for iss, cti in ids:
        row = db.execute("SELECT digest FROM incoming WHERE iss = ? AND cti = ?", (iss, cti)).fetchone()
        if row is not None:
            by_id[iss, cti] = row[0]
    return Known(frozenset(found), by_id)


def take(db: sqlite3.Connection, batch: Batch, handled: Collection[str], now: int) -> list[int]:
    """Keep a batch's messages and what did not verify: the exchanges that were answered."""
    answered = []
    acknowledge_again(db, batch.again)
    for message in batch.taken:
        intent = _exchange_of(db, message.refers)
        processed = intent is not None and message.kind not in handled
        _insert(db, message, intent, State.DONE if processed else State.NEW, now)
        if processed:
            acknowledge(db, message.processed)
        if intent is not None:
            answered.append(intent)
    for item in batch.aside:
        db.execute(
            "INSERT INTO quarantine VALUES (?, ?, ?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET times = times + 1",
            (item.hash, item.digest, item.number, item.reason, item.item, now),
        )
        acknowledge(db, item.refusals)
    if batch.cursor is not None:
        move_cursor(db, batch.cursor)
    return answered


def _exchange_of(db: sqlite3.Connection, refers: tuple[bytes, ...]) -> int | None:
    for digest in refers:
        row = db.execute(
            "SELECT i.id FROM outgoing AS o JOIN intent AS i ON i.id = o.intent WHERE o.digest = ? AND i.asks",
            (digest,),
        ).fetchone()
        if row is not None:
            return int(row[0])
    return None


def _insert(db: sqlite3.Connection, message: Taken, intent: int | None, state: State, now: int) -> None:
    db.execute(
        """INSERT INTO incoming (digest, iss, cti, kind, urgent, statement, receipt, salt, content, intent, state,
            starts, failures, not_before, arrived) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, ?)""",
        (
            *(message.digest, message.iss, message.cti, message.kind, message.urgent),
            *(message.statement, message.receipt, message.salt, message.content, intent, state, now),
        ),
    )


def move_cursor(db: sqlite3.Connection, index: int) -> None:
    """Everything up to this inbox index is kept."""
    if index > cursor(db):
        identity.put(db, {CURSOR: str(index).encode()})


def keep_attestation(db: sqlite3.Connection, said: Attested, now: int) -> tuple[bool, int | None]:
    """Keep what the gateway attests: whether it is new, and the exchange of ours that it is about."""
    put = "INSERT OR IGNORE INTO attestation VALUES (?, ?, ?, ?, ?)"
    fresh = db.execute(put, (said.key, said.digest, said.event, said.raw, now)).rowcount > 0
    return fresh, _exchange_of(db, (said.digest,))


def attestations(db: sqlite3.Connection, digest: bytes) -> list[tuple[str, bytes]]:
    """What the gateway attested about a message: (event, receipt), in order of arrival."""
    query = "SELECT event, raw FROM attestation WHERE digest = ? ORDER BY arrived, rowid"
    return [(event, raw) for event, raw in db.execute(query, (digest,))]


def attested_since(db: sqlite3.Connection, since: int) -> list[tuple[int, str, bytes]]:
    """What the gateway attested that arrived at this time (milliseconds) or later: (arrived, event, receipt)."""
    query = "SELECT arrived, event, raw FROM attestation WHERE arrived >= ? ORDER BY arrived, rowid"
    return [(arrived, event, raw) for arrived, event, raw in db.execute(query, (since,))]


# ------------------------------------------------------------------------------------------ handlers and readers


def pick(db: sqlite3.Connection, kinds: Collection[str], limit: int, now: int) -> tuple[list[Kept], int | None]:
    """New messages of these kinds, now running: urgent ones first, then in order of arrival; and `next_retry`."""
    picked = _start(db, f"kind IN ({_marks(kinds)}) AND not_before <= ?", (*kinds, now), limit)
    return picked, next_retry(db, now)


def pick_unhandled(db: sqlite3.Connection, handled: Collection[str]) -> Kept | None:
    """The next new message of a kind that nothing handles, now running."""
    found = _start(db, f"kind NOT IN ({_marks(handled)})", tuple(handled), 1)
    return found[0] if found else None


def _marks(values: Collection[str]) -> str:
    return ",".join("?" * len(values))


def _start(db: sqlite3.Connection, where: str, values: tuple[str | int, ...], limit: int) -> list[Kept]:
    rows = db.execute(
        f"""SELECT sequence, digest, kind, statement, receipt, content, intent, starts, failures FROM incoming
            WHERE state = 'new' AND {where} ORDER BY urgent DESC, sequence LIMIT ?""",  # noqa: S608  # every value is bound
        (*values, limit),
    ).fetchall()
    started = [(State.RUNNING, row[0]) for row in rows]
    db.executemany("UPDATE incoming SET state = ?, starts = starts + 1 WHERE sequence = ?", started)
    return [Kept(*row) for row in rows]


def next_retry(db: sqlite3.Connection, now: int) -> int | None:
    """When the next message that waits for another try may be picked, in milliseconds; None where none waits."""
    row = db.execute("SELECT min(not_before) FROM incoming WHERE state = 'new' AND not_before > ?", (now,)).fetchone()
    return None if row[0] is None else int(row[0])


def complete(
    db: sqlite3.Connection,
    digest: bytes,
    acknowledgements: Sequence[Acknowledgement],
    postings: Sequence[sending.Posting],
    now: int,
) -> list[int]:
    """One commit: the message is done, acknowledged, and what its handler sends is in the outbox (their intents)."""
    db.execute("UPDATE incoming SET state = ? WHERE digest = ?", (State.DONE, digest))
    acknowledge(db, acknowledgements)
    return sending.post(db, postings, now)


def fail(db: sqlite3.Connection, digest: bytes, not_before: int) -> None:
    """The handler failed: the message is new again, not to be picked before then."""
    db.execute(
        "UPDATE incoming SET state = ?, failures = failures + 1, not_before = ? WHERE digest = ?",
        (State.NEW, not_before, digest),
    )


def give_up(db: sqlite3.Connection, digest: bytes, refusals: Sequence[Acknowledgement]) -> None:
    """The handler failed too often: the message is refused."""
    db.execute("UPDATE incoming SET state = ?, failures = failures + 1 WHERE digest = ?", (State.FAILED, digest))
    acknowledge(db, refusals)


def put_back(db: sqlite3.Connection, digest: bytes) -> None:
    """The handler was cut off: the message is new again."""
    db.execute("UPDATE incoming SET state = ? WHERE digest = ? AND state = ?", (State.NEW, digest, State.RUNNING))


def put_all_back(db: sqlite3.Connection) -> None:
    """At the start: whatever ran when the process ended is new again."""
    db.execute("UPDATE incoming SET state = ? WHERE state = ?", (State.NEW, State.RUNNING))


def answers(db: sqlite3.Connection, intent: int, after: int) -> list[Kept]:
    """The answers of an exchange that came after sequence number `after`."""
    query = """SELECT sequence, digest, kind, statement, receipt, content, intent, starts, failures FROM incoming
        WHERE intent = ? AND sequence > ? ORDER BY sequence"""
    return [Kept(*row) for row in db.execute(query, (intent, after))]


def find(db: sqlite3.Connection, digest: bytes) -> Kept | None:
    """A message by its digest, whatever became of it."""
    query = "SELECT sequence, digest, kind, statement, receipt, content, intent, starts, failures FROM incoming"
    row = db.execute(f"{query} WHERE digest = ?", (digest,)).fetchone()
    return None if row is None else Kept(*row)


def of_kind(db: sqlite3.Connection, kind: str) -> list[Kept]:
    """Every message of a kind, in order of arrival, whatever became of it."""
    query = """SELECT sequence, digest, kind, statement, receipt, content, intent, starts, failures FROM incoming
        WHERE kind = ? ORDER BY sequence"""
    return [Kept(*row) for row in db.execute(query, (kind,))]


# ------------------------------------------------------------------------------------------ acknowledgements


def acknowledge(db: sqlite3.Connection, acknowledgements: Sequence[Acknowledgement]) -> None:
    """Queue acknowledgements; the first word about a message stands."""
    rows = [(entry.digest, entry.iss, entry.body) for entry in acknowledgements]
    db.executemany("INSERT OR IGNORE INTO acknowledgement VALUES (?, ?, ?, 'waiting', NULL)", rows)


def acknowledge_again(db: sqlite3.Connection, digests: Collection[bytes]) -> None:
    """A message came again: its acknowledgements may have been lost."""
    rows = [(digest,) for digest in digests]
    db.executemany("UPDATE acknowledgement SET state = 'waiting' WHERE digest = ? AND state = 'sent'", rows)


def unsent(db: sqlite3.Connection, limit: int) -> list[Acknowledgement]:
    """Acknowledgements that wait to be handed in."""
    query = "SELECT digest, iss, body FROM acknowledgement WHERE state = 'waiting' ORDER BY rowid LIMIT ?"
    return [Acknowledgement(*row) for row in db.execute(query, (limit,))]


def acknowledged(db: sqlite3.Connection, entry: Acknowledgement, reason: str | None) -> None:
    """An acknowledgement was handed in, or refused by the gateway with a reason."""
    db.execute(
        "UPDATE acknowledgement SET state = ?, reason = ? WHERE digest = ? AND iss = ?",
        ("sent" if reason is None else "refused", reason, entry.digest, entry.iss),
    )


def count(db: sqlite3.Connection) -> dict[str, int]:
    """Messages by state, and `quarantined` ones."""
    counts = dict(db.execute("SELECT state, count(*) FROM incoming GROUP BY state").fetchall())
    return {**counts, "quarantined": db.execute("SELECT count(*) FROM quarantine").fetchone()[0]}


def busy(counts: Mapping[str, Mapping[str, int]]) -> bool:
    """Whether anything waits: an envelope, a message or an acknowledgement; `counts` are those of `Bureau.counts`."""
    received = counts["received"]
    waiting = received.get(State.NEW, 0) + received.get(State.RUNNING, 0)
    return bool(waiting + counts["sent"].get("waiting", 0) + counts["acknowledgements"].get("waiting", 0))


def count_acknowledgements(db: sqlite3.Connection) -> dict[str, int]:
    """Acknowledgements by state."""
    return dict(db.execute("SELECT state, count(*) FROM acknowledgement GROUP BY state").fetchall())
