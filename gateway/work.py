"""What one transaction of the pipeline has to do, and what it did: the values between a batch and its recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.ports import Candidate, CopyKey, Handover, Pending, Placed
from schemas.answer_times import AnswerTime
from schemas.directory import Directory
from schemas.envelope import Statement
from schemas.errors import Reason
from schemas.evidence import Entry
from schemas.identity import Address
from schemas.operation import SignedOperation
from schemas.preferences import SignedPreferences


@dataclass(frozen=True, slots=True)
class Publication:
    """A version of a directory, an operation or refusals to keep, verified."""

    statement: Directory | SignedOperation | SignedPreferences
    raw: bytes


@dataclass(frozen=True, slots=True, init=False)
class Ruling:
    """What admission decided about a message: admitted where there is no reason, else refused at steps 8 to 12."""

    candidate: Candidate
    reason: Reason | None = None

    def __init__(self, candidate: Candidate, reason: Reason | None = None) -> None:
        object.__setattr__(self, "candidate", candidate)
        object.__setattr__(self, "reason", reason)

    @property
    def statement(self) -> Statement:
        """The message's statement."""
        return self.candidate.statement


@dataclass(slots=True)
class Work:
    """What one transaction has to do."""

    directory: Directory
    """Where copies are routed by."""
    operations: Mapping[str, int]
    """The operations that exist, and for how many days each keeps sealed parts. A refusal under another id belongs to
    none."""
    now: int
    lease_until: int
    full: frozenset[Address] = frozenset()
    """HTTP inboxes that take nothing more for now: copies for them are kept, pending."""
    times: Mapping[str, Sequence[AnswerTime]] = field(default_factory=dict)
    """By operation, for those that set times for answers themselves."""
    rulings: list[Ruling] = field(default_factory=list)
    """Each digest once."""
    handovers: list[Handover] = field(default_factory=list)
    placed: list[Placed] = field(default_factory=list)
    failed: list[Placed] = field(default_factory=list)
    publications: list[Publication] = field(default_factory=list)
    notes: list[Entry] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.rulings or self.handovers or self.placed or self.failed or self.publications or self.notes)


@dataclass(frozen=True, slots=True, init=False)
class Decision:
    """A digest's outcome, recorded."""

    receipt: bytes
    index: int

    def __init__(self, receipt: bytes, index: int) -> None:
        object.__setattr__(self, "receipt", receipt)
        object.__setattr__(self, "index", index)


@dataclass(slots=True)
class Done:
    """What one transaction did."""

    decisions: dict[bytes, Decision] = field(default_factory=dict)
    """By digest; one that is missing was decided by another process meanwhile."""
    publications: dict[bytes, int] = field(default_factory=dict)
    """Ledger index by SHA-256 of the statement."""
    pending: list[Pending] = field(default_factory=list)
    """Copies to publish, leased to this process."""
    inboxes: set[Address] = field(default_factory=set)
    """HTTP inboxes that something was put into."""
    consigned: list[CopyKey] = field(default_factory=list)
    """Copies whose consignment was recorded."""
    handed: list[Handover] = field(default_factory=list)
    """Acknowledgements that were recorded."""
    size: int = 0
    """Entries that the ledger has from then on, at the least."""
