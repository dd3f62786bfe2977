"""The error tree, and the stable reason codes that every refusal names.

    BureaunetError            everything this project raises on purpose
    ├── Malformed             bytes are not of the form the protocol gives (admission steps 2 and 3)
    ├── Untrusted             a signature, key, hash, commitment or proof does not hold
    ├── Forbidden             well-formed and authentic, but a rule says no
    ├── Unavailable           the other side cannot be reached now: try again, nothing was lost
    └── Misuse                the caller asked for something that cannot be; nothing was sent

Rules: a reason is one word of the list below, for ever; the detail is for people, in words, and never holds content
or a secret. Nobody matches on the detail.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class Reason(StrEnum):
    """Why something was refused: one code for each way of being wrong. The codes are part of the wire protocol."""

    # Step 1: link quota
    LINK_QUOTA = "link-quota"
    # Step 2: size
    STATEMENT_TOO_LARGE = "statement-too-large"
    SEALED_TOO_LARGE = "sealed-too-large"
    # Step 3: strict decode, the codec
    CBOR_TRUNCATED = "cbor-truncated"
    CBOR_TRAILING = "cbor-trailing"
    CBOR_NOT_SHORTEST = "cbor-not-shortest"
    CBOR_INDEFINITE = "cbor-indefinite"
    CBOR_KEY_ORDER = "cbor-key-order"
    CBOR_DUPLICATE_KEY = "cbor-duplicate-key"
    CBOR_TOO_DEEP = "cbor-too-deep"
    CBOR_TOO_MANY = "cbor-too-many"
    CBOR_UNSUPPORTED = "cbor-unsupported"
    CBOR_TEXT = "cbor-text"
    # Step 3: strict decode, COSE and the header
    STRUCTURE = "structure"
    UNPROTECTED = "unprotected-not-empty"
    ALGORITHM = "algorithm"
    TYP = "typ"
    CLAIM_MISSING = "claim-missing"
    CLAIM_UNKNOWN = "claim-unknown"
    CLAIM_TYPE = "claim-type"
    CLAIM_CONFLICT = "claim-conflict"
    RECIPIENTS = "recipients"
    # Step 4: link
    LINK_IDENTITY = "link-identity"
    NETWORK = "network"
    # Steps 6 and 7: key and signature
    KEY_UNKNOWN = "key-unknown"
    SIGNATURE = "signature"
    # Step 8
    ID_REUSED = "id-reused"
    # Step 9
    EXPIRED = "expired"
    FUTURE = "future"
    LIFETIME = "lifetime"
    # Step 10
    KEY_NOT_VALID = "key-not-valid"
    KEY_VOID = "key-void"
    SENDER_SUSPENDED = "sender-suspended"
    # Step 11
    SEALED_HASH = "sealed-hash"
    WRAPS = "wraps"
    WRAP_KEY = "wrap-key"
    SUITE = "suite"
    # Step 12
    OPERATION_UNKNOWN = "operation-unknown"
    OPERATION_CLOSED = "operation-closed"
    SENDER_NOT_MEMBER = "sender-not-member"
    RECIPIENT_NOT_MEMBER = "recipient-not-member"
    RECIPIENT_UNKNOWN = "recipient-unknown"
    SENDER_REFUSED = "sender-refused"
    KIND_UNKNOWN = "kind-unknown"
    KIND_NOT_ALLOWED = "kind-not-allowed"
    HANDLING = "handling"
    PURPOSE = "purpose"
    EXERCISE = "exercise"
    THREAD_UNKNOWN = "thread-unknown"
    THREAD_PARTIES = "thread-parties"
    QUOTA = "quota"
    # A recipient's checks (protocol section 4) and the content
    NOT_ACCEPTED = "not-accepted"
    NOT_ADDRESSED = "not-addressed"
    UNSEALING = "unsealing"
    COMMITMENT = "commitment"
    PADDING = "padding"
    CONTENT_NOT_JSON = "content-not-json"
    CONTENT_DUPLICATE_NAME = "content-duplicate-name"
    CONTENT_NUMBER = "content-number"
    CONTENT_MODEL = "content-model"
    HANDLER_FAILED = "handler-failed"
    UNDELIVERED = "undelivered"
    # Keys, directories, receipts, records
    ADDRESS = "address"
    MESSAGE_ID = "message-id"
    KEY_FORM = "key-form"
    KEY_WEAK = "key-weak"
    THRESHOLD = "threshold"
    VERSION_ORDER = "version-order"
    NOT_CURRENT = "not-current"
    REQUEST_USED = "request-used"
    RECEIPT_FORM = "receipt-form"
    INCLUSION = "inclusion"
    CONSISTENCY = "consistency"
    CHECKPOINT = "checkpoint"
    DISCLOSURE_FORM = "disclosure-form"
    RECORD_FORM = "record-form"
    RECORD_GAP = "record-gap"
    RECORD_CONTRADICTION = "record-contradiction"
    # Why content was erased
    RETENTION = "retention"
    ORDERED = "ordered"
    # The world
    UNREACHABLE = "unreachable"
    OVERLOADED = "overloaded"
    STORE = "store"
    MISUSE = "misuse"
    UNREADABLE = "unreadable"
    # A request that could not be served (HTTP)
    NOT_FOUND = "not-found"
    METHOD = "method"
    TIMEOUT = "timeout"
    INTERNAL = "internal"


class BureaunetError(Exception):
    """The root of the tree: a stable `reason` for machines and a `detail` in words for people."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail


class Malformed(BureaunetError):
    """Bytes that do not have the form the protocol gives."""


class Untrusted(BureaunetError):
    """A signature, key, hash, commitment or proof that does not hold."""


class Forbidden(BureaunetError):
    """Well-formed and authentic, but against a rule of the network."""


class SenderRefused(Forbidden):
    """Recipients will not hear from this sender directly (`sender-refused`); nothing was delivered to anybody."""

    def __init__(self, recipients: Sequence[str] = ()) -> None:
        named = ", ".join(recipients) or "one of the recipients"
        super().__init__(Reason.SENDER_REFUSED, f"{named} will not hear from us directly; the others may be written to")
        self.recipients = tuple(recipients)
        """Who, as the gateway says; empty where it could not be asked."""


class Unavailable(BureaunetError):
    """The other side cannot be reached or cannot take more now; the same call may be made again."""

    def __init__(self, reason: Reason, detail: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(reason, detail)
        self.retry_after = retry_after
        """Seconds the other side asked us to wait, or None."""


class Misuse(BureaunetError):
    """The caller asked for something that cannot be done; nothing was sent or changed."""

    def __init__(self, detail: str) -> None:
        super().__init__(Reason.MISUSE, detail)
