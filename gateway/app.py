"""The composition root: the one module that builds drivers.

Order of a start: home and settings, database (migrated, or refused), exchange, chores, broker if there is one, then the
two listeners; only then is the gateway ready. Told to stop, it goes back the same way: no new connections, those who
wait are let go, requests in hand are answered, the batch in hand is committed, everything is closed.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.adapters.sql.database import Database
from gateway.adapters.sql.schema import prepare
from gateway.adapters.sql.store import SqlStore
from gateway.adapters.sql.tree import SqlLeases, SqlTree
from gateway.exchange import Exchange
from gateway.ports import Watcher
from gateway.service import Service, open_service
from gateway.settings import Settings, load
from gateway.trust import TrustKeeper
from schemas.directory import Directory
from schemas.network import Network


class SystemClock:
    """The machine's clock, as port `Clock`."""

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000


class Silent:
    """A `Watcher` that says nothing: the commands' own output is enough."""

    def saw(self, name: str, **fields: str | int | None) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Records:
    """What a gateway keeps, open."""

    network: Network
    store: SqlStore
    tree: SqlTree
    leases: SqlLeases
    statements: TrustKeeper


@asynccontextmanager
async def open_records(home: Path, settings: Settings | None = None) -> AsyncIterator[Records]:
    """The database of the gateway in `home`, at this version.

    Raises:
        Misuse: there is no gateway in `home`, or its database is of another version. Unavailable: `store`.
    """
    service = open_service(home)
    settings = settings or load(home, os.environ)
    database = Database(settings.database_url)
    try:
        await prepare(database, migrate=settings.migrate)
        store = SqlStore(database)
        keeper = TrustKeeper(store, service.network)
        yield Records(service.network, store, SqlTree(database), SqlLeases(database), keeper)
    finally:
        await database.close()


async def publish_directory(home: Path, statement: bytes) -> tuple[int, int]:
    """Take a directory version into the ledger of the gateway in `home`: (version now in force, ledger index).

    Raises:
        Malformed, Untrusted: it does not verify, or does not follow the version before. Misuse, Unavailable.
    """
    service = open_service(home)
    settings = load(home, os.environ)
    async with open_records(home, settings) as records:
        exchange = _exchange(service, records, settings, Silent())
        await exchange.start()
        try:
            index = await exchange.publish_directory(statement)
        finally:
            await exchange.stop()
        return _version(exchange.trust.directory), index


def _version(directory: Directory) -> int:
    return directory.version


def _exchange(service: Service, records: Records, settings: Settings, watcher: Watcher) -> Exchange:
    return Exchange(
        store=records.store,
        network=service.network,
        signer=service.acceptance,
        clock=SystemClock(),
        watcher=watcher,
        limits=settings.pipeline,
    )
