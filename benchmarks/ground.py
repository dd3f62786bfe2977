"""A whole network to measure: a gateway by its command line, a private RabbitMQ and PostgreSQL, sealed envelopes.

Order of a run: envelopes are sealed and put into the gateway's queues while no gateway runs; it is started; how far it
got is read from its database, and the rate taken between a fifth and nineteen twentieths of the way, so that neither
the start nor the end counts. Whoever seals and fills the queues rests while something is measured.

Quotas are lifted: what is measured is what the process can do, not what one bureau may ask of it.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

import aio_pika
import asyncpg
import psutil
from pamqp.commands import Basic

from benchmarks.allowance import Allowance
from bureaus.enrolment import AUTHORITY_CERTIFICATE, LINK_CERTIFICATE, LINK_KEY
from bureaus.links.http import HttpLink
from bureaus.sandbox.network import PrivateNetwork, Seat
from bureaus.sandbox.pki import TlsFiles
from bureaus.store import FILE, Store, identity
from bureaus.store.identity import Keys
from gateway.serving import WORKER_OPTION
from schemas import envelope, wire
from schemas.claims import Head, Header
from schemas.codes import Handling, Purpose, Urgency
from schemas.directory import Directory, Link, ParticipantKind, read_directory
from schemas.envelope import Envelope
from schemas.errors import Misuse
from schemas.identity import Address, MessageId
from schemas.merkle import EMPTY
from schemas.network import Network, read_network
from schemas.operation import Member, Operation, Phase, Role, sign_operation
from schemas.wire import ItemType

OWNER: Final = Address("IPSG")
OPERATION: Final = "infra-benchmark"
QUERY: Final = "whereabouts.query/1"
RESPONSE: Final = "whereabouts.response/1"
CONTENT: Final = bytes(1500)
"""With its padding, wraps and signature, about 3 KB as a submission."""
Mark: TypeAlias = tuple[float, int, float]
"""Time, items done, CPU seconds spent."""
FROM, TO = 0.2, 0.95
"""The part of a run that is measured."""
LOOK: Final = 0.05
"""Seconds between two looks at how far a run got."""
IN_HAND: Final = 1500
"""Messages of all bureaus that one gateway process has in hand: with five of them their queues' share is larger than
the default, which is made for many. With 500 it waits for the broker while two batches are under way."""
_PATIENCE: Final = 300.0
"""Seconds that a round may take, and a gateway's start in it: one that may have a share of a core takes longer."""
_ROUTINE: Final = re.compile(r"submissions(\.routine\..+)?$")
_LIFTED: Final = """\
[pipeline]
link_per_minute = 100000000
bureau_per_minute = 100000000
bureau_bytes_per_minute = 1000000000000
prefetch = {prefetch}
[supervision]
workers = {workers}
"""


def codes(count: int) -> list[Address]:
    """That many synthetic bureaus."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return [Address(first + second) for first in letters for second in letters][:count]


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a run went."""

    rate: float
    """Messages a second."""
    cpu: float = 0.0
    """Microseconds of the measured process's own CPU for one message."""


