"""A small synthetic network in memory, the same each time: for tests of the wire contract, and for the vectors.

Nobody real is in it: two bureaus, the secretariat, one operation, made-up content. Keys come from fixed seeds; HPKE and
ML-DSA draw randomness of their own, so sealed parts and checkpoints differ from run to run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from schemas import merkle
from schemas.claims import Head, Header
from schemas.codes import Answer, Handling, Purpose
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
from schemas.evidence import Acknowledgement, Entry, Event, Outcome, sign_acknowledgement
from schemas.identity import Address, MessageId, NoteSigner
from schemas.keys import NoteKey, SealingKey, SigningKey, Suite
from schemas.network import Genesis, Network, make_network, read_network
from schemas.notes import Checkpoint, Policy, sign_checkpoint
from schemas.operation import Member, Operation, Phase, Role, SignedOperation, read_operation, sign_operation
from schemas.receipts import Acceptance, sign_acceptances
from schemas.record_items import (
    Attachments,
    End,
    checkpoint_item,
    end_item,
    entry_item,
    header_item,
    network_item,
)

NOW = 1_310_000_000
"""Seconds: July 2011, when INFRA-SA was under way."""
OPERATION = "infra-sa-2011"
QUERY, RESPONSE = "whereabouts.query/1", "whereabouts.response/1"
FR, BR, AR, IPSG = Address("FR"), Address("BR"), Address("AR"), Address("IPSG")
BUREAUS = (AR, BR, FR)
FOREVER = Validity(NOW - 86_400, NOW + 10 * 365 * 86_400)
CONTENT = b'{"asked":["status"],"case":"FR-1"}'


def seed(label: str, size: int = 32) -> bytes:
    """The same bytes for the same label."""
    return hashlib.shake_256(b"bureaunet/tests/" + label.encode()).digest(size)


def signing(label: str) -> SigningKey:
    """A signing key by its name."""
    return SigningKey(seed(f"signing/{label}"))


def x_wing_seed(label: str) -> bytes:
    """The 32 bytes that a sealing key is made of."""
    return seed(f"sealing/{label}")


def sealing_seed(label: str) -> bytes:
    """The same as the seeds of ML-KEM and X25519: X-Wing makes them so (draft-connolly-cfrg-xwing-kem, section 5.2)."""
    return hashlib.shake_256(x_wing_seed(label)).digest(96)


def sealing(label: str, suite: int = Suite.HPKE_9_KE) -> SealingKey:
    """A sealing key by its name."""
    return SealingKey(sealing_seed(label)[-32 if suite == Suite.HPKE_4_KE else -96 :], suite)


AUTHORITY, ACCEPTANCE, CURRENT = signing("authority"), signing("acceptance"), signing("current")
LOG = NoteKey("log.example", seed("log"))


def make_genesis() -> Genesis:
    """The test network's genesis: one authority key, no witnesses."""
    return Genesis("test", False, NOW - 86_400, (AUTHORITY.public,), 1, Policy(LOG.name, LOG.public))  # noqa: FBT003  # positional as on the wire


def new_network(log: NoteSigner = LOG) -> Network:
    """Its network file, read back."""
    first = sign_checkpoint(Checkpoint.empty(log.name), log, NOW - 86_400)
    return read_network(make_network(make_genesis(), [AUTHORITY], first))


def participant(address: Address, kind: ParticipantKind = ParticipantKind.NATIONAL_BUREAU) -> Participant:
    """A row with one key of each sort."""
    return Participant(
        address,
        kind,
        f"Bureau of {address}",
        Link.HTTP,
        State.ACTIVE,
        (SigningEntry(signing(address).public, FOREVER),),
        (SealingEntry(sealing(address).public, FOREVER),),
    )


def first_directory() -> Directory:
    """Version 1: the bureaus, the secretariat and the gateway's keys."""
    rows = (*map(participant, BUREAUS), participant(IPSG, ParticipantKind.SECRETARIAT))
    services = (
        Service(Use.ACCEPTANCE, ACCEPTANCE.public, FOREVER),
        Service(Use.CURRENT, CURRENT.public, FOREVER),
    )
    return Directory(1, None, NOW - 3600, services, rows)


def first_operation() -> Operation:
    """Version 1 of the operation, owned by the secretariat."""
    members = (
        Member(IPSG, Role.OWNER, NOW - 3600),
        *(Member(address, Role.PARTICIPANT, NOW - 3600) for address in BUREAUS),
    )
    return Operation(
        OPERATION,
        1,
        None,
        NOW - 3500,
        "INFRA-SA",
        IPSG,
        Phase.ACTIVE,
        members,
        (QUERY, RESPONSE),
        (Purpose.ARREST, Purpose.LOCATION),
        (Handling.H0, Handling.H1),
    )


