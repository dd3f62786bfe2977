"""Checkpoints and cosignatures: C2SP signed-note, tlog-checkpoint and tlog-cosignature with ML-DSA-44 (type 0x06).

One signature type only: a note with an Ed25519 line beside a post-quantum one would be accepted on that line alone.
Every line must be by a key of the policy, in canonical base64, and verify; any other line fails the whole note:
`read_checkpoint`. Who reads a note before he knows which policy is in force for its size (schemas/witness.py) opens it
with `open_note`, which verifies the log's line alone, and asks it afterwards: `OpenNote.under(policy)` is strict,
`OpenNote.counted(policy)` passes over lines that are not the policy's.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from schemas.errors import Malformed, Reason, Untrusted
from schemas.identity import NoteSigner
from schemas.keys import NotePublic
from schemas.merkle import EMPTY, HASH_SIZE

_TYPE: Final = b"\x06"
_LABEL: Final = b"subtree/v1\n\x00"
_DASH: Final = "\N{EM DASH} "
_NAME: Final = re.compile(r"[!-*,-~]{1,255}", re.ASCII)
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
MAX_NOTE: Final = 4 * 1024 * 1024
"""Bytes: a thousand witnesses at most."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head of a log: its origin, number of leaves and root."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """The three lines of tlog-checkpoint."""
        return f"{self.origin}\n{self.size}\n{_b64(self.root)}\n"

    @classmethod
    def empty(cls, origin: str) -> Checkpoint:
        """The head of the log before its first entry."""
        return cls(origin, 0, EMPTY)


@dataclass(frozen=True, slots=True)
class Policy:
    """Whose signatures count: the log's, and a quorum of a fixed set of witnesses (none: quorum 0)."""

    origin: str
    log: NotePublic
    witnesses: Mapping[str, NotePublic] = field(default_factory=dict)
    quorum: int = 0


class Standing(StrEnum):
    """What a note's cosignatures make of it under a policy; whoever shows a receipt or a proof says it."""

    WITNESSED = "witnessed"
    PROVISIONAL = "provisional"
    """The policy asks for a quorum that has not signed yet."""
    UNWITNESSED = "no-witnesses"
    """The policy names no witnesses: the log's word alone."""


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A verified checkpoint: who signed it, and the note's text as received."""

    checkpoint: Checkpoint
    text: str
    time: int
    """When the log signed, in seconds since the epoch."""
    witnesses: frozenset[str]

    def provisional(self, policy: Policy) -> bool:
        """Whether the quorum of witnesses has not signed yet."""
        return len(self.witnesses) < policy.quorum

    def standing(self, policy: Policy) -> Standing:
        """What the cosignatures make of it under the policy that it was verified under."""
        if not policy.quorum:
            return Standing.UNWITNESSED
        return Standing.PROVISIONAL if self.provisional(policy) else Standing.WITNESSED


@dataclass(frozen=True, slots=True)
class OpenNote:
    """A checkpoint that the log signed; of its cosignature lines nothing is verified yet."""

    checkpoint: Checkpoint
    text: str
    time: int
    """When the log signed, in seconds since the epoch."""
    lines: tuple[str, ...]
    """Cosignature lines as received, without line ends."""

    def under(self, policy: Policy) -> SignedCheckpoint:
        """The note under the policy in force for its size: every line must be one of the policy's, each witness once.

        Raises:
            Malformed: `checkpoint`. Untrusted: `checkpoint`, a line by no key of the policy or that does not verify.
        """
        seen: set[str] = set()
        for line in self.lines:
            name, _ = _verify_line(line, self.checkpoint, policy.witnesses)
            if name in seen:
                raise Malformed(Reason.CHECKPOINT, "a witness signed twice")
            seen.add(name)
        return SignedCheckpoint(self.checkpoint, self.text, self.time, frozenset(seen))

    def counted(self, policy: Policy) -> SignedCheckpoint:
        """The note with those cosignatures that the policy counts; other lines, as of a policy before, count nothing.

        For readers who may be behind or ahead of the policy that the note was made under.
        """
        seen: set[str] = set()
        for line in self.lines:
            try:
                seen.add(_verify_line(line, self.checkpoint, policy.witnesses)[0])
            except (Malformed, Untrusted):
                continue
        return SignedCheckpoint(self.checkpoint, self.text, self.time, frozenset(seen))


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def unb64(text: str, reason: Reason = Reason.CHECKPOINT) -> bytes:
    """Canonical base64 (RFC 4648 section 4).

    Raises:
        Malformed: `reason`.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(reason, "not base64") from None
    if _b64(data) != text:
        raise Malformed(reason, "not canonical base64")
    return data


def _key_id(name: str, raw: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _TYPE + raw).digest()[:4]


def _message(name: str, time: int, checkpoint: Checkpoint) -> bytes:
    signer, origin = name.encode(), checkpoint.origin.encode()
    parts = (
        _LABEL,
        len(signer).to_bytes(1),
        signer,
        time.to_bytes(8),
        len(origin).to_bytes(1),
        origin,
        (0).to_bytes(8),
        checkpoint.size.to_bytes(8),
        checkpoint.root,
    )
    return b"".join(parts)


def signature_line(checkpoint: Checkpoint, signer: NoteSigner, time: int) -> str:
    """One signature line over a checkpoint, at `time` seconds since the epoch (tlog-cosignature, ML-DSA-44)."""
    signature = time.to_bytes(8) + signer.sign(_message(signer.name, time, checkpoint))
    return f"{_DASH}{signer.name} {_b64(_key_id(signer.name, signer.raw) + signature)}\n"


def sign_checkpoint(checkpoint: Checkpoint, log: NoteSigner, time: int) -> str:
    """The signed note of a checkpoint, the log's line alone."""
    return f"{checkpoint.body()}\n{signature_line(checkpoint, log, time)}"


