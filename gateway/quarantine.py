"""The quarantine, for operators: look at what could not be processed, give it to the pipeline again, or discard it.

Every look and every act is an entry of the ledger, `OperatorAction`: what was done (`kind`), the SHA-256 of the body
(`digest`), who did it (`key_id`), and a reason code; no free text. Who is an id made of the network and the operator's
name: one who knows the name can tell that it was them.

Rules: release hands the bytes over first and takes them out after, so that a crash between repeats what has no second
effect. What the pipeline refuses for now, or cannot read, stays.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from gateway import ledger
from gateway.ports import Clock, Outcome, Quarantined, Store, Submission
from schemas.errors import BureaunetError, Forbidden, Malformed, Reason, Unavailable
from schemas.evidence import Entry, Event, read_acknowledgement
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


class Action(StrEnum):
    """What an operator did, as the entry names it."""

    LIST = "quarantine.list/1"
    SHOW = "quarantine.show/1"
    RELEASE = "quarantine.release/1"
    DISCARD = "quarantine.discard/1"


class Pipeline(Protocol):
    """The part of the exchange that released bytes go to."""

    async def submit(self, submission: Submission) -> Outcome:
        """Decide a submission. Raises Unavailable; Malformed where it was set aside again."""

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


def operator_id(network: bytes, name: str) -> bytes:
    """The id of an operator in a network's ledger: 32 bytes.

    Raises:
        Malformed: `structure`, the name is empty or longer than 64 characters.
    """
    if not 1 <= len(name) <= 64:
        raise Malformed(Reason.STRUCTURE, "an operator's name has 1 to 64 characters")
    return hashlib.sha256(b"bureaunet-operator/1\0" + network + name.encode()).digest()


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
        await self._record(Action.LIST)
        return found

    async def show(self, number: int) -> Quarantined:
        """One, with its body.

        Raises:
            Forbidden: `not-found`. Unavailable: `store`.
        """
        item = await self._find(number)
        await self._record(Action.SHOW, item)
        return item

    async def discard(self, number: int, reason: Reason) -> int:
        """Take one out for good, for one of DISCARD_REASONS: the ledger index of the action.

        Raises:
            Forbidden: `not-found`. Unavailable: `store`.
        """
        return await self._record(Action.DISCARD, await self._find(number), reason, take=True)

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
        entry = await self._record(Action.RELEASE, item, reason, take=done)
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
        except Malformed as error:  # the pipeline has set it aside again, under another number
            return False, None, error.reason, True
        return outcome.accepted, outcome.index, outcome.reason, outcome.index is not None

    async def _find(self, number: int) -> Quarantined:
        item = await self._store.one_set_aside(number)
        if item is None:
            raise _missing(number)
        return item

    async def _record(
        self, action: Action, item: Quarantined | None = None, reason: Reason | None = None, *, take: bool = False
    ) -> int:
        digest = None if item is None else hashlib.sha256(item.body or b"").digest()
        entry = Entry(
            Event.OPERATOR_ACTION, self._clock.now(), digest=digest, kind=action, key_id=self._operator, reason=reason
        )
        async with self._store.begin() as transaction:
            if take and item is not None and await transaction.take_quarantined(item.id) is None:
                raise _missing(item.id)  # another operator was quicker
            return (await ledger.record(transaction, [entry]))[0][0]


def _missing(number: int) -> Forbidden:
    return Forbidden(Reason.NOT_FOUND, f"there is no {number} in quarantine")


def _is_evidence(item: Quarantined) -> bool:
    if item.item is not None:
        return item.item is ItemType.EVIDENCE
    try:
        read_acknowledgement(item.body or b"")
    except BureaunetError:
        return False
    return True
