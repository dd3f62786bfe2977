"""The tables of a participant's store, and how the file is opened. Times are milliseconds since the epoch."""

from __future__ import annotations

import sqlite3
from typing import Final

from schemas.errors import Misuse

VERSION: Final = 5
"""Of the tables: `PRAGMA user_version`."""

_PRAGMAS: Final = (
    "PRAGMA locking_mode = EXCLUSIVE",  # one process: the first write takes the lock and keeps it
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # erased content is overwritten
    "PRAGMA cache_size = -2048",  # KiB: many bureaus may be open in one process
)

_TABLES: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE private_key (
    key_id BLOB PRIMARY KEY, use TEXT NOT NULL, suite INTEGER NOT NULL, seed BLOB NOT NULL, created INTEGER NOT NULL
) STRICT;

CREATE TABLE alarm (
    id INTEGER PRIMARY KEY, time INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, evidence BLOB NOT NULL
) STRICT;

-- What we meant to say, in clear: our own record of it, and what an envelope can be sealed from again.
CREATE TABLE intent (
    id INTEGER PRIMARY KEY, draft BLOB NOT NULL, state TEXT NOT NULL, digest BLOB NOT NULL, asks INTEGER NOT NULL,
    created INTEGER NOT NULL
) STRICT;

CREATE TABLE outgoing (
    digest BLOB PRIMARY KEY, intent INTEGER NOT NULL REFERENCES intent (id), body BLOB NOT NULL, state TEXT NOT NULL,
    expires INTEGER NOT NULL, receipt BLOB, place INTEGER, reason TEXT, entry BLOB, proof TEXT
) STRICT;
CREATE INDEX outgoing_state ON outgoing (state, intent);
CREATE INDEX outgoing_unproved ON outgoing (place) WHERE state = 'accepted' AND proof IS NULL;
CREATE INDEX outgoing_intent ON outgoing (intent);

CREATE TABLE incoming (
    sequence INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, iss TEXT NOT NULL, cti BLOB NOT NULL,
    kind TEXT NOT NULL, urgent INTEGER NOT NULL,
    statement BLOB NOT NULL, receipt BLOB NOT NULL, salt BLOB NOT NULL, content BLOB NOT NULL,
    intent INTEGER REFERENCES intent (id), state TEXT NOT NULL, starts INTEGER NOT NULL, failures INTEGER NOT NULL,
    not_before INTEGER NOT NULL, arrived INTEGER NOT NULL,
    UNIQUE (iss, cti)
) STRICT;
CREATE INDEX incoming_state ON incoming (state, urgent DESC, sequence);
CREATE INDEX incoming_intent ON incoming (intent, sequence) WHERE intent IS NOT NULL;

CREATE TABLE acknowledgement (
    digest BLOB NOT NULL, iss TEXT NOT NULL, body BLOB NOT NULL, state TEXT NOT NULL, reason TEXT,
    PRIMARY KEY (digest, iss)
) STRICT;
CREATE INDEX acknowledgement_state ON acknowledgement (state) WHERE state = 'waiting';

-- What did not pass the checks of protocol section 4, and which of them it failed; digest where check 1 was passed.
CREATE TABLE quarantine (
    hash BLOB PRIMARY KEY, digest BLOB, number INTEGER NOT NULL, reason TEXT NOT NULL, item BLOB NOT NULL,
    arrived INTEGER NOT NULL, times INTEGER NOT NULL
) STRICT;

CREATE TABLE attestation (
    hash BLOB PRIMARY KEY, digest BLOB NOT NULL, event TEXT NOT NULL, raw BLOB NOT NULL, arrived INTEGER NOT NULL
) STRICT;

CREATE TABLE directory (version INTEGER PRIMARY KEY, raw BLOB NOT NULL) STRICT;
CREATE TABLE operation (
    id TEXT NOT NULL, version INTEGER NOT NULL, place INTEGER, raw BLOB NOT NULL, PRIMARY KEY (id, version)
) STRICT, WITHOUT ROWID;
"""


_SINCE_1: Final = """
-- Messages that we took in and that a revocation made void since, and the directory version that did.
CREATE TABLE voided (digest BLOB PRIMARY KEY REFERENCES incoming (digest), version INTEGER NOT NULL) STRICT;
"""

_SINCE_2: Final = """
-- With it and the content whoever sent a message can open it for a third party; it goes when the content goes.
ALTER TABLE outgoing ADD COLUMN salt BLOB;
"""

_SINCE_3: Final = """
-- Whether the quorum of witnesses signed the checkpoint of a proof; where it is awaited, the proof is asked for again.
ALTER TABLE outgoing ADD COLUMN standing TEXT;
CREATE INDEX outgoing_provisional ON outgoing (place) WHERE standing = 'provisional';

-- Tree heads that we witnessed or are about to: one of each size, kept before it is signed.
CREATE TABLE witnessed (size INTEGER PRIMARY KEY, root BLOB NOT NULL, note TEXT NOT NULL) STRICT;
"""

_SINCE_4: Final = """
-- Urgent ones are submitted first.
ALTER TABLE outgoing ADD COLUMN urgent INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outgoing_due ON outgoing (urgent DESC, intent) WHERE state = 'waiting';
"""


def prepare(connection: sqlite3.Connection) -> None:
    """Set the connection up, take the file for this process, and make the tables where there are none.

    Raises:
        Misuse: the file was made by a later version.
    """
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    with connection:
        connection.execute("BEGIN EXCLUSIVE")
        _bring_up(connection)


def _bring_up(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise Misuse(f"the store is of version {version}, this program knows {VERSION}")
    for made, tables in enumerate((_TABLES, _SINCE_1, _SINCE_2, _SINCE_3, _SINCE_4)):
        if version <= made:
            for statement in _statements(tables):
                connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _statements(tables: str) -> list[str]:
    lines = [line for line in tables.splitlines() if not line.startswith("--")]
    return [statement for part in "\n".join(lines).split(";") if (statement := part.strip())]
