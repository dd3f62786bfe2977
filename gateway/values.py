"""The values that the stages of the gateway hand on, from a submission to the rows of the store.

All are frozen and carry bytes exactly as received: nobody re-parses, nobody re-serialises. Times are milliseconds since
the epoch unless a name says seconds. `gateway/ports.py` gives them on, so that a stage imports from there alone. Those
made for each message say their `__init__` themselves, as dataclass would: only then it is compiled, and costs a
thirtieth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from gateway.values_delivery import Placed
from schemas.codes import Handling, Purpose
from schemas.cose import Wrap
from schemas.directory import Directory, Link
from schemas.envelope import Envelope, Statement
from schemas.errors import Reason
from schemas.identity import Address
from schemas.keys import SigningPublic
from schemas.network import Network
from schemas.operation import SignedOperation
from schemas.preferences import SignedPreferences
from schemas.wire import ItemType

# ---- values: admission


@dataclass(frozen=True, slots=True, init=False)
class Submission:
    """One envelope as it came over a link."""

    link: Address
    """The identity that the link's certificate names."""
    body: bytes
    """The framed submission as received (schemas/wire.py)."""
    received: int
    over: Link = Link.HTTP
    """How it came."""

    def __init__(self, link: Address, body: bytes, received: int, over: Link = Link.HTTP) -> None:
        object.__setattr__(self, "link", link)
        object.__setattr__(self, "body", body)
        object.__setattr__(self, "received", received)
        object.__setattr__(self, "over", over)


@dataclass(frozen=True, slots=True, init=False)
class Arrival:
    """One message as the broker handed it over; nothing in it is checked but what the broker says of `user`."""

    exchange: str
    """The exchange that it was published to: only one user may publish to it."""
    user: str | None
    """The property user_id: where it is given, the broker has checked it against the publisher's certificate."""
    type: str | None
    """The property type (schemas/wire.py `ItemType`)."""
    body: bytes

    def __init__(self, exchange: str, user: str | None, type: str | None, body: bytes) -> None:  # noqa: A002  # as the property
        object.__setattr__(self, "exchange", exchange)
        object.__setattr__(self, "user", user)
        object.__setattr__(self, "type", type)
        object.__setattr__(self, "body", body)


@dataclass(frozen=True, slots=True, init=False)
class Ahead:
    """What holds of a submission's bytes whatever is in force: whether one key signed them, and their sealed part."""

    signer: SigningPublic
    """The key that was tried."""
    signed: bool
    """Whether the statement's signature is right with it."""
    wraps: Sequence[Wrap] | None = None
    """Those of the sealed part, whose hash and whose form are right; None where that was not seen."""

    def __init__(self, signer: SigningPublic, signed: bool, wraps: Sequence[Wrap] | None = None) -> None:  # noqa: FBT001  # as a dataclass would make it
        object.__setattr__(self, "signer", signer)
        object.__setattr__(self, "signed", signed)
        object.__setattr__(self, "wraps", wraps)


@dataclass(frozen=True, slots=True, init=False)
class Candidate:
    """A submission that passed steps 1 to 4: decoded, of our network, from a link that covers its sender."""

    submission: Submission
    envelope: Envelope
    statement: Statement
    ahead: Ahead | None = None
    """What was reckoned before its batch was decided."""

    def __init__(
        self, submission: Submission, envelope: Envelope, statement: Statement, ahead: Ahead | None = None
    ) -> None:
        object.__setattr__(self, "submission", submission)
        object.__setattr__(self, "envelope", envelope)
        object.__setattr__(self, "statement", statement)
        object.__setattr__(self, "ahead", ahead)


@dataclass(frozen=True, slots=True)
class Trust:
    """The signed statements in force: replaced whole when a version comes, never changed."""

    network: Network
    directory: Directory
    operations: Mapping[str, SignedOperation]
    """The newest version of each operation, by id."""
    preferences: Mapping[Address, SignedPreferences] = field(default_factory=dict)
    """The newest version of each participant's refusals, by its address."""


