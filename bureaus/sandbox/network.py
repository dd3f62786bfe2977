"""A whole private network on loopback: authority, gateway, and every participant enrolled. The one way to start one.

Order: the gateway makes its keys; the authority makes its own and the network file; every participant makes its keys
and its request; the authority approves them all in one call; the gateway loads the directory and serves; each
participant gets its certificate. With link `amqp`, a private PostgreSQL and a private RabbitMQ are started before the
gateway. On leaving, the gateway is drained and everything that was started here is ended.

With `made`, the folder is a copy of one that `make` filled: keys, certificates and the directory are there, and the
network only has to start.

Rules: the gateway and its authority are used by their command line alone, as their own processes; participants are
enrolled in this process, by the functions behind `bureaunet enrol`. Everything is made below one folder, which
stays. A second start serves the same database on the same ports.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bureaus import enrolment
from bureaus.client import Bureau
from bureaus.sandbox.pki import TlsFiles, write_server_request
from bureaus.sandbox.postgres import Postgres
from bureaus.sandbox.process import Process, free_port, run
from bureaus.sandbox.rabbitmq import Broker
from bureaus.settings import DEFAULT
from schemas.directory import Link, ParticipantKind
from schemas.errors import Misuse, Reason, Unavailable
from schemas.identity import Address

ORIGIN: Final = "sandbox.bureaunet.invalid/log"
"""The log's name: under a top-level domain that is nobody's (RFC 2606)."""
WITNESS_SECONDS: Final = 1.0
"""Between two looks of a bureau for a checkpoint to sign, where some are witnesses; twice as long where none is new."""
START_SECONDS: Final = 30.0
"""How long the gateway may take until it is ready."""
ATTEMPTS: Final = 3
"""Starts tried: a port may be taken between choosing and using it."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Somebody to enrol."""

    address: Address
    name: str
    kind: ParticipantKind = ParticipantKind.NATIONAL_BUREAU
    units: tuple[str, ...] = ()
    link: Link | None = None
    """None is the network's."""


def _silent(_stage: str) -> None:
    """Tell nobody."""


