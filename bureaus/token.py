"""A PKCS#11 token: the signing keys live in it, and a key of it locks the vault that holds the others.

    in the token   Ed25519 keys (CKM_EDDSA), each named by its key id; one AES-256 key that locks the data key
    in the store   sealing and witness keys, sealed under the data key (schemas/vault.py)

    locked = CBOR ["bureaunet-vault/1", "pkcs11", module, token's label, iv, encrypted data key]

Tokens have no post-quantum keys yet, so sealing keys cannot live in one. Rules: no private key leaves the token, and
none can be taken out (CKA_EXTRACTABLE is false); the PIN is given as a passphrase is. Needs the extra `token`.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from types import ModuleType
from typing import Final, Protocol, Self

from schemas import cbor
from schemas.errors import Malformed, Misuse, Reason, Unavailable
from schemas.keys import SigningPublic
from schemas.vault import MAGIC, Vault

_ED25519: Final = bytes.fromhex("130c656477617264733235353139")
"""CKA_EC_PARAMS: the curve's name, "edwards25519", as a PrintableString."""
_LOCK: Final = "bureaunet lock"
_SIGNING: Final = "bureaunet signing"
_IV: Final = 12
_AAD: Final = b"bureaunet/data-key"


class _Key(Protocol):
    """What is used here of a key of the library's."""

    def __getitem__(self, attribute: object) -> bytes: ...

    def __setitem__(self, attribute: object, value: bytes) -> None: ...

    def sign(self, data: bytes, *, mechanism: object) -> bytes: ...

    def encrypt(self, data: bytes, **mechanism: object) -> bytes: ...

    def decrypt(self, data: bytes, **mechanism: object) -> bytes: ...


class _Parameters(Protocol):
    """What is used here of a curve."""

    def generate_keypair(self, **how: object) -> tuple[_Key, _Key]: ...


class _Session(Protocol):
    """What is used here of a session of the library's."""

    def get_key(self, **which: object) -> _Key: ...

    def generate_key(self, kind: object, length: int, **how: object) -> _Key: ...

    def create_domain_parameters(self, kind: object, values: object, *, local: bool) -> _Parameters: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Which token: the path of its PKCS#11 module, and its label."""

    module: str
    label: str


class TokenSigner:
    """A `Signer` whose key is in a token."""

    def __init__(self, token: Token, key: _Key, public: SigningPublic) -> None:
        self._token, self._key = token, key
        self.public = public

    @property
    def key_id(self) -> bytes:
        """As `Signer.key_id`."""
        return self.public.key_id

    def sign(self, message: bytes) -> bytes:
        """As `Signer.sign`.

        Raises:
            Unavailable: `store`, the token is gone.
        """
        return self._token.sign(self._key, message)


