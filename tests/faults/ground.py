"""What every fault starts from: an authority, a gateway's keys, enrolled bureaus, envelopes sealed ahead.

Made once for a run of the suite, by the gateway's command line and the functions behind `bureaunet enrol`; each fault
copies what it changes. Sealing ahead leaves the machine to the gateways. Everybody here is synthetic.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bureaus import enrolment
from bureaus.sandbox.pki import TlsFiles, write_server_request
from bureaus.sandbox.process import run
from bureaus.store import FILE, Store, identity
from bureaus.store.identity import Keys
from schemas import envelope, messages, wire
from schemas.claims import Head, Header
from schemas.codes import Handling, Purpose, Urgency
from schemas.directory import Directory, Link, ParticipantKind, Use, read_directory
from schemas.identity import Address, MessageId
from schemas.keys import SigningPublic
from schemas.merkle import EMPTY
from schemas.messages import WhereaboutsQuery
from schemas.messages.codes import Asked
from schemas.network import Network, read_network
from schemas.operation import Member, Operation, Phase, Role, sign_operation

OPERATION: Final = "infra-faults"
OWNER: Final = Address("IPSG")
CONTENT: Final = b'{"note":"synthetic"}'
QUERY: Final = "whereabouts.query/1"
LIFETIME: Final = 24 * 3600
"""Seconds from iat to exp."""
ASKED_SHARE: Final = 20
"""One envelope in so many goes to a bureau with the SDK, which answers it."""
GROUP_SHARE: Final = 25
"""One envelope in so many goes to three bureaus."""
URGENT_SHARE: Final = 8
"""One envelope in so many is urgent."""
_ON_BROKER: Final = ("FR", "DE", "ES", "IT", "PT", "NL", "BE", "PL", "RO", "GR", "SE", "FI", "KE")
_ON_HTTP: Final = ("IPSG", "UY", "PY", "PE", "EC")
REPOSITORY: Final = Path(__file__).resolve().parents[2]


def environment() -> dict[str, str]:
    """What child processes get of ours."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "PYTHONUTF8": "1",
        "PYTHONPATH": str(REPOSITORY),
    }


async def gateway_command(*arguments: str | Path, more: dict[str, str] | None = None) -> str:
    """Run one `bureaunet-gateway` command to its end. Raises Unavailable if it fails."""
    return await run([sys.executable, "-m", "gateway", *arguments], environment={**environment(), **(more or {})})


@dataclass(frozen=True, slots=True)
class Seat:
    """One participant: how it travels, and whether it runs the SDK in a process of its own."""

    address: Address
    link: Link
    sdk: bool = False


def seats(*, embedded: bool) -> tuple[Seat, ...]:
    """21 participants: three with the SDK, the others light. Embedded means HTTP for everyone."""
    broker = Link.HTTP if embedded else Link.AMQP
    responders = [Seat(Address("BR"), broker, sdk=True), Seat(Address("AR"), broker, sdk=True)]
    light = [Seat(Address(code), broker) for code in _ON_BROKER]
    on_http = [Seat(Address(code), Link.HTTP) for code in _ON_HTTP]
    return (*responders, Seat(Address("CL"), Link.HTTP, sdk=True), *light, *on_http)


@dataclass(frozen=True, slots=True)
class Sealed:
    """An envelope ready to submit."""

    sender: Address
    recipients: tuple[Address, ...]
    digest: bytes
    body: bytes


