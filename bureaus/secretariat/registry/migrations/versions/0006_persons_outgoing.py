"""Persons are counted by an index, and outgoing messages say since when they are decided."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_PERSON = sa.text("names <> ''")
_DECIDED = sa.text("decided IS NOT NULL")


def upgrade() -> None:
    """Apply. Nobody knows since when an older row is decided: its time counts from now."""
    op.create_index("ix_record_person", "record", ["id"], sqlite_where=_PERSON, postgresql_where=_PERSON)
    op.add_column("outgoing", sa.Column("decided", sa.BigInteger(), nullable=True, comment="seconds since the epoch"))
    table = sa.table("outgoing", sa.column("state", sa.Text), sa.column("decided", sa.BigInteger))
    over = sa.update(table).where(table.c.state.in_(["accepted", "refused"]))
    op.execute(over.values(decided=sa.literal_column(str(int(time.time())))))
    op.create_index("ix_outgoing_decided", "outgoing", ["decided"], sqlite_where=_DECIDED, postgresql_where=_DECIDED)


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_outgoing_decided", "outgoing")
    op.drop_column("outgoing", "decided")
    op.drop_index("ix_record_person", "record")