class Token:
    """An open session with a token; its calls are made one at a time."""

    def __init__(self, place: Place, library: ModuleType, session: _Session) -> None:
        self.place = place
        self._library, self._session = library, session
        self._turn = threading.Lock()

    @classmethod
    def open(cls, place: Place, pin: bytes) -> Self:
        """Log in.

        Raises:
            Misuse: there is no such module or token, or the PIN is another.
        """
        library = _library()
        try:
            token = library.lib(place.module).get_token(token_label=place.label)
            session = token.open(rw=True, user_pin=pin.decode())
        except (library.PKCS11Error, OSError, RuntimeError, UnicodeDecodeError) as error:
            raise Misuse(f"the token {place.label} cannot be used: {type(error).__name__}") from None
        return cls(place, library, session)

    def close(self) -> None:
        """Log out."""
        with self._turn:
            self._session.close()

    def new_signer(self) -> TokenSigner:
        """Make a signing key in the token.

        Raises:
            Misuse: the token cannot make Ed25519 keys.
        """
        library = self._library
        attribute, kind = library.Attribute, library.KeyType.EC_EDWARDS
        try:
            parameters = self._session.create_domain_parameters(kind, {attribute.EC_PARAMS: _ED25519}, local=True)
            hidden = {attribute.SENSITIVE: True, attribute.EXTRACTABLE: False}
            public, private = parameters.generate_keypair(
                mechanism=library.Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
                store=True,
                label=_SIGNING,
                private_template=hidden,
            )
            point = SigningPublic(bytes(public[attribute.EC_POINT])[-32:])
            public[attribute.ID] = private[attribute.ID] = point.key_id
        except library.PKCS11Error as error:
            raise Misuse(f"the token makes no Ed25519 keys: {type(error).__name__}") from None
        return TokenSigner(self, private, point)

    def signer(self, key_id: bytes) -> TokenSigner:
        """The signing key with this id.

        Raises:
            Misuse: the token has none.
        """
        library = self._library
        attribute, classes = library.Attribute, library.ObjectClass
        try:
            with self._turn:
                public = self._session.get_key(object_class=classes.PUBLIC_KEY, id=key_id)
                private = self._session.get_key(object_class=classes.PRIVATE_KEY, id=key_id)
                point = SigningPublic(bytes(public[attribute.EC_POINT])[-32:])
        except library.PKCS11Error as error:
            raise Misuse(f"the token has no signing key {key_id.hex()[:16]}: {type(error).__name__}") from None
        if point.key_id != key_id:
            raise Misuse("the token has another key under our key's name")
        return TokenSigner(self, private, point)

    def sign(self, key: _Key, message: bytes) -> bytes:
        """Sign with a key of the token.

        Raises:
            Unavailable: `store`, the token is gone.
        """
        try:
            with self._turn:
                return bytes(key.sign(message, mechanism=self._library.Mechanism.EDDSA))
        except self._library.PKCS11Error as error:
            raise Unavailable(Reason.STORE, f"the token does not sign: {type(error).__name__}") from None

    def lock(self, vault: Vault) -> bytes:
        """The vault, locked under the token's AES key, which is made where there is none.

        Raises:
            Misuse: the token cannot do it.
        """
        library, iv = self._library, secrets.token_bytes(_IV)
        try:
            key = self._lock_key() or self._session.generate_key(
                library.KeyType.AES,
                256,
                store=True,
                label=_LOCK,
                template={library.Attribute.SENSITIVE: True, library.Attribute.EXTRACTABLE: False},
            )
            sealed = key.encrypt(vault.key, **self._gcm(iv))
        except library.PKCS11Error as error:
            raise Misuse(f"the token does not encrypt: {type(error).__name__}") from None
        return cbor.encode([MAGIC, "pkcs11", self.place.module, self.place.label, iv, bytes(sealed)])

    def unlock(self, locked: bytes) -> Vault:
        """The vault that `lock` made.

        Raises:
            Misuse: the token's key is another. Malformed: `structure`.
        """
        match cbor.decode(locked):
            case [str(), str(), str(), str(), bytes(iv), bytes(sealed)]:
                pass
            case _:
                raise Malformed(Reason.STRUCTURE, "not a vault that a token opens")
        try:
            key = self._lock_key()
            if key is None:
                raise Misuse("the token has no key of ours")
            return Vault(bytes(key.decrypt(sealed, **self._gcm(iv))))
        except self._library.PKCS11Error:
            raise Misuse("the keys do not open with this token") from None

    def _lock_key(self) -> _Key | None:
        try:
            return self._session.get_key(object_class=self._library.ObjectClass.SECRET_KEY, label=_LOCK)
        except self._library.NoSuchKey:
            return None

    def _gcm(self, iv: bytes) -> dict[str, object]:
        parameters = self._library.GCMParams(iv, _AAD, 128)
        return {"mechanism": self._library.Mechanism.AES_GCM, "mechanism_param": parameters}


def place_of(locked: bytes) -> Place | None:
    """Which token opens a locked vault; None where a passphrase does.

    Raises:
        Malformed: `structure`.
    """
    match cbor.decode(locked):
        case [str(magic), "pkcs11", str(module), str(label), bytes(), bytes()] if magic == MAGIC:
            return Place(module, label)
        case [str(magic), "scrypt", *_] if magic == MAGIC:
            return None
    raise Malformed(Reason.STRUCTURE, "not a locked vault")


def _library() -> ModuleType:
    try:
        import pkcs11  # noqa: PLC0415  # only those who have a token need it
    except ImportError:
        raise Misuse("tokens need the extra `token`: pip install 'bureaunet[token]'") from None
    return pkcs11
