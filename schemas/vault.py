"""Private keys at rest: each is sealed under one data key, and the data key is locked under a passphrase.

    locked  = CBOR ["bureaunet-vault/1", "scrypt", log2 of n, salt, sealed data key]
    sealed  = 12 random bytes || AES-256-GCM(data key, secret, label)

Order of work: `Vault.make` and `lock` once; `unlock` at every start; `seal` and `open` for each secret. Rules: trying a
passphrase costs 128 MiB and some tenths of a second (scrypt, RFC 7914, r = 8, p = 1); a changed passphrase locks the
same data key again and touches no sealed secret; a label binds a secret to what it is, so that two cannot be exchanged
on disk. A token may lock the data key in place of a passphrase: whoever keeps the vault says how.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from schemas import cbor
from schemas.errors import Malformed, Misuse, Reason, Untrusted

MAGIC: Final = "bureaunet-vault/1"
COST: Final = 17
"""log2 of scrypt's n."""
SHORTEST: Final = 12
"""Bytes of a new passphrase at least."""
_MOST: Final = 22
_SALT: Final = 16
_NONCE: Final = 12
_LABEL: Final = b"bureaunet/data-key"


@dataclass(frozen=True, slots=True)
class Vault:
    """An open vault: it seals and opens secrets. `key` is 32 bytes, kept in memory alone."""

    key: bytes = field(repr=False)

    @classmethod
    def make(cls) -> Self:
        """A vault with a fresh data key."""
        return cls(secrets.token_bytes(32))

    @property
    def password(self) -> bytes:
        """What private keys in PEM are encrypted with (PKCS#8): 64 hexadecimal digits made from the data key."""
        return hmac.digest(self.key, b"bureaunet/pem/1", hashlib.sha256).hex().encode()

    def seal(self, label: bytes, secret: bytes) -> bytes:
        """The secret, encrypted and bound to its label."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + AESGCM(self.key).encrypt(nonce, secret, label)

    def open(self, label: bytes, sealed: bytes) -> bytes:
        """A sealed secret.

        Raises:
            Untrusted: `unsealing`, it was sealed in another vault, under another label, or was changed.
        """
        try:
            return AESGCM(self.key).decrypt(sealed[:_NONCE], sealed[_NONCE:], label)
        except (InvalidTag, ValueError):
            raise Untrusted(Reason.UNSEALING, "a private key does not open: it was changed, or is of another") from None


def lock(vault: Vault, passphrase: bytes, cost: int = COST) -> bytes:
    """The vault as it is kept.

    Raises:
        Misuse: the passphrase is shorter than 12 bytes.
    """
    if len(passphrase) < SHORTEST:
        raise Misuse(f"a passphrase for keys has {SHORTEST} bytes or more")
    salt = secrets.token_bytes(_SALT)
    sealed = Vault(_derive(passphrase, salt, cost)).seal(_LABEL, vault.key)
    return cbor.encode([MAGIC, "scrypt", cost, salt, sealed])


def unlock(locked: bytes, passphrase: bytes) -> Vault:
    """The vault that `lock` made.

    Raises:
        Misuse: the passphrase is another. Malformed: `structure` and the codec's reasons.
    """
    match cbor.decode(locked):
        case [str(magic), "scrypt", int(cost), bytes(salt), bytes(sealed)] if magic == MAGIC and 0 < cost <= _MOST:
            pass
        case _:
            raise Malformed(Reason.STRUCTURE, "not a vault that a passphrase opens")
    try:
        return Vault(Vault(_derive(passphrase, salt, cost)).open(_LABEL, sealed))
    except Untrusted:
        raise Misuse("the keys do not open: it is another passphrase") from None


def _derive(passphrase: bytes, salt: bytes, cost: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=1 << cost, r=8, p=1).derive(passphrase)
