"""COSE as this network uses it: one-signer signatures, and encryption to HPKE recipients. Nothing here knows bureaus.

Specifications: RFC 9052 sections 4.2, 5.1 and 5.3; RFC 9596 (typ); draft-ietf-cose-hpke, key encryption.

Rules: the signed bytes are kept as received and never re-encoded; the unprotected map of a signature is exactly empty,
because anything in it would lie outside the signature; one algorithm each, no negotiation.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas import cbor
from schemas.errors import Malformed, Reason, Untrusted
from schemas.identity import Opener, Signer
from schemas.keys import ED25519, ENCAPSULATED_SIZE, SealingPublic, SigningPublic

ALG, CONTENT_TYPE, KID, IV, CLAIMS, TYP = 1, 3, 4, 5, 15, 16
"""Header labels: RFC 9052 section 3.1, RFC 9597, RFC 9596."""
EK: Final = -4
"""Encapsulated key (draft-ietf-cose-hpke)."""
A256GCM: Final = 3
_SIGN1, _ENCRYPT = 18, 96
_KEY_SIZE, _IV_SIZE = 32, 12
_SIG_STRUCTURE: Final = cbor.encode(["Signature1", b"", b"", b""]).removesuffix(b"\x40\x40\x40")
"""Of a Sig_structure (RFC 9052 section 4.4), all before its three byte strings."""


@dataclass(frozen=True, slots=True, init=False)
class Sign1:
    """A parsed COSE_Sign1; its signature is not verified until `verify` returns.

    Its `__init__` is the one that a frozen dataclass would make, written out: mypyc compiles this one.
    """

    protected: bytes
    header: Mapping[cbor.Key, cbor.Value]
    payload: bytes
    signature: bytes

    def __init__(
        self, protected: bytes, header: Mapping[cbor.Key, cbor.Value], payload: bytes, signature: bytes
    ) -> None:
        object.__setattr__(self, "protected", protected)
        object.__setattr__(self, "header", header)
        object.__setattr__(self, "payload", payload)
        object.__setattr__(self, "signature", signature)

    @property
    def key_id(self) -> bytes:
        """The kid, 32 bytes; checked when parsed."""
        return _kid(self.header)

    def verify(self, key: SigningPublic) -> None:
        """Check the signature, and that `key` is the one that the header names.

        Raises:
            Untrusted: `key-unknown` for another key, `signature`.
        """
        if key.key_id != self.key_id:
            raise Untrusted(Reason.KEY_UNKNOWN, "the statement names another key")
        key.verify(self.signature, _to_be_signed(self.protected, self.payload))


def _to_be_signed(protected: bytes, payload: bytes) -> bytes:
    return b"".join((_SIG_STRUCTURE, cbor.encode(protected), cbor.encode(b""), cbor.encode(payload)))


def sign1(typ: str, payload: bytes, signer: Signer, header: Mapping[cbor.Key, cbor.Value] | None = None) -> bytes:
    """Sign `payload` as a statement of type `typ`, with `header` beside the labels that every statement has."""
    protected = cbor.encode({ALG: ED25519, KID: signer.key_id, TYP: typ, **(header or {})})
    return sign_protected(protected, payload, signer)


def sign_protected(protected: bytes, payload: bytes, signer: Signer) -> bytes:
    """The tagged COSE_Sign1 of a protected header that is encoded already."""
    signature = signer.sign(_to_be_signed(protected, payload))
    return cbor.encode(cbor.Tagged(_SIGN1, [protected, {}, payload, signature]))


def parse_sign1(data: bytes, typ: str, bounds: cbor.Bounds = cbor.ENVELOPE) -> Sign1:
    """Take a statement of type `typ` apart, strictly.

    Raises:
        Malformed: `cbor-*`, `structure`, `unprotected-not-empty`, `algorithm`, `typ`.
    """
    value = cbor.decode(data, bounds)
    if not isinstance(value, cbor.Tagged) or value.number != _SIGN1:
        raise Malformed(Reason.STRUCTURE, "not a tagged COSE_Sign1")
    match value.value:
        case [bytes(protected), dict(unprotected), bytes(payload), bytes(signature)]:
            pass
        case _:
            raise Malformed(Reason.STRUCTURE, "a COSE_Sign1 is [bstr, map, bstr, bstr]")
    if unprotected:
        raise Malformed(Reason.UNPROTECTED, "the unprotected map must be empty")
    header = _header(protected)
    if header.get(ALG) != ED25519:
        raise Malformed(Reason.ALGORITHM, "the signature algorithm is Ed25519 (-19)")
    _kid(header)
    if header.get(TYP) != typ:
        raise Malformed(Reason.TYP, f"the statement's type is not {typ}")
    return Sign1(protected, header, payload, signature)


def _kid(header: Mapping[cbor.Key, cbor.Value]) -> bytes:
    kid = header.get(KID)
    if not isinstance(kid, bytes) or len(kid) != 32:
        raise Malformed(Reason.STRUCTURE, "the kid is a 32-byte thumbprint")
    return kid


def _header(protected: bytes) -> dict[cbor.Key, cbor.Value]:
    header = cbor.decode(protected)
    if not isinstance(header, dict):
        raise Malformed(Reason.STRUCTURE, "a protected header is a map")
    return header


@dataclass(frozen=True, slots=True, init=False)
class Wrap:
    """The content key wrapped for one recipient (draft-ietf-cose-hpke, HPKE key encryption).

    Its `__init__` is the one that a frozen dataclass would make, written out: mypyc compiles this one.
    """

    protected: bytes
    suite: int
    key_id: bytes
    encapsulated: bytes
    ciphertext: bytes

    def __init__(self, protected: bytes, suite: int, key_id: bytes, encapsulated: bytes, ciphertext: bytes) -> None:
        object.__setattr__(self, "protected", protected)
        object.__setattr__(self, "suite", suite)
        object.__setattr__(self, "key_id", key_id)
        object.__setattr__(self, "encapsulated", encapsulated)
        object.__setattr__(self, "ciphertext", ciphertext)


@dataclass(frozen=True, slots=True, init=False)
class Encrypted:
    """A parsed COSE_Encrypt.

    Its `__init__` is the one that a frozen dataclass would make, written out: mypyc compiles this one.
    """

    protected: bytes
    content_type: str
    iv: bytes
    ciphertext: bytes
    wraps: tuple[Wrap, ...]

    def __init__(
        self, protected: bytes, content_type: str, iv: bytes, ciphertext: bytes, wraps: tuple[Wrap, ...]
    ) -> None:
        object.__setattr__(self, "protected", protected)
        object.__setattr__(self, "content_type", content_type)
        object.__setattr__(self, "iv", iv)
        object.__setattr__(self, "ciphertext", ciphertext)
        object.__setattr__(self, "wraps", wraps)


def encrypt(
    plaintext: bytes,
    keys: Sequence[SealingPublic],
    *,
    content_type: str,
    external: bytes,
    extra_info: bytes,
    content_key: bytes | None = None,
    iv: bytes | None = None,
) -> bytes:
    """Encrypt under a fresh key (AES-256-GCM), wrapped for each of `keys` in their order.

    `external` is bound as additional data of the content, `extra_info` as recipient_extra_info of every wrap.
    `content_key` (32 bytes) and `iv` (12 bytes) are for making vectors; leave them out.
    """
    key = content_key or os.urandom(_KEY_SIZE)
    nonce = iv or os.urandom(_IV_SIZE)
    protected = cbor.encode({ALG: A256GCM, CONTENT_TYPE: content_type})
    ciphertext = AESGCM(key).encrypt(nonce, plaintext, _additional_data(protected, external))
    recipients = [_wrap(key, public, extra_info) for public in keys]
    return cbor.encode(cbor.Tagged(_ENCRYPT, [protected, {IV: nonce}, ciphertext, recipients]))


def _additional_data(protected: bytes, external: bytes) -> bytes:
    return cbor.encode(["Encrypt", protected, external])


def _info(protected: bytes, extra_info: bytes) -> bytes:
    return cbor.encode(["HPKE Recipient", A256GCM, protected, extra_info])


def _wrap(key: bytes, public: SealingPublic, extra_info: bytes) -> list[cbor.Value]:
    protected = cbor.encode({ALG: int(public.suite)})
    encapsulated, ciphertext = public.wrap(key, _info(protected, extra_info))
    return [protected, {KID: public.key_id, EK: encapsulated}, ciphertext]


def parse_encrypt(data: bytes) -> Encrypted:
    """Take a COSE_Encrypt with HPKE recipients apart, strictly.

    Raises:
        Malformed: `cbor-*`, `structure`, `algorithm`.
    """
    value = cbor.decode(data)
    if not isinstance(value, cbor.Tagged) or value.number != _ENCRYPT:
        raise Malformed(Reason.STRUCTURE, "not a tagged COSE_Encrypt")
    match value.value:
        case [bytes(protected), {5: bytes(iv), **more}, bytes(ciphertext), list(recipients)] if not more:
            pass
        case _:
            raise Malformed(Reason.STRUCTURE, "a COSE_Encrypt is [bstr, {5: iv}, bstr, [recipient, ...]]")
    content_type = _content_type(protected)
    if len(iv) != _IV_SIZE:
        raise Malformed(Reason.STRUCTURE, "the iv is 12 bytes")
    return Encrypted(protected, content_type, iv, ciphertext, tuple(_parse_wrap(item) for item in recipients))


@lru_cache(maxsize=64)  # all envelopes have the same few headers here; what is refused is not kept
def _content_type(protected: bytes) -> str:
    match _header(protected):
        case {1: 3, 3: str(content_type), **rest} if not rest:
            return content_type
    raise Malformed(Reason.ALGORITHM, "content is encrypted with AES-256-GCM (3) and names its type")


def _parse_wrap(value: cbor.Value) -> Wrap:
    match value:
        case [bytes(protected), {4: bytes(kid), -4: bytes(encapsulated), **more}, bytes(ciphertext)] if not more:
            pass
        case _:
            raise Malformed(Reason.STRUCTURE, "a recipient is [bstr, {4: kid, -4: ek}, bstr]")
    suite = _suite(protected)
    # HPKE takes key and ciphertext as one string: of another length, bytes could move from one to the other.
    if len(encapsulated) != ENCAPSULATED_SIZE.get(suite, len(encapsulated)):
        raise Malformed(Reason.STRUCTURE, "the encapsulated key is not of its suite's length")
    return Wrap(protected, suite, kid, encapsulated, ciphertext)


@lru_cache(maxsize=64)  # as above
def _suite(protected: bytes) -> int:
    match _header(protected):
        case {1: suite, **rest} if type(suite) is int and not rest:
            return suite
    raise Malformed(Reason.STRUCTURE, "a recipient's protected header names its algorithm alone")


def decrypt(message: Encrypted, opener: Opener, *, external: bytes, extra_info: bytes) -> bytes:
    """The plaintext, opened with the wrap that names `opener`'s key.

    Raises:
        Untrusted: `unsealing` (no wrap for the key, or it or the content does not open), `suite`.
    """
    wrap = next((wrap for wrap in message.wraps if wrap.key_id == opener.key_id), None)
    if wrap is None:
        raise Untrusted(Reason.UNSEALING, "no recipient entry names this key")
    if wrap.suite != opener.suite:
        raise Untrusted(Reason.SUITE, "the wrap is of another suite than the key")
    key = opener.unwrap(wrap.encapsulated, wrap.ciphertext, _info(wrap.protected, extra_info))
    if len(key) != _KEY_SIZE:
        raise Untrusted(Reason.UNSEALING, "the wrapped key is not 32 bytes")
    try:
        return AESGCM(key).decrypt(message.iv, message.ciphertext, _additional_data(message.protected, external))
    except InvalidTag:
        raise Untrusted(Reason.UNSEALING, "the content does not open") from None
