"""What a gateway keeps, opened: for the gateway's process, and for commands that work on the same records."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway import two_people
from gateway.adapters.rehearsal import Rehearsal
from gateway.adapters.sql.cosignatures import SqlCosignatures
from gateway.adapters.sql.database import Database
from gateway.adapters.sql.schema import prepare
from gateway.adapters.sql.store import SqlStore
from gateway.adapters.sql.tree import SqlLeases, SqlTree
from gateway.app.looking import requests_of
from gateway.exchange import Exchange
from gateway.exercise_clock import clock_of
from gateway.highwater import FileMark
from gateway.ledger import Ledger
from gateway.ports import Clock, Inboxes, Watcher
from gateway.service import Service, open_service, pinned_network
from gateway.settings import Settings, load
from gateway.standing import Standing
from gateway.trust import TrustKeeper
from gateway.two_people import Act
from schemas.network import Network


class SystemClock:
    """The machine's clock, as port `Clock`."""

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000


class Silent:
    """A `Watcher` that says nothing: a command's own output is enough."""

    def saw(self, name: str, **fields: str | int | None) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Records:
    """What a gateway keeps, open."""

    network: Network
    store: SqlStore
    tree: SqlTree
    leases: SqlLeases
    cosignatures: SqlCosignatures
    statements: TrustKeeper
    clock: Clock
    """The machine's, or the exercise's where one is kept."""


@asynccontextmanager
async def open_records(
    home: Path, settings: Settings | None = None, rehearsal: Rehearsal | None = None, *, migrate: bool = True
) -> AsyncIterator[Records]:
    """The database of the gateway in `home`, at this version; with `migrate` false it is checked and never changed.

    Raises:
        Misuse: there is no gateway in `home`, or its database is of another version. Unavailable: `store`.
    """
    network = pinned_network(home)
    settings = settings or load(home, os.environ)
    database = Database(settings.database_url)
    try:
        await prepare(database, migrate=migrate and settings.migrate)
        store = (rehearsal or Rehearsal()).store(database)
        kept = SqlTree(database), SqlLeases(database), SqlCosignatures(database), TrustKeeper(store, network)
        yield Records(network, store, *kept, clock_of(network, settings.state_folder, SystemClock()))
    finally:
        await database.close()


@asynccontextmanager
async def open_exchange(home: Path, *, migrate: bool = True) -> AsyncIterator[tuple[Records, Exchange]]:
    """The records of the gateway in `home` and a pipeline on them, without a broker, for one command.

    `migrate` as for `open_records`.

    Raises:
        Untrusted: `checkpoint`, the database is older than what this gateway published. Misuse, Unavailable: as
            `open_records`.
    """
    service, settings = open_service(home), load(home, os.environ)
    async with open_records(home, settings, migrate=migrate) as records:
        await Ledger(records.tree, service.log, records.clock, Silent(), FileMark(settings.state_folder)).agree()
        # A release that fails is set aside anew before the old row goes: a full quarantine must not lose it between.
        unbounded = {"quarantine_items": sys.maxsize, "quarantine_items_per_link": sys.maxsize}
        pipeline = settings.pipeline.model_copy(update=unbounded)
        exchange = make_exchange(service, records, settings.model_copy(update={"pipeline": pipeline}), Silent())
        await exchange.start()
        try:
            yield records, exchange
        finally:
            await exchange.stop()


async def publish_directory(home: Path, statement: bytes, request: bytes | None = None) -> tuple[int, int]:
    """Take a directory version into the ledger of the gateway in `home`: (version now in force, ledger index).

    `request` is signed by two operators, where the authority has listed operators (gateway/two_people.py).

    Raises:
        Malformed, Untrusted: it does not verify, or does not follow the version before. Misuse, Unavailable. As
            `rest_on_two`.
    """
    async with open_exchange(home) as (records, exchange):
        if statement not in [raw for _, raw in await records.store.directories()]:  # again, it changes nothing
            await rest_on_two(home, records, exchange, request, (Act.DIRECTORY_LOAD, statement))
        index = await exchange.publish_directory(statement)
        return exchange.trust.directory.version, index


async def rest_on_two(
    home: Path, records: Records, exchange: Exchange, request: bytes | None, subject: tuple[Act, bytes]
) -> None:
    """Check and record two operators' request for an act on these bytes, where the authority has listed operators.

    Without a `request`, one that was brought to the gateway and that enough signed is taken.

    Raises:
        Forbidden, Untrusted, Malformed: as `two_people.check`. Misuse: nobody's signature could count. Unavailable.
    """
    clock, holders = records.clock, exchange.trust.directory.holders
    now = clock.now() // 1000
    if request is None:
        request = await requests_of(home, records.store, records.network, lambda: exchange.trust, clock).ready(*subject)
    approved = await two_people.require(home, records.store, records.network, holders, request, subject, now)
    if approved is not None:
        await two_people.record(records.store, clock, approved)


def make_exchange(
    service: Service,
    records: Records,
    settings: Settings,
    watcher: Watcher,
    inboxes: Inboxes | None = None,
    clock: Clock | None = None,
    standing: Standing | None = None,
) -> Exchange:
    """The pipeline on these records."""
    return Exchange(
        store=records.store,
        network=service.network,
        signer=service.acceptance,
        clock=clock or records.clock,
        watcher=watcher,
        limits=settings.pipeline,
        inboxes=inboxes,
        standing=standing,
    )
