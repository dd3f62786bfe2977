"""Records say which message spoke of them last, and the end of a diffusion that nobody heard of yet is kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_COMMENT = "the newest message's index in the ledger: what is older changes nothing"


def upgrade() -> None:
    """Apply. What is there is older than every message to come."""
    for table in ("record", "record_erasure"):
        op.add_column(table, sa.Column("place", sa.BigInteger(), nullable=False, server_default="0", comment=_COMMENT))
    op.create_index("ix_record_erasure_owner", "record_erasure", ["owner", "reference"])
    op.create_table(
        "diffusion_ending",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False, comment="the owner's"),
        sa.Column("place", sa.BigInteger(), nullable=False, comment="its index in the ledger"),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "reference", name=op.f("pk_diffusion_ending")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("diffusion_ending")
    op.drop_index("ix_record_erasure_owner", "record_erasure")
    for table in ("record_erasure", "record"):
        op.drop_column(table, "place")
