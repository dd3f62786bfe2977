"""Values of the pipeline that are about copies on their way: gateway/values.py has the others, and their rules."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TypeAlias

from schemas.codes import Urgency
from schemas.directory import Link
from schemas.envelope import Envelope
from schemas.evidence import SignedAcknowledgement
from schemas.identity import Address
from schemas.wire import ItemType


@dataclass(frozen=True, slots=True, init=False)
class Consignment:
    """One copy owed to one recipient's inbox."""

    digest: bytes
    recipient: Address
    """As named in aud."""
    inbox: Address
    """The directory row whose inbox takes it: the recipient's own or its bureau's."""
    link: Link
    urgency: Urgency
    expires: int
    """Seconds since the epoch: the envelope's exp."""

    def __init__(
        self, digest: bytes, recipient: Address, inbox: Address, link: Link, urgency: Urgency, expires: int
    ) -> None:
        object.__setattr__(self, "digest", digest)
        object.__setattr__(self, "recipient", recipient)
        object.__setattr__(self, "inbox", inbox)
        object.__setattr__(self, "link", link)
        object.__setattr__(self, "urgency", urgency)
        object.__setattr__(self, "expires", expires)


@dataclass(frozen=True, slots=True, init=False)
class Pending:
    """A copy to publish: leased to the caller, with everything an inbox item needs."""

    consignment: Consignment
    index: int
    """Of the acceptance: the index of its inbox item, since the consignment's own is known only once it is placed."""
    receipt: bytes
    envelope: Envelope
    recipients: int
    """How many the envelope has: above `INLINE_RECIPIENTS` its sealed part is fetched apart."""
    operation: str
    kind: str
    attempts: int

    def __init__(
        self,
        consignment: Consignment,
        index: int,
        receipt: bytes,
        envelope: Envelope,
        recipients: int,
        operation: str,
        kind: str,
        attempts: int,
    ) -> None:
        object.__setattr__(self, "consignment", consignment)
        object.__setattr__(self, "index", index)
        object.__setattr__(self, "receipt", receipt)
        object.__setattr__(self, "envelope", envelope)
        object.__setattr__(self, "recipients", recipients)
        object.__setattr__(self, "operation", operation)
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "attempts", attempts)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A consigned copy in an HTTP inbox; or an attestation, with its bytes as the envelope's statement and no more."""

    index: int
    digest: bytes
    receipt: bytes
    envelope: Envelope
    recipients: int
    type: ItemType = ItemType.ENVELOPE

    @classmethod
    def attestation(cls, index: int, statement: bytes) -> Waiting:
        """An attestation in an HTTP inbox."""
        return cls(index, b"", b"", Envelope(statement, None), 0, ItemType.RECEIPT)


CopyKey: TypeAlias = tuple[bytes, Address]
"""(digest, recipient as named in aud): one copy of a message."""


@dataclass(frozen=True, slots=True, init=False)
class Owed:
    """A copy that was made for a recipient, and whether it has acknowledged it."""

    recipient: Address
    """As named in aud."""
    operation: str
    kind: str
    acknowledged: bool
    urgency: Urgency
    received: int
    """When its message came."""

    def __init__(
        self,
        recipient: Address,
        operation: str,
        kind: str,
        acknowledged: bool,  # noqa: FBT001  # as the fields stand
        urgency: Urgency,
        received: int,
    ) -> None:
        object.__setattr__(self, "recipient", recipient)
        object.__setattr__(self, "operation", operation)
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "acknowledged", acknowledged)
        object.__setattr__(self, "urgency", urgency)
        object.__setattr__(self, "received", received)


@dataclass(frozen=True, slots=True, init=False)
class Handover:
    """A recipient's signed acknowledgement, verified, of a copy that was made for it."""

    signed: SignedAcknowledgement
    owed: Owed

    def __init__(self, signed: SignedAcknowledgement, owed: Owed) -> None:
        object.__setattr__(self, "signed", signed)
        object.__setattr__(self, "owed", owed)

    @property
    def key(self) -> CopyKey:
        """The copy that it acknowledges."""
        return self.signed.acknowledgement.digest, self.owed.recipient

    @property
    def evidence(self) -> bytes:
        """SHA-256 of the signed acknowledgement: what its entry names."""
        return hashlib.sha256(self.signed.raw).digest()


@dataclass(frozen=True, slots=True, init=False)
class Placed:
    """A copy that the broker confirmed, or one that nobody can place any more: its consignment is to be recorded."""

    digest: bytes
    recipient: Address
    operation: str
    kind: str

    def __init__(self, digest: bytes, recipient: Address, operation: str, kind: str) -> None:
        object.__setattr__(self, "digest", digest)
        object.__setattr__(self, "recipient", recipient)
        object.__setattr__(self, "operation", operation)
        object.__setattr__(self, "kind", kind)

    @property
    def key(self) -> CopyKey:
        """The copy."""
        return self.digest, self.recipient
