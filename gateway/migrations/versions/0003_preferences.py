"""Refusals of named senders, quotas that processes share, operators' lists and used requests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLES = ("preference_version", "operator_list", "used_request", "spent")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "preference_version",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "version", name=op.f("pk_preference_version")),
        sa.UniqueConstraint("idx", name=op.f("uq_preference_version_idx")),
    )
    op.create_table(
        "operator_list",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_operator_list")),
        sa.UniqueConstraint("idx", name=op.f("uq_operator_list_idx")),
    )
    op.create_table(
        "used_request",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_used_request")),
    )
    op.create_table(
        "spent",
        sa.Column("bureau", sa.Text(), nullable=False),
        sa.Column("minute", sa.BigInteger(), nullable=False, comment="minutes since the epoch"),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bureau", name=op.f("pk_spent")),
    )


def downgrade() -> None:
    """Take it back."""
    for name in _TABLES:
        op.drop_table(name)