@dataclass(frozen=True, slots=True)
class ThreadFacts:
    """What a message that `thread` or `re` names was: enough to keep answers within their exchange."""

    operation: str
    exercise: bool
    purpose: Purpose
    handling: Handling
    sender: Address
    recipients: frozenset[Address]
    thread: bytes
    """The digest that its exchange is known by: its own where it opened it."""

    @property
    def parties(self) -> frozenset[Address]:
        """Sender and recipients."""
        return self.recipients | {self.sender}


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
    spent_bytes: Mapping[str, int] = field(default_factory=dict)
    """Bytes of those."""


@dataclass(frozen=True, slots=True, init=False)
class Admitted:
    """Goes on to be routed, recorded and consigned."""

    candidate: Candidate

    def __init__(self, candidate: Candidate) -> None:
        object.__setattr__(self, "candidate", candidate)


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
class Sibling:
    """The same statement came earlier in this very batch: it gets that one's outcome."""

    digest: bytes


Verdict: TypeAlias = Admitted | Rejected | Repeated | Sibling


@dataclass(frozen=True, slots=True, init=False)
class Outcome:
    """What a submitter learns: the signed receipt and what it says."""

    digest: bytes
    receipt: bytes
    accepted: bool
    index: int | None
    reason: Reason | None = None
    step: int | None = None
    repeated: bool = False

    def __init__(
        self,
        digest: bytes,
        receipt: bytes,
        accepted: bool,  # noqa: FBT001  # as the fields stand, so here and below
        index: int | None,
        reason: Reason | None = None,
        step: int | None = None,
        repeated: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        object.__setattr__(self, "digest", digest)
        object.__setattr__(self, "receipt", receipt)
        object.__setattr__(self, "accepted", accepted)
        object.__setattr__(self, "index", index)
        object.__setattr__(self, "reason", reason)
        object.__setattr__(self, "step", step)
        object.__setattr__(self, "repeated", repeated)


@dataclass(frozen=True, slots=True)
class Spent:
    """What a bureau and its units had admitted in a minute."""

    bureau: str
    messages: int
    size: int
    """Bytes of submissions."""


# ---- values: the store's rows


@dataclass(frozen=True, slots=True, init=False)
class NewMessage:
    """A message to insert: its metadata as read from the header, nothing of the content."""

    statement: Statement
    sealed: bytes | None
    """None for a refused message: only its statement is kept."""
    accepted: bool
    reason: Reason | None
    received: int
    due: int | None = None
    """Days since the epoch: when its sealed part is erased. None where there is no sealed part."""
    claims_id: bool = True
    """False for a message refused because another has its (iss, cti): it is kept under its digest alone."""

    def __init__(
        self,
        statement: Statement,
        sealed: bytes | None,
        accepted: bool,  # noqa: FBT001
        reason: Reason | None,
        received: int,
        due: int | None = None,
        claims_id: bool = True,  # noqa: FBT001, FBT002
    ) -> None:
        object.__setattr__(self, "statement", statement)
        object.__setattr__(self, "sealed", sealed)
        object.__setattr__(self, "accepted", accepted)
        object.__setattr__(self, "reason", reason)
        object.__setattr__(self, "received", received)
        object.__setattr__(self, "due", due)
        object.__setattr__(self, "claims_id", claims_id)


@dataclass(frozen=True, slots=True)
class Held:
    """An accepted message whose sealed part is kept."""

    digest: bytes
    operation: str
    kind: str
    due: int
    """Days since the epoch: when the sealed part is erased."""


@dataclass(frozen=True, slots=True)
class Unplaced:
    """What erasing sealed parts did to copies that nobody has acknowledged."""

    pending: tuple[Placed, ...]
    """Never placed in an inbox; now they never are."""
    queues: frozenset[Address]
    """Inboxes on the broker in which such copies may still lie, sealed part and all."""


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
class Quarantined:
    """Bytes that could not be processed."""

    id: int
    time: int
    link: Address
    cause: str
    """Name of the error, or reason code."""
    item: ItemType | None
    """What they came as; None where nobody said."""
    size: int
    body: bytes | None = None
    """None in a list."""
