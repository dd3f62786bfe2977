"""Staff, tips, the duty desk."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    _staff()
    _duty()
    _tips()


def _staff() -> None:
    op.create_table(
        "staff",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rights", sa.Text(), nullable=False, comment="separated by spaces"),
        sa.Column("password", sa.Text(), nullable=False, comment="Argon2id in the PHC form"),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False, comment="since the last sign-in"),
        sa.Column("until", sa.BigInteger(), nullable=False, comment="no attempt counts before"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_staff")),
    )
    op.create_table(
        "staff_session",
        sa.Column("hash", sa.LargeBinary(), nullable=False, comment="SHA-256 of what the browser has"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["name"], ["staff.name"], name=op.f("fk_staff_session_name"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_staff_session")),
    )
    op.create_index("ix_staff_session_name", "staff_session", ["name"])


def _duty() -> None:
    op.create_table(
        "duty_silence",
        sa.Column("id", _WIDE, autoincrement=True, nullable=False),
        sa.Column("query", sa.LargeBinary(), nullable=False, comment="the digest of what was asked"),
        sa.Column("asked", sa.Text(), nullable=False, comment="who is silent"),
        sa.Column("asker", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("request", sa.Integer(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False, comment="the last that was attested"),
        sa.Column("entry", sa.BigInteger(), nullable=False, comment="its place in the ledger"),
        sa.Column("heard", sa.BigInteger(), nullable=False),
        sa.Column("closed", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_silence")),
        sa.UniqueConstraint("query", "asked", name=op.f("uq_duty_silence_query_asked")),
    )
    op.create_index("ix_duty_silence_open", "duty_silence", ["closed", "due"])
    op.create_table(
        "duty_call",
        sa.Column("silence", _WIDE, nullable=False),
        sa.ForeignKeyConstraint(["silence"], ["duty_silence.id"], name=op.f("fk_duty_call_silence")),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=True, comment="what the bureau said; none while it is silent"),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("remarks", sa.Text(), nullable=False),
        sa.Column("answered", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("silence", "number", name=op.f("pk_duty_call")),
    )
    op.create_table(
        "duty_note",
        sa.Column("id", _WIDE, autoincrement=True, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("shift", sa.Text(), nullable=False, comment="day or night: whose watch ends"),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=True),
        sa.Column("taken_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_note")),
    )
    op.create_index("ix_duty_note_time", "duty_note", ["time"])


def _tips() -> None:
    op.create_table(
        "appeal",
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False, comment="the name that the public is shown"),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("seeks", sa.Text(), nullable=False, comment="the bureau that seeks the person"),
        sa.Column("notice", sa.Text(), nullable=False, comment="the notice that it is of; empty for none"),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=True, comment="as the public is shown it"),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_appeal")),
    )
    op.create_table(
        "tip",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False, comment="on which it came"),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="the bureau that passed it on; empty for the public"),
        sa.Column("their_number", sa.Text(), nullable=False, comment="the number that the source gave it"),
        sa.Column(
            "message",
            sa.LargeBinary(),
            nullable=True,
            comment="the digest of the message that brought it; none of the public",
        ),
        sa.Column("appeal", sa.Text(), nullable=False),
        sa.Column(
            "secret", sa.Text(), nullable=False, comment="Argon2id in the PHC form; empty where nobody comes back"
        ),
        sa.Column("said", sa.LargeBinary(), nullable=False, comment="sealed: what was said, as JSON"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False, comment="what came of it; empty while nothing did"),
        sa.Column("closed", sa.Text(), nullable=True, comment="the day"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_tip")),
        sa.UniqueConstraint("message", name=op.f("uq_tip_message")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_tip_state", "tip", ["state", "day"])
    op.create_table(
        "tip_picture",
        sa.Column("tip", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False, comment="sealed: JPEG, made anew"),
        sa.ForeignKeyConstraint(["tip"], ["tip.number"], name=op.f("fk_tip_picture_tip"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tip", "place", name=op.f("pk_tip_picture")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tip_word",
        sa.Column("tip", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False, comment="unit or tipster"),
        sa.Column("text", sa.LargeBinary(), nullable=False, comment="sealed"),
        sa.ForeignKeyConstraint(["tip"], ["tip.number"], name=op.f("fk_tip_word_tip"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tip", "place", name=op.f("pk_tip_word")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tip_forward",
        sa.Column("tip", sa.Text(), nullable=False),
        sa.Column("bureau", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False, comment="empty while the bureau said nothing"),
        sa.Column("said", sa.LargeBinary(), nullable=True, comment="sealed: what else the bureau said, as JSON"),
        sa.ForeignKeyConstraint(["tip"], ["tip.number"], name=op.f("fk_tip_forward_tip"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tip", "bureau", name=op.f("pk_tip_forward")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Take it back."""
    for name in (
        "tip_forward",
        "tip_word",
        "tip_picture",
        "tip",
        "appeal",
        "duty_note",
        "duty_call",
        "duty_silence",
        "staff_session",
        "staff",
    ):
        op.drop_table(name)
