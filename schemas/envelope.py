"""The envelope: a signed statement and a sealed part, two byte strings kept exactly as received.

    statement = COSE_Sign1 over SHA-256(sealed), its header carrying the claims (protocol section 1)
    sealed    = COSE_Encrypt of [salt, content, padding], to every recipient

Sending: `seal`. Receiving, in this order: `read` (strict decode), `Statement.verify`, `check_sealed`, `open_sealed`.
The statement alone is signed, recorded and kept; the sealed part can be erased and everything still verifies. An
envelope's digest is SHA-256(statement).
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas import cbor, cose
from schemas.claims import Header, from_claims, to_claims
from schemas.errors import Malformed, Reason, Untrusted
from schemas.identity import Opener, Signer
from schemas.keys import ED25519, SealingPublic, SigningPublic

TYP: Final = "application/vnd.bureaunet.envelope+cose"
CONTENT_TYPE: Final = "application/json"
MAX_STATEMENT: Final = 16 * 1024
"""Bytes (protocol section 1)."""
MAX_SEALED: Final = 10 * 1024 * 1024
"""Bytes."""
_PREIMAGE_TYPE: Final = "application/cose"
_HASH_ALG, _HASH_TYPE, _SHA_256 = 258, 259, -16
_COMMIT_LABEL: Final = b"bureaunet/commit/1"
SALT_SIZE: Final = 32
_KIB, _MIB = 1024, 1024 * 1024


@dataclass(frozen=True, slots=True)
class Envelope:
    """What travels: the two byte strings. `sealed` is None where it was erased or is fetched apart."""

    statement: bytes
    sealed: bytes | None

    @property
    def digest(self) -> bytes:
        """SHA-256 of the statement, 32 bytes: the name of this envelope everywhere."""
        return digest_of(self.statement)


@dataclass(frozen=True, slots=True, init=False)
class Statement:
    """A decoded statement; its signature is not verified until `verify` returns.

    Its `__init__` is the one that a frozen dataclass would make, written out: mypyc compiles this one.
    """

    raw: bytes
    header: Header
    sealed_hash: bytes
    sign1: cose.Sign1
    digest: bytes = field(init=False, compare=False)
    """SHA-256 of the raw bytes."""

    def __init__(self, raw: bytes, header: Header, sealed_hash: bytes, sign1: cose.Sign1) -> None:
        object.__setattr__(self, "raw", raw)
        object.__setattr__(self, "header", header)
        object.__setattr__(self, "sealed_hash", sealed_hash)
        object.__setattr__(self, "sign1", sign1)
        object.__setattr__(self, "digest", digest_of(raw))  # once: it is asked for again and again

    @property
    def key_id(self) -> bytes:
        """The signing key that the header names."""
        return self.sign1.key_id

    def verify(self, key: SigningPublic) -> None:
        """Check the signature.

        Raises:
            Untrusted: `key-unknown`, `signature`.
        """
        self.sign1.verify(key)


@dataclass(frozen=True, slots=True)
class Opened:
    """What a recipient finds inside: the salt (32 bytes) and the content. The two are kept and erased together."""

    salt: bytes
    content: bytes


def digest_of(statement: bytes) -> bytes:
    """SHA-256 of a statement's bytes."""
    return hashlib.sha256(statement).digest()


def commitment(salt: bytes, content: bytes) -> bytes:
    """The commitment to the content: AES-GCM does not commit to its key, this does (protocol section 1)."""
    whole = hashlib.sha256(_COMMIT_LABEL + salt)  # in two steps: content of some MiB is not copied for it
    whole.update(content)
    return whole.digest()


def seal(
    header: Header, content: bytes, keys: Sequence[SealingPublic], signer: Signer, *, salt: bytes = b""
) -> Envelope:
    """Seal `content` to `keys` (one for each of `header.aud`, in its order) and sign.

    `header.commit` is filled in here. `salt`, 32 random bytes, is given by a sender who keeps it to disclose the
    message one day; left out it is drawn here.

    Raises:
        Malformed: a claim or size outside the protocol.
    """
    if len(keys) != len(header.aud):
        raise Malformed(Reason.WRAPS, "one sealing key for each recipient")
    salt = salt or os.urandom(SALT_SIZE)
    claims = to_claims(header.with_commit(commitment(salt, content)))
    protected = cbor.encode(
        {
            cose.ALG: ED25519,
            cose.KID: signer.key_id,
            cose.CLAIMS: claims,
            cose.TYP: TYP,
            _HASH_ALG: _SHA_256,
            _HASH_TYPE: _PREIMAGE_TYPE,
        }
    )
    sealed = cose.encrypt(
        pad(salt, content),
        keys,
        content_type=CONTENT_TYPE,
        external=protected,
        extra_info=hashlib.sha256(protected).digest(),
    )
    envelope = Envelope(cose.sign_protected(protected, hashlib.sha256(sealed).digest(), signer), sealed)
    check_sizes(envelope)
    read(envelope.statement)
    return envelope


