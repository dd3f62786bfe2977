"""A whole network for tests: authority, gateway keys, directory, bureaus, operation, and sealed envelopes between them.

`World` makes it; its clock stands still until it is moved. Everything in it is synthetic and made anew each time.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gateway.adapters.memory import ListWatcher, MemoryCosignatures, MemoryStore, MemoryTree, SetClock
from gateway.adapters.memory.accounts import MemoryAccounts
from gateway.adapters.memory.console import MemorySightings
from gateway.adapters.memory.looks import MemoryApprovals, MemoryLooks
from gateway.adapters.sql import Database, SqlCosignatures, SqlStore, SqlTree, prepare
from gateway.adapters.sql.accounts import SqlAccounts
from gateway.adapters.sql.console import SqlSightings
from gateway.adapters.sql.looks import SqlApprovals, SqlLooks
from gateway.admission import receive
from gateway.exchange import Exchange
from gateway.ledger import Ledger
from gateway.ports import Candidate, Facts, HighWater, Inboxes, Outcome, Store, Submission, Tree, Trust
from gateway.ports_console import Accounts, Sightings
from gateway.ports_looks import Approvals, Looks
from gateway.ports_witnesses import Cosignatures
from gateway.settings import Pipeline
from gateway.standing import Standing
from schemas import wire
from schemas.claims import Head, Header
from schemas.codes import Handling, Purpose, Urgency
from schemas.directory import (
    Directory,
    Link,
    Participant,
    ParticipantKind,
    SealingEntry,
    Service,
    SigningEntry,
    State,
    Use,
    Validity,
    read_directory,
    sign_directory,
)
from schemas.envelope import Envelope, seal
from schemas.errors import Reason
from schemas.evidence import Acknowledgement, sign_acknowledgement
from schemas.evidence import Outcome as Said
from schemas.identity import Address, MessageId
from schemas.keys import NoteKey, SealingKey, SigningKey
from schemas.merkle import EMPTY
from schemas.network import Genesis, Network, make_network, read_network
from schemas.notes import Checkpoint, Policy, sign_checkpoint
from schemas.operation import Member, Operation, Phase, Role, SignedOperation, read_operation, sign_operation

NOW = 1_800_000_000
"""Seconds since the epoch, when every world begins."""
ORIGIN = "log.test.invalid"
QUERY, RESPONSE, RESULT = "whereabouts.query/1", "whereabouts.response/1", "result/1"
ALWAYS = Validity(NOW - 86_400, NOW + 365 * 86_400)


@dataclass
class Office:
    """A bureau with its private keys."""

    address: Address
    signing: SigningKey = field(default_factory=SigningKey.generate)
    sealing: SealingKey = field(default_factory=SealingKey.generate)
    kind: ParticipantKind = ParticipantKind.NATIONAL_BUREAU
    link: Link = Link.HTTP
    state: State = State.ACTIVE
    validity: Validity = ALWAYS
    units: tuple[str, ...] = ()

    def row(self) -> Participant:
        """Its row of the directory."""
        return Participant(
            self.address,
            self.kind,
            f"Bureau {self.address}",
            self.link,
            self.state,
            (SigningEntry(self.signing.public, self.validity),),
            (SealingEntry(self.sealing.public, self.validity),),
            self.units,
        )


class World:
    """A network with bureaus by their codes; the secretariat IPSG owns the operation that all are members of."""

    def __init__(
        self, *codes: str, exercise: bool = True, link: Link = Link.HTTP, operation: str = "infra-test"
    ) -> None:
        self.clock = SetClock(NOW * 1000)
        self.watcher = ListWatcher()
        self.authority = SigningKey.generate()
        self.log = NoteKey.generate(ORIGIN)
        self.acceptance, self.current = SigningKey.generate(), SigningKey.generate()
        self.network = self._network(exercise=exercise)
        self.offices = {code: Office(Address(code), link=link) for code in codes or ("FR", "BR", "AR")}
        self.offices["IPSG"] = Office(Address("IPSG"), kind=ParticipantKind.SECRETARIAT, link=link)
        self.directory = Directory(0, None, 0, (), ())
        self.directory_raw = b""
        self.renew()
        members = tuple(
            Member(office.address, Role.OWNER if code == "IPSG" else Role.PARTICIPANT, NOW - 3600)
            for code, office in sorted(self.offices.items())
        )
        self.operation = Operation(
            operation,
            1,
            None,
            NOW,
            "A test",
            Address("IPSG"),
            Phase.ACTIVE,
            members,
            (QUERY, RESPONSE, RESULT),
            (Purpose.ARREST, Purpose.LOCATION),
            (Handling.H0, Handling.H1, Handling.H2),
        )
        self.operation_raw = sign_operation(self.operation, self.network.id, self.offices["IPSG"].signing)

    def _network(self, *, exercise: bool) -> Network:
        policy = Policy(ORIGIN, self.log.public)
        genesis = Genesis("Test network", exercise, NOW - 86_400, (self.authority.public,), 1, policy)
        note = sign_checkpoint(Checkpoint.empty(ORIGIN), self.log, NOW - 86_400)
        return read_network(make_network(genesis, [self.authority], note))

    @property
    def signed_operation(self) -> SignedOperation:
        """The operation's version in force, verified."""
        keys = {self.offices["IPSG"].signing.key_id: self.offices["IPSG"].signing.public}
        return read_operation(self.operation_raw, self.network.id, keys)

    def renew(self) -> bytes:
        """Sign the next version of the directory, with the offices as they are now."""
        services = tuple(
            Service(use, key.public, ALWAYS)
            for use, key in ((Use.ACCEPTANCE, self.acceptance), (Use.CURRENT, self.current))
        )
        rows = tuple(office.row() for _, office in sorted(self.offices.items()))
        before = self.directory
        directory = Directory(before.version + 1, before.hash or None, self.clock.now() // 1000, services, rows)
        self.directory_raw = sign_directory(directory, [self.authority], self.network)
        self.directory = read_directory(self.directory_raw, self.network, before if before.version else None)
        return self.directory_raw

    def first_directory(self) -> bytes:
        """Begin the directory anew: its first version, with the offices as they are now."""
        self.directory = Directory(0, None, 0, (), ())
        return self.renew()

    def amend(self, **changes: Any) -> bytes:  # noqa: ANN401 - the fields of Operation, each of its own type
        """Sign the next version of the operation, with these fields changed."""
        before = self.signed_operation
        self.operation = replace(self.operation, version=self.operation.version + 1, previous=before.hash, **changes)
        self.operation_raw = sign_operation(self.operation, self.network.id, self.offices["IPSG"].signing)
        return self.operation_raw

    def header(self, sender: str = "FR", to: Sequence[str] = ("BR",), **claims: Any) -> Header:  # noqa: ANN401 - as amend
        """Claims of a valid query, but for those given."""
        now = self.clock.now()
        values: dict[str, Any] = {
            "iss": Address(sender),
            "sub": self.operation.id,
            "aud": tuple(Address(code) for code in to),
            "iat": now // 1000,
            "exp": now // 1000 + 7 * 86_400,
            "cti": MessageId.new(now),
            "net": self.network.id,
            "head": Head(0, EMPTY),
            "kind": QUERY,
            "purpose": Purpose.ARREST,
            "exercise": self.network.genesis.exercise,
            "urgency": Urgency.ROUTINE,
        }
        return Header(**{**values, **claims})

    def office(self, address: str) -> Office:
        """Whose keys serve an address."""
        return self.offices.get(address) or self.offices[Address(address).bureau]

    def envelope(
        self,
        sender: str = "FR",
        to: Sequence[str] = ("BR",),
        content: bytes = b'{"a":1}',
        **claims: Any,  # noqa: ANN401 - as amend
    ) -> Envelope:
        """A sealed, signed query."""
        keys = [self.office(code).sealing.public for code in to]
        return seal(self.header(sender, to, **claims), content, keys, self.office(sender).signing)

    def submission(self, envelope: Envelope, link: str = "FR") -> Submission:
        """The envelope as it comes over a link."""
        return Submission(Address(link), wire.encode_submission(envelope), self.clock.now())

    def candidate(self, envelope: Envelope, link: str = "FR", trust: Trust | None = None) -> Candidate:
        """The envelope after steps 1 to 4 of admission, and looked at ahead with `trust`."""
        received = receive(self.submission(envelope, link), self.network.id, within_quota=True, trust=trust)
        assert isinstance(received, Candidate)
        return received

    def facts(self, size: int = 10, **more: Any) -> Facts:  # noqa: ANN401 - the fields of Facts, each of its own type
        """What admission is told: the statements in force, the time, a ledger of `size`, and what else is given."""
        trust = Trust(self.network, self.directory, {self.operation.id: self.signed_operation})
        return Facts(trust, self.clock.now(), size, **more)

    def acknowledgement(self, by: str, digest: bytes, *, reason: Reason | None = None) -> bytes:
        """A recipient's signed word."""
        outcome = Said.PROCESSED if reason is None else Said.REFUSED
        said = Acknowledgement(
            Address(by), digest, outcome, self.clock.now() // 1000, self.network.id, Head(0, EMPTY), reason
        )
        return sign_acknowledgement(said, self.office(by).signing)

    def exchange(
        self,
        store: Store,
        limits: Pipeline | None = None,
        inboxes: Inboxes | None = None,
        standing: Standing | None = None,
    ) -> Exchange:
        """A pipeline on a store; not started."""
        return Exchange(
            store=store,
            network=self.network,
            signer=self.acceptance,
            clock=self.clock,
            watcher=self.watcher,
            limits=limits or Pipeline(linger_milliseconds=0),
            inboxes=inboxes,
            standing=standing,
        )

    def ledger(self, tree: Tree, mark: HighWater | None = None) -> Ledger:
        """The ledger over a tree."""
        return Ledger(tree, self.log, self.clock, self.watcher, mark)

    @contextlib.asynccontextmanager
    async def gateway(
        self,
        store: Store,
        limits: Pipeline | None = None,
        inboxes: Inboxes | None = None,
        standing: Standing | None = None,
    ) -> AsyncIterator[Exchange]:
        """A running pipeline with the directory and the operation published."""
        exchange = self.exchange(store, limits, inboxes, standing)
        await exchange.start()
        try:
            await exchange.publish_directory(self.directory_raw)
            await exchange.publish_operation(Address("IPSG"), self.operation_raw)
            yield exchange
        finally:
            await exchange.stop()

    async def send(self, exchange: Exchange, envelope: Envelope, link: str = "FR") -> Outcome:
        """Submit an envelope over a link."""
        return await exchange.submit(self.submission(envelope, link))


@dataclass
class Stores:
    """A store and its tree."""

    store: Store
    tree: Tree
    cosignatures: Cosignatures
    accounts: Accounts
    sightings: Sightings
    looks: Looks
    approvals: Approvals


@contextlib.asynccontextmanager
async def memory_stores() -> AsyncIterator[Stores]:
    """The shipped fake."""
    store = MemoryStore()
    tree = MemoryTree(store)
    console = MemoryAccounts(), MemorySightings(store), MemoryLooks(store), MemoryApprovals(store)
    yield Stores(store, tree, MemoryCosignatures(tree), *console)


@contextlib.asynccontextmanager
async def sql_stores(url: str) -> AsyncIterator[Stores]:
    """A database, its tables made."""
    database = Database(url)
    try:
        await prepare(database)
        keeps = SqlAccounts(database), SqlSightings(database), SqlLooks(database), SqlApprovals(database)
        yield Stores(SqlStore(database), SqlTree(database), SqlCosignatures(database), *keeps)
    finally:
        await database.close()


def sqlite_url(folder: Path) -> str:
    """SQLAlchemy's URL of a new SQLite database in `folder`."""
    return f"sqlite+aiosqlite:///{folder / 'ledger.db'}"
