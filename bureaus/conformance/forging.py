"""Copies that no honest gateway would deliver, each under a real acceptance key: what a recipient's checks are for."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from bureaus.conformance.ground import BR, MX, OPERATION, Ground, Keys
from schemas import cbor, cose, merkle
from schemas.attestations import Attestation, sign_attestation
from schemas.claims import Head, Header, to_claims
from schemas.codes import Purpose
from schemas.envelope import CONTENT_TYPE, SALT_SIZE, TYP, Envelope, commitment, pad
from schemas.errors import Reason
from schemas.evidence import Event
from schemas.identity import MessageId, Signer
from schemas.keys import ED25519, SealingPublic, SigningKey
from schemas.receipts import Acceptance, sign_acceptances
from schemas.wire import InboxItem, ItemType

CONTENT: Final = b'{"asked":["status"],"case":"KIT-FORGED"}'
QUERY: Final = "whereabouts.query/1"
Claims = Mapping[cbor.Key, cbor.Value]
_OUTER: Final[Claims] = {258: -16, 259: "application/cose"}


@dataclass(frozen=True, slots=True)
class Forger:
    """Makes copies for one seat of the program's, from the kit's bureau."""

    ground: Ground
    keys: Keys

    @property
    def signer(self) -> Signer:
        """The kit's bureau's own key."""
        return self.ground.kit.keys.signing[0]

    @property
    def net(self) -> bytes:
        """The network's id."""
        return self.ground.kit.trust.network.id

    def header(self, **changes: object) -> Header:
        """The claims of an honest query of the kit's bureau, but for those given."""
        now = int(time.time())
        plain = Header(
            iss=BR,
            sub=OPERATION,
            aud=(self.keys.address,),
            iat=now,
            exp=now + 3600,
            cti=MessageId.new(now * 1000),
            net=self.net,
            head=Head(0, merkle.EMPTY),
            kind=QUERY,
            purpose=Purpose.ARREST,
            exercise=True,
        )
        return replace(plain, **changes)  # type: ignore[arg-type]  # a play names the claims that it changes

    def envelope(
        self,
        header: Header | None = None,
        *,
        claims: Claims | None = None,
        outer: Claims | None = None,
        content: bytes = CONTENT,
        committed: bytes | None = None,
        by: Signer | None = None,
        key: SealingPublic | None = None,
    ) -> Envelope:
        """A well-made envelope but for what is said: labels laid over claims and header, another key or content."""
        salt, signer = os.urandom(SALT_SIZE), by or self.signer
        said = to_claims((header or self.header()).with_commit(commitment(salt, committed or content)))
        plain: Claims = {cose.ALG: ED25519, cose.KID: signer.key_id, cose.TYP: TYP, **_OUTER, **(outer or {})}
        protected = cbor.encode({**plain, cose.CLAIMS: {**said, **(claims or {})}})
        sealed = cose.encrypt(
            pad(salt, content),
            [key or self.keys.sealing.public],
            content_type=CONTENT_TYPE,
            external=protected,
            extra_info=sha256(protected).digest(),
        )
        return Envelope(cose.sign_protected(protected, sha256(sealed).digest(), signer), sealed)

    def attestation(self, query: bytes, *, by: SigningKey | None = None, net: bytes | None = None) -> InboxItem:
        """An inbox item that says that the kit's bureau did not answer this query."""
        now = int(time.time() * 1000)
        said = Attestation(Event.ANSWER_OVERDUE, 0, now, query, BR, self.keys.address, OPERATION, now, 1)
        signer = by or self.ground.service_key("acceptance")
        return InboxItem(0, ItemType.RECEIPT, b"", sign_attestation(said, net or self.net, signer), None)

    def receipt(
        self,
        digest: bytes,
        *,
        by: Signer | None = None,
        net: bytes | None = None,
        event: Event = Event.SUBMISSION_ACCEPTANCE,
        reason: Reason | None = None,
    ) -> bytes:
        """A receipt by the gateway's own key, but for what is said."""
        index = self.ground.kit.trust.head.size
        said = Acceptance(digest, event, index, time.time_ns() // 1_000_000, reason)
        return sign_acceptances([said], net or self.net, by or self.ground.service_key("acceptance"))[0]

    def item(self, envelope: Envelope, receipt: bytes | None = None) -> InboxItem:
        """A copy as it lies in an inbox."""
        accepted = receipt or self.receipt(envelope.digest)
        return InboxItem(0, ItemType.ENVELOPE, accepted, envelope.statement, envelope.sealed)


def bent(data: bytes, at: int = -1) -> bytes:
    """The same bytes with one bit changed."""
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def bent_path(receipt: bytes) -> bytes:
    """A receipt whose path has a hash too many."""
    match cbor.decode(receipt):
        case [bytes(batch), int(position), list(path), bytes(item)]:
            return cbor.encode([batch, position, [*path, bytes(32)], item])
    raise ValueError("not a receipt")


def long_head(statement: bytes) -> bytes:
    """A statement whose tag is spelt in two bytes: another encoding of the same value."""
    return b"\xd8\x12" + statement[1:]


@dataclass(frozen=True, slots=True)
class Forgery:
    """One copy, what it tries, and what must become of it."""

    id: str
    section: str
    says: str
    make: Callable[[Forger], InboxItem]
    refused: Reason | None
    """The reason of the acknowledgement; None where nobody can be answered in good faith."""


def _accepted_by_stranger(forger: Forger) -> InboxItem:
    made = forger.envelope()
    return forger.item(made, forger.receipt(made.digest, by=SigningKey.generate()))


def _not_accepted(forger: Forger) -> InboxItem:
    made = forger.envelope()
    return forger.item(made, forger.receipt(made.digest, event=Event.SUBMISSION_REJECTION, reason=Reason.EXPIRED))


def _other_acceptance(forger: Forger) -> InboxItem:
    return forger.item(forger.envelope(), forger.receipt(os.urandom(32)))


def _bent_path(forger: Forger) -> InboxItem:
    made = forger.envelope()
    return forger.item(made, bent_path(forger.receipt(made.digest)))


def _other_network_receipt(forger: Forger) -> InboxItem:
    made = forger.envelope()
    return forger.item(made, forger.receipt(made.digest, net=bytes(32)))


def _respelt(forger: Forger) -> InboxItem:
    made = forger.envelope()
    return forger.item(Envelope(long_head(made.statement), made.sealed))


def _signature(forger: Forger) -> InboxItem:
    made = forger.envelope()
    return forger.item(Envelope(bent(made.statement), made.sealed))


def _sealed(forger: Forger) -> InboxItem:
    made = forger.envelope()
    return forger.item(Envelope(made.statement, bent(made.sealed or b"", len(made.sealed or b"") // 4)))


FORGERIES: Final = (
    Forgery("acceptance-key", "5.4", "its acceptance is signed by a stranger", _accepted_by_stranger, None),
    Forgery("acceptance-refusal", "4", "its receipt is a refusal's", _not_accepted, None),
    Forgery("acceptance-other", "4", "its acceptance is another message's", _other_acceptance, None),
    Forgery("acceptance-path", "5.4", "the path in its acceptance does not lead to the root", _bent_path, None),
    Forgery("acceptance-network", "5.4", "its acceptance is another network's", _other_network_receipt, None),
    Forgery("respelt", "1.1", "its tag is spelt in two bytes", _respelt, None),
    Forgery(
        "unknown-label",
        "1",
        "its header has a critical label that nobody knows",
        lambda forger: forger.item(forger.envelope(outer={2: [-70000], -70000: 1})),
        None,
    ),
    Forgery(
        "unknown-claim",
        "1.2",
        "it has a claim that nobody knows",
        lambda forger: forger.item(forger.envelope(claims={-65999: 1})),
        None,
    ),
    Forgery(
        "network",
        "4",
        "it is of another network",
        lambda forger: forger.item(forger.envelope(forger.header(net=bytes(32)))),
        None,
    ),
    Forgery(
        "sender-key",
        "4",
        "it is signed by a key that is not its sender's",
        lambda forger: forger.item(forger.envelope(by=SigningKey.generate())),
        None,
    ),
    Forgery("signature", "4", "one bit of its signature is changed", _signature, Reason.SIGNATURE),
    Forgery(
        "not-addressed",
        "4",
        "it is another recipient's copy",
        lambda forger: forger.item(forger.envelope(forger.header(aud=(MX,)))),
        Reason.NOT_ADDRESSED,
    ),
    Forgery(
        "operation",
        "4",
        "it is of an operation that does not exist",
        lambda forger: forger.item(forger.envelope(forger.header(sub="another-operation"))),
        Reason.OPERATION_UNKNOWN,
    ),
    Forgery("sealed", "1.3", "one bit of its sealed part is changed", _sealed, Reason.SEALED_HASH),
    Forgery(
        "unsealing",
        "1.3",
        "it is sealed to somebody else",
        lambda forger: forger.item(forger.envelope(key=Keys(BR).sealing.public)),
        Reason.UNSEALING,
    ),
    Forgery(
        "commitment",
        "1.3",
        "its content is not the one that was committed to",
        lambda forger: forger.item(forger.envelope(committed=b"{}")),
        Reason.COMMITMENT,
    ),
    Forgery(
        "content",
        "4",
        "its content is no query",
        lambda forger: forger.item(forger.envelope(content=b'{"asked":["status"]}')),
        Reason.CONTENT_MODEL,
    ),
)
"""Copies to one seat."""
