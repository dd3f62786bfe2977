"""What the pipeline needs of the world, drawn by need: ports, and the values of gateway/values.py.

A port raises only errors of schemas/errors.py: `Unavailable` when the world cannot serve now. Times are milliseconds
since the epoch unless a name says seconds.
"""

from __future__ import annotations

from asyncio import Task
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias

from gateway.clocks import Attested
from gateway.ports_clocks import ClockReads, ClockWrites
from gateway.ports_evidence import EvidenceReads
from gateway.ports_facts import FactReads
from gateway.ports_statements import StatementReads, StatementWrites
from gateway.values import (
    Admitted,
    Ahead,
    Arrival,
    Candidate,
    Decided,
    Facts,
    Held,
    Leaf,
    MessageRow,
    NewMessage,
    OperationHead,
    Outcome,
    Quarantined,
    Rejected,
    Repeated,
    Sibling,
    Spent,
    Submission,
    ThreadFacts,
    Trust,
    Unplaced,
    Verdict,
)
from gateway.values_delivery import Consignment, CopyKey, Handover, Owed, Pending, Placed, Waiting
from schemas.claims import Head
from schemas.identity import Address
from schemas.wire import ItemType

__all__ = [
    "Admitted",
    "Ahead",
    "Arrival",
    "Arrivals",
    "Bodies",
    "Candidate",
    "Clock",
    "Consignment",
    "CopyKey",
    "Decided",
    "Facts",
    "Handler",
    "Handover",
    "Held",
    "HighWater",
    "Inboxes",
    "Integration",
    "Leaf",
    "Leases",
    "MessageRow",
    "NewMessage",
    "OperationHead",
    "Outcome",
    "Owed",
    "Owned",
    "Pending",
    "Placed",
    "Quarantined",
    "Receipts",
    "Rejected",
    "Repeated",
    "Sibling",
    "Spent",
    "Store",
    "Submission",
    "Taking",
    "ThreadFacts",
    "Transaction",
    "Tree",
    "Trust",
    "Unplaced",
    "Verdict",
    "Waiting",
    "Watcher",
]


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> int:
        """Milliseconds since the epoch."""


class Transaction(StatementWrites, ClockWrites, Protocol):
    """One transaction of the store. It commits when its block ends, and rolls back when the block raises.

    Order (docs: crash consistency): inserts in (iss, cti) order, copies in (digest, recipient) order, what was spent in
    the bureaus' order, answer clocks in key order, then `take`: operation heads locked in id order, and the sequence
    row last; then what needs the indices.
    """

    async def insert(
        self,
        messages: Sequence[NewMessage],
        copies: Sequence[Consignment] = (),
        lease_until: int = 0,
        touched: Sequence[CopyKey] = (),
    ) -> tuple[frozenset[bytes], Mapping[CopyKey, bool]]:
        """Insert messages and their copies, and then lock the copies `touched`, in order.

        Inserted are messages whose digest and (iss, cti) are new: their digests come first. The rest were decided by
        someone else, and get no copies. Copies are pending, leased to this process until `lease_until`. Of those
        touched that are there it is said whether each still owes its consignment; one that is pending again after its
        consignment (`redeliver`) owes none.
        """

    async def remove_copies(self, keys: Sequence[CopyKey]) -> None:
        """Take locked copies out of their inboxes: they were handed over."""

    async def spend(self, spent: Sequence[Spent], minute: int) -> None:
        """Add what bureaus had admitted in this minute (minutes since the epoch), in the order of their codes."""

    async def take(self, ids: Collection[str], count: int) -> tuple[Mapping[str, OperationHead], int]:
        """Lock the heads of these operations, in id order, and take `count` places of the ledger.

        The heads, and the index of the first place. The sequence row is taken last, and held until the end.
        """

    async def save_operations(self, heads: Mapping[str, OperationHead]) -> None:
        """Write the heads back, with the next `append`."""

    async def append(self, entries: Sequence[tuple[bytes, str | None]], at: int | None = None) -> int:
        """Put entries, each with its operation, in order, at the places taken from `at` on: the index of the first.

        Without `at` the places are taken now.
        """

    async def save_receipts(self, receipts: Mapping[bytes, tuple[int, bytes]]) -> None:
        """Digest -> (index, receipt) of messages inserted in this transaction."""

    async def insert_consigned(self, consigned: Sequence[tuple[Consignment, int]]) -> None:
        """Insert delivery rows that are in their HTTP inbox, at the ledger index of their consignment."""

    async def mark_consigned(self, consigned: Sequence[tuple[bytes, Address, int]]) -> None:
        """(digest, recipient, ledger index of the consignment) of locked copies that were pending."""

    async def mark_failed(self, failed: Sequence[CopyKey]) -> None:
        """Delivery of locked copies that were pending ended without consignment."""

    async def redeliver(self, inbox: Address, now: int) -> int:
        """Copies in this inbox on the broker, unexpired, are pending again with their lease ended: how many.

        They keep their attempts and the ledger index of their consignment.
        """

    async def keep_consigned(self, keys: Sequence[CopyKey]) -> None:
        """Of these locked copies, those that `redeliver` made pending are consigned again, as they were before."""

    async def save_acknowledgements(self, acknowledgements: Sequence[tuple[Handover, int]]) -> None:
        """Keep recipients' signed acknowledgements with the ledger index of their entry."""

    async def quarantine(self, link: Address, body: bytes, cause: str, time: int, item: ItemType | None = None) -> None:
        """Set aside a body that cannot be processed, with the name of the error that it causes, and what it came as."""

    async def quarantined(self, link: Address) -> tuple[int, int]:
        """How many bodies are set aside: of this link, and in all."""

    async def take_quarantined(self, number: int) -> Quarantined | None:
        """Take a body out of quarantine, for good; None where there is none of this number."""

    async def held(self, digests: Sequence[bytes]) -> list[Held]:
        """Lock these messages: those whose sealed part is kept, by digest."""

    async def due(self, day: int, limit: int) -> list[Held]:
        """Lock up to `limit` messages whose sealed part is to be erased by `day`, those due first, by digest."""

    async def erase(self, digests: Sequence[bytes]) -> Unplaced:
        """Erase the sealed parts of locked messages, and lock their copies that nobody has acknowledged.

        Copies that were never placed end here. Those in an HTTP inbox stay, as their statement alone. Those on the
        broker are published no more. Bodies in quarantine that hold one of these statements are erased too.
        """


