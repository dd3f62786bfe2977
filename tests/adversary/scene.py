"""One network under attack: a real gateway process over real mutual TLS, a private RabbitMQ, and bureaus on both links.

The network is one of real traffic; who is in it stands in cast.py. FR's row also lists an expired, a future and a
revoked signing key, BR's a revoked and an expired sealing key. What no program of a bureau would do is made by hand
(forging.py); what the gateway did with it is read from its ledger, its log and its metrics.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlsplit

import aio_pika
import aiohttp
from aio_pika.abc import AbstractConnection

from bureaus import enrolment
from bureaus.client import Bureau, Received
from bureaus.sandbox.pki import TlsFiles, write_server_request
from bureaus.sandbox.process import Process, run
from bureaus.sandbox.rabbitmq import Broker
from gateway import keyfiles
from gateway.authority import Authority
from gateway.service import complete_service, make_service
from schemas import wire
from schemas.codes import Handling, Purpose
from schemas.directory import (
    Directory,
    Link,
    Participant,
    SealingEntry,
    SigningEntry,
    State,
    Use,
    Validity,
    read_directory,
    sign_directory,
)
from schemas.identity import Address
from schemas.keys import NoteKey, SealingKey, SigningKey
from schemas.operation import Operation, Phase, SignedOperation, read_operation, sign_operation
from schemas.receipts import Acceptance, read_acceptance
from schemas.witness import Witnesses
from tests.adversary.cast import HTTP, ISSUER, LIED_TO, ON_BROKER, PROGRAMS, SETTINGS, UNITS, WITNESSES, members
from tests.adversary.commands import done
from tests.adversary.parties import Party
from tests.openid_provider import CLIENT, SECRET, provider

QUERY: Final = "whereabouts.query/1"
RESPONSE: Final = "whereabouts.response/1"
RESULT: Final = "result/1"
OPERATION: Final = "infra-test"
OTHER: Final = "infra-other"
TRAINING: Final = "infra-training"
CLOSED: Final = "infra-closed"
DAY: Final = 24 * 3600
_T = TypeVar("_T")


class Scene:
    """The network; `async with Scene(folder)` starts it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "gw"
        self.now = int(time.time())
        self.parties = {
            name: Party(Address(name), folder / name, units=UNITS.get(name, ())) for name in (*HTTP, *ON_BROKER)
        }
        self.expired, self.future, self.void = (SigningKey.generate() for _ in range(3))
        self.void_sealing, self.expired_sealing = SealingKey.generate(), SealingKey.generate()
        self.witnesses = {name: NoteKey.generate(name) for name in WITNESSES}
        self.programs: dict[str, Bureau] = {}
        self.certificates: dict[Address, Path] = {}
        self.url = self.operators = ""
        self._stack = AsyncExitStack()
        self._elsewhere: Scene | None = None

    # ---------------------------------------------------------------------------------------- starting

    async def __aenter__(self) -> Self:
        try:
            await self._found()
            await self._start_broker()
            await self._start_issuer()
            await self._start_gateway()
            await self._open_operations()
            await self._start_programs()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _found(self) -> None:
        service = make_service(self.home, "log.test", [], self.now)
        self.authority = Authority.create(self.folder / "authority", service.encode(), "Test", self.now, exercise=False)
        self.network = self.authority.network
        requests = [party.request(self.now, Link.HTTP) for name, party in self.parties.items() if name in HTTP]
        requests += [self.parties[name].request(self.now, Link.AMQP) for name in ON_BROKER]
        for name, link in PROGRAMS.items():
            await enrolment.request(self.folder / name, Address(name), link=link)
            requests.append((self.folder / name / enrolment.REQUEST).read_bytes())
        approved = self.authority.approve(requests, self.now)
        self.certificates = dict(approved.certificates)
        first = read_directory(approved.directory.read_bytes(), self.network)
        self.first_directory = approved.directory.read_bytes()
        rows = tuple(map(self._spoiled, first.participants))
        named = Witnesses({name: key.public for name, key in self.witnesses.items()}, quorum=3, dishonest=1)
        second = replace(first, version=2, previous=first.hash, participants=rows, hash=b"", witnesses=named)
        self.second_directory = self.sign_directory(second)
        self.directory: Directory = read_directory(self.second_directory, self.network, first)
        self.authority.adopt(self.second_directory)
        given = self.authority.home
        names = ("network.bn", "certificates/gateway.pem", "ca.pem")
        complete_service(self.home, *((given / name).read_bytes() for name in names))
        (self.home / "gateway.toml").write_text(SETTINGS)
        (self.folder / "directory-2.cbor").write_bytes(self.second_directory)
        for path in (approved.directory, self.folder / "directory-2.cbor"):
            await self.command("participant", "load", "--home", self.home, path)

    def sign_directory(self, directory: Directory) -> bytes:
        """A directory version by the authority's key, which only the authority has."""
        return sign_directory(directory, [self.authority_key], self.network)

    @property
    def authority_key(self) -> SigningKey:
        """The authority's one key."""
        return keyfiles.load_signing_key(self.authority.home / "keys" / "authority-1.pem")

    def _spoiled(self, row: Participant) -> Participant:
        past = Validity(self.now - 10 * DAY, self.now - DAY)
        always = row.signing[0].validity
        if row.address == "FR":
            more = (
                SigningEntry(self.expired.public, past),
                SigningEntry(self.future.public, Validity(self.now + DAY, self.now + 10 * DAY)),
                SigningEntry(self.void.public, replace(always, void_from=0)),
            )
            return replace(row, signing=(*row.signing, *more))
        if row.address == "BR":
            old = (
                SealingEntry(self.expired_sealing.public, past),
                SealingEntry(self.void_sealing.public, replace(always, void_from=0)),
            )
            return replace(row, sealing=(*row.sealing, *old))
        states = {"CL": State.SUSPENDED, "VE": State.WITHDRAWN}
        return replace(row, state=states.get(row.address, row.state))

    async def _start_broker(self) -> None:
        definitions = self.folder / "definitions.json"
        await self.command("broker", "definitions", "--home", self.home, "--out", definitions)
        tls = TlsFiles(self.authority.home / "ca.pem", self.folder / "broker.pem", self.folder / "broker.key")
        tls.certificate.write_bytes(self.authority.server_certificate(write_server_request(tls.key), self.now))
        self.broker = await self._stack.enter_async_context(Broker(definitions, tls))

    async def _start_issuer(self) -> None:
        self.issuer = await self._stack.enter_async_context(provider())
        secret = self.folder / "client-secret"
        secret.write_text(SECRET)
        secret.chmod(0o600)
        named = ISSUER.format(issuer=self.issuer.issuer, client=CLIENT, secret=secret)
        (self.home / "gateway.toml").write_text(SETTINGS + named)

    async def _start_gateway(self) -> None:
        command: list[str | Path] = [sys.executable, "-m", "gateway", "serve", "--home", self.home]
        self.process = Process(
            "gateway", [*command, "--broker", self.broker.url], log=self.log, environment=self.environment
        )
        self.process.start()
        self._stack.push_async_callback(self.process.stop)

        async def said() -> bool:
            for line in self.lines():
                if line.get("event") == "ready" and "url" in line:
                    self.url, self.operators = str(line["url"]), str(line["operators"])
            return bool(self.url)

        await self.process.ready(said, within=60)

    async def _open_operations(self) -> None:
        phases = {
            OPERATION: Phase.ACTIVE,
            OTHER: Phase.ACTIVE,
            TRAINING: Phase.TRAINING,
            CLOSED: Phase.CLOSED,
        }
        self.operations: dict[str, SignedOperation] = {}
        for name, phase in phases.items():
            body = sign_operation(self.operation(name, phase), self.network.id, self.parties["IPSG"].signing)
            public = self.parties["IPSG"].signing.public
            self.operations[name] = read_operation(body, self.network.id, {public.key_id: public})
            status, reason = await self.request("IPSG", "POST", wire.OPERATIONS, body)
            assert status == 204, reason

    def operation(self, name: str, phase: Phase) -> Operation:
        """Version 1 of an operation with every member in it; OTHER also has results."""
        return Operation(
            name,
            1,
            None,
            self.now,
            "Test",
            Address("IPSG"),
            phase,
            members(self.now),
            (QUERY, RESPONSE, RESULT) if name == OTHER else (QUERY, RESPONSE),
            (Purpose.ARREST, Purpose.LOCATION),
            (Handling.H0, Handling.H2),
        )

    async def _start_programs(self) -> None:
        for name, link in PROGRAMS.items():
            home = self.folder / name
            await enrolment.complete(
                home,
                network=self.network.raw,
                certificate=self.certificates[Address(name)].read_bytes(),
                authority=(self.authority.home / "ca.pem").read_bytes(),
                gateway=self.url,
                broker=self.broker.url if link is Link.AMQP else "",
            )
            if name != LIED_TO:
                bureau = Bureau.open(home)
                bureau.on(QUERY)(self._take)
                self.programs[name] = await self._stack.enter_async_context(bureau)

    async def _take(self, _received: Received) -> None:
        """An honest program does its work; the SDK then acknowledges."""

    async def book(self, name: str, query: str) -> list[tuple[Any, ...]]:
        """Rows of the store of an honest program, which lets no other process in."""
        parts = self.programs[name]._open  # noqa: SLF001  # there is no other way to look into a running program
        assert parts is not None
        return await parts.store.run(lambda db: db.execute(query).fetchall())

    # ---------------------------------------------------------------------------------------- the gateway

    @property
    def log(self) -> Path:
        """The gateway's output, both streams."""
        return self.folder / "gateway.log"

    @property
    def environment(self) -> dict[str, str]:
        """What the gateway's processes get of ours."""
        return {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(Path.cwd()), "LANG": "C.UTF-8"}

    async def command(self, *arguments: str | Path) -> str:
        """One `bureaunet-gateway` command: what it printed. Raises Unavailable if it fails."""
        return await run([sys.executable, "-m", "gateway", *arguments], environment=self.environment)

    def lines(self) -> list[dict[str, object]]:
        """What the gateway logged: every line of it is one JSON object."""
        text = self.log.read_text("utf-8") if self.log.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    async def entries(self) -> list[dict[str, object]]:
        """The whole ledger, as its command prints it."""
        printed = await done("ledger", "entries", "--home", self.home, "--limit", "100000", "--json")
        return [json.loads(line) for line in printed.splitlines()]

    async def metric(self, name: str) -> float:
        """The sum of the gateway's metrics whose line begins with `name`."""
        async with aiohttp.ClientSession() as client, client.get(f"{self.operators}/metrics") as response:
            text = await response.text()
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))

    # ---------------------------------------------------------------------------------------- links

    def trusting(self) -> ssl.SSLContext:
        """Trusts the authority and shows nothing."""
        return ssl.create_default_context(cafile=self.authority.home / "ca.pem")

    def tls(self, name: str) -> ssl.SSLContext:
        """A party's client context; `gateway` is the gateway's own certificate."""
        context = self.trusting()
        if name == "gateway":
            context.load_cert_chain(self.home / "gateway.pem", self.home / "keys" / "tls.pem")
        else:
            context.load_cert_chain(self.certificates[Address(name)], self.parties[name].key)
        return context

    @asynccontextmanager
    async def client(self, name: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[aiohttp.ClientSession]:
        """A party's HTTP session."""
        connector = aiohttp.TCPConnector(ssl=tls or self.tls(name))
        async with aiohttp.ClientSession(self.url, connector=connector) as session:
            yield session

    async def submit(self, link: str, body: bytes) -> Acceptance:
        """Submit over a link: the receipt, verified."""
        async with self.client(link) as client, client.post(wire.MESSAGES, data=body) as response:
            assert response.content_type == wire.CBOR_TYPE, await response.text()
            return self.receipt(await response.read())

    async def raw_receipt(self, link: str, body: bytes) -> bytes:
        """Submit over a link: the receipt's bytes."""
        async with self.client(link) as client, client.post(wire.MESSAGES, data=body) as response:
            return await response.read()

    def receipt(self, body: bytes) -> Acceptance:
        """A receipt, verified with the directory's keys."""
        return read_acceptance(body, self.network.id, self.directory.service_keys(Use.ACCEPTANCE))

    async def request(
        self, link: str, method: str, path: str, data: bytes | None = None, **headers: str
    ) -> tuple[int, str]:
        """Any request: its status, and the reason where it is a problem. `headers` have _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.client(link) as client, client.request(method, path, data=data, headers=named) as response:
            if response.content_type == "application/problem+json":
                return response.status, str((await response.json())["reason"])
            return response.status, ""

    async def raw(self, link: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection with TLS and no HTTP of its own."""
        place = urlsplit(self.url)
        return await asyncio.open_connection(
            place.hostname, place.port, ssl=self.tls(link), server_hostname=place.hostname
        )

    async def inbox(self, link: str) -> list[wire.InboxItem]:
        """What waits for a party over HTTP."""
        async with self.client(link) as client, client.get(wire.INBOX) as response:
            assert response.status == 200, await response.text()
            return wire.decode_items(await response.read())

    @asynccontextmanager
    async def amqp(self, user: str) -> AsyncIterator[AbstractConnection]:
        """A bare connection to the broker."""
        connection = await aio_pika.connect(self.broker.url, ssl_context=self.tls(user), timeout=10)
        try:
            yield connection
        finally:
            await connection.close()

    async def publish(self, user: str, exchange: str, key: str, body: bytes, **properties: object) -> None:
        """Publish one message, confirmed, as no honest program would."""
        async with self.amqp(user) as connection:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            target = await channel.get_exchange(exchange, ensure=False)
            message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, **properties)  # type: ignore[arg-type]  # an attack names the properties
            await target.publish(message, key, timeout=10)

    def elsewhere(self) -> Scene:
        """Another network, with an authority and keys of its own; nothing of it is started."""
        if self._elsewhere is None:
            other = self._elsewhere = Scene(self.folder / "elsewhere")
            service = make_service(other.home, "log.elsewhere", [], other.now)
            home = other.folder / "authority"
            other.authority = Authority.create(home, service.encode(), "Elsewhere", other.now, exercise=False)
            other.network = other.authority.network
            approved = other.authority.approve([other.parties["FR"].request(other.now, Link.HTTP)], other.now)
            other.certificates = dict(approved.certificates)
        return self._elsewhere


async def eventually(ask: Callable[[], Awaitable[_T]], within: float = 60.0) -> _T:
    """The first answer that is true or not empty. Raises TimeoutError after `within` seconds."""
    async with asyncio.timeout(within):
        while not (answer := await ask()):  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.1)
        return answer
