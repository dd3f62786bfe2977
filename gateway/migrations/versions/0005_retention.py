"""Bodies by the day on which they are erased: on PostgreSQL in partitions, one a day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from schemas.operation import claimed

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_DAY = 24 * 3600 * 1000
_SOME = sa.text("due IS NOT NULL")


def upgrade() -> None:
    """Apply. Each body is due when the retention of its operation, by its newest version, is over."""
    op.add_column(
        "message",
        sa.Column(
            "due",
            sa.Integer(),
            nullable=True,
            comment="days since the epoch: when its body is erased; none where there is no body",
        ),
    )
    connection = op.get_bind()
    for name, days in _retentions(connection):
        connection.execute(
            sa.text(
                "UPDATE message SET due = received / :ms + :days + 1 "
                "WHERE operation = :name AND digest IN (SELECT digest FROM body)"
            ),
            {"ms": _DAY, "days": days, "name": name},
        )
    op.create_index("ix_message_due", "message", ["due"], unique=False, postgresql_where=_SOME, sqlite_where=_SOME)
    _rebuild(connection, due=True)


def downgrade() -> None:
    """Take it back: the day of a body is that on which it came."""
    connection = op.get_bind()
    _rebuild(connection, due=False)
    op.drop_index("ix_message_due", "message")
    op.drop_column("message", "due")


def _retentions(connection: sa.Connection) -> list[tuple[str, int]]:
    rows = connection.execute(sa.text("SELECT operation, statement FROM operation_version ORDER BY version"))
    newest = {row.operation: max(0, claimed(bytes(row.statement)).retention) for row in rows}
    return sorted(newest.items())


def _rebuild(connection: sa.Connection, *, due: bool) -> None:
    """Another table `body`, with every row of this one; it takes as long as copying them."""
    partitioned = due and connection.dialect.name == "postgresql"
    op.drop_index("ix_body_day", "body")
    op.rename_table("body", "body_before")
    if connection.dialect.name == "postgresql":
        op.execute("ALTER INDEX pk_body RENAME TO pk_body_before")
    (_create_by_due if due else _create)()
    day = "message.due" if due else f"message.received / {_DAY}"
    if partitioned:
        _partitions(connection)
    op.execute(
        f"INSERT INTO body (digest, day, sealed) SELECT body_before.digest, {day}, body_before.sealed "  # noqa: S608
        "FROM body_before JOIN message ON message.digest = body_before.digest"
    )
    op.drop_table("body_before")
    op.create_index("ix_body_day", "body", ["day"], unique=False)


def _partitions(connection: sa.Connection) -> None:
    op.execute("CREATE TABLE body_default PARTITION OF body DEFAULT")
    days = connection.execute(sa.text("SELECT DISTINCT due FROM message WHERE due IS NOT NULL ORDER BY due"))
    for (day,) in days.all():
        op.execute(f"CREATE TABLE body_{day:d} PARTITION OF body FOR VALUES FROM ({day:d}) TO ({day + 1:d})")


def _create_by_due() -> None:
    op.create_table(
        "body",
        sa.Column(
            "digest",
            sa.LargeBinary(),
            nullable=False,
            comment="a message's; no reference, which would lock that table",
        ),
        sa.Column(
            "day",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="the message's due: the partition's key",
        ),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "day", name=op.f("pk_body")),
        postgresql_partition_by="RANGE (day)",
    )


def _create() -> None:
    op.create_table(
        "body",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False, comment="days since the epoch, to drop by"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["message.digest"], name=op.f("fk_body_digest")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_body")),
    )
