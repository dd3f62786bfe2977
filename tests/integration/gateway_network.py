"""A network around one real gateway process: its authority, four bureaus with real keys and certificates.

Everybody is synthetic. The gateway is used by its command line alone; bureaus speak plain HTTP over mutual TLS, so that
tests can say what no well-behaved client would.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bureaus.sandbox.process import Process, run
from gateway.__main__ import main
from gateway.authority import Authority
from gateway.certificates import make_csr
from gateway.service import complete_service, make_service
from schemas import merkle, wire
from schemas.claims import Head, Header
from schemas.codes import Handling, Purpose
from schemas.directory import Directory, Link, ParticipantKind, Use, read_directory
from schemas.enrolment import Request, sign_request
from schemas.envelope import Envelope, seal
from schemas.evidence import Acknowledgement, Outcome, sign_acknowledgement
from schemas.identity import Address, MessageId
from schemas.keys import SealingKey, SigningKey
from schemas.network import Network
from schemas.operation import Member, Operation, Phase, Role, sign_operation
from schemas.receipts import Acceptance, read_acceptance

OPERATION: Final = "infra-test"
QUERY: Final = "whereabouts.query/1"
TARGET: Final = "Synthetica Testperson-Nonexistent"
CONTENT: Final = json.dumps({"name": TARGET}).encode()
MEMBERS: Final = ("IPSG", "BR", "AR")
OUTSIDER: Final = "UY"
LOOKS: Final = 600
"""Ten in a second: how often something is looked for that is there soon."""


@dataclass
class Bureau:
    """One participant: its keys, and where its certificate is."""

    address: Address
    folder: Path
    link: Link = Link.HTTP
    signing: SigningKey = field(default_factory=SigningKey.generate)
    sealing: SealingKey = field(default_factory=SealingKey.generate)

    def request(self, now: int) -> bytes:
        """Its enrolment request; the TLS key is kept in its folder."""
        key = generate_private_key(SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.folder.mkdir(parents=True)
        self.key.write_bytes(pem)
        kind = ParticipantKind.SECRETARIAT if self.address == "IPSG" else ParticipantKind.NATIONAL_BUREAU
        keys = (self.signing.public, self.sealing.public)
        csr = make_csr(key, self.address)
        return sign_request(Request(self.address, kind, self.address, self.link, *keys, (), csr, now), self.signing)

    @property
    def key(self) -> Path:
        """The TLS key's file."""
        return self.folder / "tls.key"


