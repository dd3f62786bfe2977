"""What the pipeline needs of the world, drawn by need, and the values that stages hand on.

A port raises only errors of schemas/errors.py: `Unavailable` when the world cannot serve now. Values are frozen and carry
bytes exactly as received: nobody re-parses, nobody re-serialises. Times are milliseconds since the epoch unless a name says
seconds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from schemas.claims import Head
from schemas.codes import Answer, Urgency
from schemas.directory import Directory, Link
from schemas.envelope import Envelope, Statement
from schemas.errors import Reason
from schemas.evidence import Entry, SignedAcknowledgement
from schemas.identity import Address
from schemas.network import Network
from schemas.operation import SignedOperation

# ---------------------------------------------------------------------------------------------- values: admission


@dataclass(frozen=True, slots=True)
class Submission:
    """One envelope as it came over a link."""

    link: Address
    """The identity that the link's certificate names."""
    body: bytes
    """The framed submission as received (schemas/wire.py)."""
    received: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A submission that passed steps 1 to 4: decoded, of our network, from a link that covers its sender."""

    submission: Submission
    envelope: Envelope
    statement: Statement


@dataclass(frozen=True, slots=True)
class Trust:
    """The signed statements in force: replaced whole when a version comes, never changed."""

    network: Network
    directory: Directory
    operations: Mapping[str, SignedOperation]
    """The newest version of each operation, by id."""


@dataclass(frozen=True, slots=True)
class ThreadFacts:
    """What a message that `thread` or `re` names was: enough to keep answers within their exchange."""

    operation: str
    exercise: bool
    purpose: str
    parties: frozenset[Address]
    """Sender and recipients."""
    thread: bytes
    """The digest that its exchange is known by: its own where it opened it."""


@dataclass(frozen=True, slots=True)
class Decided:
    """The outcome that a digest already has."""

    receipt: bytes
    index: int | None
    accepted: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """All that admission reads of the world, fetched once a batch; the unique insert decides."""

    trust: Trust
    now: int
    size: int
    """Entries in the ledger: what `void_from` is compared with."""
    decided: Mapping[bytes, Decided] = field(default_factory=dict)
    ids: Mapping[tuple[str, bytes], bytes] = field(default_factory=dict)
    """(iss, cti) -> digest of the message that has this id."""
    threads: Mapping[bytes, ThreadFacts] = field(default_factory=dict)
    """By digest, for the digests that candidates name in thread and re."""
    spent: Mapping[str, int] = field(default_factory=dict)
    """Messages that each bureau had admitted in the current minute, by bureau code."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Goes on to be routed, recorded and consigned."""

    candidate: Candidate


@dataclass(frozen=True, slots=True)
class Rejected:
    """Refused with a reason at a step of protocol section 3. Steps 8 to 12 are recorded, 1 to 7 are not."""

    digest: bytes
    """Of the statement; of the body as received where no statement could be read."""
    link: Address
    step: int
    reason: Reason
    candidate: Candidate | None = None
    """Where it got that far."""

    @property
    def recorded(self) -> bool:
        """Whether the refusal is final for the message and an entry of the ledger."""
        return self.step >= 8


@dataclass(frozen=True, slots=True)
class Repeated:
    """The digest is decided already: it gets its first outcome again and takes no effect."""

    digest: bytes
    decided: Decided


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a submitter learns: the signed receipt and what it says."""

    digest: bytes
    receipt: bytes
    accepted: bool
    index: int | None
    reason: Reason | None = None
    step: int | None = None
    repeated: bool = False


# ---------------------------------------------------------------------------------------------- values: delivery


@dataclass(frozen=True, slots=True)
class Consignment:
    """One copy owed to one recipient's inbox."""

    digest: bytes
    recipient: Address
    """As named in aud."""
    inbox: Address
    """The directory row whose inbox takes it: the recipient's own or its bureau's."""
    link: Link
    urgency: Urgency
    expires: int
    """Seconds since the epoch: the envelope's exp."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A copy to publish: leased to the caller, with everything an inbox item needs."""

    consignment: Consignment
    receipt: bytes
    envelope: Envelope
    recipients: int
    """How many the envelope has: above `INLINE_RECIPIENTS` its sealed part is fetched apart."""
    attempts: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A consigned copy in an HTTP inbox."""

    index: int
    digest: bytes
    receipt: bytes
    envelope: Envelope
    recipients: int


@dataclass(frozen=True, slots=True)
class Handover:
    """A recipient's signed acknowledgement, verified, of a copy that was consigned to it."""

    signed: SignedAcknowledgement
    operation: str
    kind: str
    inbox: Address


