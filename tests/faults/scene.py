"""The running network of one fault: PostgreSQL, RabbitMQ, gateways, proxies between them; or one gateway alone.

Order: database, broker, proxies, gateways, the operation; on leaving, everything that was started here is ended. The
gateways share one home, since they are one service: keys and settings are the same, ports are their own.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit, urlunsplit

import psutil

from bureaus.links import Link
from bureaus.links.amqp import AmqpLink
from bureaus.links.http import HttpLink, client_context
from bureaus.sandbox.postgres import Postgres
from bureaus.sandbox.process import Process, free_port
from bureaus.sandbox.proxy import Proxy
from bureaus.sandbox.rabbitmq import Broker
from schemas import directory, wire
from schemas.errors import Unavailable
from schemas.identity import Address
from tests.faults.ground import OWNER, Ground, Seat, environment, gateway_command

DATABASE: Final = "bureaunet"
SETTINGS: Final = """\
[pipeline]
lease_seconds = 5
bureau_per_minute = {quota}
link_per_minute = 60000

[chores]
lease_seconds = 5
"""
"""Short leases, so that what a dead gateway held goes on soon; quotas that the load does not reach."""


class Leg(StrEnum):
    """A way that a proxy may stand in."""

    BROKER = "broker"
    HTTP = "http"
    DATABASE = "database"


@dataclass(frozen=True)
class Setting:
    """What a fault wants of its scene."""

    embedded: bool = False
    """One gateway on SQLite, HTTP for everyone."""
    nodes: int = 1
    """Of the broker."""
    proxied: frozenset[Leg] = frozenset()
    rehearse: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    """Environment of a gateway's first start, by its number."""
    quota: int = 60_000
    """Messages of one bureau a minute."""


class GatewayProcess:
    """One gateway process, on ports that it keeps."""

    def __init__(self, number: int, home: Path, log: Path, more: Mapping[str, str], broker: str) -> None:
        self.number = number
        self.log = log
        self._home = home
        self._more = dict(more)
        self._broker = broker
        self._port, self._operators = free_port(), free_port()
        self.front: int = self._port
        """The port that bureaus dial: a proxy's where there is one."""
        self.starts = 0
        self.process: Process | None = None

    @property
    def port(self) -> int:
        """Its own port for bureaus."""
        return self._port

    @property
    def url(self) -> str:
        """Where bureaus reach it."""
        return f"https://localhost:{self.front}"

    @property
    def running(self) -> bool:
        """Whether it is alive."""
        return self.process is not None and self.process.running

    @property
    def memory(self) -> float:
        """Resident memory, MiB; 0 while it is not running."""
        if self.process is None or not self.process.running:
            return 0.0
        return psutil.Process(self.process.pid).memory_info().rss / 2**20

    async def start(self, rehearse: Mapping[str, str] | None = None, *, within: float = 60.0) -> None:
        """Start it and wait until it serves. Raises Unavailable."""
        begin = self.log.stat().st_size if self.log.exists() else 0
        ports = ("--port", str(self._port), "--operators-port", str(self._operators))
        broker = ("--broker", self._broker) if self._broker else ()
        command: list[str | Path] = [sys.executable, "-m", "gateway", "serve", "--home", self._home, *ports, *broker]
        process = Process(
            f"gateway {self.number}",
            command,
            log=self.log,
            environment={**environment(), **self._more, **(rehearse or {})},
        )
        self.process = process
        process.start()
        self.starts += 1

        async def said() -> bool:
            return _ready(self.log, begin)

        await process.ready(said, within=within)

    async def start_patiently(self, *, within: float = 90.0) -> None:
        """Start it, again while what it needs is away."""
        async with asyncio.timeout(within):
            while True:
                try:
                    await self.start()
                except Unavailable:
                    if self.running:
                        await self.kill()
                    await asyncio.sleep(0.5)
                else:
                    return

    async def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            await self.process.kill()

    async def stop(self) -> int:
        """Drain it: its exit code."""
        return 0 if self.process is None or not self.process.running else await self.process.stop(grace=30.0)

    async def ended(self, within: float) -> bool:
        """Wait until it has ended by itself."""
        try:
            async with asyncio.timeout(within):
                if self.process is not None:
                    await self.process.wait()
        except TimeoutError:
            return False
        return True


def _ready(log: Path, begin: int) -> bool:
    with log.open("rb") as file:
        file.seek(begin)
        for line in file:
            if line.startswith(b'{"event": "ready"') and line.endswith(b"\n"):
                return "url" in json.loads(line)
    return False