@dataclass(frozen=True)
class Ground:
    """The network before anything runs."""

    folder: Path
    embedded: bool
    seats: tuple[Seat, ...]
    network: Network
    directory: Directory
    keys: dict[Address, Keys]
    envelopes: tuple[Sealed, ...]
    tls: TlsFiles
    """The broker's certificate."""

    @property
    def light(self) -> tuple[Seat, ...]:
        """Those without the SDK."""
        return tuple(seat for seat in self.seats if not seat.sdk)

    @property
    def responders(self) -> tuple[Seat, ...]:
        """Those with the SDK."""
        return tuple(seat for seat in self.seats if seat.sdk)

    @property
    def receipt_keys(self) -> dict[bytes, SigningPublic]:
        """Keys that sign receipts, by id."""
        return dict(self.directory.service_keys(Use.ACCEPTANCE))

    @property
    def definitions(self) -> Path:
        """What the broker loads."""
        return self.folder / "definitions.json"

    def home(self, address: Address) -> Path:
        """A participant's folder, never used by a running process."""
        return self.folder / "bureaus" / address

    def tls_of(self, address: Address) -> tuple[Path, Path, Path]:
        """A participant's certificate, its key, the authority's certificate."""
        home = self.home(address)
        return home / enrolment.LINK_CERTIFICATE, home / enrolment.LINK_KEY, home / enrolment.AUTHORITY_CERTIFICATE

    def copy_gateway(self, to: Path) -> Path:
        """A gateway's home for one fault, without a database."""
        shutil.copytree(self.folder / "gateway", to, ignore=shutil.ignore_patterns("ledger.db*"))
        return to

    async def copy_bureau(self, address: Address, to: Path, gateway: str, broker: str) -> Path:
        """A participant's home for one fault, pointed at these URLs."""
        shutil.copytree(self.home(address), to)
        certificate, _, authority = self.tls_of(address)
        await enrolment.complete(
            to,
            network=self.network.raw,
            certificate=certificate.read_bytes(),
            authority=authority.read_bytes(),
            gateway=gateway,
            broker=broker,
        )
        return to

    def operation(self) -> bytes:
        """The first version of the operation that everybody is a member of, signed by its owner."""
        now = int(time.time())
        members = tuple(
            Member(seat.address, Role.OWNER if seat.address == OWNER else Role.PARTICIPANT, now - 3600)
            for seat in self.seats
        )
        made = Operation(
            id=OPERATION,
            version=1,
            previous=None,
            time=now,
            name="Faults",
            owner=OWNER,
            phase=Phase.ACTIVE,
            members=members,
            kinds=(QUERY, "whereabouts.response/1"),
            purposes=tuple(Purpose),
            handling=tuple(Handling),
        )
        return sign_operation(made, self.network.id, self.keys[OWNER].signing[0])

    def seal(
        self, sender: Address, recipients: tuple[Address, ...], content: bytes = CONTENT, *, ahead: int = 0
    ) -> Sealed:
        """One envelope; the sender's clock is `ahead` by so many seconds."""
        return _seal(self.network, self.directory, self.keys[sender], sender, recipients, content, ahead=ahead)

    def seal_again(self, sealed: Sealed) -> Sealed:
        """Another envelope under the same id."""
        keys, header = self.keys[sealed.sender], envelope.read(wire.decode_submission(sealed.body).statement).header
        rows = [self.directory.find(recipient) for recipient in header.aud]
        public = [row.sealing_key(header.iat) for row in rows if row is not None]
        made = envelope.seal(header, CONTENT, public, keys.signing[0])
        return Sealed(sealed.sender, sealed.recipients, made.digest, wire.encode_submission(made))


async def prepare(folder: Path, count: int, *, embedded: bool) -> Ground:
    """Make everything in `folder`, with `count` sealed envelopes from and to the light bureaus, and to the others."""
    everyone = seats(embedded=embedded)
    folder.mkdir(parents=True, mode=0o700)  # noqa: ASYNC240  # once, before anything runs
    authority, keys = await _found(folder, everyone)
    network = read_network((authority / "network.bn").read_bytes())
    directory = read_directory((authority / "directory.cbor").read_bytes(), network)
    tls = TlsFiles(authority / "ca.pem", folder / "broker.pem", folder / "broker.key")
    if not embedded:
        await _provide_for_broker(folder, authority, tls)
    sealed = await asyncio.to_thread(lambda: tuple(_stock(network, directory, keys, everyone, count)))
    return Ground(folder, embedded, everyone, network, directory, keys, sealed, tls)


