"""Sealed parts go when their time is over, or by order; statements, entries, signatures and proofs stay.

A sealed part is kept for the days that its operation said when the message was accepted, whole days by UTC; the day on
which it goes is kept with the message. Order of work, of the chore: room is made ahead for the days to come, what is
due is erased, a batch a transaction, with one entry `ContentErased` for each message, then the database lets go of the
bytes themselves. By order: the same, for the messages named, at once.

What becomes of copies that nobody acknowledged stands in docs/operators.md: one that was never placed ends as
`ContentConsignmentFailure` with the erasure's reason; one in an HTTP inbox is handed over as its statement alone; one
on the broker cannot be taken back from here, so its inbox is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from gateway import ledger
from gateway.ports import Bodies, Clock, Held, Placed, Store, Transaction, Trust, Unplaced, Watcher
from gateway.routing import DAY
from schemas.errors import BureaunetError, Forbidden, Malformed, Reason
from schemas.evidence import Entry, Event
from schemas.identity import Address

AHEAD: Final = 3
"""Days for which room is made ahead."""
MAX_ORDER: Final = 1000
"""Messages of one order."""


class Pipeline(Protocol):
    """What is needed of the exchange."""

    @property
    def trust(self) -> Trust:
        """The signed statements in force."""


@dataclass(frozen=True, slots=True)
class Order:
    """Whose word an erasure rests on."""

    key_id: bytes
    """The operator's id."""
    evidence: bytes | None = None
    """SHA-256 of the request that two operators signed, where the gateway has operators listed."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased by an order."""

    entries: tuple[int, ...]
    """Ledger indices of the `ContentErased` entries, in the order of the digests."""
    gone: tuple[bytes, ...]
    """Digests whose sealed part was not kept any more."""
    queues: tuple[Address, ...]
    """Inboxes on the broker that may still hold copies."""


class Retention:
    """The chore of one process."""

    def __init__(
        self,
        exchange: Pipeline,
        store: Store,
        bodies: Bodies,
        clock: Clock,
        watcher: Watcher,
        items: int = 500,
        longest: int = 5 * 365,
    ) -> None:
        """`items` are erased in one transaction; nothing is kept longer than `longest` days."""
        self._exchange, self._store, self._bodies = exchange, store, bodies
        self._clock, self._watcher = clock, watcher
        self._items, self._longest = items, longest

    async def look(self) -> None:
        """Make room ahead, and erase what is due.

        Raises:
            Unavailable: `store`; what was erased until then stays so. Misuse: the database lets this role erase rows
                and not drop their files.
        """
        today = self._clock.now() // DAY
        try:
            await self._bodies.prepare(self.days_ahead(today))
        except BureaunetError as error:  # what comes meanwhile has a place all the same
            self._watcher.saw("retention-unprepared", reason=error.reason)
        count, queues = 0, set[Address]()
        while batch := await self._erase_due(today):
            count += batch[0]
            queues |= batch[1]
        for inbox in sorted(queues):
            self._watcher.saw("erased-undelivered", inbox=inbox)
        await self._bodies.sweep(today)
        if count:
            self._watcher.saw("erased", count=count)

    def days_ahead(self, today: int) -> set[int]:
        """The days on which what is accepted soon will be erased."""
        operations = self._exchange.trust.operations.values()
        kept = {max(0, min(signed.operation.retention, self._longest)) for signed in operations}
        return {today + ahead + days + 1 for days in kept for ahead in range(AHEAD + 1)}

    async def _erase_due(self, today: int) -> tuple[int, frozenset[Address]] | None:
        """How many were erased, and the inboxes on the broker with copies; None where nothing was due."""
        async with self._store.begin() as transaction:
            held = await transaction.due(today, self._items)
            if not held:
                return None
            unplaced = await transaction.erase([one.digest for one in held])
            await _record(transaction, self._clock.now(), held, unplaced, None)
            return len(held), unplaced.queues


async def erase(store: Store, bodies: Bodies, clock: Clock, digests: Sequence[bytes], order: Order) -> Erased:
    """Erase these messages' sealed parts by order, before their time.

    Raises:
        Malformed: `structure`, none or too many are named. Forbidden: `not-found`, one of them was never accepted;
            nothing was erased. Unavailable: `store`. Misuse: rows are erased, but this role of the database may not
            write their files anew.
    """
    wanted = sorted(set(digests))
    await require_accepted(store, wanted)
    async with store.begin() as transaction:
        held = await transaction.held(wanted)
        unplaced = await transaction.erase([one.digest for one in held]) if held else Unplaced((), frozenset())
        indices = await _record(transaction, clock.now(), held, unplaced, order)
    await bodies.scrub({one.due for one in held})
    kept = {one.digest for one in held}
    gone = tuple(digest for digest in wanted if digest not in kept)
    return Erased(indices, gone, tuple(sorted(unplaced.queues)))


async def require_accepted(store: Store, digests: Sequence[bytes]) -> None:
    """Check that an order can be carried out.

    Raises:
        Malformed, Forbidden, Unavailable: as `erase`.
    """
    if not 0 < len(digests) <= MAX_ORDER:
        raise Malformed(Reason.STRUCTURE, f"an order names 1 to {MAX_ORDER} messages")
    for digest in digests:
        row = await store.message(digest)
        if row is None or not row.accepted:
            raise Forbidden(Reason.NOT_FOUND, f"no message {digest.hex()} was accepted here")


async def _record(
    transaction: Transaction, now: int, held: Sequence[Held], unplaced: Unplaced, order: Order | None
) -> tuple[int, ...]:
    """Entries for what was erased, and for copies that were never placed: the indices of the former."""
    reason = Reason.RETENTION if order is None else Reason.ORDERED
    drafts = [_failed(copy, now, reason) for copy in unplaced.pending]
    drafts += [_erased(one, now, reason, order) for one in held]
    if not drafts:
        return ()
    indices = [index for index, _ in await ledger.record(transaction, drafts)]
    return tuple(indices[len(unplaced.pending) :])


def _failed(copy: Placed, now: int, reason: Reason) -> Entry:
    event = Event.CONTENT_CONSIGNMENT_FAILURE
    return Entry(event, now, copy.digest, copy.operation, party=copy.recipient, kind=copy.kind, reason=reason)


def _erased(one: Held, now: int, reason: Reason, order: Order | None) -> Entry:
    return Entry(
        Event.CONTENT_ERASED,
        now,
        digest=one.digest,
        operation=one.operation,
        kind=one.kind,
        key_id=None if order is None else order.key_id,
        reason=reason,
        evidence=None if order is None else order.evidence,
    )
