"""Tables of results: an operation's cases, what was reported of them, totals as claimed, and the owner's own steps.

`place` is the ledger's index of the message's acceptance: of one bureau's words about one case the highest counts, in
whatever order they came. No person is in here: a case is a bureau's reference.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text, UniqueConstraint

from bureaus.secretariat.registry.tables import METADATA

_WIDE: Final = BigInteger().with_variant(Integer, "sqlite")

case: Final = Table(
    "operation_case",
    METADATA,
    Column("operation", Text, primary_key=True),
    Column("bureau", Text, primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("tags", Text, nullable=False, comment="JSON"),
    Column("offence", Text, nullable=True),
    Column("notice", Text, nullable=True),
    Column("colour", Text, nullable=True),
    Column("place", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False),
)

report: Final = Table(
    "result_report",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("operation", Text, nullable=False),
    Column("bureau", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("result", Text, nullable=True, comment="none: withdrawn"),
    Column("country", Text, nullable=True),
    Column("date", Text, nullable=True),
    Column("people", Integer, nullable=False, comment="rescued, or 1"),
    Column("contributors", Text, nullable=False, comment="JSON"),
    Column("corrects", Boolean, nullable=False),
    Column("exercise", Boolean, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False),
    Index("ix_result_report_operation", "operation", "bureau", "reference"),
)

corroboration: Final = Table(
    "result_corroboration",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("operation", Text, nullable=False),
    Column("reporter", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("bureau", Text, nullable=False, comment="who says it"),
    Column("result", Text, nullable=False),
    Column("says", Text, nullable=False),
    Column("exercise", Boolean, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False),
    Index("ix_result_corroboration_operation", "operation", "reporter", "reference"),
)

claim: Final = Table(
    "result_claim",
    METADATA,
    Column("id", _WIDE, primary_key=True, autoincrement=True),
    Column("scope", Text, nullable=False, comment="an operation's id, or what else the total is of"),
    Column("arrested", Integer, nullable=True),
    Column("located", Integer, nullable=True),
    Column("identified", Integer, nullable=True),
    Column("rescued", Integer, nullable=True),
    Column("seized", Integer, nullable=True),
    Column("source", Text, nullable=False),
    Column("published", Text, nullable=False, comment="a date as far as known"),
    Column("who", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    UniqueConstraint("scope", "source", "published"),
)

measure: Final = Table(
    "operation_measure",
    METADATA,
    Column("id", _WIDE, primary_key=True, autoincrement=True),
    Column("operation", Text, nullable=False),
    Column("what", Text, nullable=False, comment="record, or quality-before, quality-now, quality-after"),
    Column("counts", Text, nullable=False, comment="JSON"),
    Column("who", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Index("ix_operation_measure_operation", "operation", "what"),
)

step: Final = Table(
    "operation_step",
    METADATA,
    Column("id", _WIDE, primary_key=True, autoincrement=True),
    Column("operation", Text, nullable=False),
    Column("phase", Text, nullable=True, comment="none: its progress alone"),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("version", Integer, nullable=True, comment="as which it was published"),
    Column("refused", Text, nullable=True),
    Index("ix_operation_step_operation", "operation"),
)

statement: Final = Table(
    "operation_statement",
    METADATA,
    Column("operation", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("raw", LargeBinary, nullable=False, comment="as its owner signed it"),
)
