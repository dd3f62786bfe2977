"""What was done, what is to be sent, and who is held."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN = sa.text("state IN ('waiting', 'sent')")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "audit",
        sa.Column("id", _WIDE, autoincrement=True, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_time", "audit", ["time"])
    op.create_index("ix_audit_subject", "audit", ["subject"])
    op.create_table(
        "outgoing",
        sa.Column("id", _WIDE, autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=True, comment="what makes it once; none is always another"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="the whole of it, empty once it is sent"),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("recipients", sa.Text(), nullable=False, comment="JSON; * is everybody"),
        sa.Column("but", sa.Text(), nullable=False, comment="JSON"),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("urgency", sa.Text(), nullable=False),
        sa.Column("handling", sa.Text(), nullable=False),
        sa.Column("expects", sa.Boolean(), nullable=False),
        sa.Column("reply_by", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=True, comment="of its envelope, once it is sent"),
        sa.Column("reason", sa.Text(), nullable=True, comment="why it was refused"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing")),
        sa.UniqueConstraint("key", name=op.f("uq_outgoing_key")),
    )
    op.create_index("ix_outgoing_waiting", "outgoing", ["id"], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index("ix_outgoing_digest", "outgoing", ["digest"])
    op.create_index("ix_outgoing_content_hash", "outgoing", ["content_hash"])
    op.create_table(
        "arrest",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="of the message that told"),
        sa.Column("bureau", sa.Text(), nullable=False, comment="that holds the person"),
        sa.Column("case", sa.Text(), nullable=False, comment="its reference"),
        sa.Column("number", sa.Text(), nullable=False, comment="of the notice, or of the record"),
        sa.Column("arrested", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="held, or the outcome of extradition"),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_arrest")),
    )
    op.create_index("ix_arrest_number", "arrest", ["number"])
    op.create_index("uq_arrest_bureau_case", "arrest", ["bureau", "case"], unique=True)


def downgrade() -> None:
    """Take it back."""
    for name in ("arrest", "outgoing", "audit"):
        op.drop_table(name)
