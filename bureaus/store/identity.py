"""Who we are, in the store: named values, private keys, alarms. Jobs for `Store.run`."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from schemas.keys import SealingKey, SigningKey


@dataclass(frozen=True, slots=True)
class Keys:
    """Every key that we ever made, newest first. Which are in use the directory says; all of them open."""

    signing: tuple[SigningKey, ...]
    sealing: tuple[SealingKey, ...]

    @property
    def made(self) -> frozenset[bytes]:
        """Their ids: the directory may list no other for us."""
        return frozenset(key.key_id for key in self.signing) | frozenset(key.key_id for key in self.sealing)


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


def add_keys(db: sqlite3.Connection, signing: SigningKey, sealing: SealingKey, created: int) -> None:
    """Keep a fresh pair of keys; `created` in milliseconds."""
    rows = [
        (signing.key_id, "signing", 0, signing.seed, created),
        (sealing.key_id, "sealing", int(sealing.suite), sealing.seed, created),
    ]
    db.executemany("INSERT INTO private_key VALUES (?, ?, ?, ?, ?)", rows)


def keys(db: sqlite3.Connection) -> Keys | None:
    """Our keys, newest first; None before enrolment."""
    rows = db.execute("SELECT use, suite, seed FROM private_key ORDER BY created DESC, rowid DESC").fetchall()
    signing = tuple(SigningKey(bytes(seed)) for use, _, seed in rows if use == "signing")
    sealing = tuple(SealingKey(bytes(seed), suite) for use, suite, seed in rows if use == "sealing")
    return Keys(signing, sealing) if signing and sealing else None


def raise_alarm(db: sqlite3.Connection, time: int, reason: str, detail: str, evidence: bytes) -> None:
    """Keep an alarm and the signed bytes that it rests on."""
    db.execute(
        "INSERT INTO alarm (time, reason, detail, evidence) VALUES (?, ?, ?, ?)", (time, reason, detail, evidence)
    )


def alarm(db: sqlite3.Connection) -> tuple[str, str] | None:
    """The first alarm: (reason, detail). It stays until a person has removed its cause and its row."""
    row = db.execute("SELECT reason, detail FROM alarm ORDER BY id LIMIT 1").fetchone()
    return None if row is None else (row[0], row[1])
