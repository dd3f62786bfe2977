"""The composition root: the one module that builds drivers.

Order of a start: home and settings, database (migrated, or refused), broker if there is one, exchange, chores, then the
two listeners; only then is the gateway ready. Told to stop, it goes back the same way: no new connections, those who
wait are let go, consumers are cancelled and what they hold is decided, requests in hand are answered, the batch in
hand is committed and signed, everything is closed.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Self

from gateway import certificates, two_people
from gateway.adapters.rabbitmq.consumer import Consumer
from gateway.adapters.rabbitmq.publisher import Publisher
from gateway.adapters.rabbitmq.session import Endpoint
from gateway.adapters.rehearsal import Rehearsal
from gateway.adapters.sql.accounts import SqlAccounts
from gateway.adapters.sql.bodies import SqlBodies
from gateway.adapters.sql.console import SqlSightings
from gateway.adapters.sql.cosignatures import SqlCosignatures
from gateway.adapters.sql.database import Database
from gateway.adapters.sql.measures import SqlMeasures
from gateway.adapters.sql.schema import prepare
from gateway.adapters.sql.store import SqlStore
from gateway.adapters.sql.tree import SqlLeases, SqlTree
from gateway.answers import STATES_SECONDS, Answers, ClockStates, Tools
from gateway.api.amqp import Intake
from gateway.api.bureaus import BureausApi
from gateway.api.http import bureaus_application, operators_application
from gateway.api.listener import Connections, Site, server_context, url
from gateway.api.operators import Check, OperatorsApi
from gateway.api.reading import ReadingApi
from gateway.api.witnessing import WitnessingApi
from gateway.broker import submission_queues
from gateway.chores import Chore, Chores
from gateway.console.desk import Desk
from gateway.console.routes import Console
from gateway.delivery import Delivery
from gateway.exchange import Exchange
from gateway.expiry import EVERY, Expiry
from gateway.highwater import FileMark
from gateway.ledger import Ledger
from gateway.measuring import EVERY as MEASURE_SECONDS
from gateway.measuring import Measuring, Sources
from gateway.ports import Clock, Inboxes, Watcher
from gateway.retention import Retention
from gateway.reviews import Reviews
from gateway.service import Service, open_service, pinned_network
from gateway.settings import Settings, load
from gateway.standing import Standing
from gateway.trust import TrustKeeper
from gateway.two_people import Act
from gateway.watching import Watching
from gateway.witnesses import Policies, Witnesses
from schemas.network import Network

OPERATORS_IDLE: Final = 30.0
"""Seconds."""
MARK_SECONDS: Final = 5.0
"""Between two looks at what another process published."""


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
        keeper = TrustKeeper(store, network)
        yield Records(network, store, SqlTree(database), SqlLeases(database), SqlCosignatures(database), keeper)
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
        await Ledger(records.tree, service.log, SystemClock(), Silent(), FileMark(settings.state_folder)).agree()
        # A release that fails is set aside anew before the old row goes: a full quarantine must not lose it between.
        unbounded = {"quarantine_items": sys.maxsize, "quarantine_items_per_link": sys.maxsize}
        pipeline = settings.pipeline.model_copy(update=unbounded)
        exchange = _exchange(service, records, settings.model_copy(update={"pipeline": pipeline}), Silent())
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

    Raises:
        Forbidden, Untrusted, Malformed: as `two_people.check`. Misuse: nobody's signature could count. Unavailable.
    """
    clock, holders = SystemClock(), exchange.trust.directory.holders
    now = clock.now() // 1000
    approved = await two_people.require(home, records.store, records.network, holders, request, subject, now)
    if approved is not None:
        await two_people.record(records.store, clock, approved)


