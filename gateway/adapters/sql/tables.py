"""The tables of the gateway's database, the same on SQLite and PostgreSQL.

Nothing of any content is in them: bodies are ciphertext, statements are headers and signatures. Times are milliseconds
since the epoch unless a column's comment says seconds; hashes are 32 bytes. The application's role needs INSERT and
SELECT alone on leaf, tile and checkpoint; on the others also UPDATE and DELETE.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    and_,
    text,
)


class Stage(IntEnum):
    """Where a copy is on its way (column delivery.state)."""

    PENDING = 0
    CONSIGNED = 1
    FAILED = 2


class Place(IntEnum):
    """Where an attestation is on its way (column attestation.state)."""

    PENDING = 0
    INBOX = 1
    """In an HTTP inbox, until it is deleted."""
    PLACED = 2
    """The broker has it."""


metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

message: Final = Table(
    "message",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("iss", Text, nullable=False),
    Column("cti", LargeBinary, comment="none where the message was refused because another has this id"),
    Column("operation", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("exercise", Boolean, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("handling", Text, nullable=False),
    Column("urgency", Text, nullable=False),
    Column("thread", LargeBinary),
    Column("re", LargeBinary),
    Column("answer", Text),
    Column("until", BigInteger, comment="seconds"),
    Column("reply_by", BigInteger, comment="seconds"),
    Column("expires", BigInteger, nullable=False, comment="seconds"),
    Column("recipients", Text, nullable=False, comment="addresses, separated by spaces"),
    Column("recipient_count", Integer, nullable=False),
    Column("sealed_hash", LargeBinary, nullable=False),
    Column("sealed_size", Integer, nullable=False),
    Column("statement", LargeBinary, nullable=False),
    Column("accepted", Boolean, nullable=False),
    Column("reason", Text),
    Column("received", BigInteger, nullable=False),
    Column("due", Integer, comment="days since the epoch: when its body is erased; none where there is no body"),
    UniqueConstraint("cti", "iss"),  # cti first: looked up by it alone
)
Index("ix_message_sealed_hash", message.c.sealed_hash)
_DUE: Final = text("due IS NOT NULL")
Index("ix_message_due", message.c.due, postgresql_where=_DUE, sqlite_where=_DUE)
_ONE: Final = text("recipient_count = 1")  # a list of many addresses may be too long for an index
_SEVERAL: Final = text("recipient_count > 1")
_REFUSED: Final = text("NOT accepted")
_FOLLOWS: Final = text("thread IS NOT NULL")
Index("ix_message_received", message.c.received)
Index("ix_message_iss", message.c.iss, message.c.received)
Index("ix_message_operation", message.c.operation, message.c.received)
Index("ix_message_kind", message.c.kind, message.c.received)
Index("ix_message_recipients", message.c.recipients, message.c.received, postgresql_where=_ONE, sqlite_where=_ONE)
Index("ix_message_several", message.c.received, postgresql_where=_SEVERAL, sqlite_where=_SEVERAL)
Index("ix_message_refused", message.c.received, postgresql_where=_REFUSED, sqlite_where=_REFUSED)
Index("ix_message_thread", message.c.thread, postgresql_where=_FOLLOWS, sqlite_where=_FOLLOWS)

body: Final = Table(
    "body",
    metadata,
    Column("digest", LargeBinary, primary_key=True, comment="a message's; no reference, which would lock that table"),
    Column("day", Integer, primary_key=True, autoincrement=False, comment="the message's due: the partition's key"),
    Column("sealed", LargeBinary, nullable=False),
    postgresql_partition_by="RANGE (day)",
)
Index("ix_body_day", body.c.day)
OF_MESSAGE: Final = and_(body.c.digest == message.c.digest, body.c.day == message.c.due)
"""Joins a body to its message, and looks into one partition alone."""

outcome: Final = Table(
    "outcome",
    metadata,
    Column("digest", LargeBinary, ForeignKey("message.digest"), primary_key=True),
    Column("idx", BigInteger, nullable=False),
    Column("receipt", LargeBinary, nullable=False),
)

delivery: Final = Table(
    "delivery",
    metadata,
    Column("digest", LargeBinary, ForeignKey("message.digest"), primary_key=True),
    Column("recipient", Text, primary_key=True),
    Column("inbox", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("idx", BigInteger, comment="the consignment's"),
    Column("expires", BigInteger, nullable=False, comment="seconds"),
    Column("lease_until", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
)
_PENDING: Final = text("state = 0")
_CONSIGNED: Final = text("state = 1")
Index("ix_delivery_inbox", delivery.c.inbox, delivery.c.idx, postgresql_where=_CONSIGNED, sqlite_where=_CONSIGNED)
Index("ix_delivery_lease", delivery.c.lease_until, postgresql_where=_PENDING, sqlite_where=_PENDING)
Index("ix_delivery_expires", delivery.c.expires, postgresql_where=_PENDING, sqlite_where=_PENDING)

acknowledgement: Final = Table(
    "acknowledgement",
    metadata,
    Column("digest", LargeBinary, ForeignKey("message.digest"), primary_key=True),
    Column("recipient", Text, primary_key=True),
    Column("evidence", LargeBinary, nullable=False, index=True),
    Column("raw", LargeBinary, nullable=False),
    Column("idx", BigInteger, nullable=False),
)

answer_clock: Final = Table(
    "answer_clock",
    metadata,
    Column("query", LargeBinary, primary_key=True, comment="digest; no reference, which would lock that table"),
    Column("bureau", Text, primary_key=True, comment="the recipient's"),
    Column("recipient", Text, primary_key=True),
    Column("sender", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("urgency", Text, nullable=False),
    Column("opened", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("default_seconds", Integer, nullable=False),
    Column("longest_seconds", Integer, nullable=False),
    Column("reminders", Text, nullable=False, comment="percent, separated by spaces"),
    Column("requests", SmallInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("stage", SmallInteger, nullable=False),
    Column("next_at", BigInteger, comment="none where nothing is left to do"),
    Column("answer", LargeBinary),
    Column("reason", Text),
)
_TIMED: Final = text("next_at IS NOT NULL")
Index("ix_answer_clock_next_at", answer_clock.c.next_at, postgresql_where=_TIMED, sqlite_where=_TIMED)
Index("ix_answer_clock_state", answer_clock.c.state, answer_clock.c.due)
Index("ix_answer_clock_bureau", answer_clock.c.bureau, answer_clock.c.state, answer_clock.c.due)

attestation: Final = Table(
    "attestation",
    metadata,
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("inbox", Text, primary_key=True),
    Column("link", Text, nullable=False),
    Column("statement", LargeBinary, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("lease_until", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
)
Index(
    "ix_attestation_inbox",
    attestation.c.inbox,
    attestation.c.idx,
    postgresql_where=_CONSIGNED,
    sqlite_where=_CONSIGNED,
)
Index("ix_attestation_lease", attestation.c.lease_until, postgresql_where=_PENDING, sqlite_where=_PENDING)
Index("ix_attestation_created", attestation.c.created)

leaf: Final = Table(
    "leaf",
    metadata,
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    Column("entry", LargeBinary, nullable=False),
    Column("operation", Text),
)
Index("ix_leaf_operation", leaf.c.operation, leaf.c.idx)

log_seq: Final = Table(
    "log_seq",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("next", BigInteger, nullable=False),
)
tree_state: Final = Table(
    "tree_state",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("peaks", LargeBinary, nullable=False),
)
operation_head: Final = Table(
    "operation_head",
    metadata,
    Column("operation", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("leaf", LargeBinary),
)
tile: Final = Table(
    "tile",
    metadata,
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False, comment="256 hashes"),
)
checkpoint: Final = Table(
    "checkpoint",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
)
offered: Final = Table(
    "offered",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),
)
cosignature: Final = Table(
    "cosignature",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("witness", Text, primary_key=True),
    Column("line", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
)
directory_version: Final = Table(
    "directory_version",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, nullable=False, unique=True),
    Column("statement", LargeBinary, nullable=False),
)
operation_version: Final = Table(
    "operation_version",
    metadata,
    Column("operation", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, nullable=False, unique=True),
    Column("statement", LargeBinary, nullable=False),
)
preference_version: Final = Table(
    "preference_version",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, nullable=False, unique=True),
    Column("statement", LargeBinary, nullable=False),
)
operator_list: Final = Table(
    "operator_list",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, nullable=False, unique=True),
    Column("statement", LargeBinary, nullable=False),
)
used_request: Final = Table("used_request", metadata, Column("hash", LargeBinary, primary_key=True))
spent: Final = Table(
    "spent",
    metadata,
    Column("bureau", Text, primary_key=True),
    Column("minute", BigInteger, nullable=False, comment="minutes since the epoch"),
    Column("messages", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)
directory_current: Final = Table(
    "directory_current",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("statement", LargeBinary, nullable=False),
)
quarantine: Final = Table(
    "quarantine",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("link", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("type", Text, comment="envelope or evidence; none where nobody said"),
)
lease: Final = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", BigInteger, nullable=False),
)
probe: Final = Table(
    "probe",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
)
account: Final = Table(
    "account",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("password", Text, nullable=False, comment="Argon2id, PHC form"),
    Column("created", BigInteger, nullable=False),
    Column("locked", Boolean, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("issuer", Text, comment="OpenID Connect; none for an account with a password"),
    Column("subject", Text),
)
Index(
    "ix_account_subject",
    account.c.issuer,
    account.c.subject,
    unique=True,
    postgresql_where=account.c.issuer.is_not(None),
    sqlite_where=account.c.issuer.is_not(None),
)
session: Final = Table(
    "session",
    metadata,
    Column("hash", LargeBinary, primary_key=True, comment="SHA-256 of the token"),
    Column("account", Text, ForeignKey("account.name"), nullable=False),
    Column("opened", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
)
Index("ix_session_account", session.c.account)
knock: Final = Table(
    "knock",
    metadata,
    Column("address", Text, primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
)
used_word: Final = Table(
    "used_word",
    metadata,
    Column("hash", LargeBinary, primary_key=True, comment="of what an issuer said once"),
    Column("time", BigInteger, nullable=False),
)
audit: Final = Table(
    "audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("idx", BigInteger, comment="of its entry in the ledger"),
)
approval: Final = Table(
    "approval",
    metadata,
    Column("id", LargeBinary, primary_key=True, comment="SHA-256 of the request's payload"),
    Column("act", Text, nullable=False),
    Column("subject", LargeBinary, nullable=False, comment="SHA-256 of what it is about"),
    Column("made", BigInteger, nullable=False),
    Column("statement", LargeBinary, nullable=False, comment="with the signatures so far"),
    Column("account", Text, nullable=False, comment="who brought it"),
    Column("why", Text, nullable=False),
)
Index("ix_approval_made", approval.c.made)
presence: Final = Table(
    "presence",
    metadata,
    Column("link", Text, primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("way", Text, nullable=False),
    Column("agent", Text, nullable=False, comment="what its program calls itself; empty where it did not"),
)
