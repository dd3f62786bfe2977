"""Accounts of somebody whom an issuer names (OpenID Connect), words used once, and attempts counted by address."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    comment = "OpenID Connect; none for an account with a password"
    op.add_column("account", sa.Column("issuer", sa.Text(), nullable=True, comment=comment))
    op.add_column("account", sa.Column("subject", sa.Text(), nullable=True))
    named = sa.text("issuer IS NOT NULL")
    op.create_index(
        "ix_account_subject",
        "account",
        ["issuer", "subject"],
        unique=True,
        postgresql_where=named,
        sqlite_where=named,
    )
    op.create_table(
        "knock",
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_knock")),
    )
    op.create_table(
        "used_word",
        sa.Column("hash", sa.LargeBinary(), nullable=False, comment="of what an issuer said once"),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_used_word")),
    )


def downgrade() -> None:
    """Take it back: nobody could sign in to an account without a password, so those are lost."""
    op.execute("DELETE FROM session WHERE account IN (SELECT name FROM account WHERE issuer IS NOT NULL)")
    op.execute("DELETE FROM account WHERE issuer IS NOT NULL")
    for name in ("used_word", "knock"):
        op.drop_table(name)
    op.drop_index("ix_account_subject", "account")
    for name in ("subject", "issuer"):
        op.drop_column("account", name)
