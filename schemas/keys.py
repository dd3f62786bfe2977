"""Keys: the public halves with their checks, and the private halves in software.

Three uses, three types, never mixed: signing (Ed25519), sealing (HPKE), notes (ML-DSA-44, for logs and witnesses).
A key's id is its COSE key thumbprint (RFC 9679). Public keys are refused unless canonical and of full order: libraries
load small-order points, and one fixed signature then verifies for any message (protocol section 2.1). Signatures are
verified with libsodium, all else is done with OpenSSL (ADR 19).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Self

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

from schemas import cbor
from schemas.errors import Malformed, Reason, Untrusted

ED25519: Final = -19
"""COSE algorithm (RFC 9864)."""
ML_DSA_44: Final = -48
"""COSE algorithm (RFC 9864's companion for ML-DSA)."""

_P: Final = 2**255 - 19
_LOW_ORDER_Y: Final = frozenset(
    {
        0,
        1,
        _P - 1,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    }
)
_LOW_ORDER_U: Final = frozenset(
    {
        0,
        1,
        _P - 1,
        0x00B8495F16056286FDB1329CEB8D09DA6AC49FF1FAE35616AEB8413B7C7AEBE0,
        0x57119FD0DD4E22D8868E1C58C45C44045BEF839C55B1D0B1248C50A3BC959C5F,
    }
)


class Suite(IntEnum):
    """Key-encryption algorithms: the hybrid one of the network, and one without post-quantum for comparison only."""

    HPKE_9_KE = 57
    """MLKEM768-X25519, SHAKE256, AES-256-GCM (draft-reddy-cose-hpke-pq-pqt-00)."""
    HPKE_4_KE = 50
    """DHKEM(X25519), HKDF-SHA256, ChaCha20Poly1305 (draft-ietf-cose-hpke); vectors only, admission refuses it."""


_HPKE: Final = {
    Suite.HPKE_9_KE: hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.SHAKE256, hpke.AEAD.AES_256_GCM),
    Suite.HPKE_4_KE: hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305),
}
ENCAPSULATED_SIZE: Final[Mapping[int, int]] = {Suite.HPKE_9_KE: 1120, Suite.HPKE_4_KE: 32}
_KEM_SIZE: Final = 1184


def _thumbprint(cose_key: dict[cbor.Key, cbor.Value]) -> bytes:
    return hashlib.sha256(cbor.encode(cose_key)).digest()


def _canonical(raw: bytes, low_order: frozenset[int], mask: int) -> None:
    number = int.from_bytes(raw, "little") & mask
    if number >= _P or number in low_order or (mask == _U_MASK and raw[31] >> 7):
        raise Malformed(Reason.KEY_WEAK, "the key is not canonical or of small order")


_Y_MASK: Final = (1 << 255) - 1
_U_MASK: Final = (1 << 256) - 1


@dataclass(frozen=True, slots=True)
class SigningPublic:
    """An Ed25519 public key.

    Raises:
        Malformed: `key-form` for a wrong length, `key-weak` for a non-canonical or small-order point.
    """

    raw: bytes
    key_id: bytes = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.raw) != 32:
            raise Malformed(Reason.KEY_FORM, "an Ed25519 public key is 32 bytes")
        _canonical(self.raw, _LOW_ORDER_Y, _Y_MASK)
        object.__setattr__(self, "key_id", _thumbprint({1: 1, -1: 6, -2: self.raw}))

    def verify(self, signature: bytes, message: bytes) -> None:
        """Check a signature (RFC 8032 section 5.1.7, without the cofactor; R not of small order, protocol section 2.1).

        Raises:
            Untrusted: `signature`.
        """
        if len(signature) != 64:  # the library takes both in one: a short one would be filled up from the message
            raise Untrusted(Reason.SIGNATURE, "an Ed25519 signature is 64 bytes")
        try:
            crypto_sign_open(signature + message, self.raw)
        except BadSignatureError:
            raise Untrusted(Reason.SIGNATURE, "the signature does not verify") from None


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private Ed25519 key in memory; a `Signer`."""

    seed: bytes = field(repr=False)
    public: SigningPublic = field(init=False)
    _key: Ed25519PrivateKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        key = Ed25519PrivateKey.from_private_bytes(self.seed)
        object.__setattr__(self, "_key", key)
        object.__setattr__(self, "public", SigningPublic(key.public_key().public_bytes_raw()))

    @classmethod
    def generate(cls) -> Self:
        """A fresh key."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def key_id(self) -> bytes:
        """As `Signer.key_id`."""
        return self.public.key_id

    def sign(self, message: bytes) -> bytes:
        """As `Signer.sign`."""
        return self._key.sign(message)