# ---------------------------------------------------------------------------------------------- values: the store's rows


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to insert: its metadata as read from the header, nothing of the content."""

    statement: Statement
    sealed: bytes | None
    """None for a refused message: only its statement is kept."""
    accepted: bool
    reason: Reason | None
    received: int


@dataclass(frozen=True, slots=True)
class OperationHead:
    """The last entry of an operation: its running number and leaf. Number 0 and no leaf before the first."""

    number: int = 0
    leaf: bytes | None = None


@dataclass(frozen=True, slots=True)
class Leaf:
    """An entry in its place."""

    index: int
    entry: bytes


@dataclass(frozen=True, slots=True)
class MessageRow:
    """What the gateway keeps of a message."""

    digest: bytes
    statement: bytes
    sealed: bytes | None
    accepted: bool
    reason: Reason | None
    index: int | None
    receipt: bytes
    operation: str
    sender: Address
    recipients: tuple[Address, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """A message that answers another, for the answer clock."""

    re: bytes
    sender: Address
    answer: Answer | None
    until: int | None


# ---------------------------------------------------------------------------------------------- ports


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> int:
        """Milliseconds since the epoch."""


class Transaction(Protocol):
    """One transaction of the store. It commits when its block ends, and rolls back when the block raises.

    Order (docs: crash consistency): inserts in (iss, cti) order, then operation heads locked in id order, then `append`,
    which takes the sequence row last, then what needs the indices.
    """

    async def insert_messages(self, messages: Sequence[NewMessage]) -> frozenset[bytes]:
        """Insert those whose digest and (iss, cti) are new: their digests. The rest were decided by someone else."""

    async def insert_consignments(self, consignments: Sequence[Consignment], lease_until: int) -> None:
        """Insert delivery rows, pending, leased to this process until `lease_until`."""

    async def lock_operations(self, ids: Sequence[str]) -> Mapping[str, OperationHead]:
        """Lock the heads of these operations, in id order, and read them."""

    async def save_operations(self, heads: Mapping[str, OperationHead]) -> None:
        """Write the heads back."""

    async def append(self, entries: Sequence[bytes]) -> int:
        """Append entries to the ledger, in order: the index of the first. Takes the sequence row, in one statement."""

    async def save_receipts(self, receipts: Mapping[bytes, tuple[int, bytes]]) -> None:
        """Digest -> (index, receipt) of messages inserted in this transaction."""

    async def save_refusal(self, digest: bytes, index: int, receipt: bytes) -> None:
        """Remember the outcome of a digest that was refused under a used id (step 8) and has no message row."""

    async def mark_consigned(self, consigned: Sequence[tuple[bytes, Address, int]]) -> frozenset[tuple[bytes, Address]]:
        """(digest, recipient, ledger index of the consignment): those that were pending until now."""

    async def mark_failed(self, failed: Sequence[tuple[bytes, Address]]) -> None:
        """Delivery ended without consignment: the copy expired."""

    async def take_handovers(self, keys: Sequence[tuple[bytes, Address]]) -> frozenset[tuple[bytes, Address]]:
        """Remove delivery rows (digest, recipient) from their inboxes: those that were there."""

    async def save_acknowledgements(self, acknowledgements: Sequence[tuple[SignedAcknowledgement, int]]) -> None:
        """Keep recipients' signed acknowledgements with the ledger index of their entry."""

    async def save_directory(self, directory: Directory, raw: bytes, index: int) -> None:
        """Keep a directory version."""

    async def save_operation(self, signed: SignedOperation, index: int) -> None:
        """Keep an operation version."""


