"""Whether a submission is admitted: bytes, time and facts in, a verdict out (protocol section 3).

Order of work: `receive` takes one submission through steps 1 to 4, which need nothing but the link's quota and the
network's id. `decide` takes a batch through steps 5 to 12 with the facts fetched for it. What of these is reckoned from
the bytes and one key, `receive` may do ahead, while the batch before is in hand; what follows from it is decided in its
step. Rules: nothing is read or written here; the numbers in the comments are those of the protocol; the first step that
says no names the reason. Refusals at steps 1 to 7 use up no message id and make no ledger entry, those at 8 to 12 are
final for their message.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.ports import (
    Admitted,
    Ahead,
    Candidate,
    Facts,
    Rejected,
    Repeated,
    Sibling,
    Submission,
    ThreadFacts,
    Trust,
    Verdict,
)
from gateway.settings import Allowance, Pipeline
from schemas import envelope, wire
from schemas.claims import Header
from schemas.codes import Handling
from schemas.cose import Wrap
from schemas.directory import Participant, SealingEntry, SigningEntry, State
from schemas.envelope import Envelope, Statement
from schemas.errors import BureaunetError, Forbidden, Malformed, Reason, Untrusted
from schemas.evidence import SignedAcknowledgement, read_acknowledgement
from schemas.identity import Address
from schemas.keys import SigningPublic, Suite
from schemas.operation import Operation
from schemas.preferences import refusing
from schemas.rights import may_send

_LOOKED_AT_AHEAD: Final = 32 * 1024
"""Bytes of a sealed part, whose wraps are kept while it waits; a larger one is looked at in its batch."""


class _Step(Exception):
    """Step `step` says no."""

    def __init__(self, step: int, reason: Reason) -> None:
        super().__init__(step, reason)
        self.step, self.reason = step, reason


@dataclass(frozen=True, slots=True, init=False)
class Bucket:
    """A link's quota: how many submissions it has left, and when that was so (milliseconds)."""

    left: float
    at: int

    def __init__(self, left: float, at: int) -> None:
        object.__setattr__(self, "left", left)
        object.__setattr__(self, "at", at)

    def take(self, now: int, rate: float, burst: int) -> tuple[Bucket, bool]:
        """The bucket after one submission at `now`, and whether there was room for it."""
        filled = min(float(burst), self.left + max(0, now - self.at) * rate / 1000)
        if filled < 1:
            return Bucket(filled, now), False
        return Bucket(filled - 1, now), True


def receive(
    submission: Submission, net: bytes, *, within_quota: bool, trust: Trust | None = None
) -> Candidate | Rejected:
    """Steps 1 to 4: what needs no facts. `within_quota` is what the link's bucket said.

    With `trust` the signature and the sealed part are looked at ahead, by the key that is in force there.
    """
    named = submission.body  # its hash names it until a statement can be told from the rest
    try:
        _check_size(submission, within_quota=within_quota)
        framed = _framed(submission.body)
        named = framed.statement
        _check_parts(framed)
        statement = _read(framed.statement)
        _check_link(submission.link, statement.header, net)
    except _Step as no:
        return Rejected(hashlib.sha256(named).digest(), submission.link, no.step, no.reason)
    return Candidate(submission, framed, statement, None if trust is None else _ahead(framed, statement, trust))


def _ahead(framed: Envelope, statement: Statement, trust: Trust) -> Ahead | None:
    """What steps 7 and 11 will ask of these bytes; None where no key is known."""
    known = trust.directory.signing(statement.key_id)
    if known is None:
        return None
    key = known[1].key
    try:
        statement.verify(key)
    except Untrusted:
        return Ahead(key, signed=False)
    sealed = framed.sealed or b""
    if len(sealed) > _LOOKED_AT_AHEAD:
        return Ahead(key, signed=True)
    try:
        return Ahead(key, signed=True, wraps=envelope.check_sealed(statement, sealed).wraps)
    except BureaunetError:
        return Ahead(key, signed=True)  # step 11 says what is wrong


