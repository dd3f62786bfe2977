"""Each step of a message with what it rests on, verified with the verifiers that everybody has (package `schemas`).

A check says yes, no, or that it cannot be said yet or here. Signatures are verified with the keys of the directory in
force; what a key of the past signed is for the verification of the operation's whole record, which follows versions.
Entries are looked for among the `WINDOW` after the decision; those that acknowledgements name are found wherever they
are, and the page says how far it has looked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.clocks import Clock
from gateway.console.desk import Desk
from gateway.ports import Leaf, MessageRow
from gateway.ports_console import Acknowledged, Seen
from schemas import envelope
from schemas.directory import Directory
from schemas.errors import BureaunetError, Reason, Untrusted
from schemas.evidence import Entry, Event, read_acknowledgement, read_entry
from schemas.in_force import acceptance_keys
from schemas.keys import SigningPublic
from schemas.notes import read_body
from schemas.receipts import read_acceptance

WINDOW: Final = 10_000
"""Entries of the ledger."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was verified."""

    what: str
    said: str
    good: bool | None = None
    """None: it cannot be said."""


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of the ledger about a message."""

    index: int
    entry: Entry
    checks: tuple[Check, ...]

    @property
    def good(self) -> bool | None:
        """No where any check says no; unknown where any cannot be said."""
        said = {check.good for check in self.checks}
        return False if False in said else None if None in said else True


@dataclass(frozen=True, slots=True)
class Story:
    """One message and its steps."""

    seen: Seen
    steps: tuple[Step, ...]
    looked: int
    """Entries below this index were looked through."""
    clocks: tuple[Clock, ...] = ()
    """Where its answers stand, by recipient."""


async def story(desk: Desk, seen: Seen) -> Story:
    """Follow one message through the ledger.

    Raises:
        Unavailable: `store`.
    """
    row, size = await desk.store.message(seen.digest), await desk.store.size()
    said = {one.index: one for one in await desk.sightings.acknowledged(seen.digest)}
    start = size if seen.index is None else seen.index
    end = min(size, start + WINDOW)
    found = {leaf.index: leaf for leaf in await desk.sightings.about(seen.digest, start, end)}
    for index in said:
        if index not in found:
            found |= {leaf.index: leaf for leaf in await desk.store.leaves(index, index + 1)}
    steps = [await _step(desk, found[index], row, said.get(index)) for index in sorted(found)]
    return Story(seen, tuple(steps), end, tuple(await desk.store.clocks(seen.digest)))


async def _step(desk: Desk, leaf: Leaf, row: MessageRow | None, said: Acknowledged | None) -> Step:
    entry = read_entry(leaf.entry)
    checks = [await _included(desk, leaf)]
    directory = desk.trust().directory
    if row is not None and leaf.index == row.index:
        checks += [_receipt(desk, row, entry, leaf.index), _statement(directory, row)]
    if said is not None:
        checks.append(_acknowledgement(directory, entry, said))
    return Step(leaf.index, entry, tuple(checks))


async def _included(desk: Desk, leaf: Leaf) -> Check:
    """The entry's inclusion proof, under a checkpoint signed as the policy in force for its size says."""
    what = "Proof of inclusion"
    try:
        proof = await desk.ledger.tlog_proof(leaf.index)
        if proof is None:
            return Check(what, "no checkpoint covers this entry yet")
        size = read_body(proof.note)[0].size
        opened = proof.open(leaf.entry, desk.network.policy)
        policy = await desk.policies.at(size)
        witnesses = len(opened.under(policy).witnesses)
    except Untrusted as error:
        return Check(what, error.detail or str(error.reason), good=False)
    signed = f", which {witnesses} witnesses signed too" if witnesses else ""
    return Check(what, f"entry {leaf.index} is in the tree of {size} entries that the log signed{signed}", good=True)


def _said(what: str, check: Callable[[], str]) -> Check:
    try:
        return Check(what, check(), good=True)
    except Untrusted as error:
        known = None if error.reason is Reason.KEY_UNKNOWN else False
        return Check(what, error.detail or str(error.reason), good=known)
    except BureaunetError as error:
        return Check(what, error.detail or str(error.reason), good=False)


def _receipt(desk: Desk, row: MessageRow, entry: Entry, index: int) -> Check:
    def check() -> str:
        keys = acceptance_keys(desk.trust().directory, entry.time // 1000, index)
        receipt = read_acceptance(row.receipt, desk.network.id, keys)
        if (receipt.digest, receipt.event, receipt.index) != (entry.digest, entry.event, index):
            raise Untrusted(Reason.RECORD_CONTRADICTION, "the receipt says something else than the ledger")
        return "signed by the gateway, and it says what the entry says"

    return _said("Receipt", check)


def _statement(directory: Directory, row: MessageRow) -> Check:
    def check() -> str:
        statement = envelope.read(row.statement)
        statement.verify(_key(directory, statement.key_id))
        if statement.digest != row.digest:
            raise Untrusted(Reason.RECORD_CONTRADICTION, "the statement has another digest")
        return f"signed by {row.sender}"

    return _said("Sender's signature", check)


def _acknowledgement(directory: Directory, entry: Entry, said: Acknowledged) -> Check:
    def check() -> str:
        signed = read_acknowledgement(said.raw)
        if (hashlib.sha256(said.raw).digest(), signed.acknowledgement.digest) != (entry.evidence, entry.digest):
            raise Untrusted(Reason.RECORD_CONTRADICTION, "the ledger names another acknowledgement")
        signed.sign1.verify(_key(directory, signed.sign1.key_id))
        return f"signed by {said.recipient}"

    return _said("Recipient's signature", check)


def _key(directory: Directory, key_id: bytes) -> SigningPublic:
    found = directory.signing(key_id)
    if found is None:
        raise Untrusted(Reason.KEY_UNKNOWN, "the key is not in the directory in force: verify the operation's record")
    return found[1].key


def steps(told: Story) -> dict[str, object]:
    """The steps of a message, each with what was verified of it, and where its answers stand, for programs."""
    return {
        "steps": [
            {
                "index": step.index,
                "event": str(step.entry.event),
                "time": step.entry.time,
                "party": None if step.entry.party is None else str(step.entry.party),
                "reason": None if step.entry.reason is None else str(step.entry.reason),
                "checks": [{"what": one.what, "good": one.good, "said": one.said} for one in step.checks],
            }
            for step in told.steps
        ],
        "clocks": [{"recipient": str(one.recipient), "state": str(one.state), "due": one.due} for one in told.clocks],
        "looked": told.looked,
    }


WORDS: Final = {
    Event.SUBMISSION_ACCEPTANCE: "Accepted from its sender",
    Event.SUBMISSION_REJECTION: "Refused",
    Event.CONTENT_CONSIGNMENT: "Placed in the inbox",
    Event.CONTENT_CONSIGNMENT_FAILURE: "Could not be placed in the inbox",
    Event.CONTENT_HANDOVER: "Acknowledged by its recipient",
    Event.CONTENT_HANDOVER_FAILURE: "Refused by its recipient",
    Event.ANSWER_REMINDER: "Recipient reminded",
    Event.ANSWER_OVERDUE: "Answer overdue: silence attested",
    Event.ESCALATED: "Escalated",
    Event.EXPIRED: "Expired",
    Event.CONTENT_ERASED: "Sealed part erased",
}
"""What an event is called on a page."""
