"""Requests that wait for a second operator, when each link was last heard of, and what the overdue page needs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "approval",
        sa.Column("id", sa.LargeBinary(), nullable=False, comment="SHA-256 of the request's payload"),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False, comment="SHA-256 of what it is about"),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False, comment="with the signatures so far"),
        sa.Column("account", sa.Text(), nullable=False, comment="who brought it"),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
    )
    op.create_index("ix_approval_made", "approval", ["made"], unique=False)
    op.create_table(
        "presence",
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False, comment="what its program calls itself; empty where it did not"),
        sa.PrimaryKeyConstraint("link", name=op.f("pk_presence")),
    )
    op.create_index("ix_answer_clock_bureau", "answer_clock", ["bureau", "state", "due"], unique=False)


def downgrade() -> None:
    """Take it back: requests that wait are lost here, and their makers have them."""
    op.drop_index("ix_answer_clock_bureau", "answer_clock")
    op.drop_table("presence")
    op.drop_table("approval")
