"""A small network in this process, and the link to it: the shipped fake, held to the same tests as the real links.

It signs real receipts, keeps a real ledger with proofs and checkpoints, and checks what a bureau's program can notice:
link identity, known key, signature, used id, clock, current sealing keys, operation and membership. It has no
durability, no limits and no chores; the gateway has those. For tests of programs that use the SDK:
`await network.seat(home, ...)`, then `Bureau.open(home, connect=network.connect)`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Final

from bureaus import enrolment
from bureaus.links import Link
from bureaus.links.memory_ledger import ORIGIN, Ledger
from bureaus.links.memory_refusals import MemoryRefusals
from bureaus.links.memory_witnesses import MemoryWitnesses
from bureaus.store import FILE, Store, identity
from schemas import cbor, envelope, wire
from schemas.claims import Header
from schemas.directory import (
    Current,
    Directory,
    Participant,
    ParticipantKind,
    SealingEntry,
    Service,
    SigningEntry,
    State,
    Use,
    Validity,
    read_directory,
    sign_current,
    sign_directory,
)
from schemas.enrolment import Request
from schemas.envelope import Envelope, Statement
from schemas.errors import BureaunetError, Forbidden, Reason, Unavailable, Untrusted
from schemas.evidence import Entry, Event, SignedAcknowledgement, read_acknowledgement
from schemas.identity import Address
from schemas.keys import SigningKey
from schemas.network import Genesis, make_network, read_network
from schemas.notes import Checkpoint, Policy, sign_checkpoint
from schemas.operation import SignedOperation, claimed_owner, read_operation
from schemas.receipts import Acceptance, sign_acceptances
from schemas.threshold import Holders
from schemas.wire import InboxItem, ItemType

LIFETIME: Final = 365 * 24 * 3600
"""Seconds that keys are valid."""
SKEW: Final = 120
"""Seconds that a sender's clock may be ahead."""
_LINK_ALONE: Final = frozenset(
    {Reason.LINK_QUOTA, Reason.OVERLOADED, Reason.NETWORK, Reason.KEY_UNKNOWN, Reason.SIGNATURE}
)
"""Refusals that are told to the link, make no entry and are not final."""


