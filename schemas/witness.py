"""Witnesses: who they are by the authority's word, how they prove their keys, and what they send (protocol 5.5).

The genesis states the first set; a directory version may state another, and a version that states none leaves the
genesis' in force. For a checkpoint of size N the newest version whose entry has an index below N decides: the ledger's
order, never a clock.

Rules: of n witnesses, f of whom may be dishonest, a quorum q is more than (n + f) / 2, so that any two quorums share an
honest one, and a log cannot have two histories witnessed. A quorum is at most n - f where n allows it; else the
dishonest can stop it by keeping silent, which everyone sees.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Self

from schemas import cbor
from schemas.errors import Malformed, Reason, Untrusted
from schemas.identity import Address, NoteSigner
from schemas.keys import NotePublic
from schemas.notes import Checkpoint, Policy, read_body, signature_line, verify_witness_line

if TYPE_CHECKING:
    from schemas.directory import Directory

MAX_WITNESSES: Final = 256
MAX_COSIGNATURE: Final = 8192
"""Bytes of a cosignature as it travels."""
_SIGNED: Final = "\n\n\N{EM DASH} ".encode()
_POSSESSION: Final = b"bureaunet/witness-key/1\n"


def is_quorum(quorum: int, witnesses: int, dishonest: int) -> bool:
    """Whether `quorum` of `witnesses` holds against `dishonest` of them: q > (n + f) / 2 and q <= n."""
    return 0 <= dishonest < witnesses and quorum <= witnesses and 2 * quorum > witnesses + dishonest


def least_quorum(witnesses: int, dishonest: int) -> int:
    """The smallest quorum that holds, or 0 where there are no witnesses."""
    return (witnesses + dishonest) // 2 + 1 if witnesses else 0


@dataclass(frozen=True, slots=True)
class Witnesses:
    """The policy's part of a directory version: CBOR [[[address, key], ...], quorum, dishonest], sorted by address."""

    keys: Mapping[str, NotePublic] = field(default_factory=dict)
    quorum: int = 0
    dishonest: int = 0
    """How many of them may be dishonest while the quorum holds."""

    def to_value(self) -> list[cbor.Value]:
        """CBOR of it."""
        keys: list[cbor.Value] = [[name, key.raw] for name, key in sorted(self.keys.items())]
        return [keys, self.quorum, self.dishonest]

    @classmethod
    def from_value(cls, value: cbor.Value) -> Self:
        """Check and take it.

        Raises:
            Malformed: `structure`, `key-form`, `address`; `threshold`, the quorum does not hold.
        """
        match value:
            case [[*rows], int(quorum), int(dishonest)] if len(rows) <= MAX_WITNESSES:
                pass
            case _:
                raise Malformed(Reason.STRUCTURE, "a witness policy is [[[address, key], ...], quorum, dishonest]")
        made = cls(_keys(rows), quorum, dishonest)
        made.check()
        return made

    def check(self) -> None:
        """Check the arithmetic of the quorum.

        Raises:
            Malformed: `threshold`.
        """
        holds = is_quorum(self.quorum, len(self.keys), self.dishonest)
        if not holds and (self.keys or self.quorum or self.dishonest):
            raise Malformed(
                Reason.THRESHOLD,
                f"a quorum of {self.quorum} of {len(self.keys)} does not hold against {self.dishonest} dishonest",
            )

    def under(self, first: Policy) -> Policy:
        """The policy that `first`, the genesis', becomes: the log stays, whose witnesses count is said here."""
        return replace(first, witnesses=self.keys, quorum=self.quorum)


def _keys(rows: Sequence[cbor.Value]) -> dict[str, NotePublic]:
    found: dict[str, NotePublic] = {}
    last = ""
    for row in rows:
        match row:
            case [str(name), bytes(raw)] if name > last:
                found[str(Address.parse(name))] = NotePublic(raw)
                last = name
            case _:
                raise Malformed(Reason.STRUCTURE, "a witness is [address, key], ascending by address")
    if len({key.raw for key in found.values()}) != len(found):
        raise Malformed(Reason.THRESHOLD, "two witnesses have one key")
    return found


def policy_of(first: Policy, directory: Directory | None) -> Policy:
    """The policy in force under a directory version; `first` is the genesis'."""
    return first if directory is None or directory.witnesses is None else directory.witnesses.under(first)


def policy_at(first: Policy, versions: Iterable[tuple[int, Directory]], size: int) -> Policy:
    """The policy for a checkpoint of `size`: of the newest of `versions`, (ledger index, version), below it."""
    below = [(index, version) for index, version in versions if index < size]
    return policy_of(first, max(below, key=lambda pair: pair[0])[1] if below else None)


# ------------------------------------------------------------------------------------ a witness' key in a request


def prove_possession(signer: NoteSigner, address: Address, signing: bytes) -> bytes:
    """The proof, 2420 bytes, that whoever asks under the Ed25519 key `signing` holds the witness key."""
    return signer.sign(_statement(address, signing))


def check_possession(key: NotePublic, proof: bytes, address: Address, signing: bytes) -> None:
    """Check it.

    Raises:
        Untrusted: `signature`.
    """
    try:
        key.verify(proof, _statement(address, signing))
    except Untrusted:
        raise Untrusted(Reason.SIGNATURE, "the request does not prove that its witness key is held") from None


def _statement(address: Address, signing: bytes) -> bytes:
    return _POSSESSION + hashlib.sha256(cbor.encode([str(address), signing])).digest()


# ------------------------------------------------------------------------------------ cosignatures on their way


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A verified cosignature: whose it is, what it signs, and its line as received."""

    witness: str
    checkpoint: Checkpoint
    line: str
    """With its line end."""


def cosign(checkpoint: Checkpoint, signer: NoteSigner, time: int) -> bytes:
    """What a witness sends as evidence: the checkpoint's three lines, a blank one, and its own line alone."""
    return f"{checkpoint.body()}\n{signature_line(checkpoint, signer, time)}".encode()


def is_cosignature(body: bytes) -> bool:
    """Whether evidence is a cosignature: a note has a blank line and a dash, which no COSE tag can begin."""
    return body[:1] < b"\x80" and _SIGNED in body


def read_cosignature(body: bytes, policy: Policy) -> Cosignature:
    """Verify a witness' line under the policy in force for its checkpoint.

    Raises:
        Malformed: `checkpoint`. Untrusted: `checkpoint`, another log, or a line by no witness or that does not verify.
    """
    checkpoint, line = claimed_cosignature(body)
    if checkpoint.origin != policy.origin:
        raise Untrusted(Reason.CHECKPOINT, "the cosignature is of another log")
    return Cosignature(verify_witness_line(line, checkpoint, policy), checkpoint, line)


def claimed_cosignature(body: bytes) -> tuple[Checkpoint, str]:
    """The checkpoint and the line of a cosignature, nothing verified.

    Raises:
        Malformed: `checkpoint`.
    """
    if len(body) > MAX_COSIGNATURE:
        raise Malformed(Reason.CHECKPOINT, "the cosignature is too long")
    try:
        checkpoint, lines = read_body(body.decode())
    except UnicodeDecodeError:
        raise Malformed(Reason.CHECKPOINT, "a cosignature is text") from None
    if len(lines) != 1:
        raise Malformed(Reason.CHECKPOINT, "a cosignature has one line")
    return checkpoint, f"{lines[0]}\n"