def _check_size(submission: Submission, *, within_quota: bool) -> None:
    if not within_quota:  # 1 link quota
        raise _Step(1, Reason.LINK_QUOTA)
    if len(submission.body) > wire.MAX_SUBMISSION:  # 2 size, of the whole before anything is decoded
        raise _Step(2, Reason.SEALED_TOO_LARGE)


def _check_parts(framed: Envelope) -> None:
    try:
        envelope.check_sizes(framed)  # 2 size, of each part
    except Malformed as error:
        raise _Step(2, error.reason) from None


def _framed(body: bytes) -> Envelope:
    try:
        return wire.decode_submission(body)  # 3 strict decode
    except Malformed as error:
        raise _Step(3, error.reason) from None


def _read(statement: bytes) -> Statement:
    try:
        return envelope.read(statement)  # 3 strict decode
    except Malformed as error:
        raise _Step(3, error.reason) from None


def _check_link(link: Address, header: Header, net: bytes) -> None:
    if not link.covers(header.iss):  # 4 link identity covers iss, net is ours
        raise _Step(4, Reason.LINK_IDENTITY)
    if header.net != net:
        raise _Step(4, Reason.NETWORK)


def decide(candidates: Sequence[Candidate], facts: Facts, limits: Pipeline) -> list[Verdict]:
    """Steps 5 to 12 for a batch, in its order: one verdict for each candidate."""
    batch = _Batch(facts, limits)
    return [batch.decide(candidate) for candidate in candidates]


class _Batch:
    """Facts, and what this batch adds to them as it goes."""

    def __init__(self, facts: Facts, limits: Pipeline) -> None:
        self.facts, self.limits = facts, limits
        self.seen: set[bytes] = set()
        self.ids = dict(facts.ids)
        self.spent, self.spent_bytes = dict(facts.spent), dict(facts.spent_bytes)
        self.quotas: dict[str, Allowance] = {}

    def decide(self, candidate: Candidate) -> Verdict:
        statement = candidate.statement
        digest = statement.digest
        if digest in self.seen:
            return Sibling(digest)
        decided = self.facts.decided.get(digest)
        if decided is not None:  # 5 digest already decided: the first outcome again, nothing more evaluated
            return Repeated(digest, decided)
        self.seen.add(digest)
        try:
            self._check(candidate, statement)
        except _Step as no:
            return Rejected(digest, candidate.submission.link, no.step, no.reason, candidate)
        return Admitted(candidate)

    def _check(self, candidate: Candidate, statement: Statement) -> None:
        header = statement.header
        row, key = check_key(candidate, self.facts)  # 6 key known, 7 signature
        name = (str(header.iss), bytes(header.cti))
        if self.ids.get(name, statement.digest) != statement.digest:  # 8 (iss, cti) seen with another digest
            raise _Step(8, Reason.ID_REUSED)
        self.ids[name] = statement.digest
        check_clock(header, self.facts.now, self.limits)  # 9 clock
        check_validity(row, key, header, self.facts)  # 10 key valid, not void
        check_wraps(candidate, self.facts)  # 11 sealed part hashes right, one wrap per aud under a valid key
        check_operation(header, self.facts)  # 12 operation, membership, kind, handling, purpose
        self._spend(str(header.iss.bureau), len(candidate.submission.body))  # 12 quota

    def _spend(self, bureau: str, size: int) -> None:
        quota = self.quotas.get(bureau)
        if quota is None:
            quota = self.quotas[bureau] = self.limits.quota(bureau)
        messages, spent = self.spent.get(bureau, 0), self.spent_bytes.get(bureau, 0)
        if messages >= quota.per_minute or (spent and spent + size > quota.bytes_per_minute):
            raise _Step(12, Reason.QUOTA)
        self.spent[bureau], self.spent_bytes[bureau] = messages + 1, spent + size