class PrivateNetwork:
    """A network of our own: `async with PrivateNetwork(folder, seats) as network`.

    `folder` is made if need be. `say` is told each stage, in words, as it begins.
    """

    def __init__(
        self,
        folder: Path,
        seats: Sequence[Seat],
        *,
        link: Link = Link.HTTP,
        name: str = "A private network for exercises",
        say: Callable[[str], None] = _silent,
        witnesses: Sequence[Address] = (),
        dishonest: int = 0,
        made: bool = False,
    ) -> None:
        """`witnesses` are seats that cosign the ledger's checkpoints, `dishonest` of whom may be so."""
        self.link = link
        self._made = made
        self.stopped = False
        """Whether the gateway is served with --exercise-clock; `clock` is what the bureaus go by then."""
        self.settings: dict[str, int] = {"witness_milliseconds": 1000}
        """Settings of the gateway that are different here, set before it is made: nobody waits for witnesses."""
        self.clock: Callable[[], int] | None = None
        """Milliseconds since the epoch, for bureaus that are opened from now on; None is the machine's."""
        self.limits = DEFAULT
        """Of those bureaus, where nobody is a witness."""
        self.seats = tuple(seats)
        self._folder = folder.resolve()
        self._name = name
        self._witnesses, self._dishonest = tuple(witnesses), dishonest
        self._say = say
        self._servers = AsyncExitStack()
        self._environment = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "PYTHONUTF8": "1"}
        self._ports = (free_port(), free_port())
        self._broker: Broker | None = None
        self._postgres: Postgres | None = None
        self._gateway: Process | None = None
        self._begin = 0
        self._urls: tuple[str, str] | None = None

    @property
    def network_file(self) -> Path:
        """What every participant and every auditor pins."""
        return self._authority / "network.bn"

    @property
    def url(self) -> str:
        """The bureaus' listener. Raises Misuse before the gateway served."""
        return self._ready()[0]

    @property
    def operators(self) -> str:
        """The operators' listener. Raises Misuse before the gateway served."""
        return self._ready()[1]

    @property
    def gateway(self) -> Process:
        """The gateway's process: its id, its log. Raises Misuse before the first start."""
        if self._gateway is None:
            raise Misuse("the gateway was not started")
        return self._gateway

    @property
    def broker(self) -> Broker | None:
        """The private broker, with link `amqp`."""
        return self._broker

    @property
    def postgres(self) -> Postgres | None:
        """The private database server, with link `amqp`."""
        return self._postgres

    @property
    def authority_certificate(self) -> Path:
        """What every link trusts."""
        return self._authority / "ca.pem"

    def certificate(self, address: Address) -> Path:
        """A participant's certificate, as the authority gave it."""
        return self._authority / "certificates" / f"{address.replace('/', '.')}.pem"

    async def server_certificate(self, name: str) -> TlsFiles:
        """A certificate of the authority's for one more server on loopback, and its key, made here."""
        tls = TlsFiles(self.authority_certificate, self._folder / f"{name}.pem", self._folder / f"{name}.key")
        request = self._folder / f"{name}.csr"
        request.write_bytes(write_server_request(tls.key))
        out = ("--out", tls.certificate)
        await self.command("authority", "server-certificate", "--home", self._authority, request, *out)
        return tls

    @property
    def log(self) -> Path:
        """What the gateway wrote, all its starts one after another."""
        return self._folder / "gateway.log"

    @property
    def gateway_home(self) -> Path:
        """The gateway's folder: its keys, its settings and, with link `http`, its SQLite database."""
        return self._folder / "gateway"

    def home(self, address: Address) -> Path:
        """A participant's folder."""
        return self._folder / "bureaus" / address.replace("/", ".")

    def bureau(self, address: Address) -> Bureau:
        """A participant's bureau, to be entered."""
        limits = self.limits
        if self._witnesses:
            limits = replace(limits, witness_seconds=WITNESS_SECONDS, witness_idle_seconds=2 * WITNESS_SECONDS)
        if self.clock is None:
            return Bureau.open(self.home(address), limits=limits)
        return Bureau.open(self.home(address), limits=limits, clock=self.clock)

    def gateway_for(self, _address: Address) -> str:
        """Where a participant is told that the gateway is."""
        return self.url

    def broker_for(self, _address: Address) -> str:
        """Where a participant is told that the broker is; empty without one."""
        return "" if self._broker is None else self._broker.url

    async def __aenter__(self) -> Self:
        """Make everything and serve. Raises Misuse or Unavailable; then nothing that was started is left running."""
        try:
            if not self._made:
                await self.make()
            if self.link is Link.AMQP:
                await self._start_database()
                await self._load()
                await self._start_broker()
            if self._gateway is None:
                self._say("starting the gateway")
                self.launch()
            await self._served()
            await self._complete()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drain the gateway and end what was started here. The folder stays."""
        await self._close()

    async def make(self) -> None:
        """Fill the folder with all that is there before anything serves. Raises Unavailable if a command fails."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        await self._found()
        await self._enrol()
        if self.link is Link.HTTP:
            await self._load()

    async def command(self, *arguments: str | Path) -> str:
        """Run one `bureaunet-gateway` command to its end and give what it printed. Raises Unavailable if it fails."""
        return await run([sys.executable, "-m", "gateway", *arguments], environment=self._environment)

    async def serve(self, environment: Mapping[str, str] | None = None, within: float = START_SECONDS) -> None:
        """Start the gateway, again or for the first time, and wait until it is ready. Raises Unavailable.

        `environment` is said to this start besides; it may take so many seconds.
        """
        self.launch(environment)
        await self._served(within)

    def launch(self, environment: Mapping[str, str] | None = None) -> None:
        """Start the gateway's process, which is not ready yet. Raises Misuse if it runs already."""
        if self._gateway is not None and self._gateway.running:
            raise Misuse("the gateway runs already")
        self._begin = self.log.stat().st_size if self.log.exists() else 0
        ports = ("--port", str(self._ports[0]), "--operators-port", str(self._ports[1]))
        broker = () if self._broker is None else ("--broker", self._broker.url)
        clock = ("--exercise-clock",) if self.stopped else ()
        self._gateway = Process(
            "gateway",
            [sys.executable, "-m", "gateway", "serve", "--home", self.gateway_home, *ports, *broker, *clock],
            log=self.log,
            environment={**self._environment, **(environment or {})},
        )
        self._gateway.start()

    async def _served(self, within: float = START_SECONDS) -> None:
        async def said_ready() -> bool:
            self._urls = _ready_line(self.log, self._begin)
            return self._urls is not None

        await self.gateway.ready(said_ready, within=within)

    async def drain(self) -> None:
        """Let the gateway finish what it has in hand, and end it. Raises Unavailable if it ended badly."""
        code = await self.gateway.stop()
        if code != 0:
            tail = self.gateway.tail()
            raise Unavailable(Reason.UNREACHABLE, f"the gateway ended with code {code}; the end of its log:\n{tail}")

    async def export(self, operation: str, out: Path) -> None:
        """Write an operation's record. Raises Unavailable if the gateway's command fails."""
        await self.command("operation", "export", operation, "--home", self.gateway_home, "--out", out)

    @property
    def _authority(self) -> Path:
        return self._folder / "authority"

    def _ready(self) -> tuple[str, str]:
        if self._urls is None:
            raise Misuse("the gateway was not started")
        return self._urls

    async def _found(self) -> None:
        """The gateway's keys, the authority's, the network file, and both halves of the gateway's start."""
        self._say("making the authority and the gateway's keys")
        home, authority = self.gateway_home, self._authority
        await self.command("init", "--home", home, "--origin", ORIGIN, "--no-passphrase")
        self._set(home / "gateway.toml")
        request = ("--service", home / "service-request.cbor")
        await self.command(
            "authority", "init", "--home", authority, *request, "--name", self._name, "--exercise", "--no-passphrase"
        )
        certificate = ("--certificate", authority / "certificates" / "gateway.pem", "--ca", authority / "ca.pem")
        await self.command("init", "--home", home, "--complete", "--network", self.network_file, *certificate)

    def _set(self, file: Path) -> None:
        """Put our settings in place of the file's comments, which name every setting and its default."""
        text = file.read_text("utf-8")
        for name, value in self.settings.items():
            text, found = re.subn(rf"^# {name} = .*$", f"{name} = {value}", text, flags=re.MULTILINE)
            if found != 1:
                raise Misuse(f"a gateway has no setting {name}")
        file.write_text(text, "utf-8")

    async def _enrol(self) -> None:
        """Keys and a request for every participant, and the authority's approval of them all."""
        self._say(f"enrolling {len(self.seats)} participants")
        await asyncio.gather(*map(self._request, self.seats))
        requests = [self.home(seat.address) / enrolment.REQUEST for seat in self.seats]
        named = [part for address in self._witnesses for part in ("--witness", address)]
        policy = (*named, "--dishonest", str(self._dishonest))
        await self.command("authority", "approve", "--home", self._authority, *requests, *policy)

    async def _load(self) -> None:
        await self.command("participant", "load", "--home", self.gateway_home, self._authority / "directory.cbor")

    async def _request(self, seat: Seat) -> None:
        home = self.home(seat.address)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        link = seat.link or self.link
        await enrolment.request(home, seat.address, kind=seat.kind, name=seat.name, link=link, units=seat.units)

    async def _complete(self) -> None:
        await asyncio.gather(*map(self._completed, self.seats))

    async def _completed(self, seat: Seat) -> None:
        """What the authority gave, put into the participant's home."""
        await enrolment.complete(
            self.home(seat.address),
            network=await asyncio.to_thread(self.network_file.read_bytes),
            certificate=await asyncio.to_thread(self.certificate(seat.address).read_bytes),
            authority=await asyncio.to_thread(self.authority_certificate.read_bytes),
            gateway=self.gateway_for(seat.address),
            broker=self.broker_for(seat.address),
        )

    async def _start_database(self) -> None:
        """A private PostgreSQL, which the environment names: the URL has a password."""
        self._say("starting a private PostgreSQL")
        self._postgres = await self._servers.enter_async_context(Postgres())
        self._environment["BUREAUNET_DATABASE_URL"] = await self._postgres.create_database("bureaunet")

    async def _start_broker(self) -> None:
        """A private RabbitMQ, loaded with what the gateway derives from the directory."""
        self._say("starting a private RabbitMQ")
        definitions = self._folder / "definitions.json"
        await self.command("broker", "definitions", "--home", self.gateway_home, "--out", definitions)
        tls = await self.server_certificate("broker")
        self._broker = await self._servers.enter_async_context(Broker(definitions, tls))

    async def _close(self) -> None:
        try:
            if self._gateway is not None and self._gateway.running:
                await self._gateway.stop()
        finally:
            await self._servers.aclose()


def _ready_line(log: Path, begin: int) -> tuple[str, str] | None:
    """The two URLs of the line that says ready, among those after `begin`; None while there is none."""
    with log.open("rb") as file:
        file.seek(begin)
        for line in file:
            if line.startswith(b"{") and b'"ready"' in line and line.endswith(b"\n"):
                said = json.loads(line)
                if said.get("event") == "ready" and "url" in said:
                    return str(said["url"]), str(said["operators"])
    return None