class GatewayNetwork:
    """The network; `start` the gateway, ask for a `client`, `stop` it."""

    def __init__(self, folder: Path, link: Link = Link.HTTP) -> None:
        self.folder = folder
        self.home = folder / "gw"
        self.now = int(time.time())
        request = make_service(self.home, "log.test", [], self.now)
        self.authority = Authority.create(folder / "authority", request.encode(), "Test", self.now, exercise=True)
        self.network: Network = self.authority.network
        self.bureaus = {name: Bureau(Address(name), folder / "bureaus" / name, link) for name in (*MEMBERS, OUTSIDER)}
        approved = self.authority.approve([bureau.request(self.now) for bureau in self.bureaus.values()], self.now)
        self.certificates = approved.certificates
        self.directory: Directory = read_directory(approved.directory.read_bytes(), self.network)
        given = self.authority.home
        files = [(given / name).read_bytes() for name in ("network.bn", "certificates/gateway.pem", "ca.pem")]
        complete_service(self.home, *files)
        self.process: Process | None = None
        self.url = self.operators = ""
        self.said: dict[str, str] = {}
        """What the environment says to the gateway's processes besides."""

    @property
    def log(self) -> Path:
        """The gateway's output, both streams."""
        return self.folder / "gateway.log"

    @property
    def environment(self) -> dict[str, str]:
        """What the gateway's processes get of ours."""
        ours = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(Path.cwd()), "LANG": "C.UTF-8"}
        return ours | self.said

    async def command(self, *arguments: str | Path) -> str:
        """One `bureaunet-gateway` command: what it printed. Raises Unavailable if it fails."""
        return await run([sys.executable, "-m", "gateway", *arguments], environment=self.environment)

    async def load(self) -> None:
        """Load the directory, by the gateway's command run in this process: nearly every test begins with it."""
        arguments = ["participant", "load", "--home", str(self.home), str(self.authority.home / "directory.cbor")]
        done = await asyncio.to_thread(CliRunner().invoke, main, arguments, env=self.said)
        assert done.exit_code == 0, done.output

    async def start(self, *options: str) -> None:
        """Start the gateway on free ports and wait until it says that it is ready."""
        begin = self.log.stat().st_size if self.log.exists() else 0
        command: list[str | Path] = [sys.executable, "-m", "gateway", "serve", "--home", self.home, *options]
        self.process = Process("gateway", command, log=self.log, environment=self.environment)
        self.process.start()

        async def said() -> bool:
            for line in self.log.read_bytes()[begin:].splitlines(keepends=True):
                if line.startswith(b'{"event": "ready"') and line.endswith(b"\n"):
                    ready = json.loads(line)
                    self.url, self.operators = ready["url"], ready["operators"]
            return bool(self.url)

        self.url = ""
        await self.process.ready(said, within=60)

    async def stop(self) -> int:
        """Tell the gateway to stop: its exit code."""
        assert self.process is not None
        return await self.process.stop(grace=60)

    def tls(self, name: str) -> ssl.SSLContext:
        """A bureau's client context."""
        context = self.tls_without_certificate()
        bureau = self.bureaus[name]
        context.load_cert_chain(self.certificates[bureau.address], bureau.key)
        return context

    def tls_without_certificate(self) -> ssl.SSLContext:
        """Trusts the authority and shows nothing."""
        return ssl.create_default_context(cafile=self.authority.home / "ca.pem")

    @asynccontextmanager
    async def client(self, name: str) -> AsyncIterator[aiohttp.ClientSession]:
        """A bureau's HTTP session."""
        connector = aiohttp.TCPConnector(ssl=self.tls(name))
        async with aiohttp.ClientSession(self.url, connector=connector) as session:
            yield session

    async def open_operation(self) -> None:
        """The secretariat publishes the operation."""
        members = tuple(
            Member(Address(name), Role.OWNER if name == "IPSG" else Role.PARTICIPANT, self.now - 60) for name in MEMBERS
        )
        operation = Operation(
            OPERATION,
            1,
            None,
            self.now,
            "Test",
            Address("IPSG"),
            Phase.ACTIVE,
            members,
            (QUERY,),
            (Purpose.ARREST,),
            (Handling.H0,),
        )
        body = sign_operation(operation, self.network.id, self.bureaus["IPSG"].signing)
        async with self.client("IPSG") as client, client.post(wire.OPERATIONS, data=body) as response:
            assert response.status == 204, await response.text()

    def query(
        self, sender: str, *recipients: str, by: SigningKey | None = None, content: bytes = CONTENT, **changes: object
    ) -> Envelope:
        """A sealed and signed query whose content names a person who does not exist."""
        now = int(time.time())
        plain = Header(
            iss=Address(sender),
            sub=OPERATION,
            aud=tuple(map(Address, recipients)),
            iat=now,
            exp=now + 3600,
            cti=MessageId.new(now * 1000),
            net=self.network.id,
            head=Head(0, merkle.EMPTY),
            kind=QUERY,
            purpose=Purpose.ARREST,
            exercise=True,
        )
        header = replace(plain, **changes)  # type: ignore[arg-type]  # a test names the claims that it changes
        keys = [self.bureaus[name].sealing.public for name in recipients]
        return seal(header, content, keys, by or self.bureaus[sender].signing)

    def receipt(self, body: bytes) -> Acceptance:
        """A receipt, verified with the directory's keys."""
        return read_acceptance(body, self.network.id, self.directory.service_keys(Use.ACCEPTANCE))

    async def submit(self, link: str, body: bytes) -> tuple[int, Acceptance]:
        """Submit over a link: the status and the verified receipt."""
        async with self.client(link) as client, client.post(wire.MESSAGES, data=body) as response:
            assert response.content_type == wire.CBOR_TYPE, await response.text()
            return response.status, self.receipt(await response.read())

    async def inbox(self, name: str, after: int = -1, wait: int = 0) -> list[wire.InboxItem]:
        """What waits for a bureau."""
        query = {"after": str(after), "wait": str(wait)}
        async with self.client(name) as client, client.get(wire.INBOX, params=query) as response:
            assert response.status == 200, await response.text()
            return wire.decode_items(await response.read())

    def acknowledgement(self, name: str, digest: bytes) -> bytes:
        """A bureau's signed word that it processed a message."""
        head = Head(0, merkle.EMPTY)
        said = Acknowledgement(Address(name), digest, Outcome.PROCESSED, int(time.time()), self.network.id, head)
        return sign_acknowledgement(said, self.bureaus[name].signing)

    async def read(self, name: str, path: str) -> bytes:
        """GET until it is there: what says `Retry-After` comes, as proofs and checkpoints do, in a second or two."""
        async with self.client(name) as client:
            for _ in range(LOOKS):
                async with client.get(path) as response:
                    if response.status == HTTPStatus.OK:
                        return await response.read()
                    assert "Retry-After" in response.headers, await response.text()
                await asyncio.sleep(0.1)
        raise AssertionError(f"{path} did not come")

    async def raw(self, name: str, *, window: int = 65536) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection with TLS and no HTTP of its own, that takes in about `window` bytes ahead of its reader."""
        place = urlsplit(self.url)
        ours = socket.socket()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        ours.setblocking(False)  # noqa: FBT003  # positional in the standard library
        await asyncio.get_running_loop().sock_connect(ours, (place.hostname, place.port))
        return await asyncio.open_connection(
            sock=ours, ssl=self.tls(name), server_hostname=place.hostname, limit=window
        )

    async def counted(self, event: str) -> float:
        """How often the gateway saw something, by its metrics."""
        async with aiohttp.ClientSession() as client, client.get(self.operators + "/metrics") as response:
            lines = (await response.text()).splitlines()
        name = f'bureaunet_events_total{{event="{event}"'
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    async def problem(self, name: str, method: str, path: str, data: bytes | None = None) -> tuple[int, str]:
        """The status and the reason of a request that is not served."""
        async with self.client(name) as client, client.request(method, path, data=data) as response:
            assert response.content_type == "application/problem+json", await response.text()
            said = await response.json()
            assert said["status"] == response.status
            return response.status, said["reason"]
