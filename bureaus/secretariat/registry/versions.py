"""Brings the registry's tables to a version, or says that they are of a later one (Alembic, run by the program).

Revisions are in migrations/versions; nobody needs the alembic command. On PostgreSQL a lock keeps two that start at
once from both migrating; on SQLite the transaction does. Alembic is loaded only where there is something to do: a
command of the staff's finds the tables as they should be.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, inspect, text

from schemas.errors import Misuse

if TYPE_CHECKING:
    from alembic.config import Config

HEAD: Final = "head"
BASE: Final = "base"
_FOLDER: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x69707367
"""PostgreSQL advisory lock: an arbitrary number that is ours."""


def move(connection: Connection, target: str) -> None:
    """Bring the tables to the revision `target`, upwards or downwards, in the connection's transaction.

    Raises:
        Misuse: there is no such revision, or the tables are of a later version.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    known = revisions(connection)
    if target not in {*known, HEAD, BASE}:
        raise Misuse(f"the registry has no revision {target}; there are {', '.join(known)}")
    now = present(connection)
    if now is not None and now not in known:
        raise Misuse(f"the registry is at version {now}, which this program does not know: a newer one made it")
    from alembic import command  # noqa: PLC0415  # see above

    down = target == BASE or (now is not None and target != HEAD and known.index(target) < known.index(now))
    (command.downgrade if down else command.upgrade)(_config(connection), target)


def revisions(connection: Connection) -> list[str]:
    """Every revision, oldest first."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415  # see above

    return [script.revision for script in ScriptDirectory.from_config(_config(connection)).walk_revisions()][::-1]


def present(connection: Connection) -> str | None:
    """The revision that the tables are at; None where there are none of ours."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return None if found is None else str(found)


def is_newest(connection: Connection) -> bool:
    """Whether the tables are at the newest revision, by its file's name."""
    return present(connection) == max(file.name.partition("_")[0] for file in (_FOLDER / "versions").glob("0*.py"))


def _config(connection: Connection) -> Config:
    from alembic.config import Config  # noqa: PLC0415  # see above

    settings = Config()
    settings.set_main_option("script_location", str(_FOLDER))
    settings.attributes["connection"] = connection
    return settings
