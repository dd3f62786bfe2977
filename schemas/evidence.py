"""Evidence: the ledger's entries, and the acknowledgements that recipients sign (protocol section 5).

Every event is one entry, a small CBOR map; its leaf is SHA-256(0x00 || entry). No content, no free text, no personal
data. An entry that belongs to an operation carries that operation's running number and the leaf of its previous entry,
so that a gap shows.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final

from schemas import cbor, cose
from schemas.claims import HEAD, IAT, ISS, NET, Head
from schemas.codes import Answer
from schemas.errors import Malformed, Reason
from schemas.identity import Address, Signer
from schemas.merkle import leaf_hash

ACKNOWLEDGEMENT_TYP: Final = "application/vnd.bureaunet.acknowledgement+cose"


class Event(StrEnum):
    """What happened; the first six are ETSI EN 319 522's events."""

    SUBMISSION_ACCEPTANCE = "SubmissionAcceptance"
    SUBMISSION_REJECTION = "SubmissionRejection"
    CONTENT_CONSIGNMENT = "ContentConsignment"
    CONTENT_CONSIGNMENT_FAILURE = "ContentConsignmentFailure"
    CONTENT_HANDOVER = "ContentHandover"
    CONTENT_HANDOVER_FAILURE = "ContentHandoverFailure"
    ANSWER_REMINDER = "AnswerReminder"
    ANSWER_OVERDUE = "AnswerOverdue"
    ESCALATED = "Escalated"
    EXPIRED = "Expired"
    DIRECTORY_UPDATED = "DirectoryUpdated"
    OPERATION_UPDATED = "OperationUpdated"
    PREFERENCES_UPDATED = "PreferencesUpdated"
    OPERATOR_ACTION = "OperatorAction"
    CONTENT_ERASED = "ContentErased"
    REFUSAL_SUMMARY = "RefusalSummary"


@dataclass(frozen=True, slots=True, init=False)
class Entry:
    """One entry of the ledger. The labels on the wire are the fields' positions, from 1.

    Its `__init__` is the one that a frozen dataclass would make, written out: mypyc compiles this one.
    """

    event: Event
    time: int
    """The gateway's, in milliseconds since the epoch."""
    digest: bytes | None = None
    """The envelope's, or of the directory or operation statement."""
    operation: str | None = None
    number: int | None = None
    """Running number within the operation, from 1."""
    previous: bytes | None = None
    """Leaf hash of the operation's entry before; None on its first."""
    party: Address | None = None
    """The sender of an acceptance or rejection; the recipient of a consignment or handover."""
    kind: str | None = None
    key_id: bytes | None = None
    """The key of who acted: the sender's, the recipient's."""
    reason: Reason | None = None
    evidence: bytes | None = None
    """SHA-256 of the signed statement that the event rests on: an acknowledgement."""
    answer: Answer | None = None
    count: int | None = None
    """How many refusals a summary counts; which request a reminder is of, from 1."""

    def __init__(  # noqa: PLR0913, PLR0917  # an entry's fields
        self,
        event: Event,
        time: int,
        digest: bytes | None = None,
        operation: str | None = None,
        number: int | None = None,
        previous: bytes | None = None,
        party: Address | None = None,
        kind: str | None = None,
        key_id: bytes | None = None,
        reason: Reason | None = None,
        evidence: bytes | None = None,
        answer: Answer | None = None,
        count: int | None = None,
    ) -> None:
        object.__setattr__(self, "event", event)
        object.__setattr__(self, "time", time)
        object.__setattr__(self, "digest", digest)
        object.__setattr__(self, "operation", operation)
        object.__setattr__(self, "number", number)
        object.__setattr__(self, "previous", previous)
        object.__setattr__(self, "party", party)
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "key_id", key_id)
        object.__setattr__(self, "reason", reason)
        object.__setattr__(self, "evidence", evidence)
        object.__setattr__(self, "answer", answer)
        object.__setattr__(self, "count", count)

    def encode(self) -> bytes:
        """The entry's bytes."""
        return self.encode_chained(self.number, self.previous)

    def encode_chained(self, number: int | None, previous: bytes | None) -> bytes:
        """The bytes of the same entry with this number and leaf hash of the one before."""
        before = (self.event, self.time, self.digest, self.operation)
        after = (self.party, self.kind, self.key_id, self.reason, self.evidence, self.answer, self.count)
        return cbor.encode_positions((*before, number, previous, *after))

    @property
    def leaf(self) -> bytes:
        """The leaf hash of the entry."""
        return leaf_hash(self.encode())