class Store(Protocol):
    """The gateway's database."""

    def begin(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction.

        Raises:
            Unavailable: `store`, the database cannot serve now; the same may be tried again.
        """

    async def decided(self, digests: Sequence[bytes]) -> Mapping[bytes, Decided]:
        """The outcomes that these digests have."""

    async def ids(self, keys: Sequence[tuple[str, bytes]]) -> Mapping[tuple[str, bytes], bytes]:
        """The digests that these (iss, cti) have."""

    async def threads(self, digests: Sequence[bytes]) -> Mapping[bytes, ThreadFacts]:
        """What these accepted messages were."""

    async def message(self, digest: bytes) -> MessageRow | None:
        """One message."""

    async def sealed(self, sealed_hash: bytes, reader: Address) -> bytes | None:
        """A sealed part by its SHA-256, for a party of its message only; None where there is none for this reader."""

    async def waiting(self, inbox: Address, after: int, limit: int) -> list[Waiting]:
        """Consigned copies in an HTTP inbox with an index above `after`, ascending."""

    async def heads_of_inboxes(self, inboxes: Sequence[Address]) -> Mapping[Address, int]:
        """The highest waiting index of each inbox that has any: one question for all who wait."""

    async def lease_pending(self, now: int, until: int, limit: int) -> list[Pending]:
        """Pending copies for the broker whose lease has ended, leased anew until `until`."""

    async def lease_batch(self, keys: Sequence[tuple[bytes, Address]]) -> list[Pending]:
        """The copies that this process just inserted and still leases."""

    async def expired(self, now_seconds: int, limit: int) -> list[Consignment]:
        """Pending copies whose envelope has expired."""

    async def owed(self, keys: Sequence[tuple[bytes, Address]]) -> Mapping[tuple[bytes, Address], tuple[str, str]]:
        """For (digest, recipient) that were consigned: (operation, kind)."""

    async def size(self) -> int:
        """Entries in the ledger."""

    async def leaves(self, start: int, end: int) -> list[Leaf]:
        """Entries of [start, end), those that exist."""

    async def operation_leaves(self, operation: str, after: int, limit: int) -> list[Leaf]:
        """The entries of one operation with an index above `after`, ascending."""

    async def acknowledgement(self, evidence: bytes) -> bytes | None:
        """A signed acknowledgement by its SHA-256."""

    async def directories(self) -> list[tuple[int, bytes]]:
        """(ledger index, bytes) of every directory version, ascending."""

    async def operations(self) -> list[tuple[int, bytes]]:
        """(ledger index, bytes) of every operation version, ascending."""

    async def ping(self) -> None:
        """Commit a small write.

        Raises:
            Unavailable: `store`.
        """


class Tree(Protocol):
    """The integrated part of the ledger: tiles, tree head and checkpoints."""

    def integrate(self, limit: int) -> AbstractAsyncContextManager[Integration]:
        """Extend the tree by up to `limit` appended leaves; only one process at a time gets a step to do."""

    async def subtree_tiles(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], bytes]:
        """Full tiles by (level, index): 256 hashes of 32 bytes (C2SP tlog-tiles, height 8)."""

    async def checkpoint(self) -> str | None:
        """The newest published checkpoint's note."""

    async def publish(self, head: Head, note: str) -> bool:
        """Keep a checkpoint larger than all before; False where one as large is there already."""


class Integration(Protocol):
    """One step of the integrator, under the lock of the tree's state."""

    @property
    def size(self) -> int:
        """Leaves integrated so far."""

    @property
    def peaks(self) -> Sequence[bytes]:
        """The frontier's peaks so far (schemas/merkle.py)."""

    @property
    def leaves(self) -> Sequence[bytes]:
        """Leaf hashes to add, in order."""

    async def save(self, size: int, peaks: Sequence[bytes], tiles: Mapping[tuple[int, int], bytes]) -> None:
        """Write the new state and the tiles that became full."""


class Leases(Protocol):
    """Who does a chore, in turns."""

    async def acquire(self, name: str, holder: str, now: int, until: int) -> bool:
        """Take or renew the lease `name`; False while another holds it."""


class Inboxes(Protocol):
    """Where consigned copies go on the broker."""

    async def publish(self, pending: Sequence[Pending]) -> list[bool]:
        """Publish, mandatory and persistent; for each whether the broker confirmed it. False means unknown: try again."""

    async def ready(self) -> None:
        """Publish one confirmed message to the probe.

        Raises:
            Unavailable: `unreachable`.
        """


class Receipts(Protocol):
    """Where receipts go back to senders on the broker."""

    async def send(self, receipts: Sequence[tuple[Address, Outcome]]) -> None:
        """Put receipts in their senders' inboxes; one that cannot be sent now is asked for over HTTP."""


@dataclass(frozen=True, slots=True)
class Event:
    """For logs and metrics: what happened to one message. Never content, never a secret."""

    name: str
    fields: Mapping[str, str | int | None]


class Watcher(Protocol):
    """Logs and counts."""

    def saw(self, name: str, **fields: str | int | None) -> None:
        """Something happened."""


class EntryStream(Protocol):
    """Entries read in order, in bounded memory."""

    def __call__(self, start: int, end: int) -> AsyncIterator[Leaf]:
        """Entries of [start, end)."""


EntryDraft = Entry
"""An entry whose operation number and previous leaf are filled in under the lock, when it is appended."""