class Scene:
    """`async with Scene(ground, folder, setting) as scene`."""

    def __init__(self, ground: Ground, folder: Path, setting: Setting) -> None:
        self.ground = ground
        self.folder = folder
        self.setting = setting
        self.gateways: list[GatewayProcess] = []
        self.proxies: dict[Leg, list[Proxy]] = {leg: [] for leg in Leg}
        self.database_url = ""
        """The database itself, past any proxy."""
        self.broker_url = ""
        self._postgres: Postgres | None = None
        self._broker: Broker | None = None
        self._stack = AsyncExitStack()

    @property
    def postgres(self) -> Postgres:
        """The database server."""
        assert self._postgres is not None
        return self._postgres

    @property
    def broker(self) -> Broker:
        """The broker, or its first node."""
        assert self._broker is not None
        return self._broker

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, mode=0o700)
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    # ---- what subclasses and faults vary

    def make_postgres(self) -> Postgres:
        """The database server, not started."""
        return Postgres()

    async def make_broker(self) -> str:
        """Start the broker: its URL."""
        self._broker = await self._stack.enter_async_context(Broker(self.ground.definitions, self.ground.tls))
        return f"amqps://127.0.0.1:{self._broker.port}"

    def make_home(self) -> Path:
        """The gateways' home."""
        return self.ground.copy_gateway(self.folder / "gateway")

    def bureau_home(self, address: Address) -> Path:
        """The home of a bureau with the SDK."""
        return self.folder / "bureaus" / address

    # ---- starting

    async def _start(self) -> None:
        home = self.make_home()
        (home / "gateway.toml").write_text(SETTINGS.format(quota=self.setting.quota), "utf-8")
        more: dict[str, str] = {}
        if self.setting.embedded:
            self.database_url = f"sqlite+aiosqlite:///{home / 'ledger.db'}"
        else:
            more = await self._start_servers()
        load = ("participant", "load", "--home", home, self.ground.folder / "authority" / "directory.cbor")
        await gateway_command(*load, more=more)
        for number in range(1 if self.setting.embedded else 2):
            log = self.folder / f"gateway-{number}.log"
            self.gateways.append(GatewayProcess(number, home, log, more, self.broker_url))
        await self._start_gateways()
        await self._publish_operation()

    async def _start_servers(self) -> dict[str, str]:
        self._postgres = self.make_postgres()
        broker, _ = await asyncio.gather(self.make_broker(), self._stack.enter_async_context(self._postgres))
        self.database_url = await self._postgres.create_database(DATABASE)
        self.broker_url = await self._through(Leg.BROKER, broker)
        return {"BUREAUNET_DATABASE_URL": await self._through(Leg.DATABASE, self.database_url)}

    async def _through(self, leg: Leg, urls: str) -> str:
        """The same URLs by way of proxies, where the fault wants them on this leg."""
        if leg not in self.setting.proxied:
            return urls
        return ",".join([await self._one_through(leg, url) for url in urls.split(",")])

    async def _one_through(self, leg: Leg, url: str) -> str:
        parts = urlsplit(url)
        assert parts.port is not None
        proxy = await self._proxy(leg, parts.port)
        return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{proxy.port}")))

    async def _proxy(self, leg: Leg, target: int) -> Proxy:
        proxy = await self._stack.enter_async_context(Proxy(target))
        self.proxies[leg].append(proxy)
        return proxy

    async def _start_gateways(self) -> None:
        for gateway in self.gateways:
            if Leg.HTTP in self.setting.proxied:
                gateway.front = (await self._proxy(Leg.HTTP, gateway.port)).port
            self._stack.push_async_callback(self._end, gateway)
        await asyncio.gather(*(g.start(self.setting.rehearse.get(g.number)) for g in self.gateways))

    async def _end(self, gateway: GatewayProcess) -> None:
        if gateway.running:
            await gateway.kill()

    async def _publish_operation(self) -> None:
        link = self.reading(OWNER)
        try:
            await link.publish(wire.OPERATIONS, self.ground.operation())
        finally:
            await link.aclose()
        await asyncio.sleep(1.2)  # the other gateway looks for versions once a second

    # ---- links

    def gateway_of(self, address: Address) -> GatewayProcess:
        """The gateway that a bureau reads from, and with link HTTP writes to."""
        order = sorted(seat.address for seat in self.ground.seats)
        return self.gateways[order.index(address) % len(self.gateways)]

    def reading(self, address: Address) -> HttpLink:
        """A bureau's HTTPS link."""
        return HttpLink(self.gateway_of(address).url, client_context(*self.ground.tls_of(address)))

    def link(self, seat: Seat) -> Link:
        """A bureau's link, as the directory says."""
        if seat.link is directory.Link.HTTP:
            return self.reading(seat.address)
        tls = client_context(*self.ground.tls_of(seat.address))
        return AmqpLink(seat.address, wire.broker_urls(self.broker_url), tls, self.reading(seat.address))