def header(net: bytes, **changes: object) -> Header:
    """A query from France to Brazil and Argentina, changed as told."""
    plain = Header(
        iss=FR,
        sub=OPERATION,
        aud=(BR, AR),
        iat=NOW,
        exp=NOW + 86_400,
        cti=MessageId.parse(bytes.fromhex("01310000000070008000000000000001")),
        net=net,
        head=Head(0, merkle.EMPTY),
        kind=QUERY,
        purpose=Purpose.ARREST,
        exercise=False,
        reply_by=NOW + 7200,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # a test names the claims that it changes


def sealed_by(
    claims: Header, content: bytes = CONTENT, by: SigningKey | None = None, suite: int = Suite.HPKE_9_KE
) -> Envelope:
    """An envelope of these claims, to the recipients' own keys."""
    keys = [sealing(address, suite).public for address in claims.aud]
    return seal(claims, content, keys, by or signing(claims.iss), salt=seed(f"salt/{claims.cti.hex()}"))


@dataclass
class Log:
    """A gateway's ledger in a list: appends entries, then writes the operation's record."""

    network: Network = field(default_factory=new_network)
    entries: list[bytes] = field(default_factory=list)
    steps: list[tuple[int, Attachments]] = field(default_factory=list)
    number: int = 0
    leaf: bytes | None = None
    time: int = NOW * 1000
    directory: Directory | None = None
    operation: SignedOperation | None = None
    ids: int = 0
    receipts: list[bytes] = field(default_factory=list)
    log: NoteSigner = LOG
    sealer: Callable[[Header], Envelope] = sealed_by

    def append(self, entry: Entry, attachments: Attachments = (), *, record: bool = True) -> int:
        """One entry at the end of the ledger; its index."""
        index = len(self.entries)
        self.entries.append(entry.encode())
        if record:
            self.steps.append((index, attachments))
        return index

    def stranger(self) -> None:
        """An entry of another operation, so that indices and numbers differ."""
        self.append(Entry(Event.OPERATOR_ACTION, self.tick(), operation="other", number=1), record=False)

    def tick(self) -> int:
        """The gateway's next moment, in milliseconds."""
        self.time += 10
        return self.time

    def within(self, event: Event, attachments: Attachments = (), **rest: object) -> int:
        """One entry of the operation, chained to the one before."""
        time = rest.pop("time", None) or self.tick()
        entry = Entry(event, time, operation=OPERATION, number=self.number + 1, previous=self.leaf, **rest)  # type: ignore[arg-type]  # a test names the fields
        self.number, self.leaf = self.number + 1, entry.leaf
        return self.append(entry, attachments)

    def publish_directory(self, directory: Directory) -> int:
        """A directory version, signed by the authority."""
        raw = sign_directory(directory, [AUTHORITY], self.network)
        self.directory = read_directory(raw, self.network, self.directory)
        return self.append(Entry(Event.DIRECTORY_UPDATED, self.tick(), digest=hashlib.sha256(raw).digest()), [raw])

    def publish_operation(self, operation: Operation, by: Address = IPSG) -> int:
        """An operation version, signed by its owner."""
        raw = sign_operation(operation, self.network.id, signing(by))
        key = signing(by).public
        self.operation = read_operation(raw, self.network.id, {key.key_id: key}, self.operation)
        digest = hashlib.sha256(raw).digest()
        return self.within(Event.OPERATION_UPDATED, [raw], digest=digest, party=by, key_id=key.key_id)

    def next_id(self) -> MessageId:
        """Message ids one after another."""
        self.ids += 1
        return MessageId.parse(bytes.fromhex("01310000000070008000") + self.ids.to_bytes(6))

    def decide(self, claims: Header, envelope: Envelope, reason: Reason | None = None, *, kept: bool = True) -> int:
        """An acceptance, or a rejection with `reason`: its entry and receipt."""
        event = Event.SUBMISSION_REJECTION if reason else Event.SUBMISSION_ACCEPTANCE
        time = self.tick()
        said = Acceptance(envelope.digest, event, len(self.entries), time, reason)
        receipt = sign_acceptances([said], self.network.id, ACCEPTANCE)[0]
        self.receipts.append(receipt)
        attachments = [receipt, envelope.statement, envelope.sealed if kept and not reason else None]
        return self.within(
            event,
            attachments,
            time=time,
            digest=envelope.digest,
            party=claims.iss,
            kind=None if reason else claims.kind,
            key_id=signing(claims.iss).key_id,
            reason=reason,
            answer=None if reason else claims.answer,
        )

    def submit(self, reason: Reason | None = None, *, kept: bool = True, **changes: object) -> Envelope:
        """A message of these claims, sealed, and its outcome."""
        claims = header(self.network.id, **{"cti": self.next_id(), **changes})
        envelope = self.sealer(claims)
        self.decide(claims, envelope, reason, kept=kept)
        return envelope

    def consign(self, envelope: Envelope, *recipients: Address) -> None:
        """Copies placed in inboxes."""
        for party in recipients:
            self.within(Event.CONTENT_CONSIGNMENT, digest=envelope.digest, party=party, kind=QUERY)

    def give_up(self, envelope: Envelope, recipient: Address) -> None:
        """The gateway's word that a copy could not be placed in time."""
        said = Event.CONTENT_CONSIGNMENT_FAILURE
        self.within(said, digest=envelope.digest, party=recipient, kind=QUERY, reason=Reason.EXPIRED)

    def hand_over(self, envelope: Envelope, recipient: Address, reason: Reason | None = None) -> int:
        """A recipient's acknowledgement and its entry."""
        outcome = Outcome.REFUSED if reason else Outcome.PROCESSED
        said = Acknowledgement(
            recipient, envelope.digest, outcome, self.time // 1000, self.network.id, Head(0, merkle.EMPTY), reason
        )
        raw = sign_acknowledgement(said, signing(recipient))
        return self.within(
            Event.CONTENT_HANDOVER_FAILURE if reason else Event.CONTENT_HANDOVER,
            [raw],
            digest=envelope.digest,
            party=recipient,
            kind=QUERY,
            key_id=signing(recipient).key_id,
            evidence=hashlib.sha256(raw).digest(),
            reason=reason,
        )

    @property
    def leaves(self) -> list[bytes]:
        """The ledger's leaf hashes."""
        return [merkle.leaf_hash(entry) for entry in self.entries]

    @property
    def head(self) -> Checkpoint:
        """The tree's head over everything so far."""
        return Checkpoint(self.log.name, len(self.entries), merkle.root(self.leaves))

    def note(self) -> str:
        """A signed checkpoint of it."""
        return sign_checkpoint(self.head, self.log, self.time // 1000 + 1)

    def record(self) -> bytes:
        """The operation's record under a new checkpoint."""
        return b"".join(self.items())

    def items(self) -> list[bytes]:
        """The record's items."""
        subtrees, size = merkle.of_leaves(self.leaves), len(self.entries)
        sealed = 0
        items = [header_item(OPERATION), network_item(self.network.raw), checkpoint_item(self.note())]
        for index, attachments in self.steps:
            path = merkle.inclusion_proof(subtrees, index, size)
            items.append(entry_item(index, self.entries[index], path, attachments))
            sealed += len(attachments) == 3 and attachments[2] is not None
        return [*items, end_item(End(len(self.steps), self.number, sealed))]


def opened_log(network: Network | None = None) -> Log:
    """A log with the first directory and the operation in it."""
    log = Log(network or new_network())
    log.publish_directory(first_directory())
    log.stranger()
    log.publish_operation(first_operation())
    return log


def full_log(network: Network | None = None) -> Log:
    """One query answered by Brazil, not yet by Argentina; one refused; one whose sealed part is erased."""
    log = opened_log(network)
    query = log.submit()
    log.consign(query, BR, AR)
    log.hand_over(query, BR)
    log.stranger()
    answer = log.submit(
        iss=BR, aud=(FR,), kind=RESPONSE, thread=query.digest, re=query.digest, answer=Answer.FINAL, reply_by=None
    )
    log.consign(answer, FR)
    log.hand_over(answer, FR)
    log.hand_over(query, AR, Reason.COMMITMENT)
    log.submit(Reason.EXPIRED, iat=NOW - 7200, exp=NOW - 3600)
    erased = log.submit(kept=False, aud=(BR,), reply_by=None)
    log.within(Event.CONTENT_ERASED, digest=erased.digest)
    return log


def flip(data: bytes, at: int, mask: int = 0x01) -> bytes:
    """The data with one byte changed."""
    return data[:at] + bytes((data[at] ^ mask,)) + data[at + 1 :]
