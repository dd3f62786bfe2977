"""An operation's record, verified: offline, streaming, with nothing but the pinned network file (protocol section 7).

Order of work, for each item as it is read (the layout stands in `schemas/record_items.py`):

    the network file is the pinned one -> the checkpoint is signed by its log -> each entry in turn (below) -> every
    cosignature of the checkpoint is by a witness of the newest directory and verifies

    1 its index rises and its path leads to the checkpoint   2 it follows the operation's entry before, without a gap
    3 its time is sane   4 what it rests on: hash, signature by a key that was valid then, the claims it repeats
    5 it does not contradict what went before (`schemas/exchanges.py`)

Trust comes from the pinned file alone: directory versions must be signed by its authority, operation versions by a key
of their owner in the directory in force at that index, statements and acknowledgements by their bureau's, receipts by
the gateway's. A record shows an operation up to its checkpoint; whether anything was left out after its last entry is
seen by comparing it with the receipts that bureaus keep.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from schemas import merkle, operation
from schemas.claims import Header
from schemas.directory import Directory, State, Use, read_directory
from schemas.envelope import Statement, check_sealed, read
from schemas.errors import Malformed, Reason, Untrusted
from schemas.evidence import Entry, Event, Outcome, read_acknowledgement
from schemas.exchanges import Journal, Report, contradiction
from schemas.identity import parse_operation_id
from schemas.in_force import acceptance_keys, owned_key, row_of
from schemas.keys import SigningPublic
from schemas.network import Network
from schemas.notes import OpenNote, open_note
from schemas.operation import SignedOperation
from schemas.receipts import Acceptance, LastBatch, read_acceptance
from schemas.record_items import ACKNOWLEDGED, SUBMITTED, End, ItemReader, Read, Step
from schemas.rights import may_send
from schemas.said_heads import SaidHeads
from schemas.witness import policy_of

SKEW_SECONDS: Final = 300
"""Clocks of the gateway's processes and of senders may differ by so much; order is the ledger's, not a clock's."""
LAG_MILLISECONDS: Final = 10_000
"""A gateway process may still decide by the version before, so long after a new one was recorded."""
_T = TypeVar("_T")
_R = TypeVar("_R")


class _Versions(Generic[_T]):
    """The version in force, and those before it while some process may not have heard of the new one."""

    def __init__(self) -> None:
        self.newest: _T | None = None
        self._replaced: list[tuple[int, _T]] = []
        """(when, what), ascending."""

    def add(self, version: _T, time: int) -> None:
        self._forget(time)
        if self.newest is not None:
            self._replaced.append((time, self.newest))
        self.newest = version

    def _forget(self, time: int) -> None:
        self._replaced = [(when, what) for when, what in self._replaced if time - when <= LAG_MILLISECONDS]

    def under(self, time: int, check: Callable[[_T], _R]) -> _R:
        """What `check` gives under the version in force at `time`; it raises where the version does not allow."""
        if self.newest is None:
            raise Untrusted(Reason.RECORD_GAP, "the record holds no version to decide this by")
        try:
            return check(self.newest)
        except Untrusted as error:
            self._forget(time)
            for _, before in reversed(self._replaced):
                try:
                    return check(before)
                except Untrusted:
                    continue
            raise error from None


def verify_record(read: Read, network: Network, progress: Callable[[int], None] | None = None) -> Report:
    """Verify a whole record against the pinned `network` file: what it shows.

    `read` gives up to so many bytes, as a file's does; `progress` is told how many were read, after each item. Memory
    grows with the number of messages, about a kilobyte each, not with the record's size.

    Raises:
        Malformed, Untrusted: with the reason, and the offset of the item and the index of the entry in the detail.
    """
    reader = ItemReader(read)
    verifier: _Verifier | None = None
    try:
        verifier = _begin(reader, network)
        for item in reader.steps():
            if isinstance(item, End):
                return verifier.finish(item, reader.consumed)
            verifier.take(item)
            if progress is not None:
                progress(reader.consumed)
    except (Malformed, Untrusted) as error:
        where = f"at byte {reader.offset}"
        if verifier is not None and verifier.index is not None:
            where += f", entry {verifier.index}"
        raise type(error)(error.reason, f"{where}: {error.detail}") from error
    raise Malformed(Reason.RECORD_FORM, "the record has no end")