@dataclass(frozen=True, slots=True)
class SealingPublic:
    """A public key to wrap content keys for: its suite and raw bytes (1216 for HPKE-9-KE: ML-KEM-768 then X25519).

    Raises:
        Malformed: `suite`, `key-form`, or `key-weak`.
    """

    suite: int
    raw: bytes
    key_id: bytes = field(init=False, compare=False)
    _key: hpke.MLKEM768X25519PublicKey | X25519PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_key", self._load())
        algorithm: dict[cbor.Key, cbor.Value] = (
            {1: 1, -1: 4, -2: self.raw} if self.suite == Suite.HPKE_4_KE else {1: 7, 3: int(self.suite), -1: self.raw}
        )
        object.__setattr__(self, "key_id", _thumbprint(algorithm))

    def _load(self) -> hpke.MLKEM768X25519PublicKey | X25519PublicKey:
        if self.suite not in _HPKE:
            raise Malformed(Reason.SUITE, f"suite {self.suite} is not one of the network's")
        kem_size = _KEM_SIZE if self.suite == Suite.HPKE_9_KE else 0
        if len(self.raw) != kem_size + 32:
            raise Malformed(Reason.KEY_FORM, f"a sealing key of suite {self.suite} is {kem_size + 32} bytes")
        kem, point = self.raw[:kem_size], self.raw[kem_size:]
        _canonical(point, _LOW_ORDER_U, _U_MASK)
        x25519 = X25519PublicKey.from_public_bytes(point)
        if not kem:
            return x25519
        try:
            return hpke.MLKEM768X25519PublicKey(MLKEM768PublicKey.from_public_bytes(kem), x25519)
        except ValueError:
            raise Malformed(Reason.KEY_WEAK, "the ML-KEM key has coefficients out of range") from None

    def wrap(self, key: bytes, info: bytes) -> tuple[bytes, bytes]:
        """Wrap a content key (HPKE base mode, RFC 9180): the encapsulated key and the ciphertext."""
        sealed = _HPKE[Suite(self.suite)].encrypt(key, self._key, info=info)
        size = ENCAPSULATED_SIZE[Suite(self.suite)]
        return sealed[:size], sealed[size:]


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A private sealing key in memory; an `Opener`. The seed is 64 bytes for ML-KEM, then 32 for X25519."""

    seed: bytes = field(repr=False)
    suite: int = Suite.HPKE_9_KE
    public: SealingPublic = field(init=False)
    _key: hpke.MLKEM768X25519PrivateKey | X25519PrivateKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        point = X25519PrivateKey.from_private_bytes(self.seed[-32:])
        raw = point.public_key().public_bytes_raw()
        if self.suite == Suite.HPKE_4_KE:
            object.__setattr__(self, "_key", point)
        else:
            kem = MLKEM768PrivateKey.from_seed_bytes(self.seed[:64])
            raw = kem.public_key().public_bytes_raw() + raw
            object.__setattr__(self, "_key", hpke.MLKEM768X25519PrivateKey(kem, point))
        object.__setattr__(self, "public", SealingPublic(self.suite, raw))

    @classmethod
    def generate(cls, suite: int = Suite.HPKE_9_KE) -> Self:
        """A fresh key."""
        point = X25519PrivateKey.generate().private_bytes_raw()
        if suite == Suite.HPKE_4_KE:
            return cls(point, suite)
        return cls(MLKEM768PrivateKey.generate().private_bytes_raw() + point, suite)

    @property
    def key_id(self) -> bytes:
        """As `Opener.key_id`."""
        return self.public.key_id

    def unwrap(self, encapsulated: bytes, ciphertext: bytes, info: bytes) -> bytes:
        """As `Opener.unwrap`."""
        try:
            return _HPKE[Suite(self.suite)].decrypt(encapsulated + ciphertext, self._key, info=info)
        except (InvalidTag, ValueError):
            raise Untrusted(Reason.UNSEALING, "the wrapped key does not open with this key") from None


@dataclass(frozen=True, slots=True)
class NotePublic:
    """An ML-DSA-44 public key of a log or witness.

    Raises:
        Malformed: `key-form`.
    """

    raw: bytes
    _key: MLDSA44PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.raw) != 1312:
            raise Malformed(Reason.KEY_FORM, "an ML-DSA-44 public key is 1312 bytes")
        object.__setattr__(self, "_key", MLDSA44PublicKey.from_public_bytes(self.raw))

    def verify(self, signature: bytes, message: bytes) -> None:
        """Check a signature (FIPS 204).

        Raises:
            Untrusted: `signature`.
        """
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            raise Untrusted(Reason.SIGNATURE, "the note's signature does not verify") from None


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A private ML-DSA-44 key in memory, under its name; a `NoteSigner`."""

    name: str
    seed: bytes = field(repr=False)
    public: NotePublic = field(init=False)
    _key: MLDSA44PrivateKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        key = MLDSA44PrivateKey.from_seed_bytes(self.seed)
        object.__setattr__(self, "_key", key)
        object.__setattr__(self, "public", NotePublic(key.public_key().public_bytes_raw()))

    @classmethod
    def generate(cls, name: str) -> Self:
        """A fresh key for `name`."""
        return cls(name, MLDSA44PrivateKey.generate().private_bytes_raw())

    @property
    def raw(self) -> bytes:
        """As `NoteSigner.raw`."""
        return self.public.raw

    def sign(self, message: bytes) -> bytes:
        """As `NoteSigner.sign`."""
        return self._key.sign(message)
