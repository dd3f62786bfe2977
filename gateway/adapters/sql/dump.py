"""A whole copy of the database in one file, and back: SQLite's online backup, PostgreSQL's own pg_dump and pg_restore.

Both copies are one moment of the database, and may be made while gateways run. Putting one back needs that no gateway
runs. A password goes to PostgreSQL's programs in their environment, never on their command line.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url

from schemas.errors import Misuse, Reason, Unavailable

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"
_DUMP: Final = ("--format=custom", "--no-owner", "--no-privileges", "--no-password")
_RESTORE: Final = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--no-password")
_SCRIPT: Final = ("--clean", "--if-exists", "--no-owner", "--no-privileges")
_PSQL: Final = ("--no-psqlrc", "--no-password", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1")
_CLEAN: Final = "SET client_min_messages = warning; DROP TABLE IF EXISTS body CASCADE"
_TAIL: Final = 3
"""Lines of a program's words that are shown."""


def backend(url: str) -> str:
    """SQLITE or POSTGRESQL."""
    return make_url(url).get_backend_name()


async def dump(url: str, file: Path, programs: Path | None = None) -> None:
    """Copy the database of `url` into the new file `file`. `programs` is where PostgreSQL's programs are, else PATH.

    Raises:
        Misuse: pg_dump is not installed; the words say what to run where it is. Unavailable: `store`.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == SQLITE:
        await asyncio.to_thread(_copy_sqlite, Path(parsed.database or ""), file)
    else:
        await _run("pg_dump", [*_DUMP, f"--file={file}"], parsed, programs)


async def restore(url: str, file: Path, programs: Path | None = None, *, replace: bool) -> None:
    """Put a copy in place of the database of `url`, which with `replace` may hold something.

    Raises:
        Misuse: the database holds something, or pg_restore is not installed. Unavailable: `store`; nothing was changed.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == SQLITE:
        await asyncio.to_thread(_place_sqlite, file, Path(parsed.database or ""), replace=replace)
    elif replace:
        await _replace_postgresql(file, parsed, programs)
    else:
        await _run("pg_restore", [*_RESTORE, f"--dbname={parsed.database}", str(file)], parsed, programs)


async def _replace_postgresql(file: Path, url: URL, programs: Path | None) -> None:
    """Clean and restore in one transaction, by psql: pg_restore's own cleaning stumbles over a partition's indices."""
    script = file.with_name(f"{file.name}.sql")
    try:
        await _run("pg_restore", [*_SCRIPT, f"--file={script}", str(file)], url, programs)
        await _run(
            "psql", [*_PSQL, f"--command={_CLEAN}", f"--file={script}", f"--dbname={url.database}"], url, programs
        )
    finally:
        script.unlink(missing_ok=True)


def _copy_sqlite(source: Path, target: Path) -> None:
    if not source.exists():
        raise Misuse(f"there is no database {source}")
    try:
        with closing(sqlite3.connect(source, timeout=30)) as here, closing(sqlite3.connect(target)) as there:
            here.backup(there)
            there.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise Unavailable(Reason.STORE, f"SQLite's backup failed ({type(error).__name__})") from error


def _place_sqlite(file: Path, target: Path, *, replace: bool) -> None:
    beside = [target.with_name(target.name + end) for end in ("-wal", "-shm")]
    if not replace and any(path.exists() for path in (target, *beside)):
        raise Misuse(f"there is a database {target} already; --replace puts the backup in its place")
    fresh = target.with_name(f".{target.name}.restored")
    shutil.copyfile(file, fresh)
    fresh.chmod(0o600)
    with closing(sqlite3.connect(fresh)) as copy:
        (said,) = copy.execute("PRAGMA integrity_check").fetchone()
    if said != "ok":
        fresh.unlink()
        raise Misuse("the backup's database is damaged")
    with fresh.open("rb") as whole:
        os.fsync(whole.fileno())
    for path in beside:  # what is in them belongs to the old database
        path.unlink(missing_ok=True)
    fresh.replace(target)


async def _run(name: str, arguments: Sequence[str], url: URL, programs: Path | None) -> None:
    """Run one of PostgreSQL's programs."""
    found = shutil.which(name, path=None if programs is None else str(programs))
    place = {"PGHOST": url.host or "localhost", "PGPORT": str(url.port or 5432), "PGUSER": url.username or ""}
    if found is None:
        said = " ".join(f"{key}={value}" for key, value in place.items())
        database = "" if name == "pg_restore" else f" {url.database}"
        detail = f"{name} is not installed (Debian: postgresql-client); where it is, run: {said} PGPASSWORD=... {name} "
        raise Misuse(detail + " ".join(arguments) + database)
    environment = {**os.environ, **place, "PGDATABASE": url.database or "", "PGPASSWORD": url.password or ""}
    if name == "pg_restore":  # the database is named on its command line, or it writes a script
        del environment["PGDATABASE"]
    silent = asyncio.subprocess.DEVNULL
    child = await asyncio.create_subprocess_exec(
        found, *arguments, env=environment, stdin=silent, stdout=silent, stderr=asyncio.subprocess.PIPE
    )
    _, words = await child.communicate()
    if child.returncode != 0:
        tail = "; ".join(words.decode("utf-8", "replace").strip().splitlines()[-_TAIL:])
        raise Unavailable(Reason.STORE, f"{name} ended with code {child.returncode}: {tail}")