def check_sizes(envelope: Envelope) -> None:
    """Admission step 2.

    Raises:
        Malformed: `statement-too-large`, `sealed-too-large`.
    """
    if len(envelope.statement) > MAX_STATEMENT:
        raise Malformed(Reason.STATEMENT_TOO_LARGE, f"a statement is at most {MAX_STATEMENT} bytes")
    if envelope.sealed is not None and len(envelope.sealed) > MAX_SEALED:
        raise Malformed(Reason.SEALED_TOO_LARGE, f"a sealed part is at most {MAX_SEALED} bytes")


def read(statement: bytes) -> Statement:
    """Decode a statement strictly (admission step 3).

    Raises:
        Malformed: `cbor-*`, `structure`, `unprotected-not-empty`, `algorithm`, `typ`, `claim-*`, `recipients`.
    """
    sign1 = cose.parse_sign1(statement, TYP)
    header = sign1.header
    if set(header) != {cose.ALG, cose.KID, cose.CLAIMS, cose.TYP, _HASH_ALG, _HASH_TYPE}:
        raise Malformed(Reason.STRUCTURE, "the protected header has labels 1, 4, 15, 16, 258 and 259")
    if header[_HASH_ALG] != _SHA_256 or header[_HASH_TYPE] != _PREIMAGE_TYPE:
        raise Malformed(Reason.ALGORITHM, "the payload is a SHA-256 of application/cose")
    if len(sign1.payload) != 32:
        raise Malformed(Reason.STRUCTURE, "the payload is a 32-byte hash")
    return Statement(statement, from_claims(header[cose.CLAIMS]), sign1.payload, sign1)


def check_sealed(statement: Statement, sealed: bytes) -> cose.Encrypted:
    """Admission step 11 without the keys' validity: the hash is right, and there is one hybrid wrap for each recipient.

    Raises:
        Malformed: the sealed part does not decode. Untrusted: `sealed-hash`, `wraps`.
    """
    if not hmac.compare_digest(hashlib.sha256(sealed).digest(), statement.sealed_hash):
        raise Untrusted(Reason.SEALED_HASH, "the sealed part is not the one that was signed")
    encrypted = cose.parse_encrypt(sealed)
    if len(encrypted.wraps) != len(statement.header.aud):
        raise Untrusted(Reason.WRAPS, "there is not one wrap for each recipient")
    if len({wrap.key_id for wrap in encrypted.wraps}) != len(encrypted.wraps):
        raise Untrusted(Reason.WRAPS, "two wraps name the same key")
    return encrypted


def open_sealed(statement: Statement, sealed: bytes, opener: Opener) -> Opened:
    """Open the sealed part and check the commitment (a recipient's checks 8 and 9).

    Raises:
        Malformed: `padding` and the codec's reasons. Untrusted: `sealed-hash`, `wraps`, `unsealing`, `commitment`.
    """
    encrypted = check_sealed(statement, sealed)
    protected = statement.sign1.protected
    plaintext = cose.decrypt(encrypted, opener, external=protected, extra_info=hashlib.sha256(protected).digest())
    opened = unpad(plaintext)
    check_commitment(statement.header, opened)
    return opened


def check_commitment(header: Header, opened: Opened) -> None:
    """Check that salt and content are what the sender committed to; also for a message disclosed to a third party.

    Raises:
        Untrusted: `commitment`.
    """
    if not hmac.compare_digest(commitment(opened.salt, opened.content), header.commit):
        raise Untrusted(Reason.COMMITMENT, "the content is not the one that was committed to")


def padded_size(size: int) -> int:
    """The plaintext's size for `size` bytes of salt, content and framing.

    The next power of two from 1 KiB; above 1 MiB the next MiB.
    """
    if size > _MIB:
        return -(-size // _MIB) * _MIB
    return max(_KIB, 1 << (size - 1).bit_length())


def pad(salt: bytes, content: bytes) -> bytes:
    """CBOR [salt, content, zeros], the zeros making it one of the sizes of `padded_size`.

    A byte string's head grows with it, so that a few sizes cannot be hit exactly; those take the next size up.
    """
    parts = (b"\x83", cbor.byte_head(len(salt)), salt, cbor.byte_head(len(content)), content)
    zeros = _zeros(sum(map(len, parts)))
    return b"".join((*parts, cbor.byte_head(zeros), bytes(zeros)))


def _zeros(bare: int) -> int:
    """How many zeros follow `bare` bytes, their own head not counted."""
    target = padded_size(bare + 1)
    while True:
        for head in (1, 2, 3, 5):
            zeros = max(0, target - bare - head)
            if bare + len(cbor.byte_head(zeros)) + zeros == target:
                return zeros
        target = padded_size(target + 1)


def unpad(plaintext: bytes) -> Opened:
    """Take a plaintext apart.

    Raises:
        Malformed: `padding`, or the codec's reasons.
    """
    match cbor.decode(plaintext):
        case [bytes(salt), bytes(content), bytes(zeros)] if len(salt) == SALT_SIZE and zeros.count(0) == len(zeros):
            pass
        case _:
            raise Malformed(Reason.PADDING, "the plaintext is [32-byte salt, content, zeros]")
    # The codec takes one spelling of a value alone: with all else in order, only the number of zeros can be another.
    if len(zeros) != _zeros(len(plaintext) - len(cbor.byte_head(len(zeros))) - len(zeros)):
        raise Malformed(Reason.PADDING, "the padding is not of the one size")
    return Opened(salt, content)
