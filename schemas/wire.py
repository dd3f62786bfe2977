"""What both ends of a link share: HTTP paths, queue names, message types, and the two framings.

    submission (HTTP body and AMQP body) = CBOR [statement, sealed]
    inbox item (both links)              = CBOR [index, type, acceptance, statement, sealed or null]
    message in an inbox on the broker    = one item, or several of type `receipt`, as a CBOR sequence

An item's index is the ledger index of its consignment: the inbox's cursor. An item of type `receipt` carries a signed
acceptance or attestation and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from schemas import cbor
from schemas.codes import Urgency
from schemas.envelope import MAX_SEALED, MAX_STATEMENT, Envelope
from schemas.errors import Malformed, Misuse, Reason
from schemas.identity import Address

CBOR_TYPE: Final = "application/cbor"
SEQUENCE_TYPE: Final = "application/cbor-seq"
COSE_TYPE: Final = "application/cose"
TILE_TYPE: Final = "application/octet-stream"
NOTE_TYPE: Final = "text/plain; charset=utf-8"

MESSAGES: Final = "/v1/messages"
INBOX: Final = "/v1/inbox"
EVIDENCE: Final = "/v1/evidence"
DIRECTORY: Final = "/v1/directory"
CURRENT: Final = "/v1/directory/current"
DIRECTORY_PROOF: Final = "proof"
"""After a version's path: CBOR [entry, tlog-proof] of it."""
OPERATIONS: Final = "/v1/operations"
PREFERENCES: Final = "/v1/preferences"
REFUSING: Final = "/v1/refusing"
"""Who refuses the link's messages: JSON, an array of addresses."""
ACCEPTANCES: Final = "/v1/acceptances"
PROOFS: Final = "/v1/proofs"
ENTRIES: Final = "/v1/entries"
CHECKPOINT: Final = "/v1/checkpoint"
CANDIDATE: Final = "/v1/checkpoint/candidate"
"""The checkpoint that witnesses are asked to sign."""
WITNESSED: Final = "/v1/checkpoint/witnessed"
"""The newest that the quorum signed."""
CONSISTENCY: Final = "/v1/consistency"
TILE: Final = "/v1/tile"
"""Before a tile's path as in C2SP tlog-tiles: LEVEL/N[.p/W]."""
SEALED: Final = "/v1/sealed"
OPENAPI: Final = "/v1/openapi.json"

MAX_SUBMISSION: Final = MAX_STATEMENT + MAX_SEALED + 64
"""Bytes of a framed submission."""
INLINE_RECIPIENTS: Final = 32
"""Above this many recipients an inbox item carries no sealed part; it is fetched by its hash."""
MAX_WAIT: Final = 25
"""Seconds of a long poll."""
MAX_ITEMS: Final = 50
"""Inbox items in one answer, and receipts in one message."""

EXCHANGE_DELIVER: Final = "deliver"
EXCHANGE_DEAD: Final = "dlx"
QUEUE_DEAD: Final = "dead"
QUEUE_PROBE: Final = "probe"
HEARTBEAT: Final = 6
"""Seconds: after about three times as many without a word from the broker, the connection is given up."""
_LOGIN: Final = f"auth=EXTERNAL&heartbeat={HEARTBEAT}"
SHARED_QUEUES: Final = ("submissions", "submissions.urgent")
"""One for all bureaus: how it was before each had queues of its own. What is left in them is still taken."""


class ItemType(StrEnum):
    """The AMQP property `type`, and the second member of an inbox item."""

    ENVELOPE = "envelope"
    EVIDENCE = "evidence"
    PREFERENCES = "preferences"
    RECEIPT = "receipt"


_ITEM_TYPES: Final[Mapping[str, ItemType]] = {str(kind): kind for kind in ItemType}


def submit_exchange(bureau: Address) -> str:
    """The exchange that a bureau, and nobody else, may publish to."""
    return f"submit.{bureau.replace('/', '.')}"


def submissions_queue(bureau: Address, urgency: Urgency) -> str:
    """The gateway's queue of what one bureau submits: each has its own, so that none stands behind another's."""
    return f"submissions.{urgency}.{bureau.replace('/', '.')}"


