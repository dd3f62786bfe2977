"""Who is held, or was, on which notice or record, as the bureaus that hold them told the secretariat."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text

from bureaus.secretariat.registry.tables import METADATA

arrest: Final = Table(
    "arrest",
    METADATA,
    Column("digest", LargeBinary, primary_key=True, comment="of the message that told"),
    Column("bureau", Text, nullable=False, comment="that holds the person"),
    Column("case", Text, nullable=False, comment="its reference"),
    Column("number", Text, nullable=False, comment="of the notice, or of the record"),
    Column("arrested", BigInteger, nullable=False),
    Column("state", Text, nullable=False, comment="held, or the outcome of extradition"),
    Column("changed", BigInteger, nullable=False),
    Index("ix_arrest_number", "number"),
    Index("uq_arrest_bureau_case", "bureau", "case", unique=True),
)
