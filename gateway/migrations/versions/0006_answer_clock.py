"""One clock for each query and recipient, and the attestations of its events on their way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TIMED = sa.text("next_at IS NOT NULL")
_PENDING = sa.text("state = 0")
_WAITING = sa.text("state = 1")


def upgrade() -> None:
    """Apply. Queries that were admitted before have no clock."""
    op.create_table(
        "answer_clock",
        sa.Column(
            "query",
            sa.LargeBinary(),
            nullable=False,
            comment="digest; no reference, which would lock that table",
        ),
        sa.Column("bureau", sa.Text(), nullable=False, comment="the recipient's"),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("urgency", sa.Text(), nullable=False),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("default_seconds", sa.Integer(), nullable=False),
        sa.Column("longest_seconds", sa.Integer(), nullable=False),
        sa.Column("reminders", sa.Text(), nullable=False, comment="percent, separated by spaces"),
        sa.Column("requests", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("stage", sa.SmallInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True, comment="none where nothing is left to do"),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("query", "bureau", "recipient", name=op.f("pk_answer_clock")),
    )
    _index("answer_clock", "ix_answer_clock_next_at", ["next_at"], _TIMED)
    op.create_index("ix_answer_clock_state", "answer_clock", ["state", "due"], unique=False)
    op.create_table(
        "attestation",
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("inbox", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("idx", "inbox", name=op.f("pk_attestation")),
    )
    _index("attestation", "ix_attestation_inbox", ["inbox", "idx"], _WAITING)
    _index("attestation", "ix_attestation_lease", ["lease_until"], _PENDING)
    op.create_index("ix_attestation_created", "attestation", ["created"], unique=False)


def downgrade() -> None:
    """Take it back: nothing is timed any more; the entries that clocks made stay in the ledger."""
    op.drop_table("attestation")
    op.drop_table("answer_clock")


def _index(table: str, name: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, table, columns, unique=False, postgresql_where=where, sqlite_where=where)
