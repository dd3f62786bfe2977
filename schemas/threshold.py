"""Threshold statements: an array of COSE_Sign1 over one payload, ascending by kid, by enough of the authority's keys.

Used for the genesis and directory versions, which also name the authority's successors (protocol section 2; the pattern
is TUF's).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from schemas import cbor, cose
from schemas.claims import NET
from schemas.errors import Malformed, Reason, Untrusted
from schemas.identity import Signer
from schemas.keys import SigningPublic


@dataclass(frozen=True, slots=True)
class Holders:
    """Whose signatures make an authority's statement, and how many of them are needed."""

    keys: tuple[SigningPublic, ...]
    needed: int

    @property
    def by_id(self) -> Mapping[bytes, SigningPublic]:
        """The keys by key id."""
        return {key.key_id: key for key in self.keys}

    def to_value(self) -> list[cbor.Value]:
        """CBOR [[key, ...], threshold]."""
        return [[key.raw for key in self.keys], self.needed]

    @classmethod
    def from_value(cls, value: cbor.Value) -> Self:
        """Check and take [[key, ...], threshold].

        Raises:
            Malformed: `structure`, `key-form`, `key-weak`; `threshold`, the keys are not distinct or too few for it.
        """
        match value:
            case [[*keys], int(needed)]:
                found = tuple(SigningPublic(raw) for raw in keys if isinstance(raw, bytes))
            case _:
                raise Malformed(Reason.STRUCTURE, "an authority is [[key, ...], threshold]")
        if len({key.key_id for key in found}) != len(keys) or not 1 <= needed <= len(found):
            raise Malformed(Reason.THRESHOLD, "the authority's keys are distinct and at least as many as the threshold")
        return cls(found, needed)


@dataclass(frozen=True, slots=True)
class Signed:
    """A verified threshold statement: its bytes as received and its payload."""

    raw: bytes
    payload: bytes

    @property
    def hash(self) -> bytes:
        """SHA-256 of the raw bytes, 32 bytes: the statement's name."""
        return hashlib.sha256(self.raw).digest()


def sign_part(typ: str, payload: bytes, signer: Signer, net: bytes | None) -> bytes:
    """One signature of a threshold statement; parts can be made apart and joined later."""
    return cose.sign1(typ, payload, signer, None if net is None else {cose.CLAIMS: {NET: net}})


def join(parts: Iterable[bytes], typ: str) -> bytes:
    """The statement of parts made over one payload, in the one order.

    Raises:
        Malformed: a part is not of the form, or over another payload.
    """
    parsed = sorted((cose.parse_sign1(part, typ, cbor.DIRECTORY).key_id, part) for part in parts)
    return cbor.encode([part for _, part in parsed])


def verify(data: bytes, typ: str, keys: Mapping[bytes, SigningPublic], threshold: int, net: bytes | None) -> Signed:
    """Check that at least `threshold` of `keys` (by key id) signed, and that nobody else did.

    `net` is the network's id, None for the genesis alone.

    Raises:
        Malformed: `structure`. Untrusted: `key-unknown`, `signature`, `threshold`, `network`.
    """
    parts = cbor.decode(data, cbor.DIRECTORY)
    if not isinstance(parts, list) or not parts or len(parts) > len(keys):
        raise Malformed(Reason.STRUCTURE, "a threshold statement is a list of signatures")
    last, payload = b"", None
    for part in parts:
        if not isinstance(part, bytes):
            raise Malformed(Reason.STRUCTURE, "a signature is a byte string")
        sign1 = cose.parse_sign1(part, typ, cbor.DIRECTORY)
        _check_net(sign1, net)
        if sign1.key_id <= last or payload not in (None, sign1.payload):
            raise Malformed(Reason.STRUCTURE, "signatures are over one payload, ascending by key id")
        key = keys.get(sign1.key_id)
        if key is None:
            raise Untrusted(Reason.KEY_UNKNOWN, "a signature is by no key of the authority")
        sign1.verify(key)
        last, payload = sign1.key_id, sign1.payload
    if len(parts) < threshold or payload is None:
        raise Untrusted(Reason.THRESHOLD, f"{len(parts)} of the {threshold} signatures that are needed")
    return Signed(data, payload)


def _check_net(sign1: cose.Sign1, net: bytes | None) -> None:
    expected = {cose.ALG, cose.KID, cose.TYP} | (set() if net is None else {cose.CLAIMS})
    if set(sign1.header) != expected:
        raise Malformed(Reason.STRUCTURE, "the protected header has other labels than its type")
    if net is not None and sign1.header[cose.CLAIMS] != {NET: net}:
        raise Untrusted(Reason.NETWORK, "the statement is of another network")