_FIELDS: Final = tuple(field.name for field in fields(Entry))
_TYPES: Final[dict[str, type]] = {
    "event": Event,
    "time": int,
    "digest": bytes,
    "operation": str,
    "number": int,
    "previous": bytes,
    "party": Address,
    "kind": str,
    "key_id": bytes,
    "reason": Reason,
    "evidence": bytes,
    "answer": Answer,
    "count": int,
}


def read_entry(data: bytes) -> Entry:
    """Take an entry apart, strictly.

    Raises:
        Malformed: `cbor-*`, `structure`.
    """
    value = cbor.decode(data)
    if not isinstance(value, dict):
        raise Malformed(Reason.STRUCTURE, "an entry is a map")
    found: dict[str, object] = {}
    for label, item in value.items():
        if not isinstance(label, int) or not 1 <= label <= len(_FIELDS):
            raise Malformed(Reason.STRUCTURE, f"an entry has no label {label!r}"[:60])
        name = _FIELDS[label - 1]
        found[name] = _typed(_TYPES[name], item)
    if "event" not in found or "time" not in found:
        raise Malformed(Reason.STRUCTURE, "an entry has an event and a time")
    return Entry(**found)  # type: ignore[arg-type]  # each value was made by the field's own type just above


def _typed(kind: type, value: cbor.Value) -> object:
    if kind is Address and isinstance(value, str):
        return Address.parse(value)
    if issubclass(kind, StrEnum) and isinstance(value, str):
        try:
            return kind(value)
        except ValueError:
            raise Malformed(Reason.STRUCTURE, f"not one of the {kind.__name__} codes") from None
    if type(value) is not kind:
        raise Malformed(Reason.STRUCTURE, f"an entry's field is not {kind.__name__}")
    return value


class Outcome(StrEnum):
    """What a recipient did with a message."""

    PROCESSED = "processed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A recipient's signed word that it processed or refused one message."""

    iss: Address
    """The recipient who acknowledges."""
    digest: bytes
    """Of the message."""
    outcome: Outcome
    iat: int
    """Seconds since the epoch."""
    net: bytes
    head: Head
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class SignedAcknowledgement:
    """A decoded acknowledgement; its signature is not verified until `sign1.verify` returns."""

    raw: bytes
    acknowledgement: Acknowledgement
    sign1: cose.Sign1


def sign_acknowledgement(acknowledgement: Acknowledgement, signer: Signer) -> bytes:
    """The COSE_Sign1 of an acknowledgement."""
    claims: dict[cbor.Key, cbor.Value] = {
        ISS: str(acknowledgement.iss),
        IAT: acknowledgement.iat,
        NET: acknowledgement.net,
        HEAD: acknowledgement.head.to_value(),
    }
    reason = None if acknowledgement.reason is None else str(acknowledgement.reason)
    payload = cbor.encode([acknowledgement.digest, str(acknowledgement.outcome), reason])
    return cose.sign1(ACKNOWLEDGEMENT_TYP, payload, signer, {cose.CLAIMS: claims})


def read_acknowledgement(data: bytes) -> SignedAcknowledgement:
    """Decode an acknowledgement strictly; the caller then verifies `sign1` with the key that it names.

    Raises:
        Malformed: `cbor-*`, `structure`, `claim-type`.
    """
    sign1 = cose.parse_sign1(data, ACKNOWLEDGEMENT_TYP)
    match sign1.header:
        case {15: {1: str(iss), 6: iat, -65537: bytes(net), -65538: head, **more}, **rest} if (
            type(iat) is int and not more and set(rest) == {cose.ALG, cose.KID, cose.TYP}
        ):
            pass
        case _:
            raise Malformed(Reason.STRUCTURE, "an acknowledgement's claims are iss, iat, net and head")
    match cbor.decode(sign1.payload):
        case [bytes(digest), str(outcome), reason] if len(digest) == 32 and (reason is None or type(reason) is str):
            pass
        case _:
            raise Malformed(Reason.STRUCTURE, "an acknowledgement is [digest, outcome, reason]")
    try:
        body = Acknowledgement(
            Address.parse(iss),
            digest,
            Outcome(outcome),
            iat,
            net,
            Head.from_value(head),
            None if reason is None else Reason(reason),
        )
    except ValueError:
        raise Malformed(Reason.STRUCTURE, "an acknowledgement's outcome or reason is not a code") from None
    if (body.outcome is Outcome.REFUSED) != (body.reason is not None):
        raise Malformed(Reason.STRUCTURE, "a refusal names its reason, and only a refusal does")
    return SignedAcknowledgement(data, body, sign1)
