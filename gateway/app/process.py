"""One gateway process, put together.

Order of a start: home and settings, database (migrated, or refused), broker if there is one, exchange, chores, then the
two listeners; only then is the gateway ready. Told to stop, it goes back the same way: no new connections, those who
wait are let go, consumers are cancelled and what they hold is decided, requests in hand are answered, the batch in
hand is committed and signed, everything is closed.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Final, Self

from gateway import certificates
from gateway.adapters.rabbitmq.consumer import Consumer
from gateway.adapters.rabbitmq.publisher import Publisher
from gateway.adapters.rabbitmq.session import Endpoint
from gateway.adapters.rehearsal import Rehearsal
from gateway.adapters.sql.accounts import SqlAccounts
from gateway.adapters.sql.bodies import SqlBodies
from gateway.adapters.sql.console import SqlSightings
from gateway.adapters.sql.looks import SqlLooks
from gateway.adapters.sql.measures import SqlMeasures
from gateway.advancing import Advancing
from gateway.answers import STATES_SECONDS, Answers, ClockStates, Tools
from gateway.api.amqp import Intake
from gateway.api.bureaus import BureausApi
from gateway.api.exercise import ExerciseApi
from gateway.api.http import bureaus_application, operators_application
from gateway.api.listener import Connections, Site, server_context, url
from gateway.api.operators import Check, OperatorsApi
from gateway.api.reading import ReadingApi
from gateway.api.witnessing import WitnessingApi
from gateway.app.looking import broker_hosts, hearing, hearing_taken, management_of, requests_of
from gateway.app.records import Records, SystemClock, make_exchange, open_records
from gateway.approvals import LOOK_SECONDS, Counted
from gateway.broker import submission_queues
from gateway.chores import Chore, Chores
from gateway.console.desk import Desk
from gateway.console.pulse import EVERY as PULSE_SECONDS
from gateway.console.routes import Console
from gateway.delivery import Delivery
from gateway.exchange import Exchange
from gateway.exercise_clock import ExerciseClock, open_clock, refuse_machine_time
from gateway.expiry import EVERY, Expiry
from gateway.highwater import FileMark
from gateway.ledger import Ledger
from gateway.measuring import EVERY as MEASURE_SECONDS
from gateway.measuring import Measuring, Sources
from gateway.openid import Issuer
from gateway.presence import EVERY as PRESENCE_SECONDS
from gateway.presence import Presences
from gateway.retention import Retention
from gateway.reviews import Reviews
from gateway.service import open_service
from gateway.settings import Settings
from gateway.standing import Standing
from gateway.watching import Watching
from gateway.witnesses import Policies, Witnesses
from schemas.errors import Misuse
from schemas.network import Network

OPERATORS_IDLE: Final = 30.0
"""Seconds."""
MARK_SECONDS: Final = 5.0
"""Between two looks at what another process published."""


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
        self._exercise = _exercise_clock(settings, self._service.network)
        self._clock = self._rehearsal.clock(self._exercise or SystemClock())
        self._presences = Presences(self._clock, settings.pipeline.links_remembered)
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
        exchange = make_exchange(self._service, records, settings, watching, publisher, self._clock, standing)
        witnesses = self._witnesses(records, exchange, ledger)
        delivery = Delivery(records.store, watching, settings.pipeline)
        exchange.consigned = delivery.wake
        chores = self._chores(exchange, ledger, records)
        expiry = Expiry(exchange, self._clock, watching, watching)
        chores.add(Chore("expiry", EVERY, expiry.look, single=False, timed=True))
        chores.add(Chore("witnesses", min(1.0, settings.chores.witness_milliseconds / 1000), witnesses.offer))
        bodies = SqlBodies(records.store.database)
        kept = settings.chores.retention_items, settings.pipeline.longest_retention_days
        retention = Retention(exchange, records.store, bodies, self._clock, watching, *kept)
        chores.add(Chore("retention", settings.chores.retention_seconds, retention.look, timed=True))
        reviews = Reviews(records.store, self._clock, watching)
        chores.add(Chore("reviews", settings.chores.retention_seconds, reviews.look, timed=True))
        tools = Tools(exchange, self._service.acceptance, standing, publisher, delivery.wake)
        answers = self._answers(chores, records, tools)
        sources = Sources(SqlMeasures(records.store.database), records.store, records.tree, witnesses, exchange)
        measuring = Measuring(sources, self._clock, watching, certificates.ends(self._service.certificate))
        chores.add(Chore("measuring", MEASURE_SECONDS, measuring.look))
        chores.add(Chore("high-water", MARK_SECONDS, standing.look, single=False))
        console = self._console(records, exchange, ledger, witnesses, checks)
        self._looking(chores, console, records)
        await self._run(delivery.start, delivery.stop)
        await exchange.start()
        await self._run(chores.start, chores.stop)
        self._stack.push_async_callback(exchange.stop)  # before the chores end, so that its last entries are signed
        consumer = None
        if endpoint is not None and publisher is not None:
            consumer = await self._consume(endpoint, exchange, records, publisher)
        reading = ReadingApi(records.store, ledger, self._clock)
        operators = OperatorsApi(checks, watching, exchange.gatehouse.refusals)
        advancing = None
        if self._exercise is not None:
            advancing = Advancing(self._exercise, records.store, exchange, answers.look, chores)
        bureaus = reading, WitnessingApi(witnesses)
        quieten = await self._listen(exchange, delivery, bureaus, (operators, console, ExerciseApi(advancing)))
        if consumer is not None:  # first of all: while requests in hand are answered, the broker gives us nothing more
            self._stack.push_async_callback(consumer.stop)
        self._stack.callback(quieten)

    def _console(
        self, records: Records, exchange: Exchange, ledger: Ledger, witnesses: Witnesses, checks: dict[str, Check]
    ) -> Console:
        """The operators' pages."""
        settings = self._settings
        desk = Desk(
            network=self._service.network,
            accounts=SqlAccounts(records.store.database),
            sightings=SqlSightings(records.store.database),
            looks=SqlLooks(records.store.database),
            requests=requests_of(
                settings.home, records.store, self._service.network, lambda: exchange.trust, self._clock
            ),
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
            limits=settings.console,
            pipeline=exchange,
            broker=management_of(settings, self._service.authority),
            broker_address=broker_hosts(settings),
            certificates=self._watching.certificates,
            place=lambda: self.operators,
            issuer=self._issuer(),
        )
        return Console(desk)

    def _looking(self, chores: Chores, console: Console, records: Records) -> None:
        """The chores of what operators look at."""
        write = partial(self._presences.write, SqlLooks(records.store.database))
        chores.add(Chore("presence", PRESENCE_SECONDS, write, single=False))
        counted = Counted(console.desk.requests, self._watching.registry)
        chores.add(Chore("approvals", LOOK_SECONDS, counted.look, single=False))
        chores.add(Chore("pulse", PULSE_SECONDS, console.sample, single=False))

    def _issuer(self) -> Issuer | None:
        """The provider by which operators may sign in; None where the settings name none."""
        asked = self._settings.console.openid
        if not asked.issuer:
            return None
        if self._inherited is not None and not self._settings.console.url:
            raise Misuse("with several workers and console.openid, `url` under [console] says how browsers reach it")
        try:
            from gateway.adapters.openid import HttpIssuer  # noqa: PLC0415  # it needs what the extra oidc installs
        except ModuleNotFoundError:
            raise Misuse("console.openid needs: pip install 'bureaunet[oidc]'") from None
        return HttpIssuer(asked, SystemClock())  # the provider's time is the world's, also in an exercise

    def _answers(self, chores: Chores, records: Records, tools: Tools) -> Answers:
        """The answer clock, with its chores."""
        paces = self._settings.chores
        answers = Answers(records.store, tools, self._clock, self._watching, paces)
        chores.add(Chore("answers", paces.answers_milliseconds / 1000, answers.look, timed=True))
        chores.add(Chore("attestations", paces.retention_seconds, answers.forget, timed=True))
        states = ClockStates(records.store, self._watching.registry)
        chores.add(Chore("clock-states", STATES_SECONDS, states.look, single=False))
        return answers

    def _witnesses(self, records: Records, exchange: Exchange, ledger: Ledger) -> Witnesses:
        """The witnesses' side, joined to what takes evidence and to what proves."""
        policies = Policies(records.store, self._service.network)
        pace = self._settings.chores.witness_milliseconds / 1000
        paced = self._clock if self._exercise is None else SystemClock()
        made = Witnesses(records.cosignatures, policies, paced, self._watching, pace)
        exchange.cosigned, ledger.witnesses = made.take, made
        return made

    async def _run(self, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]) -> None:
        await start()
        self._stack.push_async_callback(stop)

    def _chores(self, exchange: Exchange, ledger: Ledger, records: Records) -> Chores:
        chores = Chores(
            exchange=exchange,
            ledger=ledger,
            store=records.store,
            leases=records.leases,
            signer=self._service.current,
            clock=self._clock,
            watcher=self._watching,
            paces=self._settings.chores,
        )
        if self._exercise is not None:
            chores.machine = SystemClock()
        return chores

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
        handler = hearing(self._rehearsal.handler(intake.decide), self._presences)
        taking = hearing_taken(self._rehearsal.taking(intake.take), self._presences)
        await self._run(lambda: consumer.start(handler, taking), consumer.stop)
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
        operators: tuple[OperatorsApi, Console, ExerciseApi],
    ) -> Callable[[], None]:
        """Open both listeners: what makes them quiet again."""
        limits, watching = self._settings.bureaus, self._watching
        bound = self._settings.operators
        application = operators_application(operators[0], operators[2])
        operators[1].mount(application)
        watched = Site(application, idle=OPERATORS_IDLE, drain=limits.drain_seconds)
        self._stack.push_async_callback(watched.stop)
        self.operators = url("http", bound.host, await watched.start(bound))
        connections = Connections(limits, watching)
        bureaus = BureausApi(exchange, delivery, self._clock, limits, watching, connections, self._presences.heard)
        site = Site(bureaus_application(bureaus, *reading), idle=limits.idle_seconds, drain=limits.drain_seconds)
        self._stack.push_async_callback(site.stop)
        tls = server_context(self._service)
        handshake = limits.handshake_seconds
        port = await site.start(
            limits, tls=tls, handshake=handshake, connections=connections, inherited=self._inherited
        )
        self.url = url("https", limits.host, port)
        return partial(_quieten, operators[:2], bureaus, site)


def _exercise_clock(settings: Settings, network: Network) -> ExerciseClock | None:
    if settings.exercise_clock:
        return open_clock(network, settings.state_folder, SystemClock())
    refuse_machine_time(network, settings.state_folder)
    return None


def _quieten(operators: tuple[OperatorsApi, Console], bureaus: BureausApi, site: Site) -> None:
    """The first step of stopping: be ready no more, take no new connections, let those go who wait."""
    for part in operators:
        part.stop()
    site.refuse_new()
    bureaus.stop()
