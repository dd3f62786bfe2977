"""What a body in quarantine came as: an envelope or evidence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Nobody said it of the bodies that are there already."""
    op.add_column(
        "quarantine",
        sa.Column("type", sa.Text(), nullable=True, comment="envelope or evidence; none where nobody said"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_column("quarantine", "type")
