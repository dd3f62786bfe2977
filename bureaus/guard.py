"""What stands between a bureau's store and the private keys in it: nothing, a passphrase, or a token.

Order of work: `make` at enrolment, which gives the guard and what the store keeps of it; `unlock` at every start.
Rules: each key is sealed under its own id; a signing key that is in a token has no secret here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bureaus.token import Place, Token, TokenSigner, place_of
from schemas.errors import Misuse
from schemas.keys import SigningKey
from schemas.vault import Vault, lock
from schemas.vault import unlock as unlock_vault


@dataclass(frozen=True, slots=True)
class Guard:
    """An open guard. Without a vault keys are kept as they are: someone asked for that."""

    vault: Vault | None = None
    token: Token | None = None

    @property
    def password(self) -> bytes | None:
        """What the link's private key, in PEM, is encrypted with."""
        return None if self.vault is None else self.vault.password

    def keep(self, key_id: bytes, secret: bytes) -> bytes:
        """A secret as the store keeps it."""
        return secret if self.vault is None else self.vault.seal(key_id, secret)

    def give(self, key_id: bytes, kept: bytes) -> bytes:
        """A secret that the store keeps.

        Raises:
            Untrusted: `unsealing`.
        """
        return kept if self.vault is None else self.vault.open(key_id, kept)

    def new_signer(self) -> SigningKey | TokenSigner:
        """A fresh signing key, in the token where there is one.

        Raises:
            Misuse: the token cannot make it.
        """
        return SigningKey.generate() if self.token is None else self.token.new_signer()

    def signer(self, key_id: bytes) -> TokenSigner:
        """A signing key that is in the token.

        Raises:
            Misuse: it is not there.
        """
        if self.token is None:
            raise Misuse("a signing key of ours is in a token, and there is none")
        return self.token.signer(key_id)

    def close(self) -> None:
        """Let go of the token."""
        if self.token is not None:
            self.token.close()


def make(secret: bytes | None, place: Place | None) -> tuple[Guard, bytes | None]:
    """A guard for new keys, and what the store keeps of it; `secret` is a passphrase or the token's PIN.

    Raises:
        Misuse: the token cannot be used, a PIN is missing, or the passphrase is too short.
    """
    if place is None:
        if secret is None:
            return Guard(), None
        vault = Vault.make()
        return Guard(vault), lock(vault, secret)
    if secret is None:
        raise Misuse("a token needs its PIN")
    token, vault = Token.open(place, secret), Vault.make()
    return Guard(vault, token), token.lock(vault)


def unlock(locked: bytes | None, ask: Callable[[], bytes]) -> Guard:
    """The guard of keys that are there; `ask` gives the passphrase or PIN, where one is needed.

    Raises:
        Misuse: it is another. Malformed: what the store keeps is not of the form.
    """
    if locked is None:
        return Guard()
    place = place_of(locked)
    if place is None:
        return Guard(unlock_vault(locked, ask()))
    token = Token.open(place, ask())
    return Guard(token.unlock(locked), token)