@lru_cache(maxsize=2048)  # the directory has some hundred
def inbox_queue(participant: Address, urgency: Urgency) -> str:
    """A participant's inbox on the broker."""
    return f"inbox.{participant.replace('/', '.')}" + (".urgent" if urgency is Urgency.URGENT else "")


@lru_cache(maxsize=1024)  # the broker has one for each bureau; what is refused is not kept
def sender_of(exchange: str) -> Address:
    """Whose exchange this is: the inverse of `submit_exchange`.

    Raises:
        Malformed: `address`, it is no bureau's.
    """
    _, _, name = exchange.partition("submit.")
    sender = Address.parse(name.replace(".", "/", 1))
    if submit_exchange(sender) != exchange:
        raise Malformed(Reason.ADDRESS, "not the exchange of a bureau")
    return sender


def broker_urls(text: str) -> tuple[str, ...]:
    """The nodes of a broker, written `amqps://HOST[:PORT]` with commas between: URLs that name how we log in.

    Raises:
        Misuse: one of them is not of the form; there are no passwords and no other ways in.
    """
    urls = tuple(_broker_url(part.strip()) for part in text.split(",") if part.strip())
    if not urls:
        raise Misuse("no broker is named")
    return urls


def _broker_url(text: str) -> str:
    url = urlsplit(text)
    plain = url.path in {"", "/"} and url.query in {"", _LOGIN} and not url.fragment and "@" not in url.netloc
    if url.scheme != "amqps" or not url.hostname or not plain:
        raise Misuse("a broker is amqps://HOST[:PORT], or several with commas between")
    return f"amqps://{url.netloc}/?{_LOGIN}"


def encode_submission(envelope: Envelope) -> bytes:
    """The body of a submission."""
    return cbor.encode([envelope.statement, envelope.sealed])


def decode_submission(body: bytes) -> Envelope:
    """Take a submission's body apart.

    Raises:
        Malformed: `cbor-*`, `structure`.
    """
    match cbor.decode(body):
        case [bytes(statement), bytes(sealed)]:
            return Envelope(statement, sealed)
    raise Malformed(Reason.STRUCTURE, "a submission is [statement, sealed]")


@dataclass(frozen=True, slots=True)
class InboxItem:
    """What waits in an inbox."""

    index: int
    type: ItemType
    acceptance: bytes
    statement: bytes
    sealed: bytes | None

    def encode(self) -> bytes:
        """CBOR of the item."""
        return cbor.encode([self.index, str(self.type), self.acceptance, self.statement, self.sealed])


def decode_items(data: bytes, most: int | None = None) -> list[InboxItem]:
    """The items of a CBOR sequence.

    Raises:
        Malformed: `cbor-*`, `structure`, also where there are more than `most`.
    """
    items: list[InboxItem] = []
    at = 0
    while at < len(data):
        if len(items) == most:
            raise Malformed(Reason.STRUCTURE, "too many items in one message")
        value, at = cbor.decode_first(data, at=at)
        items.append(_item(value))
    return items


def decode_message(body: bytes) -> list[InboxItem]:
    """What one message in an inbox on the broker holds: an item, or up to `MAX_ITEMS` of type `receipt`.

    Raises:
        Malformed: `cbor-*`, `structure`.
    """
    items = decode_items(body, MAX_ITEMS)
    if len(items) != 1 and not (items and all(item.type is ItemType.RECEIPT for item in items)):
        raise Malformed(Reason.STRUCTURE, "a message holds one item, or receipts alone")
    return items


def decode_item(data: bytes) -> InboxItem:
    """One item, alone.

    Raises:
        Malformed: `cbor-*`, `structure`.
    """
    return _item(cbor.decode(data))


def _item(value: cbor.Value) -> InboxItem:
    match value:
        case [index, str(kind), bytes(acceptance), bytes(statement), sealed] if (
            type(index) is int and kind in _ITEM_TYPES and (sealed is None or type(sealed) is bytes)
        ):
            return InboxItem(index, _ITEM_TYPES[kind], acceptance, statement, sealed)
    raise Malformed(Reason.STRUCTURE, "an inbox item is [index, type, acceptance, statement, sealed]")
