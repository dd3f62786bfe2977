"""Brings a database to this version of the tables, or says that it is not at it (Alembic, run by the program).

Migrations are in gateway/migrations; nobody needs the alembic command. On PostgreSQL a lock keeps two gateways that
start at once from both migrating.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

import gateway.migrations
from gateway.adapters.sql.database import Database
from schemas.errors import Misuse

_LOCK: Final = 0x62757265
"""PostgreSQL advisory lock: an arbitrary number that is ours."""
_NEWER: Final = (
    "the database is at version {present}, which this gateway does not know: a newer gateway made it. Run that one, or "
    "let it take the database back: bureaunet-gateway migrate --to {newest}"
)


async def prepare(database: Database, *, migrate: bool = True) -> None:
    """Bring the tables to this version, or with `migrate` false check that they are at it.

    Raises:
        Misuse: the database is older and must not be changed, or is of a later version. Unavailable: `store`.
    """
    async with database.migrating() as connection:
        await connection.run_sync(_upgrade if migrate else _check)


async def migrate(database: Database, target: str) -> None:
    """Bring the tables to the revision `target`, upwards or downwards; `head` is this version's, `base` is no tables.

    Raises:
        Misuse: there is no such revision, or the database is of a later version. Unavailable: `store`.
    """

    def move(connection: Connection) -> None:
        revisions = _lock_and_check(connection)
        if target not in {*revisions, "head", "base"}:
            raise Misuse(f"there is no revision {target}; there are {', '.join(sorted(revisions))}")
        present = _present(connection)
        down = target == "base" or (present is not None and target != "head" and revisions[target] < revisions[present])
        (command.downgrade if down else command.upgrade)(config(connection), target)

    async with database.migrating() as connection:
        await connection.run_sync(move)


async def revision(database: Database) -> str | None:
    """The version that a database is at; None where it has none of our tables.

    Raises:
        Unavailable: `store`.
    """
    async with database.write() as connection:
        return await connection.run_sync(_present)


def _present(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def config(connection: Connection) -> Config:
    """Alembic's configuration for one connection."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(gateway.migrations.__file__).parent))
    settings.attributes["connection"] = connection
    return settings


def _upgrade(connection: Connection) -> None:
    _lock_and_check(connection)
    command.upgrade(config(connection), "head")


def _lock_and_check(connection: Connection) -> dict[str, int]:
    """Keep others from migrating until the transaction ends: our revisions, each with its place from the first."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    scripts = reversed(list(ScriptDirectory.from_config(config(connection)).walk_revisions()))
    known = {script.revision: place for place, script in enumerate(scripts)}
    present = _present(connection)
    if present is not None and present not in known:
        raise Misuse(_NEWER.format(present=present, newest=max(known, key=known.__getitem__)))
    return known


def _check(connection: Connection) -> None:
    head = ScriptDirectory.from_config(config(connection)).get_current_head()
    present = _present(connection)
    if present != head:
        at = "has no tables" if present is None else f"is at version {present}"
        raise Misuse(f"the database {at}, this gateway needs version {head}: see bureaunet-gateway migrate")