class Gateway:
    """One gateway process, put together: serving inside `async with`."""

    def __init__(self, settings: Settings, watching: Watching, inherited: socket.socket | None = None) -> None:
        """`inherited` is a socket to listen on for bureaus, in place of the settings' address."""
        self._settings = settings
        self._watching = watching
        self._inherited = inherited
        self._service = open_service(settings.home)
        self._stack = AsyncExitStack()
        self._rehearsal = Rehearsal.of(os.environ)
        self._clock = self._rehearsal.clock(SystemClock())
        self.url = ""
        """Of the bureaus' listener."""
        self.operators = ""
        """Of the operators' listener."""

    @property
    def network(self) -> Network:
        """The network that this gateway belongs to."""
        return self._service.network

    async def __aenter__(self) -> Self:
        """Start everything.

        Raises:
            Misuse, Unavailable: what was started is stopped again.
        """
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Stop everything, in the order of the module's docstring."""
        await self._stack.aclose()

    async def _start(self) -> None:
        settings, watching = self._settings, self._watching
        if self._rehearsal.asked:
            watching.saw("rehearsing")
        records = await self._stack.enter_async_context(open_records(settings.home, settings, self._rehearsal))
        checks: dict[str, Check] = {"store": records.store.ping}
        endpoint = self._endpoint()
        publisher = await self._publisher(endpoint, checks)
        ledger = Ledger(records.tree, self._service.log, self._clock, watching, FileMark(settings.state_folder))
        await ledger.agree()
        standing = Standing(watching, ledger.agree)
        checks["high-water"] = standing.look
        exchange = _exchange(self._service, records, settings, watching, publisher, self._clock, standing)
        witnesses = self._witnesses(records, exchange, ledger)
        delivery = Delivery(records.store, watching, settings.pipeline)
        exchange.consigned = delivery.wake
        chores = self._chores(exchange, ledger, records)
        chores.add(Chore("expiry", EVERY, Expiry(exchange, self._clock, watching, watching).look, single=False))
        chores.add(Chore("witnesses", min(1.0, settings.chores.witness_milliseconds / 1000), witnesses.offer))
        bodies = SqlBodies(records.store.database)
        kept = settings.chores.retention_items, settings.pipeline.longest_retention_days
        retention = Retention(exchange, records.store, bodies, self._clock, watching, *kept)
        chores.add(Chore("retention", settings.chores.retention_seconds, retention.look))
        reviews = Reviews(records.store, self._clock, watching)
        chores.add(Chore("reviews", settings.chores.retention_seconds, reviews.look))
        self._answers(chores, records, Tools(exchange, self._service.acceptance, standing, publisher, delivery.wake))
        sources = Sources(SqlMeasures(records.store.database), records.store, records.tree, witnesses, exchange)
        measuring = Measuring(sources, self._clock, watching, certificates.ends(self._service.certificate))
        chores.add(Chore("measuring", MEASURE_SECONDS, measuring.look))
        chores.add(Chore("high-water", MARK_SECONDS, standing.look, single=False))
        await self._run(delivery.start, delivery.stop)
        await exchange.start()
        await self._run(chores.start, chores.stop)
        self._stack.push_async_callback(exchange.stop)  # before the chores end, so that its last entries are signed
        consumer = None
        if endpoint is not None and publisher is not None:
            consumer = await self._consume(endpoint, exchange, records, publisher)
        reading = ReadingApi(records.store, ledger, self._clock)
        operators = OperatorsApi(checks, watching, exchange.gatehouse.refusals)
        console = self._console(records, exchange, ledger, witnesses, checks)
        quieten = await self._listen(exchange, delivery, (reading, WitnessingApi(witnesses)), (operators, console))
        if consumer is not None:  # first of all: while requests in hand are answered, the broker gives us nothing more
            self._stack.push_async_callback(consumer.stop)
        self._stack.callback(quieten)

    def _console(
        self, records: Records, exchange: Exchange, ledger: Ledger, witnesses: Witnesses, checks: dict[str, Check]
    ) -> Console:
        """The operators' pages."""
        desk = Desk(
            network=self._service.network,
            accounts=SqlAccounts(records.store.database),
            sightings=SqlSightings(records.store.database),
            store=records.store,
            tree=records.tree,
            ledger=ledger,
            policies=witnesses.policies,
            cosignatures=records.cosignatures,
            trust=lambda: exchange.trust,
            checks=checks,
            refusals=exchange.gatehouse.refusals,
            clock=self._clock,
            watcher=self._watching,
            limits=self._settings.console,
        )
        return Console(desk)

    def _answers(self, chores: Chores, records: Records, tools: Tools) -> None:
        """The chores of the answer clock."""
        paces = self._settings.chores
        answers = Answers(records.store, tools, self._clock, self._watching, paces)
        chores.add(Chore("answers", paces.answers_milliseconds / 1000, answers.look))
        chores.add(Chore("attestations", paces.retention_seconds, answers.forget))
        states = ClockStates(records.store, self._watching.registry)
        chores.add(Chore("clock-states", STATES_SECONDS, states.look, single=False))

    def _witnesses(self, records: Records, exchange: Exchange, ledger: Ledger) -> Witnesses:
        """The witnesses' side, joined to what takes evidence and to what proves."""
        policies = Policies(records.store, self._service.network)
        pace = self._settings.chores.witness_milliseconds / 1000
        made = Witnesses(records.cosignatures, policies, self._clock, self._watching, pace)
        exchange.cosigned, ledger.witnesses = made.take, made
        return made

    async def _run(self, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]) -> None:
        await start()
        self._stack.push_async_callback(stop)

    def _chores(self, exchange: Exchange, ledger: Ledger, records: Records) -> Chores:
        return Chores(
            exchange=exchange,
            ledger=ledger,
            store=records.store,
            leases=records.leases,
            signer=self._service.current,
            clock=self._clock,
            watcher=self._watching,
            paces=self._settings.chores,
        )

    async def _publisher(self, endpoint: Endpoint | None, checks: dict[str, Check]) -> Publisher | None:
        if endpoint is None:
            return None
        publisher = self._rehearsal.publisher(endpoint, self._watching)
        checks["broker"] = publisher.ready
        await self._run(publisher.start, publisher.stop)
        return publisher

    async def _consume(
        self, endpoint: Endpoint, exchange: Exchange, records: Records, publisher: Publisher
    ) -> Consumer:
        limits = self._settings.pipeline

        def queues() -> list[str]:
            return submission_queues(exchange.trust.directory)

        consumer = Consumer(endpoint, queues, self._watching, prefetch=limits.prefetch, held_bytes=limits.arrival_bytes)
        intake = Intake(exchange, records.store, publisher, self._clock, self._watching, limits=limits)
        handler = self._rehearsal.handler(intake.decide)
        await self._run(lambda: consumer.start(handler), consumer.stop)
        return consumer

    def _endpoint(self) -> Endpoint | None:
        if not self._settings.broker:
            return None
        service = self._service
        tls = (service.certificate, service.tls_key, service.authority, service.tls_password)
        return Endpoint.of(self._settings.broker, *tls)

    async def _listen(
        self,
        exchange: Exchange,
        delivery: Delivery,
        reading: tuple[ReadingApi, WitnessingApi],
        operators: tuple[OperatorsApi, Console],
    ) -> Callable[[], None]:
        """Open both listeners: what makes them quiet again."""
        limits, watching = self._settings.bureaus, self._watching
        bound = self._settings.operators
        application = operators_application(operators[0])
        operators[1].mount(application)
        watched = Site(application, idle=OPERATORS_IDLE, drain=limits.drain_seconds)
        self._stack.push_async_callback(watched.stop)
        self.operators = url("http", bound.host, await watched.start(bound))
        connections = Connections(limits, watching)
        bureaus = BureausApi(exchange, delivery, self._clock, limits, watching, connections)
        site = Site(bureaus_application(bureaus, *reading), idle=limits.idle_seconds, drain=limits.drain_seconds)
        self._stack.push_async_callback(site.stop)
        tls = server_context(self._service)
        handshake = limits.handshake_seconds
        port = await site.start(
            limits, tls=tls, handshake=handshake, connections=connections, inherited=self._inherited
        )
        self.url = url("https", limits.host, port)
        return partial(_quieten, operators, bureaus, site)


def _quieten(operators: tuple[OperatorsApi, Console], bureaus: BureausApi, site: Site) -> None:
    """The first step of stopping: be ready no more, take no new connections, let those go who wait."""
    for part in operators:
        part.stop()
    site.refuse_new()
    bureaus.stop()


def _exchange(
    service: Service,
    records: Records,
    settings: Settings,
    watcher: Watcher,
    inboxes: Inboxes | None = None,
    clock: Clock | None = None,
    standing: Standing | None = None,
) -> Exchange:
    return Exchange(
        store=records.store,
        network=service.network,
        signer=service.acceptance,
        clock=clock or SystemClock(),
        watcher=watcher,
        limits=settings.pipeline,
        inboxes=inboxes,
        standing=standing,
    )