@dataclass(slots=True)
class Ground:
    """The network, with everybody's keys."""

    running: PrivateNetwork
    bureaus: list[Address]
    network: Network
    directory: Directory
    keys: dict[Address, Keys]
    database: asyncpg.Connection | None = None
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One question at a time on that connection."""
    connections: list[aio_pika.abc.AbstractConnection] = field(default_factory=list)
    loaders: dict[Address, aio_pika.abc.AbstractChannel] = field(default_factory=dict)
    ready: int = 0
    """Items that were done when all processes of the gateway were ready, in the last run from filled queues."""

    def tls(self, address: Address) -> TlsFiles:
        """A participant's certificate on the links."""
        home = self.running.home(address)
        return TlsFiles(home / AUTHORITY_CERTIFICATE, home / LINK_CERTIFICATE, home / LINK_KEY)

    @property
    def gateway_tls(self) -> TlsFiles:
        """What the gateway logs in with: a plain relay logs in with the same."""
        home = self.running.gateway_home
        return TlsFiles(home / "ca.pem", home / "gateway.pem", home / "keys" / "tls.pem")

    @property
    def broker_url(self) -> str:
        """For a client that shows a certificate."""
        assert self.running.broker is not None  # noqa: S101  # the ground is over AMQP
        return self.running.broker.url

    def seal(
        self,
        sender: Address,
        recipient: Address,
        kind: str = QUERY,
        opened: Envelope | None = None,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Envelope:
        """One envelope; with `opened`, the final answer to it."""
        now = int(time.time())
        digest = None if opened is None else opened.digest
        header = Header(
            iss=sender,
            sub=OPERATION,
            aud=(recipient,),
            iat=now,
            exp=now + 6 * 3600,
            cti=MessageId.new(now * 1000),
            net=self.network.id,
            head=Head(0, EMPTY),
            kind=kind,
            purpose=Purpose.ARREST,
            exercise=True,
            urgency=urgency,
            thread=digest,
            re=digest,
        )
        row = self.directory.find(recipient)
        assert row is not None  # noqa: S101  # everybody here is enrolled
        return envelope.seal(header, CONTENT, [row.sealing_key(now)], self.keys[sender].signing[0])

    def queries(self, count: int, urgency: Urgency = Urgency.ROUTINE) -> list[tuple[Address, Envelope]]:
        """That many envelopes, from each bureau to the next in turn."""
        total = len(self.bureaus)
        pairs = ((self.bureaus[at % total], self.bureaus[(at + 1) % total]) for at in range(count))
        return [(sender, self.seal(sender, recipient, urgency=urgency)) for sender, recipient in pairs]

    def settle(self, workers: int = 1, more: str = "", in_hand: int = IN_HAND) -> None:
        """Write the gateway's settings for its next start; `in_hand` is each process's."""
        (self.running.gateway_home / "gateway.toml").write_text(
            _LIFTED.format(workers=workers, prefetch=max(16, in_hand // len(self.bureaus))) + more
        )

    async def load(self, posts: Sequence[tuple[Address, ItemType, bytes]], *, settled: bool = True) -> None:
        """Put these into the gateway's queues, each over its sender's own connection.

        With `settled` it returns when all are there: nobody may be taking them meanwhile.
        """
        before = await self.waiting()
        for sender, kind, body in posts:
            channel = await self._loader(sender)
            underlay = await channel.get_underlay_channel()
            await underlay.basic_publish(
                body,
                exchange=wire.submit_exchange(sender),
                routing_key=str(Urgency.ROUTINE),
                properties=Basic.Properties(
                    message_type=str(kind), user_id=str(sender), delivery_mode=2, message_id="prefilled"
                ),
                wait=False,  # type: ignore[call-arg]  # the driver's own class takes it, its abstract one forgot
            )
        while settled and await self.waiting() < before + len(posts):  # noqa: ASYNC110  # the broker tells nobody
            await asyncio.sleep(LOOK)

    async def _loader(self, sender: Address) -> aio_pika.abc.AbstractChannel:
        if sender not in self.loaders:
            context = self.tls(sender).client_context()
            patient = self.broker_url.replace(f"heartbeat={wire.HEARTBEAT}", "heartbeat=600")  # it rests between rounds
            connection = await aio_pika.connect(patient, ssl_context=context)
            self.connections.append(connection)
            self.loaders[sender] = await connection.channel(publisher_confirms=False)
        return self.loaders[sender]

    @property
    def sources(self) -> list[str]:
        """The gateway's queues of routine submissions, as the broker has them."""
        queues = json.loads((self.running.gateway_home.parent / "definitions.json").read_text("utf-8"))["queues"]
        return [name for name in (row["name"] for row in queues) if _ROUTINE.match(name)]

    async def waiting(self) -> int:
        """Messages ready in those queues."""
        channel = await self._loader(self.bureaus[0])
        underlay = await channel.get_underlay_channel()
        found = [await underlay.queue_declare(queue, passive=True) for queue in self.sources]
        return sum(one.message_count or 0 for one in found)

    async def empty(self) -> None:
        """Throw away what is in everybody's inboxes."""
        for address in self.bureaus:
            channel = await self._loader(address)
            underlay = await channel.get_underlay_channel()
            for urgency in Urgency:
                await underlay.queue_purge(wire.inbox_queue(address, urgency))

    async def rest(self) -> None:
        """Close what is open to the broker and the database: it is opened again when it is needed."""
        connections, self.connections, database, self.database = self.connections, [], self.database, None
        self.loaders.clear()
        for connection in connections:
            await connection.close()
        if database is not None:
            await database.close()

    async def entries(self) -> int:
        """How many entries the ledger has."""
        async with self.asking:
            if self.database is None or self.database.is_closed():
                assert self.running.postgres is not None  # noqa: S101  # the ground is over AMQP
                url = self.running.postgres.url_of("bureaunet").replace("+asyncpg", "")
                self.database = await asyncpg.connect(url)
            return int(await self.database.fetchval("SELECT next FROM log_seq"))

    async def drained(self, items: int, entries_each: int = 2) -> Pace:
        """Start the gateway, let it take `items` from its queue and stop it: how fast it went.

        Each item leads to `entries_each` ledger entries: for a message its acceptance and one consignment.
        """
        marks = await self.marks(items, entries_each)
        return measured(marks, items, self.ready)

    async def allowed(self, bodies: Sequence[tuple[Address, ItemType, bytes]], allowance: Allowance) -> Pace:
        """Start the gateway, give each of its processes its share, then fill its queue: how fast it went."""
        begun, marks = await self.entries(), list[Mark]()
        await self.running.serve()
        try:
            for pid in self._takers():
                allowance.limit(pid)
            await self.load(bodies, settled=False)
            async with asyncio.timeout(_PATIENCE):
                while not marks or marks[-1][1] < len(bodies):
                    marks.append((time.perf_counter(), (await self.entries() - begun) // 2, self.spent()))
                    await asyncio.sleep(LOOK)
            return measured(marks, len(bodies))
        finally:
            await self.running.drain()

    async def marks(self, items: int, entries_each: int = 2) -> list[Mark]:
        """As `drained`: where it was, again and again, from its start: a process works before all of them are ready."""
        begun, marks, self.ready = await self.entries(), list[Mark](), 0
        serving = asyncio.create_task(self.running.serve(within=_PATIENCE))
        try:
            async with asyncio.timeout(_PATIENCE):
                while True:
                    done = (await self.entries() - begun) // entries_each
                    marks.append((time.perf_counter(), min(done, items), self.spent()))
                    if done >= items:
                        return marks
                    if serving.done():
                        serving.result()  # what it could not start for
                        self.ready = self.ready or done
                    await asyncio.sleep(LOOK)
        finally:
            await serving
            await self.running.drain()

    def _takers(self) -> list[int]:
        """The processes that take messages: the gateway, or its workers where it has some."""
        main = psutil.Process(self.running.gateway.pid)
        workers = [one.pid for one in main.children(recursive=True) if WORKER_OPTION in one.cmdline()]
        return workers or [main.pid]

    def spent(self) -> float:
        """Seconds of CPU that the gateway has spent; none before it runs."""
        try:
            return _cpu(psutil.Process(self.running.gateway.pid))
        except (Misuse, psutil.NoSuchProcess):
            return 0.0


def measured(marks: Sequence[Mark], items: int, ready: int = 0) -> Pace:
    """The pace of a run from its marks, ascending: from FROM, or what was done when all were ready, to TO."""
    first = next(mark for mark in marks if mark[1] >= max(items * FROM, ready))
    last = next(mark for mark in marks if mark[1] >= items * TO)
    count = last[1] - first[1]
    if count <= 0:  # it was over between two looks
        first, count = marks[0], last[1] - marks[0][1]
    return Pace(count / (last[0] - first[0]), (last[2] - first[2]) / count * 1e6)


def _cpu(process: psutil.Process) -> float:
    """Seconds of CPU that a process and its workers have spent."""
    family = [process, *process.children(recursive=True)]
    return sum(times.user + times.system for times in (one.cpu_times() for one in family))


@asynccontextmanager
async def ground(
    bureaus: int = 5, link: Link = Link.AMQP, witnesses: int = 0, dishonest: int = 0
) -> AsyncIterator[Ground]:
    """A network with its operation published and its gateway at rest; the first `witnesses` bureaus are witnesses."""
    everyone = codes(bureaus)
    seats = [Seat(OWNER, "Synthetic secretariat", ParticipantKind.SECRETARIAT)]
    seats += [Seat(address, f"Synthetic {address}") for address in everyone]
    with tempfile.TemporaryDirectory(prefix="bureaunet-bench-") as folder:
        network = PrivateNetwork(
            Path(folder), seats, link=link, name="Benchmarks", witnesses=everyone[:witnesses], dishonest=dishonest
        )
        async with network as running:
            made = await _gathered(running, everyone)
            await _publish_operation(made)
            await running.drain()
            made.settle()
            try:
                yield made
            finally:
                await made.rest()


async def _gathered(running: PrivateNetwork, everyone: list[Address]) -> Ground:
    network = read_network(running.network_file.read_bytes())
    directory = read_directory((running.network_file.parent / "directory.cbor").read_bytes(), network)
    keys: dict[Address, Keys] = {}
    for address in (OWNER, *everyone):
        async with await Store.open(running.home(address) / FILE) as store:
            found = await store.run(identity.keys)
        assert found is not None  # noqa: S101  # they were enrolled above
        keys[address] = found
    return Ground(running, everyone, network, directory, keys)


def operation_of(made: Ground) -> bytes:
    """The operation that everybody is a member of, signed by its owner."""
    now = int(time.time())
    members = tuple(
        Member(address, Role.OWNER if address == OWNER else Role.PARTICIPANT, now - 3600) for address in made.keys
    )
    operation = Operation(
        id=OPERATION,
        version=1,
        previous=None,
        time=now,
        name="Benchmark",
        owner=OWNER,
        phase=Phase.ACTIVE,
        members=members,
        kinds=(QUERY, RESPONSE),
        purposes=tuple(Purpose),
        handling=tuple(Handling),
    )
    return sign_operation(operation, made.network.id, made.keys[OWNER].signing[0])


async def _publish_operation(made: Ground) -> None:
    link = HttpLink(made.running.url, made.tls(OWNER).client_context())
    try:
        await link.publish(wire.OPERATIONS, operation_of(made))
    finally:
        await link.aclose()


def posts(envelopes: Sequence[tuple[Address, Envelope]]) -> Iterator[tuple[Address, ItemType, bytes]]:
    """Envelopes as they are loaded."""
    for sender, made in envelopes:
        yield sender, ItemType.ENVELOPE, wire.encode_submission(made)
