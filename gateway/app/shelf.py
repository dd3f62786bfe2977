"""What commands read of a gateway, as its console does: beside the processes that serve, without its private keys."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.adapters.sql.accounts import SqlAccounts
from gateway.adapters.sql.console import SqlSightings
from gateway.adapters.sql.looks import SqlLooks
from gateway.app.looking import broker_hosts, management_of, requests_of
from gateway.app.records import Silent, open_records
from gateway.console.desk import Shelf
from gateway.service import AUTHORITY_FILE
from gateway.settings import load


@asynccontextmanager
async def open_shelf(home: Path) -> AsyncIterator[Shelf]:
    """The lists of the gateway in `home`.

    Raises:
        Misuse: there is no gateway in `home`, or its database is of another version. Unavailable: `store`.
    """
    settings = load(home, os.environ)
    async with open_records(home, settings, migrate=False) as records:
        await records.statements.refresh()
        database, keeper = records.store.database, records.statements
        yield Shelf(
            network=records.network,
            accounts=SqlAccounts(database),
            sightings=SqlSightings(database),
            looks=SqlLooks(database),
            requests=requests_of(home, records.store, records.network, lambda: keeper.trust, records.clock),
            store=records.store,
            cosignatures=records.cosignatures,
            trust=lambda: keeper.trust,
            clock=records.clock,
            watcher=Silent(),
            limits=settings.console,
            broker=management_of(settings, home / AUTHORITY_FILE),
            broker_address=broker_hosts(settings),
        )