def _begin(reader: ItemReader, network: Network) -> _Verifier:
    name = parse_operation_id(reader.header())
    if reader.network() != network.raw:
        raise Untrusted(Reason.NETWORK, "the record is of another network than the pinned file")
    return _Verifier(network, name, open_note(reader.checkpoint(), network.policy))


class _Verifier:
    def __init__(self, network: Network, name: str, note: OpenNote) -> None:
        self.network = network
        self.operation = name
        self.note = note
        self.index: int | None = None
        """Of the entry in hand."""
        self._last = -1
        self._latest = 0
        self._entries = 0
        self._number = 0
        self._leaf: bytes | None = None
        self._directories: _Versions[Directory] = _Versions()
        self._operations: _Versions[SignedOperation] = _Versions()
        self._journal = Journal()
        self._acceptance_keys: dict[bytes, SigningPublic] = {}
        self._last_batch = LastBatch()
        self._heads = SaidHeads()

    def take(self, step: Step) -> None:
        """One entry."""
        self.index = step.index
        self._place(step)
        self._follow(step)
        self._check_time(step.entry)
        self._entries += 1
        self._journal.events[step.entry.event] += 1
        event = step.entry.event
        if event is Event.DIRECTORY_UPDATED:
            self._directory(step)
        elif event is Event.OPERATION_UPDATED:
            self._operation(step)
        elif event in SUBMITTED:
            self._submission(step)
        elif event in ACKNOWLEDGED:
            self._acknowledgement(step)
        elif event in (Event.CONTENT_CONSIGNMENT, Event.CONTENT_CONSIGNMENT_FAILURE):
            self._journal.consign(step.entry)
        else:
            self._journal.note(step.entry)

    def _place(self, step: Step) -> None:
        head = self.note.checkpoint
        if step.index <= self._last:
            raise Untrusted(Reason.RECORD_FORM, "the entries are not in ledger order")
        merkle.verify_inclusion(merkle.leaf_hash(step.raw), step.index, head.size, step.path, head.root)
        self._heads.placed(step.index, head.size, step.path)
        self._last = step.index

    def _follow(self, step: Step) -> None:
        entry = step.entry
        if entry.event is Event.DIRECTORY_UPDATED:
            if entry.operation is not None:
                raise contradiction("a directory version within an operation")
            return
        if entry.operation != self.operation:
            raise contradiction("an entry of another operation")
        if entry.number != self._number + 1 or entry.previous != self._leaf:
            raise Untrusted(Reason.RECORD_GAP, f"entry {self._number + 1} of the operation is missing")
        self._number, self._leaf = self._number + 1, merkle.leaf_hash(step.raw)

    def _check_time(self, entry: Entry) -> None:
        if entry.time < self._latest - SKEW_SECONDS * 1000:
            raise contradiction("an entry is older than those before it")
        if entry.time > (self.note.time + SKEW_SECONDS) * 1000:
            raise contradiction("an entry is newer than the checkpoint that covers it")
        self._latest = max(self._latest, entry.time)

    def _directory(self, step: Step) -> None:
        raw = _rests_on(step.entry.digest, step.attachments[0])
        directory = read_directory(raw, self.network, self._directories.newest)
        if self._directories.newest is None and directory.version != 1:
            raise Untrusted(Reason.RECORD_GAP, "the record does not begin with the first directory")
        self._directories.add(directory, step.entry.time)
        self._acceptance_keys |= directory.service_keys(Use.ACCEPTANCE)

    def _operation(self, step: Step) -> None:
        raw = _rests_on(step.entry.digest, step.attachments[0])
        name, owner = operation.claimed_owner(raw)
        seconds = step.entry.time // 1000

        def verified(directory: Directory) -> SignedOperation:
            row = row_of(directory, owner)
            keys = {one.key.key_id: one.key for one in row.signing if one.validity.covers(seconds)}
            return operation.read_operation(raw, self.network.id, keys, self._operations.newest)

        signed = self._directories.under(step.entry.time, verified)
        if name != self.operation:
            raise contradiction("the version is of another operation")
        if self._operations.newest is None and signed.operation.version != 1:
            raise Untrusted(Reason.RECORD_GAP, "the record does not begin with the operation's first version")
        self._operations.add(signed, step.entry.time)

    def _submission(self, step: Step) -> None:
        receipt, raw, sealed = step.attachments
        self._receipt(step, receipt or b"")
        statement = read(_rests_on(step.entry.digest, raw))
        self._statement(step, statement)
        if sealed is not None:
            check_sealed(statement, sealed)
        if step.entry.event is Event.SUBMISSION_REJECTION:
            if sealed is not None:
                raise contradiction("the sealed part of a refused message is kept")
            self._journal.refuse(step.entry, step.index)
            return
        self._allowed(step, statement)
        self._heads.said(statement.header.iss, statement.header.head, step.index)
        key_id, digest = statement.key_id, statement.digest
        self._journal.accept(statement.header, digest, key_id, step.index, step.entry.time, sealed=sealed is not None)

    def _receipt(self, step: Step, receipt: bytes) -> None:
        entry, seconds = step.entry, step.entry.time // 1000

        def verified(directory: Directory) -> Acceptance:
            keys = acceptance_keys(directory, seconds, step.index)
            return read_acceptance(receipt, self.network.id, keys, self._last_batch)

        said = self._directories.under(entry.time, verified)
        if (said.digest, said.event, said.index, said.time, said.reason) != (
            entry.digest,
            entry.event,
            step.index,
            entry.time,
            entry.reason,
        ):
            raise contradiction("the receipt says something else than the entry")

    def _statement(self, step: Step, statement: Statement) -> None:
        header, entry = statement.header, step.entry
        if header.net != self.network.id:
            raise Untrusted(Reason.NETWORK, "the statement is of another network")
        accepted = entry.event is Event.SUBMISSION_ACCEPTANCE
        said = (entry.party, entry.key_id, entry.operation, entry.kind, entry.answer)
        meant = (header.iss, statement.key_id, header.sub, header.kind, header.answer)
        if said != (meant if accepted else (*meant[:3], None, None)):  # a refusal repeats no text of the sender's
            raise contradiction("the entry says something else than the statement")

        def check(directory: Directory) -> None:
            found = owned_key(directory, header.iss, statement.key_id)
            statement.verify(found.key)
            if accepted and not found.validity.covers(entry.time // 1000):
                raise Untrusted(Reason.KEY_NOT_VALID, "a message was accepted under a key that was not valid")
            if accepted:
                _may_exchange(directory, header)

        self._directories.under(entry.time, check)

    def _allowed(self, step: Step, statement: Statement) -> None:
        header, seconds = statement.header, step.entry.time // 1000
        if header.exp <= seconds - SKEW_SECONDS or header.iat > seconds + SKEW_SECONDS:
            raise contradiction("a message was accepted out of its time")

        def check(version: SignedOperation) -> None:
            current = version.operation
            if current.closed:
                raise Untrusted(Reason.OPERATION_CLOSED, "a message was accepted in a closed operation")
            sender = current.member(header.iss, seconds)
            if sender is None or not sender.sends:
                raise Untrusted(Reason.SENDER_NOT_MEMBER, "a message was accepted from outside the operation")
            members = [current.member(address, seconds) for address in header.aud]
            if any(member is None or not member.receives for member in members):
                raise Untrusted(Reason.RECIPIENT_NOT_MEMBER, "a message was accepted to outside the operation")
            if header.kind not in current.kinds:
                raise Untrusted(Reason.KIND_NOT_ALLOWED, "a message was accepted of a kind the operation has not")
            if header.purpose not in current.purposes:
                raise Untrusted(Reason.PURPOSE, "a message was accepted for a purpose the operation has not")
            if header.handling not in current.handling:
                raise Untrusted(Reason.HANDLING, "a message was accepted under a handling the operation has not")
            if header.exercise is not (self.network.genesis.exercise or current.training):
                raise Untrusted(Reason.EXERCISE, "an exercise and a real message were mixed")

        self._operations.under(step.entry.time, check)

    def _acknowledgement(self, step: Step) -> None:
        entry = step.entry
        signed = read_acknowledgement(_rests_on(entry.evidence, step.attachments[0]))
        said = signed.acknowledgement
        processed = entry.event is Event.CONTENT_HANDOVER
        if said.net != self.network.id:
            raise Untrusted(Reason.NETWORK, "the acknowledgement is of another network")
        if (said.digest, said.reason, said.outcome is Outcome.PROCESSED) != (entry.digest, entry.reason, processed):
            raise contradiction("the entry says something else than the acknowledgement")
        recipient = self._journal.delivery(entry).recipient

        def check(directory: Directory) -> None:
            if said.iss not in (recipient, row_of(directory, recipient).address):
                raise contradiction("the acknowledgement is not the recipient's")
            found = owned_key(directory, recipient, signed.sign1.key_id)
            signed.sign1.verify(found.key)
            if not found.validity.covers(entry.time // 1000):
                raise Untrusted(Reason.KEY_NOT_VALID, "an acknowledgement under a key that was not valid")

        self._directories.under(entry.time, check)
        if entry.key_id not in (None, signed.sign1.key_id):
            raise contradiction("the entry names another key than the acknowledgement")
        self._journal.hand_over(entry)
        self._heads.said(said.iss, said.head, step.index)

    def finish(self, end: End, consumed: int) -> Report:
        """The report, once the counts agree."""
        self.index = None
        journal = self._journal
        if (end.entries, end.number, end.sealed) != (self._entries, self._number, journal.sealed):
            raise Untrusted(Reason.RECORD_GAP, "the record does not hold what its end says")
        directory, current = self._directories.newest, self._operations.newest
        if directory is None or current is None:
            raise Untrusted(Reason.RECORD_GAP, "the record holds no directory or no version of the operation")
        for message in journal.messages.values():  # by index, not by clock: void-from may lie before or ahead
            known = directory.signing(message.key_id)
            message.void = known is not None and known[1].validity.void_at(message.index)
        policy = policy_of(self.network.policy, directory)  # the newest version that the checkpoint covers
        signed = self.note.under(policy)
        head = signed.checkpoint
        return Report(
            operation=self.operation,
            name=current.operation.name,
            phase=str(current.operation.phase),
            network=self.network.id,
            size=head.size,
            root=head.root,
            checkpoint_time=signed.time,
            provisional=signed.provisional(policy),
            witnesses=tuple(sorted(signed.witnesses)),
            quorum=policy.quorum,
            directory_version=directory.version,
            length=consumed,
            entries=self._entries,
            events=dict(journal.events),
            sealed=journal.sealed,
            exchanges=tuple(journal.exchanges.values()),
            refusals=tuple(journal.refusals),
            indices=journal.indices,
            acceptance_keys=self._acceptance_keys,
            doubtful_heads=tuple(self._heads.doubtful),
        )


def _may_exchange(directory: Directory, header: Header) -> None:
    """The sender may send this kind by what its row says that it is, and neither end is suspended or withdrawn."""
    row = row_of(directory, header.iss)
    if row.state is not State.ACTIVE:
        raise Untrusted(Reason.SENDER_SUSPENDED, f"a message was accepted from {header.iss}, which is {row.state}")
    if not may_send(row.kind, header.kind):
        raise Untrusted(Reason.KIND_NOT_ALLOWED, f"a message was accepted of a kind that {row.kind} may not send")
    for recipient in header.aud:
        if row_of(directory, recipient).state is not State.ACTIVE:
            raise Untrusted(Reason.RECIPIENT_UNKNOWN, f"a message was accepted to {recipient}, which may not receive")


def _rests_on(digest: bytes | None, raw: bytes | None) -> bytes:
    if raw is None or hashlib.sha256(raw).digest() != digest:
        raise Untrusted(Reason.RECORD_CONTRADICTION, "the entry rests on other bytes than these")
    return raw
