"""The tables of notices: requests on screening, what was published in which version, and decisions to be sent."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from bureaus.secretariat.registry.tables import METADATA

_WIDE: Final = BigInteger().with_variant(Integer, "sqlite")
_WAITS: Final = text("sent IS NULL AND reason IS NULL")

request: Final = Table(
    "notice_request",
    METADATA,
    Column("id", _WIDE, primary_key=True, autoincrement=True),
    Column("digest", LargeBinary, nullable=False, unique=True, comment="of the request or the update"),
    Column("owner", Text, nullable=False),
    Column("reference", Text, nullable=False, comment="the owner's"),
    Column("issue", Text, nullable=False, comment="new, updated, addendum"),
    Column("number", Text, nullable=True, comment="of the notice: of an update, and once published"),
    Column("colour", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("needed", Integer, nullable=False, comment="how many people publish it"),
    Column("flagged", Boolean, nullable=False),
    Column("kind", Text, nullable=False, comment="of the content"),
    Column("content", LargeBinary, nullable=False, comment="the newest, whole, with attachments"),
    Column("received", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("decided", BigInteger, nullable=True),
    Column("escalated", BigInteger, nullable=True),
    UniqueConstraint("owner", "reference", name="uq_notice_request_owner_reference"),
    Index("ix_notice_request_state", "state", "due"),
)

information: Final = Table(
    "notice_information",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("request", _WIDE, ForeignKey("notice_request.id"), nullable=False),
    Column("time", BigInteger, nullable=False),
    Index("ix_notice_information_request", "request"),
)

approval: Final = Table(
    "notice_approval",
    METADATA,
    Column("request", _WIDE, ForeignKey("notice_request.id"), primary_key=True),
    Column("who", Text, primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
)

notice: Final = Table(
    "notice",
    METADATA,
    Column("number", Text, primary_key=True),
    Column("diffusion", Boolean, nullable=False),
    Column("owner", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("colour", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("denied", Text, nullable=False, comment="JSON: countries"),
    Column("shown", Text, nullable=False, comment="JSON: who got any version"),
    Column("published", BigInteger, nullable=False, comment="the newest version"),
    Column("review", BigInteger, nullable=False),
    Column("asked", BigInteger, nullable=True, comment="when its owner was asked to confirm it"),
    Column("ended", BigInteger, nullable=True),
    Column("why", Text, nullable=False, comment="of its ending"),
    UniqueConstraint("owner", "reference", "diffusion", name="uq_notice_owner_reference_diffusion"),
    Index("ix_notice_state", "state", "review"),
)

version: Final = Table(
    "notice_version",
    METADATA,
    Column("number", Text, ForeignKey("notice.number"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("issue", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True, comment="of the message that led to it"),
    Column("time", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("content", LargeBinary, nullable=False, comment="as published, whole, with attachments"),
)

decision: Final = Table(
    "notice_decision",
    METADATA,
    Column("id", _WIDE, primary_key=True, autoincrement=True),
    Column("digest", LargeBinary, nullable=False, comment="of the message that it answers"),
    Column("content", LargeBinary, nullable=False),
    Column("sent", BigInteger, nullable=True),
    Column("reason", Text, nullable=True, comment="why it cannot be sent"),
    Index("ix_notice_decision_waiting", "id", sqlite_where=_WAITS, postgresql_where=_WAITS),
)

counter: Final = Table(
    "notice_counter",
    METADATA,
    Column("series", Text, primary_key=True),
    Column("last", Integer, nullable=False),
)

diffusion_ending: Final = Table(
    "diffusion_ending",
    METADATA,
    Column("owner", Text, primary_key=True),
    Column("reference", Text, primary_key=True, comment="the owner's"),
    Column("place", BigInteger, nullable=False, comment="its index in the ledger"),
    Column("why", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
)
"""Of diffusions that did not come yet: they end as they come."""
