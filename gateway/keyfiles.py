"""Keys on disk: PEM files (PKCS#8) that only their owner can read, and files that are whole or not there.

    HOME/keys/vault.cbor   the data key that the PEM files beside it are encrypted under, locked under a passphrase;
                           where there is none, the PEM files are not encrypted: someone asked for that

Rules: a private key is written once, mode 0600, and never over another; a public file is written beside its place and
moved there, so that a reader never sees half of it. Nothing here prints or logs a key.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, TypeAlias

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from gateway import passphrase
from schemas.errors import Misuse
from schemas.keys import NoteKey, SigningKey
from schemas.vault import Vault, lock, unlock

VAULT_FILE: Final = "vault.cbor"
_AnyKey: TypeAlias = Ed25519PrivateKey | MLDSA44PrivateKey | EllipticCurvePrivateKey


def read(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        Misuse: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misuse(f"cannot read {path}: {error.strerror}") from None


def write_public(path: Path, data: bytes) -> None:
    """Write a file whole, in place of an older one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def write_private(path: Path, data: bytes) -> None:
    """Write a new file that only its owner can read.

    Raises:
        Misuse: there is such a file already.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Misuse(f"{path} is there already; a key is never overwritten") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace_private(path: Path, data: bytes) -> None:
    """Put a file that only its owner can read in place of another: whole, or not at all."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)  # one that was cut off
    write_private(fresh, data)
    fresh.replace(path)


def reseal(path: Path, before: Vault | None, after: Vault | None) -> bool:
    """Encrypt the key at `path` under `after`, or decrypt it where that is None: whether it had to be written.

    Raises:
        Misuse: it is not a private key that `before` opens.
    """
    if read(path).startswith(b"-----BEGIN ENCRYPTED") == (after is not None):
        return False
    key = _load(path, before)
    if not isinstance(key, Ed25519PrivateKey | MLDSA44PrivateKey | EllipticCurvePrivateKey):
        raise Misuse(f"{path} is not one of our keys")
    replace_private(path, _pem(key, after))
    return True


def new_vault(folder: Path, secret: bytes | None) -> Vault | None:
    """Make the vault of a folder for keys under a passphrase; None, and no vault, where there is no passphrase.

    Raises:
        Misuse: there is one already, or the passphrase is too short.
    """
    if secret is None:
        return None
    vault = Vault.make()
    write_private(folder / VAULT_FILE, lock(vault, secret))
    return vault


def open_vault(folder: Path, what: str) -> Vault | None:
    """The vault of a folder of keys, its passphrase asked for `what`; None where the keys are not encrypted.

    Raises:
        Misuse: no passphrase, or another one.
    """
    path = folder / VAULT_FILE
    return unlock(read(path), passphrase.existing(what)) if path.exists() else None


def new_signing_key(path: Path, vault: Vault | None = None) -> SigningKey:
    """Make an Ed25519 key and keep it at `path`, encrypted where there is a vault.

    Raises:
        Misuse: there is such a file already.
    """
    key = SigningKey.generate()
    keep_signing_key(path, key, vault)
    return key


def keep_signing_key(path: Path, key: SigningKey, vault: Vault | None) -> None:
    """Keep an Ed25519 key at `path`, encrypted where there is a vault.

    Raises:
        Misuse: there is such a file already.
    """
    write_private(path, _pem(Ed25519PrivateKey.from_private_bytes(key.seed), vault))


def load_signing_key(path: Path, vault: Vault | None = None) -> SigningKey:
    """The Ed25519 key at `path`.

    Raises:
        Misuse: it is not there, or not such a key.
    """
    key = _load(path, vault)
    if not isinstance(key, Ed25519PrivateKey):
        raise Misuse(f"{path} is not an Ed25519 key")
    return SigningKey(key.private_bytes_raw())


def new_note_key(path: Path, name: str, vault: Vault | None = None) -> NoteKey:
    """Make an ML-DSA-44 key and keep it at `path`; it signs checkpoints under `name`.

    Raises:
        Misuse: there is such a file already.
    """
    key = MLDSA44PrivateKey.generate()
    write_private(path, _pem(key, vault))
    return NoteKey(name, key.private_bytes_raw())


def load_note_key(path: Path, name: str, vault: Vault | None = None) -> NoteKey:
    """The ML-DSA-44 key at `path`.

    Raises:
        Misuse: it is not there, or not such a key.
    """
    key = _load(path, vault)
    if not isinstance(key, MLDSA44PrivateKey):
        raise Misuse(f"{path} is not an ML-DSA-44 key")
    return NoteKey(name, key.private_bytes_raw())


def new_tls_key(path: Path, vault: Vault | None = None) -> EllipticCurvePrivateKey:
    """Make a P-256 key for TLS certificates and keep it at `path`.

    Raises:
        Misuse: there is such a file already.
    """
    key = generate_private_key(SECP256R1())
    write_private(path, _pem(key, vault))
    return key


def load_tls_key(path: Path, vault: Vault | None = None) -> EllipticCurvePrivateKey:
    """The P-256 key at `path`.

    Raises:
        Misuse: it is not there, or not such a key.
    """
    key = _load(path, vault)
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise Misuse(f"{path} is not a P-256 key")
    return key


def _pem(key: _AnyKey, vault: Vault | None) -> bytes:
    # The password is 32 random bytes in hexadecimal: how slowly PKCS#8 derives a key from it does not matter.
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if vault is not None:
        encryption = serialization.BestAvailableEncryption(vault.password)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def _load(path: Path, vault: Vault | None) -> object:
    data = read(path)
    locked = data.startswith(b"-----BEGIN ENCRYPTED")
    if locked and vault is None:
        raise Misuse(f"{path} is encrypted, and there is no {VAULT_FILE} beside it")
    try:
        return serialization.load_pem_private_key(data, vault.password if locked and vault is not None else None)
    except (ValueError, TypeError):
        raise Misuse(f"{path} is not a private key in PEM, or not one of this vault") from None
