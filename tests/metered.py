"""A gateway on SQLite whose every metric has moved once: accepted, refused, handed over, set aside, and measured."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from gateway.adapters.sql.cosignatures import SqlCosignatures
from gateway.adapters.sql.database import Database
from gateway.adapters.sql.measures import SqlMeasures
from gateway.adapters.sql.schema import prepare
from gateway.adapters.sql.store import SqlStore
from gateway.adapters.sql.tree import SqlTree
from gateway.exchange import Exchange
from gateway.measuring import Measuring, Sources
from gateway.ports import Submission
from gateway.settings import Pipeline
from gateway.watching import Watching
from gateway.witnesses import Policies, Witnesses
from schemas.codes import Urgency
from schemas.directory import Link
from schemas.identity import Address
from tests.support import World, sqlite_url

CERTIFICATE_END = 1_900_000_000
"""Seconds."""


@dataclass
class Metered:
    """A running pipeline, its metrics, and the chore that measures."""

    world: World
    database: Database
    watching: Watching = field(default_factory=Watching)

    def __post_init__(self) -> None:
        self.store, self.tree = SqlStore(self.database), SqlTree(self.database)
        clock = self.world.clock
        self.exchange = Exchange(
            store=self.store,
            network=self.world.network,
            signer=self.world.acceptance,
            clock=clock,
            watcher=self.watching,
            limits=Pipeline(linger_milliseconds=0),
        )
        policies = Policies(self.store, self.world.network)
        witnesses = Witnesses(SqlCosignatures(self.database), policies, clock, self.watching)
        sources = Sources(SqlMeasures(self.database), self.store, self.tree, witnesses, self.exchange)
        self.measuring = Measuring(sources, clock, self.watching, CERTIFICATE_END)

    async def live(self) -> None:
        """Three messages: one is handed over after a minute, one waits, one is refused; and one body is set aside."""
        world = self.world
        await self.exchange.publish_directory(world.directory_raw)
        await self.exchange.publish_operation(Address("IPSG"), world.operation_raw)
        taken = await self.send(urgency=Urgency.URGENT)
        await self.send(link=Link.AMQP)
        await self.send(kind="invented.by-a-stranger/9")
        async with self.store.begin() as transaction:
            await transaction.quarantine(Address("FR"), b"12345", "KeyError", world.clock.now())
        world.clock.move(60_000)
        await self.exchange.evidence(Address("BR"), world.acknowledgement("BR", taken))
        world.clock.move(60_000)

    async def send(self, link: Link = Link.HTTP, **claims: str) -> bytes:
        """Submit a query from FR to BR: its digest."""
        plain = self.world.submission(self.world.envelope("FR", ("BR",), b"{}", **claims))
        return (await self.exchange.submit(Submission(plain.link, plain.body, plain.received, link))).digest

    def samples(self) -> dict[tuple[str, frozenset[str]], float]:
        """(name, values of the labels) -> value, of all that `/metrics` says now."""
        said = text_string_to_metric_families(self.watching.metrics().decode())
        return {
            (sample.name, frozenset(value for value in sample.labels.values() if value)): sample.value
            for family in said
            for sample in family.samples
        }


@contextlib.asynccontextmanager
async def metered(folder: Path, *, url: str = "") -> AsyncIterator[Metered]:
    """A gateway with BR and FR that has lived a little; not measured yet."""
    database = Database(url or sqlite_url(folder))
    await prepare(database)
    here = Metered(World("BR", "FR"), database)
    await here.exchange.start()
    try:
        await here.live()
        yield here
    finally:
        await here.exchange.stop()
        await database.close()
