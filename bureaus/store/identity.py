"""Who we are, in the store: named values, private keys, alarms. Jobs for `Store.run`."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from bureaus.guard import Guard
from schemas.errors import Misuse
from schemas.identity import Signer
from schemas.keys import NoteKey, NotePublic, SealingKey, SigningKey

ADDRESS = "address"
"""The named value that says who we are; a witness signs under it."""
VAULT = "vault"
"""The named value that locks the keys; none where they are not locked."""


@dataclass(slots=True)
class Keys:
    """Every key that we ever made, newest first. Which are in use the directory says; all of them open."""

    signing: tuple[Signer, ...]
    sealing: tuple[SealingKey, ...]
    witness: tuple[NoteKey, ...] = ()
    """None in a store that was made before there were witnesses, until its keys are rotated."""

    @property
    def made(self) -> frozenset[bytes]:
        """Their ids: the directory may list no other for us."""
        return frozenset(key.key_id for key in self.signing) | frozenset(key.key_id for key in self.sealing)

    def witness_key(self, public: NotePublic | None) -> NoteKey | None:
        """The witness key with this public half, if it is ours."""
        return next((key for key in self.witness if key.public == public), None)

    def add(self, signing: Signer, sealing: SealingKey, witness: NoteKey) -> None:
        """One more of each, newest of all."""
        self.signing, self.sealing = (signing, *self.signing), (sealing, *self.sealing)
        self.witness = (witness, *self.witness)


def get(db: sqlite3.Connection, name: str) -> bytes | None:
    """A named value."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else bytes(row[0])


def get_all(db: sqlite3.Connection) -> dict[str, bytes]:
    """Every named value."""
    return {name: bytes(value) for name, value in db.execute("SELECT name, value FROM meta")}


def put(db: sqlite3.Connection, values: Mapping[str, bytes]) -> None:
    """Write named values over those that were."""
    db.executemany("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", values.items())


def remove(db: sqlite3.Connection, name: str) -> None:
    """Take a named value away."""
    db.execute("DELETE FROM meta WHERE name = ?", (name,))


def secrets(db: sqlite3.Connection) -> list[tuple[bytes, bytes]]:
    """(key id, secret as kept) of keys of every kind that have their secret here."""
    rows = db.execute("SELECT key_id, seed FROM private_key WHERE length(seed) > 0")
    return [(bytes(key_id), bytes(seed)) for key_id, seed in rows]


def rewrite_secret(db: sqlite3.Connection, key_id: bytes, kept: bytes) -> None:
    """Keep a key's secret in another form."""
    db.execute("UPDATE private_key SET seed = ? WHERE key_id = ?", (kept, key_id))


def add_keys(
    db: sqlite3.Connection, signing: Signer, sealing: SealingKey, created: int, guard: Guard | None = None
) -> None:
    """Keep a fresh pair of keys; `created` in milliseconds. Of a signing key in a token there is nothing to keep."""
    guard = guard or Guard()
    seed = guard.keep(signing.key_id, signing.seed) if isinstance(signing, SigningKey) else b""
    rows = [
        (signing.key_id, "signing", 0, seed, created),
        (sealing.key_id, "sealing", int(sealing.suite), guard.keep(sealing.key_id, sealing.seed), created),
    ]
    db.executemany("INSERT INTO private_key VALUES (?, ?, ?, ?, ?)", rows)


def add_witness(db: sqlite3.Connection, key: NoteKey, created: int, guard: Guard | None = None) -> None:
    """Keep a fresh witness key; `created` in milliseconds."""
    key_id = hashlib.sha256(key.raw).digest()
    kept = (guard or Guard()).keep(key_id, key.seed)
    db.execute("INSERT INTO private_key VALUES (?, 'witness', 0, ?, ?)", (key_id, kept, created))


def keys(db: sqlite3.Connection, guard: Guard | None = None) -> Keys | None:
    """Our keys, newest first; None before enrolment.

    Raises:
        Misuse: they are locked, and there is no guard that opens them. Untrusted: `unsealing`, they were changed.
    """
    guard = guard or Guard()
    if get(db, VAULT) is not None and guard.vault is None:
        raise Misuse("the keys in the store are locked")
    query = "SELECT key_id, use, suite, seed FROM private_key ORDER BY created DESC, rowid DESC"
    rows = [(bytes(key_id), use, suite, bytes(seed)) for key_id, use, suite, seed in db.execute(query)]
    signing = tuple(_signer(key_id, seed, guard) for key_id, use, _, seed in rows if use == "signing")
    sealing = tuple(
        SealingKey(guard.give(key_id, seed), suite) for key_id, use, suite, seed in rows if use == "sealing"
    )
    name = (get(db, ADDRESS) or b"").decode()
    witness = tuple(NoteKey(name, guard.give(key_id, seed)) for key_id, use, _, seed in rows if use == "witness")
    return Keys(signing, sealing, witness) if signing and sealing else None


def _signer(key_id: bytes, seed: bytes, guard: Guard) -> Signer:
    return SigningKey(guard.give(key_id, seed)) if seed else guard.signer(key_id)


MOST_ALARMS = 100
"""Alarms that are kept: the first stops all sealing, and one that sounds again and again fills no disk."""


def raise_alarm(db: sqlite3.Connection, time: int, reason: str, detail: str, evidence: bytes) -> None:
    """Keep an alarm and the signed bytes that it rests on, unless `MOST_ALARMS` are kept."""
    (kept,) = db.execute("SELECT count(*) FROM alarm").fetchone()
    if kept < MOST_ALARMS:
        db.execute(
            "INSERT INTO alarm (time, reason, detail, evidence) VALUES (?, ?, ?, ?)", (time, reason, detail, evidence)
        )


def alarm(db: sqlite3.Connection) -> tuple[str, str] | None:
    """The first alarm: (reason, detail). It stays until a person has removed its cause and its row."""
    row = db.execute("SELECT reason, detail FROM alarm ORDER BY id LIMIT 1").fetchone()
    return None if row is None else (row[0], row[1])
