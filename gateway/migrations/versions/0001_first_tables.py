"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (  # those that refer to message go before it
    "body",
    "outcome",
    "delivery",
    "acknowledgement",
    "message",
    "leaf",
    "log_seq",
    "tree_state",
    "operation_head",
    "tile",
    "checkpoint",
    "directory_version",
    "operation_version",
    "directory_current",
    "quarantine",
    "lease",
    "probe",
)


def upgrade() -> None:
    """Apply."""
    _messages()
    _copies()
    _ledger()
    _versions()
    _house()


def downgrade() -> None:
    """Take it back: the database is empty then."""
    for name in _TABLES:
        op.drop_table(name)


def _messages() -> None:
    """Messages, their sealed parts, their outcomes."""
    op.create_table(
        "message",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("iss", sa.Text(), nullable=False),
        sa.Column(
            "cti",
            sa.LargeBinary(),
            nullable=True,
            comment="none where the message was refused because another has this id",
        ),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("exercise", sa.Boolean(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("handling", sa.Text(), nullable=False),
        sa.Column("urgency", sa.Text(), nullable=False),
        sa.Column("thread", sa.LargeBinary(), nullable=True),
        sa.Column("re", sa.LargeBinary(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=True, comment="seconds"),
        sa.Column("reply_by", sa.BigInteger(), nullable=True, comment="seconds"),
        sa.Column("expires", sa.BigInteger(), nullable=False, comment="seconds"),
        sa.Column("recipients", sa.Text(), nullable=False, comment="addresses, separated by spaces"),
        sa.Column("recipient_count", sa.Integer(), nullable=False),
        sa.Column("sealed_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_size", sa.Integer(), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_message")),
        sa.UniqueConstraint("cti", "iss", name=op.f("uq_message_cti_iss")),
    )
    op.create_index("ix_message_sealed_hash", "message", ["sealed_hash"], unique=False)
    op.create_table(
        "body",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False, comment="days since the epoch, to drop by"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["message.digest"], name=op.f("fk_body_digest")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_body")),
    )
    op.create_index(op.f("ix_body_day"), "body", ["day"], unique=False)
    op.create_table(
        "outcome",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("idx", sa.BigInteger(), nullable=False),
        sa.Column("receipt", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["message.digest"], name=op.f("fk_outcome_digest")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_outcome")),
    )


def _copies() -> None:
    """Copies on their way, and acknowledgements."""
    op.create_table(
        "delivery",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("inbox", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("idx", sa.BigInteger(), nullable=True, comment="the consignment's"),
        sa.Column("expires", sa.BigInteger(), nullable=False, comment="seconds"),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["message.digest"], name=op.f("fk_delivery_digest")),
        sa.PrimaryKeyConstraint("digest", "recipient", name=op.f("pk_delivery")),
    )
    op.create_index(
        "ix_delivery_expires",
        "delivery",
        ["expires"],
        unique=False,
        postgresql_where=sa.text("state = 0"),
        sqlite_where=sa.text("state = 0"),
    )
    op.create_index(
        "ix_delivery_inbox",
        "delivery",
        ["inbox", "idx"],
        unique=False,
        postgresql_where=sa.text("state = 1"),
        sqlite_where=sa.text("state = 1"),
    )
    op.create_index(
        "ix_delivery_lease",
        "delivery",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("state = 0"),
        sqlite_where=sa.text("state = 0"),
    )
    op.create_table(
        "acknowledgement",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("evidence", sa.LargeBinary(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("idx", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["message.digest"], name=op.f("fk_acknowledgement_digest")),
        sa.PrimaryKeyConstraint("digest", "recipient", name=op.f("pk_acknowledgement")),
    )
    op.create_index(op.f("ix_acknowledgement_evidence"), "acknowledgement", ["evidence"], unique=False)


def _ledger() -> None:
    """Leaves, tiles, heads and checkpoints."""
    op.create_table(
        "leaf",
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("idx", name=op.f("pk_leaf")),
    )
    op.create_index("ix_leaf_operation", "leaf", ["operation", "idx"], unique=False)
    op.create_table(
        "log_seq",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_seq")),
    )
    op.create_table(
        "tree_state",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("peaks", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tree_state")),
    )
    op.create_table(
        "operation_head",
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("operation", name=op.f("pk_operation_head")),
    )
    op.create_table(
        "tile",
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False, comment="256 hashes"),
        sa.PrimaryKeyConstraint("level", "idx", name=op.f("pk_tile")),
    )
    op.create_table(
        "checkpoint",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_checkpoint")),
    )


def _versions() -> None:
    """Signed statements in force."""
    op.create_table(
        "directory_version",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_directory_version")),
        sa.UniqueConstraint("idx", name=op.f("uq_directory_version_idx")),
    )
    op.create_table(
        "operation_version",
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("operation", "version", name=op.f("pk_operation_version")),
        sa.UniqueConstraint("idx", name=op.f("uq_operation_version_idx")),
    )
    op.create_table(
        "directory_current",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_current")),
    )


def _house() -> None:
    """What the gateway keeps for itself; the rows that are there once."""
    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "probe",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_probe")),
    )
    op.execute("INSERT INTO log_seq (id, next) VALUES (1, 0)")
    op.bulk_insert(
        sa.table("tree_state", sa.column("id"), sa.column("size"), sa.column("peaks", sa.LargeBinary)),
        [{"id": 1, "size": 0, "peaks": b""}],
    )
    op.execute("INSERT INTO probe (id, count) VALUES (1, 0)")
