"""Notices and diffusions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WAITS = sa.text("sent IS NULL AND reason IS NULL")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "notice_request",
        sa.Column("id", _WIDE, autoincrement=True, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="of the request or the update"),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False, comment="the owner's"),
        sa.Column("issue", sa.Text(), nullable=False, comment="new, updated, addendum"),
        sa.Column("number", sa.Text(), nullable=True, comment="of the notice: of an update, and once published"),
        sa.Column("colour", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("needed", sa.Integer(), nullable=False, comment="how many people publish it"),
        sa.Column("flagged", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="of the content"),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="the newest, whole, with attachments"),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("decided", sa.BigInteger(), nullable=True),
        sa.Column("escalated", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_request")),
        sa.UniqueConstraint("digest", name=op.f("uq_notice_request_digest")),
        sa.UniqueConstraint("owner", "reference", name="uq_notice_request_owner_reference"),
    )
    op.create_index("ix_notice_request_state", "notice_request", ["state", "due"])
    _create_followers()
    op.create_table(
        "notice",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("diffusion", sa.Boolean(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("colour", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("denied", sa.Text(), nullable=False, comment="JSON: countries"),
        sa.Column("shown", sa.Text(), nullable=False, comment="JSON: who got any version"),
        sa.Column("published", sa.BigInteger(), nullable=False, comment="the newest version"),
        sa.Column("review", sa.BigInteger(), nullable=False),
        sa.Column("asked", sa.BigInteger(), nullable=True, comment="when its owner was asked to confirm it"),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False, comment="of its ending"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_notice")),
        sa.UniqueConstraint("owner", "reference", "diffusion", name="uq_notice_owner_reference_diffusion"),
    )
    op.create_index("ix_notice_state", "notice", ["state", "review"])
    op.create_table(
        "notice_version",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("issue", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="of the message that led to it"),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="as published, whole, with attachments"),
        sa.ForeignKeyConstraint(["number"], ["notice.number"], name=op.f("fk_notice_version_number")),
        sa.PrimaryKeyConstraint("number", "version", name=op.f("pk_notice_version")),
        sa.UniqueConstraint("digest", name=op.f("uq_notice_version_digest")),
    )
    op.create_table(
        "notice_counter",
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("series", name=op.f("pk_notice_counter")),
    )


def _create_followers() -> None:
    op.create_table(
        "notice_information",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("request", _WIDE, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["request"], ["notice_request.id"], name=op.f("fk_notice_information_request")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_notice_information")),
    )
    op.create_index("ix_notice_information_request", "notice_information", ["request"])
    op.create_table(
        "notice_approval",
        sa.Column("request", _WIDE, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["request"], ["notice_request.id"], name=op.f("fk_notice_approval_request")),
        sa.PrimaryKeyConstraint("request", "who", name=op.f("pk_notice_approval")),
    )
    op.create_table(
        "notice_decision",
        sa.Column("id", _WIDE, autoincrement=True, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="of the message that it answers"),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sent", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True, comment="why it cannot be sent"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_decision")),
    )
    op.create_index(
        "ix_notice_decision_waiting", "notice_decision", ["id"], sqlite_where=_WAITS, postgresql_where=_WAITS
    )


def downgrade() -> None:
    """Take it back."""
    for name in ("version", "approval", "information", "decision", "counter", "request"):
        op.drop_table(f"notice_{name}")
    op.drop_table("notice")
