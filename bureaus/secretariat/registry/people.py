"""The secretariat's staff and their sessions (bureaus/secretariat/staff/); of a password, its Argon2id hash alone."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from bureaus.secretariat.registry.tables import METADATA

staff: Final = Table(
    "staff",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("rights", Text, nullable=False, comment="separated by spaces"),
    Column("password", Text, nullable=False, comment="Argon2id in the PHC form"),
    Column("locked", Boolean, nullable=False),
    Column("failures", Integer, nullable=False, comment="since the last sign-in"),
    Column("until", BigInteger, nullable=False, comment="no attempt counts before"),
)

session: Final = Table(
    "staff_session",
    METADATA,
    Column("hash", LargeBinary, primary_key=True, comment="SHA-256 of what the browser has"),
    Column("name", Text, ForeignKey("staff.name", ondelete="CASCADE"), nullable=False),
    Column("opened", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Index("ix_staff_session_name", "name"),
)
