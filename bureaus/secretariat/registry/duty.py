"""What the duty desk knows: silences that the gateway attested, calls to the silent, and hand-over notes."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, UniqueConstraint

from bureaus.secretariat.registry.tables import METADATA

_WIDE: Final = BigInteger().with_variant(Integer, "sqlite")

silence: Final = Table(
    "duty_silence",
    METADATA,
    Column("id", _WIDE, primary_key=True, autoincrement=True),
    Column("query", LargeBinary, nullable=False, comment="the digest of what was asked"),
    Column("asked", Text, nullable=False, comment="who is silent"),
    Column("asker", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("request", Integer, nullable=False),
    Column("event", Text, nullable=False, comment="the last that was attested"),
    Column("entry", BigInteger, nullable=False, comment="its place in the ledger"),
    Column("heard", BigInteger, nullable=False),
    Column("closed", BigInteger),
    Column("closed_by", Text),
    Column("why", Text),
    UniqueConstraint("query", "asked"),
    Index("ix_duty_silence_open", "closed", "due"),
)

call: Final = Table(
    "duty_call",
    METADATA,
    Column("silence", _WIDE, ForeignKey("duty_silence.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("finding", Text, comment="what the bureau said; none while it is silent"),
    Column("until", BigInteger),
    Column("remarks", Text, nullable=False),
    Column("answered", BigInteger),
)

note: Final = Table(
    "duty_note",
    METADATA,
    Column("id", _WIDE, primary_key=True, autoincrement=True),
    Column("time", BigInteger, nullable=False),
    Column("shift", Text, nullable=False, comment="day or night: whose watch ends"),
    Column("who", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("taken", BigInteger),
    Column("taken_by", Text),
    Index("ix_duty_note_time", "time"),
)
