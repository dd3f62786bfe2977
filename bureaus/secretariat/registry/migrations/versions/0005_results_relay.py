"""Results, relays."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    _results()
    _life()
    _relays()


def _results() -> None:
    op.create_table(
        "operation_case",
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("bureau", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False, comment="JSON"),
        sa.Column("offence", sa.Text(), nullable=True),
        sa.Column("notice", sa.Text(), nullable=True),
        sa.Column("colour", sa.Text(), nullable=True),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("operation", "bureau", "reference", name=op.f("pk_operation_case")),
    )
    op.create_table(
        "result_report",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("bureau", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True, comment="none: withdrawn"),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("date", sa.Text(), nullable=True),
        sa.Column("people", sa.Integer(), nullable=False, comment="rescued, or 1"),
        sa.Column("contributors", sa.Text(), nullable=False, comment="JSON"),
        sa.Column("corrects", sa.Boolean(), nullable=False),
        sa.Column("exercise", sa.Boolean(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_result_report")),
    )
    op.create_index("ix_result_report_operation", "result_report", ["operation", "bureau", "reference"])
    op.create_table(
        "result_corroboration",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("reporter", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("bureau", sa.Text(), nullable=False, comment="who says it"),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("says", sa.Text(), nullable=False),
        sa.Column("exercise", sa.Boolean(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_result_corroboration")),
    )
    op.create_index("ix_result_corroboration_operation", "result_corroboration", ["operation", "reporter", "reference"])


def _life() -> None:
    op.create_table(
        "result_claim",
        sa.Column("id", _WIDE, autoincrement=True, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False, comment="an operation's id, or what else the total is of"),
        sa.Column("arrested", sa.Integer(), nullable=True),
        sa.Column("located", sa.Integer(), nullable=True),
        sa.Column("identified", sa.Integer(), nullable=True),
        sa.Column("rescued", sa.Integer(), nullable=True),
        sa.Column("seized", sa.Integer(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("published", sa.Text(), nullable=False, comment="a date as far as known"),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_claim")),
        sa.UniqueConstraint("scope", "source", "published", name=op.f("uq_result_claim_scope_source_published")),
    )
    op.create_table(
        "operation_measure",
        sa.Column("id", _WIDE, autoincrement=True, nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False, comment="record, or quality-before, quality-now, quality-after"),
        sa.Column("counts", sa.Text(), nullable=False, comment="JSON"),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operation_measure")),
    )
    op.create_index("ix_operation_measure_operation", "operation_measure", ["operation", "what"])
    op.create_table(
        "operation_step",
        sa.Column("id", _WIDE, autoincrement=True, nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=True, comment="none: its progress alone"),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True, comment="as which it was published"),
        sa.Column("refused", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operation_step")),
    )
    op.create_index("ix_operation_step_operation", "operation_step", ["operation"])
    op.create_table(
        "operation_statement",
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False, comment="as its owner signed it"),
        sa.PrimaryKeyConstraint("operation", "version", name=op.f("pk_operation_statement")),
    )


def _relays() -> None:
    op.create_table(
        "relay_consent",
        sa.Column("bureau", sa.Text(), nullable=False),
        sa.Column("agrees", sa.Boolean(), nullable=False),
        sa.Column("unnamed", sa.Boolean(), nullable=False),
        sa.Column("not_from", sa.Text(), nullable=False, comment="JSON"),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="of the message that says so"),
        sa.Column("place", sa.BigInteger(), nullable=False, comment="its index in the ledger: the highest counts"),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bureau", name=op.f("pk_relay_consent")),
    )
    op.create_table(
        "relay",
        sa.Column("request", sa.LargeBinary(), nullable=False, comment="digest of the asker's request"),
        sa.Column("reference", sa.Text(), nullable=False, comment="what the target knows it by"),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("asker", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("named", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "own_case", sa.Text(), nullable=True, comment="the asker's reference, where the target was not shown it"
        ),
        sa.Column("handling", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=True),
        sa.Column(
            "delivery", sa.LargeBinary(), nullable=True, comment="digest of what was delivered, as it was first sealed"
        ),
        sa.Column("answer", sa.LargeBinary(), nullable=True, comment="digest of the answer that ended it"),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("request", name=op.f("pk_relay")),
        sa.UniqueConstraint("reference", name=op.f("uq_relay_reference")),
    )
    op.create_index("ix_relay_state", "relay", ["state"])
    op.create_table(
        "network_group",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("members", sa.Text(), nullable=False, comment="JSON"),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_network_group")),
    )


def downgrade() -> None:
    """Take it back."""
    for name in (
        "network_group",
        "relay",
        "relay_consent",
        "operation_statement",
        "operation_step",
        "operation_measure",
        "result_claim",
        "result_corroboration",
        "result_report",
        "operation_case",
    ):
        op.drop_table(name)
