"""The network file: what a participant pins out of band, and everything else hangs from (protocol section 2).

    network file = CBOR ["bureaunet-network/1", genesis, checkpoint of size 0]

The genesis is the authority's first statement: its own keys and threshold, the log's name and key, the witness policy
and the network's mode. The network's id is the genesis' hash. There is no trust on first use: people read the id back
to each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas import cbor, cose, threshold
from schemas.errors import Malformed, Reason, Untrusted
from schemas.identity import Signer, parse_name
from schemas.keys import NotePublic, SigningPublic
from schemas.merkle import EMPTY
from schemas.notes import Policy, read_checkpoint

GENESIS_TYP: Final = "application/vnd.bureaunet.genesis+cose"
_MAGIC: Final = "bureaunet-network/1"


@dataclass(frozen=True, slots=True)
class Genesis:
    """What the authority states first. `exercise` says that the whole network is an exercise."""

    name: str
    exercise: bool
    created: int
    """Seconds since the epoch."""
    authority: tuple[SigningPublic, ...]
    threshold: int
    policy: Policy

    def encode(self) -> bytes:
        """The payload that the authority signs."""
        witnesses: list[cbor.Value] = [[name, key.raw] for name, key in sorted(self.policy.witnesses.items())]
        return cbor.encode(
            [
                self.name,
                self.exercise,
                self.created,
                [key.raw for key in self.authority],
                self.threshold,
                self.policy.origin,
                self.policy.log.raw,
                witnesses,
                self.policy.quorum,
            ]
        )


@dataclass(frozen=True, slots=True)
class Network:
    """A verified network file."""

    raw: bytes
    genesis: Genesis
    id: bytes
    """SHA-256 of the genesis statement, 32 bytes: the claim `net`."""

    @property
    def policy(self) -> Policy:
        """Whose signatures on checkpoints count."""
        return self.genesis.policy

    @property
    def holders(self) -> threshold.Holders:
        """Who signs for the authority first; directory versions name its successors."""
        return threshold.Holders(self.genesis.authority, self.genesis.threshold)

    @property
    def authority(self) -> Mapping[bytes, SigningPublic]:
        """The keys that the authority began with, by key id."""
        return self.holders.by_id

    @property
    def fingerprint(self) -> str:
        """The id in groups of four hexadecimal digits, to read aloud."""
        digits = self.id.hex()
        return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def make_network(genesis: Genesis, signers: Sequence[Signer], checkpoint: str) -> bytes:
    """The network file: `genesis` signed by the authority, and the log's signed checkpoint of size 0.

    Raises:
        Malformed, Untrusted: as `read_network`.
    """
    payload = genesis.encode()
    statement = threshold.join((threshold.sign_part(GENESIS_TYP, payload, s, None) for s in signers), GENESIS_TYP)
    data = cbor.encode([_MAGIC, statement, checkpoint])
    read_network(data)
    return data


def read_network(data: bytes) -> Network:
    """Verify a network file in itself. That it is the right one, people check by its fingerprint.

    Raises:
        Malformed: `structure` and the codec's reasons. Untrusted: `threshold`, `signature`, `checkpoint`.
    """
    match cbor.decode(data, cbor.DIRECTORY):
        case [str(magic), bytes(statement), str(checkpoint)] if magic == _MAGIC:
            pass
        case _:
            raise Malformed(Reason.STRUCTURE, "not a network file")
    genesis = _read_genesis(_claimed_payload(statement))
    keys = {key.key_id: key for key in genesis.authority}
    signed = threshold.verify(statement, GENESIS_TYP, keys, genesis.threshold, None)
    first = read_checkpoint(checkpoint, genesis.policy).checkpoint
    if first.size != 0 or first.root != EMPTY:
        raise Untrusted(Reason.CHECKPOINT, "the network file's checkpoint is not of size 0")
    return Network(data, genesis, hashlib.sha256(signed.raw).digest())


def _claimed_payload(statement: bytes) -> bytes:
    match cbor.decode(statement, cbor.DIRECTORY):
        case [bytes(part), *_]:
            return cose.parse_sign1(part, GENESIS_TYP, cbor.DIRECTORY).payload
    raise Malformed(Reason.STRUCTURE, "a genesis is a threshold statement")


def _read_genesis(payload: bytes) -> Genesis:
    match cbor.decode(payload, cbor.DIRECTORY):
        case [
            str(name),
            bool(exercise),
            int(created),
            [*authority],
            int(needed),
            str(origin),
            bytes(log),
            [*witnesses],
            int(quorum),
        ]:
            pass
        case _:
            raise Malformed(Reason.STRUCTURE, "the genesis is not of the form")
    keys = tuple(SigningPublic(raw) for raw in authority if isinstance(raw, bytes))
    if len({key.key_id for key in keys}) != len(authority) or not 1 <= needed <= len(keys):
        raise Malformed(Reason.THRESHOLD, "the authority's keys are distinct and at least as many as the threshold")
    named = _witnesses(witnesses)
    if not (len(named) < 2 * quorum <= 2 * len(named) if named else quorum == 0):
        raise Malformed(Reason.THRESHOLD, "the witnesses' quorum is more than half of them, and at most all")
    policy = Policy(origin, NotePublic(log), named, quorum)
    return Genesis(parse_name(name), exercise, created, keys, needed, policy)


def _witnesses(values: Sequence[cbor.Value]) -> dict[str, NotePublic]:
    found: dict[str, NotePublic] = {}
    for value in values:
        match value:
            case [str(name), bytes(raw)] if name not in found:
                found[name] = NotePublic(raw)
            case _:
                raise Malformed(Reason.STRUCTURE, "a witness is [name, key], named once")
    return found
