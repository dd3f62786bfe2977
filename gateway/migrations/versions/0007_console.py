"""Accounts of the console, sessions, the audit, and what its search needs."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_INDICES: Final = (
    ("ix_message_received", ["received"], None),
    ("ix_message_iss", ["iss", "received"], None),
    ("ix_message_operation", ["operation", "received"], None),
    ("ix_message_kind", ["kind", "received"], None),
    ("ix_message_recipients", ["recipients", "received"], "recipient_count = 1"),
    ("ix_message_several", ["received"], "recipient_count > 1"),
    ("ix_message_refused", ["received"], "NOT accepted"),
    ("ix_message_thread", ["thread"], "thread IS NOT NULL"),
)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "account",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False, comment="Argon2id, PHC form"),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_account")),
    )
    op.create_table(
        "session",
        sa.Column("hash", sa.LargeBinary(), nullable=False, comment="SHA-256 of the token"),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.name"], name=op.f("fk_session_account")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_session")),
    )
    op.create_index("ix_session_account", "session", ["account"], unique=False)
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("idx", sa.BigInteger(), nullable=True, comment="of its entry in the ledger"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    for name, columns, where in _INDICES:
        some = None if where is None else sa.text(where)
        op.create_index(name, "message", columns, unique=False, postgresql_where=some, sqlite_where=some)


def downgrade() -> None:
    """Take it back: accounts and the audit are lost, the entries in the ledger stay."""
    for name, _columns, _where in reversed(_INDICES):
        op.drop_index(name, "message")
    for name in ("audit", "session", "account"):
        op.drop_table(name)
