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


async def prepare(database: Database, *, migrate: bool = True) -> None:
    """Bring the tables to this version, or with `migrate` false check that they are at it.

    Raises:
        Misuse: the database is older and must not be changed, or is of a later version. Unavailable: `store`.
    """
    async with database.write() as connection:
        await connection.run_sync(_upgrade if migrate else _check)


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
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    settings = config(connection)
    known = {script.revision for script in ScriptDirectory.from_config(settings).walk_revisions()}
    present = MigrationContext.configure(connection).get_current_revision()
    if present is not None and present not in known:
        raise Misuse(f"the database is at version {present}, which this gateway does not know")
    command.upgrade(settings, "head")


def _check(connection: Connection) -> None:
    head = ScriptDirectory.from_config(config(connection)).get_current_head()
    present = MigrationContext.configure(connection).get_current_revision()
    if present != head:
        raise Misuse(f"the database is at version {present}, this gateway needs {head}")