def check_key(candidate: Candidate, facts: Facts) -> tuple[Participant, SigningEntry]:
    """Steps 6 and 7: the key is one of the row that serves the sender, and signed this."""
    directory, statement = facts.trust.directory, candidate.statement
    known = directory.signing(statement.key_id)
    if known is None or known[0] is not directory.find(statement.header.iss):
        raise _Step(6, Reason.KEY_UNKNOWN)
    if not _signed(candidate, known[1].key):
        raise _Step(7, Reason.SIGNATURE)
    return known


def _signed(candidate: Candidate, key: SigningPublic) -> bool:
    """Whether `key` signed the statement: by what was found ahead, if it was tried with the same key."""
    ahead = candidate.ahead
    if ahead is not None and ahead.signer.raw == key.raw:
        return ahead.signed
    try:
        candidate.statement.verify(key)
    except Untrusted:
        return False
    return True


def check_clock(header: Header, now: int, limits: Pipeline) -> None:
    """Step 9. `now` is in milliseconds; a header's times are whole seconds."""
    seconds = now // 1000
    if header.iat > seconds + limits.clock_skew_seconds:
        raise _Step(9, Reason.FUTURE)
    if header.exp <= seconds:
        raise _Step(9, Reason.EXPIRED)
    if header.exp - header.iat > limits.max_lifetime_seconds:
        raise _Step(9, Reason.LIFETIME)