def add_line(note: str, line: str) -> str:
    """The note with one more cosignature line."""
    return note + line


def read_body(text: str) -> tuple[Checkpoint, list[str]]:
    """The checkpoint that a note claims, nothing verified, and its signature lines.

    Raises:
        Malformed: `checkpoint`.
    """
    if len(text) > MAX_NOTE:
        raise Malformed(Reason.CHECKPOINT, "the note is too long")
    body, blank, tail = text.partition("\n\n")
    lines = body.split("\n")
    if not blank or not tail.endswith("\n") or len(lines) != 3:
        raise Malformed(Reason.CHECKPOINT, "a checkpoint is three lines, a blank one, and signature lines")
    origin, size, root = lines
    if not _NAME.fullmatch(origin) or not _NUMBER.fullmatch(size):
        raise Malformed(Reason.CHECKPOINT, "the origin or the size is not of the form")
    root_bytes = unb64(root)
    if len(root_bytes) != HASH_SIZE:
        raise Malformed(Reason.CHECKPOINT, "the root is 32 bytes")
    return Checkpoint(origin, int(size), root_bytes), tail[:-1].split("\n")


def open_note(text: str, policy: Policy) -> OpenNote:
    """Verify the log's line of a checkpoint; the cosignature lines are left for the policy in force for its size.

    Raises:
        Malformed: `checkpoint`. Untrusted: `checkpoint`, another log or another key.
    """
    checkpoint, lines = read_body(text)
    if checkpoint.origin != policy.origin:
        raise Untrusted(Reason.CHECKPOINT, "the checkpoint is of another log")
    time = _verify_line(lines[0], checkpoint, {policy.origin: policy.log})[1]
    return OpenNote(checkpoint, text, time, tuple(lines[1:]))


def read_checkpoint(text: str, policy: Policy) -> SignedCheckpoint:
    """Verify a signed checkpoint under `policy`: the log's line first, then witnesses', each once.

    `.checkpoint` is the head, `.witnesses` who cosigned, `.standing(policy)` whether that is the quorum.

    Raises:
        Malformed: `checkpoint`. Untrusted: `checkpoint`, a line by no key of the policy or that does not verify.
    """
    return open_note(text, policy).under(policy)


def verify_witness_line(line: str, checkpoint: Checkpoint, policy: Policy) -> str:
    """Check one cosignature line by itself: the witness's name.

    Raises:
        Malformed, Untrusted: `checkpoint`.
    """
    return _verify_line(line.removesuffix("\n"), checkpoint, policy.witnesses)[0]


def _verify_line(line: str, checkpoint: Checkpoint, keys: Mapping[str, NotePublic]) -> tuple[str, int]:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise Malformed(Reason.CHECKPOINT, "a signature line is a dash, a name and base64")
    key = keys.get(name)
    if key is None:
        raise Untrusted(Reason.CHECKPOINT, "a signature line is by nobody of the policy")
    blob = unb64(encoded)
    if blob[:4] != _key_id(name, key.raw) or len(blob) != 4 + 8 + 2420:
        raise Untrusted(Reason.CHECKPOINT, "a signature line is by another key or of another type")
    time = int.from_bytes(blob[4:12])
    try:
        key.verify(blob[12:], _message(name, time, checkpoint))
    except Untrusted:
        raise Untrusted(Reason.CHECKPOINT, f"the signature of {name} does not verify") from None
    return name, time
