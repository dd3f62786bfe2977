"""Databases: records and what they are found by, questions and their log, hits, erasures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    _records()
    _questions()


def _records() -> None:
    op.create_table(
        "record",
        sa.Column("id", _WIDE, autoincrement=True, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False, comment="the bureau"),
        sa.Column("reference", sa.Text(), nullable=False, comment="the owner's"),
        sa.Column("contact", sa.Text(), nullable=False, comment="who of the owner sent it"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("visibility", sa.Text(), nullable=False),
        sa.Column("denied", sa.Text(), nullable=False, comment="codes with spaces between and around; empty for none"),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="the JSON of its database.record"),
        sa.Column(
            "names", sa.Text(), nullable=False, comment="JSON of its normalised names, for the matcher; empty for none"
        ),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column(
            "review", sa.BigInteger(), nullable=False, comment="the owner looks at it by then, or it is taken out"
        ),
        sa.Column("asked", sa.BigInteger(), nullable=True, comment="when the owner was asked to look at it"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record")),
        sa.UniqueConstraint("owner", "reference", name=op.f("uq_record_owner_reference")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_record_review", "record", ["review"])
    op.create_table(
        "record_found",
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", "record", name=op.f("pk_record_found")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "record_done",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="of the message that was carried out"),
        sa.Column("answer", sa.LargeBinary(), nullable=False, comment="its database.recorded"),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_record_done")),
    )
    op.create_table(
        "record_erasure",
        sa.Column("record", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("record", name=op.f("pk_record_erasure")),
    )


def _questions() -> None:
    op.create_table(
        "question",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="the JSON of its database.query"),
        sa.Column("hits", sa.Text(), nullable=False, comment="JSON: record, score, reasons, whether it was shown"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_question")),
    )
    op.create_table(
        "question_log",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="of the question"),
        sa.Column("asker", sa.Text(), nullable=False),
        sa.Column("bureau", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="document or person"),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False, comment="as the asker was told"),
        sa.Column("shown", sa.Integer(), nullable=False, comment="records in the answer"),
        sa.Column("microseconds", sa.BigInteger(), nullable=False, comment="from the handler's begin to its answer"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_question_log")),
    )
    op.create_index("ix_question_log_time", "question_log", ["time"])
    op.create_table(
        "hit",
        sa.Column("id", _WIDE, autoincrement=True, nullable=False),
        sa.Column("question", sa.LargeBinary(), nullable=False, comment="its digest"),
        sa.Column("record", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("asker", sa.Text(), nullable=False),
        sa.Column("bureau", sa.Text(), nullable=False, comment="the asker's"),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("visibility", sa.Text(), nullable=False),
        sa.Column(
            "state", sa.Text(), nullable=False, comment="told, repeated, asked, IN_PROCESS, CONFIRMED, NOT_VALID"
        ),
        sa.Column("answered", sa.BigInteger(), nullable=True, comment="when the owner said its last word"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hit")),
        sa.UniqueConstraint("question", "record", name=op.f("uq_hit_question_record")),
    )
    op.create_index("ix_hit_record", "hit", ["record", "bureau"])
    op.create_index("ix_hit_time", "hit", ["time"])


def downgrade() -> None:
    """Take it back."""
    for name in ("hit", "question_log", "question", "record_erasure", "record_done", "record_found", "record"):
        op.drop_table(name)