async def _found(folder: Path, everyone: Sequence[Seat]) -> tuple[Path, dict[Address, Keys]]:
    """The gateway's keys, the authority, everybody's enrolment: the authority's folder, and everybody's keys."""
    gateway, authority = folder / "gateway", folder / "authority"
    await gateway_command("init", "--home", gateway, "--origin", "faults.bureaunet.invalid/log", "--no-passphrase")
    service = ("--service", gateway / "service-request.cbor", "--name", "Fault suite", "--exercise", "--no-passphrase")
    await gateway_command("authority", "init", "--home", authority, *service)
    given = ("--certificate", authority / "certificates" / "gateway.pem", "--ca", authority / "ca.pem")
    await gateway_command("init", "--home", gateway, "--complete", "--network", authority / "network.bn", *given)
    keys = {seat.address: await _enrol(folder, seat) for seat in everyone}
    requests = [folder / "bureaus" / seat.address / enrolment.REQUEST for seat in everyone]
    await gateway_command("authority", "approve", "--home", authority, *requests)
    for seat in everyone:
        home = folder / "bureaus" / seat.address
        shutil.copy(authority / "certificates" / f"{seat.address}.pem", home / enrolment.LINK_CERTIFICATE)
        shutil.copy(authority / "ca.pem", home / enrolment.AUTHORITY_CERTIFICATE)
    return authority, keys


async def _provide_for_broker(folder: Path, authority: Path, tls: TlsFiles) -> None:
    """What the broker loads, and its certificate."""
    home = folder / "gateway"
    await gateway_command("participant", "load", "--home", home, authority / "directory.cbor")
    await gateway_command("broker", "definitions", "--home", home, "--out", folder / "definitions.json")
    request = folder / "broker.csr"
    await asyncio.to_thread(request.write_bytes, write_server_request(tls.key))
    await gateway_command("authority", "server-certificate", "--home", authority, request, "--out", tls.certificate)


async def _enrol(folder: Path, seat: Seat) -> Keys:
    home = folder / "bureaus" / seat.address
    home.mkdir(parents=True, mode=0o700)
    kind = ParticipantKind.SECRETARIAT if seat.address == OWNER else ParticipantKind.NATIONAL_BUREAU
    await enrolment.request(home, seat.address, kind=kind, name=f"Synthetic {seat.address}", link=seat.link)
    async with await Store.open(home / FILE) as store:
        keys = await store.run(identity.keys)
    assert keys is not None
    return keys


def _stock(
    network: Network, directory: Directory, keys: dict[Address, Keys], everyone: Sequence[Seat], count: int
) -> Iterator[Sealed]:
    """Envelopes between light bureaus, some for three of them, some queries for the bureaus that answer."""
    dice = random.Random(count)  # noqa: S311  # who writes to whom is no secret
    light = [seat.address for seat in everyone if not seat.sdk]
    responders = [seat.address for seat in everyone if seat.sdk]
    query = messages.encode(WhereaboutsQuery(asked=(Asked.STATUS,), case="SYNTHETIC-1"))
    for number in range(count):
        sender = light[number % len(light)]
        others = [address for address in light if address != sender]
        urgency = Urgency.URGENT if number % URGENT_SHARE == 0 else Urgency.ROUTINE
        asks = number % ASKED_SHARE == 0
        chosen = [dice.choice(responders)] if asks else dice.sample(others, 3 if number % GROUP_SHARE == 1 else 1)
        recipients, content = tuple(chosen), query if asks else CONTENT
        yield _seal(network, directory, keys[sender], sender, recipients, content, urgency=urgency)


def _seal(
    network: Network,
    directory: Directory,
    keys: Keys,
    sender: Address,
    recipients: tuple[Address, ...],
    content: bytes,
    *,
    urgency: Urgency = Urgency.ROUTINE,
    ahead: int = 0,
) -> Sealed:
    now = int(time.time()) + ahead
    header = Header(
        iss=sender,
        sub=OPERATION,
        aud=recipients,
        iat=now,
        exp=now + LIFETIME,
        cti=MessageId.new(now * 1000),
        net=network.id,
        head=Head(0, EMPTY),
        kind=QUERY,
        purpose=Purpose.ARREST,
        exercise=True,
        urgency=urgency,
    )
    rows = [directory.find(recipient) for recipient in recipients]
    public = [row.sealing_key(now) for row in rows if row is not None]
    made = envelope.seal(header, content, public, keys.signing[0])
    return Sealed(sender, recipients, made.digest, wire.encode_submission(made))