class Store(StatementReads, EvidenceReads, ClockReads, FactReads, Protocol):
    """The gateway's database. Every method raises Unavailable (`store`) while it cannot serve; nothing is lost then."""

    def begin(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction."""

    async def sealed(self, sealed_hash: bytes, reader: Address) -> bytes | None:
        """A sealed part by its SHA-256, for a party of its message only; None where there is none for this reader."""

    async def waiting(self, inbox: Address, after: int, limit: int, max_bytes: int) -> list[Waiting]:
        """Consigned copies and attestations in an HTTP inbox with an index above `after`, ascending, of one moment.

        At most `limit`, and no more than `max_bytes` of sealed parts unless it is the first; above `INLINE_RECIPIENTS`
        an envelope comes without its sealed part.
        """

    async def heads_of_inboxes(self, inboxes: Sequence[Address]) -> Mapping[Address, int]:
        """The highest waiting index of each inbox that has any: one question for all who wait."""

    async def lease_pending(self, now: int, lease: int, limit: int, max_bytes: int) -> list[Pending]:
        """Pending copies for the broker, unexpired, whose lease ended: leased for `lease` ms doubled by each attempt.

        At most `limit`, and no more than `max_bytes` of sealed parts unless it is the first.
        """

    async def full_inboxes(self, inboxes: Sequence[Address], limit: int) -> frozenset[Address]:
        """Those of these HTTP inboxes in which at least `limit` copies wait."""

    async def held_back(self, full: frozenset[Address], limit: int) -> list[Placed]:
        """Pending copies for HTTP inboxes other than `full`, oldest first."""

    async def expired(self, now_seconds: int, limit: int) -> list[Placed]:
        """Pending copies whose envelope has expired."""

    async def owed(self, keys: Sequence[CopyKey]) -> Mapping[CopyKey, Owed]:
        """(digest, who asks) -> the copy that was made for who asks, or for an address that it has the inbox of."""

    async def size(self) -> int:
        """Entries in the ledger."""

    async def leaves(self, start: int, end: int) -> list[Leaf]:
        """Entries of [start, end), those that exist."""

    async def operation_leaves(self, operation: str, after: int, limit: int) -> list[Leaf]:
        """The entries of one operation with an index above `after`, ascending."""

    async def set_aside(self, after: int, limit: int) -> list[Quarantined]:
        """What is in quarantine with a number above `after`, ascending, without the bodies."""

    async def one_set_aside(self, number: int) -> Quarantined | None:
        """One of them with its body."""

    async def current(self) -> bytes | None:
        """The newest DirectoryCurrent statement."""

    async def save_current(self, statement: bytes) -> None:
        """Keep a DirectoryCurrent statement in place of the one before."""

    async def ping(self) -> None:
        """Commit a small write."""


class Bodies(Protocol):
    """Where sealed parts lie, by the day on which they are erased. Every method raises Unavailable (`store`)."""

    async def prepare(self, days: Collection[int]) -> None:
        """Make room ahead for sealed parts that are erased on these days (since the epoch)."""

    async def sweep(self, today: int) -> None:
        """Let nothing be left of what was erased because it was due by `today`."""

    async def scrub(self, days: Collection[int]) -> None:
        """Let nothing be left of what was erased before its time, and was due on these days."""


class Tree(Protocol):
    """The integrated part of the ledger: tiles, tree head and checkpoints."""

    def integrate(self, limit: int) -> AbstractAsyncContextManager[Integration | None]:
        """Extend the tree by up to `limit` appended leaves; None where there is nothing to do, or another does it."""

    async def subtree_tiles(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], bytes]:
        """Full tiles by (level, index): 256 hashes of 32 bytes (C2SP tlog-tiles, height 8)."""

    async def leaf_hashes(self, start: int, end: int) -> list[bytes]:
        """Hashes of the leaves [start, end), those that exist."""

    async def head(self) -> tuple[int, Sequence[bytes]]:
        """Leaves integrated so far, and the frontier's peaks."""

    async def checkpoint(self) -> str | None:
        """The newest published checkpoint's note."""

    async def publish(self, head: Head, note: str) -> bool:
        """Keep a checkpoint larger than all before; False where one as large is there already."""


class HighWater(Protocol):
    """The largest tree head ever published, kept outside the store."""

    async def read(self) -> Head | None:
        """The mark; None where nothing was published yet. Raises Misuse where it cannot be read."""

    async def lift(self, head: Head) -> None:
        """Set the mark, durably, if `head` is larger. Raises Misuse where it cannot be written."""


class Integration(Protocol):
    """One step of the integrator, under the lock of the tree's state."""

    @property
    def size(self) -> int:
        """Leaves integrated so far."""

    @property
    def peaks(self) -> Sequence[bytes]:
        """The frontier's peaks so far (schemas/merkle.py)."""

    @property
    def tail(self) -> Sequence[bytes]:
        """Hashes of the leaves integrated since the last full tile of level 0, where `leaves` fill the next one."""

    @property
    def leaves(self) -> Sequence[bytes]:
        """Leaf hashes to add, in order."""

    async def tiles(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], bytes]:
        """Full tiles by (level, index), as written so far."""

    async def save(self, size: int, peaks: Sequence[bytes], tiles: Mapping[tuple[int, int], bytes]) -> None:
        """Write the new state and the tiles that became full."""


