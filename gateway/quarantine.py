"""The quarantine, for operators: look at what could not be processed, give it to the pipeline again, or discard it.

Every look and every act is an entry of the ledger (gateway/operators.py).

Rules: release hands the bytes over first and takes them out after, so that a crash between repeats what has no second
effect. What the pipeline refuses for now, or cannot read, stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from gateway.operators import Action, record
from gateway.ports import Clock, Outcome, Quarantined, Store, Submission
from schemas.errors import BureaunetError, Forbidden, Malformed, Reason, Unavailable
from schemas.evidence import read_acknowledgement
from schemas.identity import Address
from schemas.wire import ItemType

PAGE: Final = 100
"""Rows of a list at once."""
DISCARD_REASONS: Final = (
    Reason.UNREADABLE,
    Reason.EXPIRED,
    Reason.LINK_IDENTITY,
    Reason.LINK_QUOTA,
    Reason.NOT_ACCEPTED,
    Reason.INTERNAL,
)
"""Why a body may be discarded."""


class Pipeline(Protocol):
    """The part of the exchange that released bytes go to."""

    async def submit(self, submission: Submission) -> Outcome:
        """Decide a submission. Raises Unavailable; Malformed where it cannot be processed again."""

    async def evidence(self, link: Address, body: bytes) -> None:
        """Take an acknowledgement. Raises Malformed, Untrusted, Forbidden, Unavailable."""


@dataclass(frozen=True, slots=True)
class Released:
    """What came of a release."""

    done: bool
    """Whether it was decided, and is in quarantine no more."""
    entry: int
    """Ledger index of the operator's action."""
    accepted: bool = False
    index: int | None = None
    """Ledger index of the decision."""
    reason: Reason | None = None
    """Why it was refused."""


class Quarantine:
    """The quarantine as one operator sees it."""

    def __init__(self, store: Store, clock: Clock, operator: bytes) -> None:
        """`operator` as from `operator_id`."""
        self._store, self._clock, self._operator = store, clock, operator

    async def items(self) -> list[Quarantined]:
        """All that is there, without bodies.

        Raises:
            Unavailable: `store`.
        """
        found: list[Quarantined] = []
        while page := await self._store.set_aside(found[-1].id if found else -1, PAGE):
            found += page
        await self._record(Action.QUARANTINE_LIST)
        return found

    async def show(self, number: int) -> Quarantined:
        """One, with its body.

        Raises:
            Forbidden: `not-found`. Unavailable: `store`.
        """
        return (await self.look(number))[0]

    async def look(self, number: int) -> tuple[Quarantined, int]:
        """The same, with the ledger index of the look."""
        item = await self._find(number)
        return item, await self._record(Action.QUARANTINE_SHOW, item)

    async def discard(self, number: int, reason: Reason) -> int:
        """Take one out for good, for one of DISCARD_REASONS: the ledger index of the action.

        Raises:
            Forbidden: `not-found`. Unavailable: `store`.
        """
        return await self._record(Action.QUARANTINE_DISCARD, await self._find(number), reason, take=True)

    async def release(self, number: int, pipeline: Pipeline) -> Released:
        """Give one to the pipeline again, as if it came now.

        Raises:
            Forbidden: `not-found`. Unavailable: nothing was decided.
        """
        item = await self._find(number)
        if _is_evidence(item):
            accepted, index, reason = await self._hand_evidence(item, pipeline)
            done = accepted
        else:
            accepted, index, reason, done = await self._hand_envelope(item, pipeline)
        entry = await self._record(Action.QUARANTINE_RELEASE, item, reason, take=done)
        return Released(done, entry, accepted, index, reason)

    async def _hand_evidence(self, item: Quarantined, pipeline: Pipeline) -> tuple[bool, None, Reason | None]:
        try:
            await pipeline.evidence(item.link, item.body or b"")
        except Unavailable:
            raise
        except BureaunetError as error:
            return False, None, error.reason
        return True, None, None

    async def _hand_envelope(
        self, item: Quarantined, pipeline: Pipeline
    ) -> tuple[bool, int | None, Reason | None, bool]:
        """Accepted, index, reason, and whether it is to be taken out."""
        try:
            outcome = await pipeline.submit(Submission(item.link, item.body or b"", self._clock.now()))
        except Malformed as error:  # the pipeline has set it aside again, where there was room, under another number
            return False, None, error.reason, await self._again(item)
        return outcome.accepted, outcome.index, outcome.reason, outcome.index is not None

    async def _again(self, item: Quarantined) -> bool:
        """Whether the same bytes of the same link are there under a later number."""
        last = item.id
        while page := await self._store.set_aside(last, PAGE):
            for one in page:
                if (one.link, one.size) == (item.link, item.size):
                    found = await self._store.one_set_aside(one.id)
                    if found is not None and found.body == item.body:
                        return True
            last = page[-1].id
        return False

    async def _find(self, number: int) -> Quarantined:
        item = await self._store.one_set_aside(number)
        if item is None:
            raise missing_item(number)
        return item

    async def _record(
        self, action: Action, item: Quarantined | None = None, reason: Reason | None = None, *, take: bool = False
    ) -> int:
        async with self._store.begin() as transaction:
            if take and item is not None and await transaction.take_quarantined(item.id) is None:
                raise missing_item(item.id)  # another operator was quicker
            body = None if item is None else item.body or b""
            return await record(transaction, self._clock, self._operator, action, body, reason)


def missing_item(number: int) -> Forbidden:
    """That there is no such number."""
    return Forbidden(Reason.NOT_FOUND, f"there is no {number} in quarantine")


def _is_evidence(item: Quarantined) -> bool:
    if item.item is not None:
        return item.item is ItemType.EVIDENCE
    try:
        read_acknowledgement(item.body or b"")
    except BureaunetError:
        return False
    return True