class MemoryNetwork:
    """An authority, a gateway and their ledger, in memory. `away` makes every link fail as if the gateway were gone."""

    def __init__(
        self, clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000, *, exercise: bool = True
    ) -> None:
        """`clock` gives milliseconds since the epoch."""
        self.clock = clock
        self.away = False
        self.lost_receipts = 0
        """So many submissions are decided without their receipt reaching the sender."""
        self.ledger = Ledger()
        self.refusing: list[Reason] = []
        """The next submissions are refused with these, one each."""
        self.unrecorded = 0
        """So many refusals make no entry, as of a bureau that has had too many: the same bytes may come again."""
        self.handovers: list[SignedAcknowledgement] = []
        self.submitted: list[bytes] = []
        """Digests of everything that was submitted, in order, repeats too."""
        self._authority = SigningKey.generate()
        self._keys = {use: SigningKey.generate() for use in Use}
        policy = Policy(ORIGIN, self.ledger.key.public)
        genesis = Genesis("memory", exercise, self.seconds, (self._authority.public,), threshold=1, policy=policy)
        first = sign_checkpoint(Checkpoint.empty(ORIGIN), self.ledger.key, self.seconds)
        self.file = make_network(genesis, [self._authority], first)
        self.network = read_network(self.file)
        self.witnesses = MemoryWitnesses(self.ledger, policy)
        self.refusals = MemoryRefusals(self.network.id)
        self.directories: list[bytes] = []
        self._places: list[int] = []
        self._directory: Directory | None = None
        self._operations: dict[str, list[tuple[SignedOperation, int]]] = defaultdict(list)
        self._decided: dict[bytes, tuple[bytes, Envelope]] = {}
        self._ids: dict[tuple[str, bytes], bytes] = {}
        self._inboxes: dict[Address, list[InboxItem]] = defaultdict(list)
        self._arrived = asyncio.Event()

    @property
    def seconds(self) -> int:
        """Seconds since the epoch."""
        return self.clock() // 1000

    @property
    def directory(self) -> Directory:
        """The newest version.

        Raises:
            Unavailable: `not-found`, nobody is seated yet.
        """
        if self._directory is None:
            raise Unavailable(Reason.NOT_FOUND, "there is no directory yet")
        return self._directory

    # ---------------------------------------------------------------------------------------- authority

    async def seat(
        self,
        home: Path,
        address: str,
        kind: ParticipantKind = ParticipantKind.NATIONAL_BUREAU,
        units: tuple[str, ...] = (),
    ) -> None:
        """Enrol a bureau in `home` and publish a directory that lists it."""
        request = await enrolment.request(home, Address.parse(address), kind=kind, units=units)
        async with await Store.open(home / FILE) as store:
            await store.run(identity.put, {enrolment.NETWORK: self.file, enrolment.GATEWAY: b"memory:"})
        self.approve(request)

    def approve(self, request: Request) -> None:
        """Publish a directory with the keys of a request, before the ones that its address had."""
        valid = Validity(self.seconds - 60, self.seconds + LIFETIME)
        rows = {} if self._directory is None else {row.address: row for row in self._directory.participants}
        before = rows.get(request.address)
        rows[request.address] = Participant(
            request.address,
            request.kind,
            request.name,
            request.link,
            State.ACTIVE,
            (SigningEntry(request.signing, valid), *(before.signing if before else ())),
            (SealingEntry(request.sealing, valid), *(before.sealing if before else ())),
            request.units,
        )
        self.publish(tuple(rows.values()))

    def publish(self, rows: tuple[Participant, ...], successor: SigningKey | None = None) -> None:
        """Sign and publish the next version of the directory; `successor` signs those after it."""
        last, valid = self._directory, Validity(0, self.seconds + LIFETIME)
        services = tuple(Service(use, key.public, valid) for use, key in self._keys.items())
        version, previous = (1, None) if last is None else (last.version + 1, last.hash)
        office = None if successor is None else Holders((successor.public,), 1)
        following = Directory(
            version, previous, self.seconds, services, rows, succession=office, witnesses=self.witnesses.named
        )
        raw = sign_directory(following, [self._authority], self.network)
        self._directory, self._authority = read_directory(raw, self.network, last), successor or self._authority
        self.directories.append(raw)
        self._places.append(self.ledger.append(Entry(Event.DIRECTORY_UPDATED, self.clock(), self._directory.hash)))

    def current(self) -> bytes:
        """The statement of which version is current."""
        current = Current(self.directory.version, self.directory.hash, self.seconds, self.ledger.head())
        return sign_current(current, self.network.id, self._keys[Use.CURRENT])

    # ---------------------------------------------------------------------------------------- gateway

    def connect(self, who: enrolment.Identity) -> Link:
        """The link of an enrolled bureau."""
        return MemoryLink(self, who.address)

    def submit(self, link: Address, body: bytes) -> bytes:
        """Decide a submission: the signed receipt."""
        sent = wire.decode_submission(body)
        self.submitted.append(sent.digest)
        statement = envelope.read(sent.statement)
        if not link.covers(statement.header.iss):  # step 4, before what is decided is looked up: others' stay theirs
            return self.refusal(sent.digest, Reason.LINK_IDENTITY)
        known = self._decided.get(sent.digest)
        if known is not None:
            return known[0]
        try:
            if self.refusing:
                raise Forbidden(self.refusing.pop(0))
            self._admit(statement, sent)
        except BureaunetError as error:
            return self._refuse(statement, sent, error.reason)
        return self._accept(statement, sent)

    def _refuse(self, statement: Statement, sent: Envelope, reason: Reason) -> bytes:
        if reason in _LINK_ALONE or self.unrecorded:
            self.unrecorded = max(0, self.unrecorded - 1)
            return self.refusal(sent.digest, reason)
        header, now = statement.header, self.clock()
        event = Event.SUBMISSION_REJECTION
        entry = Entry(event, now, sent.digest, header.sub, party=header.iss, reason=reason)
        receipt = self.receipt(Acceptance(sent.digest, event, self.ledger.append(entry), now, reason))
        self._decided[sent.digest] = receipt, sent
        return receipt

    def refusal(self, digest: bytes, reason: Reason) -> bytes:
        """The signed refusal of a submission."""
        return self.receipt(Acceptance(digest, Event.SUBMISSION_REJECTION, None, self.clock(), reason))

    def _admit(self, statement: Statement, sent: Envelope) -> None:
        header = statement.header
        if header.net != self.network.id:
            raise Forbidden(Reason.NETWORK)
        found = self.directory.signing(statement.key_id)
        if found is None or self.directory.find(header.iss) is not found[0]:
            raise Untrusted(Reason.KEY_UNKNOWN)
        statement.verify(found[1].key)
        if self._ids.get((header.iss, header.cti), sent.digest) != sent.digest:
            raise Forbidden(Reason.ID_REUSED)
        self._admit_times(header)
        if not found[1].validity.covers(self.seconds):
            raise Untrusted(Reason.KEY_NOT_VALID)
        wraps = envelope.check_sealed(statement, sent.sealed or b"").wraps
        rows = [self.directory.find(address) for address in header.aud]
        for wrap, row in zip(wraps, rows, strict=True):
            valid = () if row is None else (e.key.key_id for e in row.sealing if e.validity.covers(self.seconds))
            if wrap.key_id not in valid:
                raise Untrusted(Reason.WRAP_KEY)
        versions = self._operations.get(header.sub)
        if not versions:
            raise Forbidden(Reason.OPERATION_UNKNOWN)
        if versions[-1][0].operation.member(header.iss, self.seconds) is None:
            raise Forbidden(Reason.SENDER_NOT_MEMBER)
        self.refusals.check(header)

    def _admit_times(self, header: Header) -> None:
        if header.iat > self.seconds + SKEW:
            raise Forbidden(Reason.FUTURE)
        if header.exp <= self.seconds:
            raise Forbidden(Reason.EXPIRED)

    def _accept(self, statement: Statement, sent: Envelope) -> bytes:
        header, now = statement.header, self.clock()
        entry = Entry(
            Event.SUBMISSION_ACCEPTANCE, now, sent.digest, header.sub, party=header.iss, kind=header.kind,
            key_id=statement.key_id, answer=header.answer,
        )  # fmt: skip
        index = self.ledger.append(entry)
        receipt = self.receipt(Acceptance(sent.digest, Event.SUBMISSION_ACCEPTANCE, index, now))
        self._decided[sent.digest] = receipt, sent
        self._ids[header.iss, header.cti] = sent.digest
        for address in header.aud:
            self.consign(address, receipt, sent, inline=len(header.aud) <= wire.INLINE_RECIPIENTS)
        return receipt

    def receipt(self, acceptance: Acceptance) -> bytes:
        """Sign what is decided about a submission."""
        return sign_acceptances([acceptance], self.network.id, self._keys[Use.ACCEPTANCE])[0]

    def consign(self, recipient: Address, receipt: bytes, sent: Envelope, *, inline: bool = True) -> None:
        """Put a copy into an inbox, whatever it is."""
        row = self.directory.find(recipient)
        index = self.ledger.append(Entry(Event.CONTENT_CONSIGNMENT, self.clock(), sent.digest, party=recipient))
        if row is not None:
            sealed = sent.sealed if inline else None
            self._inboxes[row.address].append(InboxItem(index, ItemType.ENVELOPE, receipt, sent.statement, sealed))
        arrived, self._arrived = self._arrived, asyncio.Event()
        arrived.set()

    def accepted(self, digest: bytes) -> tuple[bytes, Envelope]:
        """The receipt and the envelope of an accepted message."""
        return self._decided[digest]

    def waiting(self, address: Address, after: int = -1) -> list[InboxItem]:
        """What waits in an inbox above a cursor."""
        return [item for item in self._inboxes[address] if item.index > after]

    async def arrival(self) -> None:
        """Wait until something is consigned to anybody."""
        await self._arrived.wait()

    def evidence(self, link: Address, body: bytes) -> None:
        """Take an acknowledgement, or a witness' cosignature."""
        if self.witnesses.took(link, body):
            return
        signed = read_acknowledgement(body)
        found = self.directory.signing(signed.sign1.key_id)
        if found is None or not link.covers(signed.acknowledgement.iss):
            raise Untrusted(Reason.KEY_UNKNOWN)
        signed.sign1.verify(found[1].key)
        inbox = self._inboxes[found[0].address]
        inbox[:] = [item for item in inbox if envelope.digest_of(item.statement) != signed.acknowledgement.digest]
        self.handovers.append(signed)

    def publish_operation(self, raw: bytes) -> None:
        """Take a version of an operation, signed by its owner."""
        name, owner = claimed_owner(raw)
        row = self.directory.find(owner)
        keys = {} if row is None else {entry.key.key_id: entry.key for entry in row.signing}
        versions = self._operations[name]
        signed = read_operation(raw, self.network.id, keys, versions[-1][0] if versions else None)
        index = self.ledger.append(Entry(Event.OPERATION_UPDATED, self.clock(), signed.hash, name))
        versions.append((signed, index))

    def read(self, path: str) -> bytes:
        """The body at a path of the read API."""
        place, _, query = path.partition("?")
        name, *parts = place.removeprefix("/v1/").split("/")
        readers: dict[str, Callable[[list[str], str], bytes]] = {
            "directory": self._read_directory,
            "operations": self._read_operation,
            "checkpoint": lambda parts, _: self.witnesses.read(parts, self.seconds),
            "consistency": lambda parts, _: cbor.encode(list(self.ledger.consistency(int(parts[0]), int(parts[1])))),
            "proofs": lambda parts, _: self.witnesses.proof(int(parts[0]), self.seconds).encode(),
            "entries": lambda parts, _: self.ledger.entries[int(parts[0])],
            "sealed": self._read_sealed,
            "preferences": lambda parts, _: self.refusals.read("/".join(parts)),
        }
        return readers[name](parts, query)

    def _read_directory(self, parts: list[str], _: str) -> bytes:
        if parts == ["current"]:
            return self.current()
        version = int(parts[0]) if parts else self.directory.version
        if version > len(self.directories):
            raise Forbidden(Reason.NOT_FOUND, "there is no such version")
        if parts[1:] == [wire.DIRECTORY_PROOF]:
            place = self._places[version - 1]
            return cbor.encode([self.ledger.entries[place], self.ledger.proof(place, self.seconds)])
        return self.directories[version - 1]

    def _read_operation(self, parts: list[str], query: str) -> bytes:
        if not parts:
            rows = [
                {"id": name, "version": len(versions), "index": versions[-1][1]}
                for name, versions in self._operations.items()
            ]
            return json.dumps(rows).encode()
        return self._operations[parts[0]][int(query.removeprefix("version=")) - 1][0].raw

    def _read_sealed(self, parts: list[str], _: str) -> bytes:
        for _receipt, sent in self._decided.values():
            if envelope.read(sent.statement).sealed_hash.hex() == parts[0] and sent.sealed is not None:
                return sent.sealed
        raise Forbidden(Reason.NOT_FOUND, "no such sealed part")