class Leases(Protocol):
    """Who does a chore, in turns."""

    async def acquire(self, name: str, holder: str, now: int, until: int) -> bool:
        """Take or renew the lease `name`, for `until` - `now`; False while another holds it.

        Where processes of several machines share the store, its clock counts and not theirs.
        """

    async def release(self, name: str, holder: str) -> None:
        """Give up the lease `name`, if `holder` has it."""


class Inboxes(Protocol):
    """Where consigned copies go on the broker."""

    async def publish(self, pending: Sequence[Pending]) -> list[bool]:
        """Publish, mandatory and persistent; for each whether the broker confirmed it. False means unknown: try again.

        Raises:
            Unavailable: `unreachable`, nothing is known of any of them.
        """

    async def attest(self, attestations: Sequence[Attested]) -> list[bool]:
        """Publish attestations, as `publish` does copies.

        Raises:
            Unavailable: `unreachable`, nothing is known of any of them.
        """

    async def ready(self) -> None:
        """Publish one confirmed message to the probe.

        Raises:
            Unavailable: `unreachable`.
        """


class Receipts(Protocol):
    """Where receipts go back to senders on the broker."""

    async def send(self, receipts: Sequence[tuple[Address, Outcome]]) -> None:
        """Put receipts in their senders' inboxes; one that cannot be sent now is asked for over HTTP."""


Handler: TypeAlias = Callable[[Arrival], Awaitable[None]]
"""Decides one arrival: when it returns, the broker may forget the message. While it cannot decide, it waits."""


Owned: TypeAlias = Callable[[Task[None]], None]
"""Is given a task that goes on with an arrival, and cancels it once the broker has given up on what we hold."""
Taking: TypeAlias = Callable[[Arrival, Callable[[BaseException | None], None], Owned], bool]
"""Takes an arrival at once, if it can, and says later that it is decided, or what went wrong: no task for each one."""


class Arrivals(Protocol):
    """What bureaus put on the gateway's queues."""

    async def start(self, handler: Handler, taking: Taking | None = None) -> None:
        """Begin to hand over what arrives, many at a time: to `handler` what `taking` does not take."""

    async def stop(self) -> None:
        """Take no more, and let what is in hand be decided."""


class Watcher(Protocol):
    """Logs and counts."""

    def saw(self, name: str, **fields: str | int | None) -> None:
        """Something happened."""