def check_validity(row: Participant, key: SigningEntry, header: Header, facts: Facts) -> None:
    """Step 10: the key holds when it says it signed and now, and the sender may exchange."""
    if key.validity.void_at(facts.size):
        raise _Step(10, Reason.KEY_VOID)
    if not (key.validity.covers(header.iat) and key.validity.covers(facts.now // 1000)):
        raise _Step(10, Reason.KEY_NOT_VALID)
    if row.state is not State.ACTIVE:
        raise _Step(10, Reason.SENDER_SUSPENDED)


def check_wraps(candidate: Candidate, facts: Facts) -> None:
    """Step 11. A recipient that the directory does not know has no key to compare with: step 12 refuses it."""
    now = facts.now // 1000
    for recipient, wrap in zip(candidate.statement.header.aud, _wraps(candidate), strict=True):
        if wrap.suite != Suite.HPKE_9_KE:
            raise _Step(11, Reason.SUITE)
        row = facts.trust.directory.find(recipient)
        if row is None:
            continue
        entry = _sealing_entry(row, wrap.key_id)
        if entry is None or entry.key.suite != wrap.suite:
            raise _Step(11, Reason.WRAP_KEY)
        if not entry.validity.covers(now) or entry.validity.void_at(facts.size):
            raise _Step(11, Reason.WRAP_KEY)


def _wraps(candidate: Candidate) -> Sequence[Wrap]:
    """The wraps of the sealed part, one for each recipient: as found ahead, or looked at now."""
    ahead = candidate.ahead
    if ahead is not None and ahead.wraps is not None:
        return ahead.wraps
    try:
        return envelope.check_sealed(candidate.statement, candidate.envelope.sealed or b"").wraps
    except BureaunetError as error:
        raise _Step(11, error.reason) from None


def _sealing_entry(row: Participant, key_id: bytes) -> SealingEntry | None:
    for entry in row.sealing:
        if entry.key.key_id == key_id:
            return entry
    return None


def check_operation(header: Header, facts: Facts) -> None:
    """Step 12 without the quota: the exchange belongs to the operation and keeps its rules."""
    signed = facts.trust.operations.get(header.sub)
    if signed is None:
        raise _Step(12, Reason.OPERATION_UNKNOWN)
    operation = signed.operation
    if operation.closed:
        raise _Step(12, Reason.OPERATION_CLOSED)
    if header.exercise != (facts.trust.network.genesis.exercise or operation.training):
        raise _Step(12, Reason.EXERCISE)
    _check_members(header, operation, facts)
    preferences = facts.trust.preferences
    if preferences and refusing(header.aud, header.iss, preferences):
        raise _Step(12, Reason.SENDER_REFUSED)
    row = facts.trust.directory.find(header.iss)
    if header.kind not in operation.kinds or row is None or not may_send(row.kind, header.kind):
        raise _Step(12, Reason.KIND_NOT_ALLOWED)
    if header.handling not in operation.handling:
        raise _Step(12, Reason.HANDLING)
    if header.purpose not in operation.purposes:
        raise _Step(12, Reason.PURPOSE)
    if header.thread is not None:
        _check_thread(header, header.thread, facts)


def _check_members(header: Header, operation: Operation, facts: Facts) -> None:
    now = facts.now // 1000
    sender = operation.member(header.iss, now)
    if sender is None or not sender.sends:
        raise _Step(12, Reason.SENDER_NOT_MEMBER)
    for recipient in header.aud:
        row = facts.trust.directory.find(recipient)
        if row is None or row.state is not State.ACTIVE:
            raise _Step(12, Reason.RECIPIENT_UNKNOWN)
        member = operation.member(recipient, now)
        if member is None or not member.receives:
            raise _Step(12, Reason.RECIPIENT_NOT_MEMBER)


def _check_thread(header: Header, thread: bytes, facts: Facts) -> None:
    """An exchange stays in its operation, its purpose and its parties."""
    known = facts.threads.get(header.re if header.re is not None else thread)
    if known is None or known.thread != thread or known.operation != header.sub:
        raise _Step(12, Reason.THREAD_UNKNOWN)
    if known.exercise != header.exercise:
        raise _Step(12, Reason.EXERCISE)
    if known.purpose is not header.purpose:
        raise _Step(12, Reason.PURPOSE)
    if not _took_part(header, known):
        raise _Step(12, Reason.THREAD_PARTIES)
    if not all(recipient in known.parties for recipient in header.aud):
        raise _Step(12, Reason.HANDLING if known.handling is Handling.H2 else Reason.THREAD_PARTIES)


def _took_part(header: Header, known: ThreadFacts) -> bool:
    """Whoever answers was a recipient; who adds to a thread without answering was a party."""
    allowed = known.recipients if header.re is not None else known.parties
    return any(header.iss.covers(party) for party in allowed)


def read_evidence(link: Address, body: bytes, facts: Facts) -> SignedAcknowledgement:
    """Check a recipient's acknowledgement as it came over a link: by whom it is, and that it is signed.

    Raises:
        Malformed: its form. Forbidden: `link-identity`, `key-not-valid`, `key-void`. Untrusted: `network`,
            `key-unknown`, `signature`.
    """
    if len(body) > envelope.MAX_STATEMENT:
        raise Malformed(Reason.STATEMENT_TOO_LARGE, "an acknowledgement is smaller")
    signed = read_acknowledgement(body)
    said, directory, now = signed.acknowledgement, facts.trust.directory, facts.now // 1000
    if not link.covers(said.iss):
        raise Forbidden(Reason.LINK_IDENTITY, "the acknowledgement is by another than the link speaks for")
    if said.net != facts.trust.network.id:
        raise Untrusted(Reason.NETWORK, "the acknowledgement is of another network")
    known = directory.signing(signed.sign1.key_id)
    if known is None or known[0] is not directory.find(said.iss):
        raise Untrusted(Reason.KEY_UNKNOWN, "the acknowledgement is signed by no key of the recipient")
    key, validity = known[1].key, known[1].validity
    if validity.void_at(facts.size):
        raise Forbidden(Reason.KEY_VOID, "the key is void")
    if not validity.covers(now):
        raise Forbidden(Reason.KEY_NOT_VALID, "the key is not valid now")
    signed.sign1.verify(key)
    return signed