class MemoryLink:
    """One participant's link to a `MemoryNetwork`."""

    def __init__(self, network: MemoryNetwork, address: Address) -> None:
        self._network = network
        self._address = address
        self._closed = False

    async def submit(self, body: bytes) -> bytes:
        """As `Link.submit`."""
        await self._reach()
        receipt = self._network.submit(self._address, body)
        if self._network.lost_receipts:
            self._network.lost_receipts -= 1
            raise Unavailable(Reason.UNREACHABLE, "the receipt was lost")
        return receipt

    async def items(self, after: int) -> AsyncIterator[Sequence[InboxItem]]:
        """As `Link.items`."""
        while True:
            await self._reach()
            items = self._network.waiting(self._address, after)
            if items:
                yield items
                after = items[-1].index
            else:
                await self._network.arrival()

    async def acknowledge(self, body: bytes) -> None:
        """As `Link.acknowledge`."""
        await self._reach()
        self._network.evidence(self._address, body)

    async def get(self, path: str) -> bytes:
        """As `Link.get`."""
        await self._reach()
        here = self._network.refusals.refusing(self._address) if path == wire.REFUSING else None
        return self._network.read(path) if here is None else here

    async def publish(self, path: str, body: bytes) -> None:
        """As `Link.publish`."""
        await self._reach()
        if path == wire.OPERATIONS:
            self._network.publish_operation(body)
        else:
            self._network.refusals.publish(body, self._network.directory)

    async def aclose(self) -> None:
        """As `Link.aclose`."""
        self._closed = True

    async def _reach(self) -> None:
        await asyncio.sleep(0)
        if self._network.away or self._closed:
            raise Unavailable(Reason.UNREACHABLE, "the gateway is away")
