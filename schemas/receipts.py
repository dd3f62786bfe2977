"""Receipts: the gateway's signed acceptances, and tlog-proofs that an entry is in the ledger (protocol section 5).

At once: an acceptance. One signature covers a batch's Merkle root and each acceptance carries its own path, so nobody
sees another's digests. Soon after: a C2SP tlog-proof under a signed checkpoint. An index counts only under a
checkpoint's signed size.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas import cbor, cose, merkle
from schemas.claims import NET
from schemas.errors import Malformed, Reason, Untrusted
from schemas.evidence import Event
from schemas.identity import Signer
from schemas.keys import SigningPublic
from schemas.notes import OpenNote, Policy, SignedCheckpoint, open_note, unb64

ACCEPTANCE_TYP: Final = "application/vnd.bureaunet.acceptance+cose"
_PROOF_HEAD: Final = "c2sp.org/tlog-proof@v1"
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)
MAX_PATH: Final = 63
"""Hashes in a path: no tree is deeper."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What the gateway decided about one submission."""

    digest: bytes
    """Of the envelope; for bytes that do not decode, SHA-256 of the statement part as received."""
    event: Event
    """SubmissionAcceptance or SubmissionRejection."""
    index: int | None
    """The entry's place in the ledger; None for a refusal at steps 1 to 7, which makes no entry."""
    time: int
    """The gateway's, in milliseconds since the epoch; the entry's own time."""
    reason: Reason | None = None

    @property
    def accepted(self) -> bool:
        """Whether the gateway now owes delivery."""
        return self.event is Event.SUBMISSION_ACCEPTANCE

    def item(self) -> bytes:
        """The bytes whose leaf hash stands in the batch's tree."""
        reason = None if self.reason is None else str(self.reason)
        return cbor.encode([self.digest, str(self.event), self.index, self.time, reason])


def sign_acceptances(acceptances: Sequence[Acceptance], net: bytes, signer: Signer) -> list[bytes]:
    """Receipts for a batch under one signature, in its order; each is CBOR [signed root, position, path, item]."""
    items = [acceptance.item() for acceptance in acceptances]
    levels = merkle.levels([merkle.leaf_hash(item) for item in items])
    payload = cbor.encode([levels[-1][0] if items else merkle.EMPTY, len(items)])
    batch = cbor.encode(cose.sign1(ACCEPTANCE_TYP, payload, signer, {cose.CLAIMS: {NET: net}}))
    encoded = [[cbor.encode(node) for node in level] for level in levels]  # once for all paths that have it
    return [
        cbor.join_array(
            (batch, cbor.encode(position), cbor.join_array(merkle.siblings(encoded, position)), cbor.encode(item))
        )
        for position, item in enumerate(items)
    ]


class LastBatch:
    """Remembers the last batch that verified: receipts of one batch often follow one another, under one signature."""

    def __init__(self) -> None:
        self._batch: bytes | None = None

    def verify(self, batch: bytes, sign1: cose.Sign1, key: SigningPublic) -> None:
        """Check the signature, unless these very bytes, which name the key, were the last to verify.

        Raises:
            Untrusted: `key-unknown`, `signature`.
        """
        if batch != self._batch:
            sign1.verify(key)
            self._batch = batch


def read_acceptance(
    data: bytes, net: bytes, keys: Mapping[bytes, SigningPublic], last: LastBatch | None = None
) -> Acceptance:
    """Verify a receipt of network `net` with one of the gateway's `keys` (by key id).

    Whoever reads many gives the same `last` each time: a batch's signature is then verified once.

    Raises:
        Malformed: `cbor-*`, `structure`, `receipt-form`. Untrusted: `network`, `key-unknown`, `signature`, `inclusion`.
    """
    match cbor.decode(data):
        # True equals 1: a boolean in the position's place would be a second spelling of the same receipt
        case [bytes(batch), position, list(path), bytes(item)] if type(position) is int and all(
            isinstance(node, bytes) for node in path
        ):
            pass
        case _:
            raise Malformed(Reason.RECEIPT_FORM, "a receipt is [signed root, position, path, item]")
    sign1 = cose.parse_sign1(batch, ACCEPTANCE_TYP)
    match sign1.header.get(cose.CLAIMS):
        case {-65537: bytes(named), **more} if not more and named == net and len(sign1.header) == 4:
            pass
        case _:
            raise Untrusted(Reason.NETWORK, "the receipt is of another network")
    key = keys.get(sign1.key_id)
    if key is None:
        raise Untrusted(Reason.KEY_UNKNOWN, "the receipt is signed by no key of the gateway")
    (last or LastBatch()).verify(batch, sign1, key)
    match cbor.decode(sign1.payload):
        case [bytes(root), size] if type(size) is int:
            merkle.verify_inclusion(merkle.leaf_hash(item), position, size, path, root)
        case _:
            raise Malformed(Reason.RECEIPT_FORM, "a batch is [root, size]")
    return _read_item(item)


def _read_item(item: bytes) -> Acceptance:
    match cbor.decode(item):
        case [bytes(digest), str(event), index, time, reason]:
            if type(time) is int and (index is None or type(index) is int) and (reason is None or type(reason) is str):
                try:
                    return Acceptance(digest, Event(event), index, time, None if reason is None else Reason(reason))
                except ValueError:
                    pass
    raise Malformed(Reason.RECEIPT_FORM, "a receipt's item is [digest, event, index, time, reason]")


@dataclass(frozen=True, slots=True)
class Proof:
    """A C2SP tlog-proof: where an entry stands, the path, and the checkpoint it leads to."""

    index: int
    path: tuple[bytes, ...]
    note: str

    def format(self) -> str:
        """The text of the proof."""
        path = "".join(f"{line}\n" for line in map(_hash_line, self.path))
        return f"{_PROOF_HEAD}\nindex {self.index}\n{path}\n{self.note}"

    def open(self, entry: bytes, policy: Policy) -> OpenNote:
        """Check that `entry` is in the log at `index` under the log's own line; witnesses' lines are left to ask.

        Raises:
            Malformed, Untrusted: `checkpoint`, `inclusion`.
        """
        opened = open_note(self.note, policy)
        head = opened.checkpoint
        merkle.verify_inclusion(merkle.leaf_hash(entry), self.index, head.size, self.path, head.root)
        return opened

    def verify(self, entry: bytes, policy: Policy) -> SignedCheckpoint:
        """Check that `entry` is in the log at `index`, under a checkpoint signed as `policy` says.

        Raises:
            Malformed, Untrusted: `checkpoint`, `inclusion`.
        """
        return self.open(entry, policy).under(policy)


def _hash_line(node: bytes) -> str:
    return base64.b64encode(node).decode("ascii")


def read_proof(text: str) -> Proof:
    """Parse a tlog-proof; nothing is verified.

    Raises:
        Malformed: `receipt-form`.
    """
    head, blank, note = text.partition("\n\n")
    lines = head.split("\n")
    if not blank or len(lines) < 2 or len(lines) > 2 + MAX_PATH or lines[0] != _PROOF_HEAD:
        raise Malformed(Reason.RECEIPT_FORM, "not a tlog-proof")
    index = _INDEX.fullmatch(lines[1])
    if index is None:
        raise Malformed(Reason.RECEIPT_FORM, "the proof names no index")
    path = tuple(unb64(line, Reason.RECEIPT_FORM) for line in lines[2:])
    return Proof(int(index[1]), path, note)
