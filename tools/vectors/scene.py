"""What vectors are about: the synthetic network of `tests/world.py`, and envelopes made the same each time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from schemas import cbor, cose, envelope
from schemas.claims import Header, to_claims
from schemas.directory import sign_directory
from schemas.envelope import CONTENT_TYPE, Envelope, commitment, pad
from schemas.identity import Address, Signer
from schemas.keys import ED25519, SealingPublic, Suite
from schemas.network import Network
from schemas.operation import sign_operation
from tests.world import (
    AUTHORITY,
    CONTENT,
    IPSG,
    LOG,
    first_directory,
    first_operation,
    header,
    new_network,
    sealing,
    sealing_seed,
    seed,
    signing,
    x_wing_seed,
)
from tools.vectors.kept import Kept, KeptNoteSigner, KeptSealing

Json: TypeAlias = "str | int | bool | Sequence[Json] | Mapping[str, Json] | None"


@dataclass(frozen=True, slots=True)
class Vector:
    """One outcome: what is `given` to which decoder or verifier (`of`), and what it says: `ok` or a reason code."""

    name: str
    """Folder and file, `cbor/trailing`."""
    says: str
    of: str
    given: Mapping[str, Json]
    outcome: str
    shows: Mapping[str, Json] | None = None
    """What a valid one comes out as."""

    def value(self) -> dict[str, Json]:
        """What the file holds."""
        shown = {} if self.shows is None else {"shows": self.shows}
        return {"says": self.says, "of": self.of, "given": self.given, "outcome": self.outcome, **shown}


def repeated(byte: int, count: int) -> dict[str, Json]:
    """Bytes that are too many to write out."""
    return {"repeat": f"{byte:02x}", "count": count}


class Scene:
    """The network, its directory and its operation, and envelopes in it."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.log = KeptNoteSigner(LOG, kept)
        self.network: Network = new_network(self.log)
        self.directory = sign_directory(first_directory(), [AUTHORITY], self.network)
        self.operation = sign_operation(first_operation(), self.network.id, signing(IPSG))

    @property
    def net(self) -> bytes:
        """The network's id."""
        return self.network.id

    def header(self, **changes: object) -> Header:
        """The claims of `tests.world.header`, in this network."""
        return replace(header(self.net), **changes)  # type: ignore[arg-type]  # the caller names the claims

    def protected(self, claims: Mapping[cbor.Key, cbor.Value], signer: Signer, **more: cbor.Value) -> bytes:
        """A statement's protected header; `more` are labels to add or, as None, to leave out: `_259=None`."""
        plain: dict[cbor.Key, cbor.Value] = {
            1: ED25519,
            4: signer.key_id,
            15: dict(claims),
            16: envelope.TYP,
            258: -16,
            259: "application/cose",
        }
        plain |= {int(label[1:]): value for label, value in more.items()}
        return cbor.encode({label: value for label, value in plain.items() if value is not None})

    def keys(self, claims: Header, suite: int = Suite.HPKE_9_KE) -> list[SealingPublic]:
        """The recipients' keys, their wraps kept."""
        return [self.key(address, suite) for address in claims.aud]

    def key(self, address: Address, suite: int = Suite.HPKE_9_KE) -> SealingPublic:
        """One recipient's key."""
        public = sealing(address, suite).public
        return KeptSealing(public.suite, public.raw, kept=self.kept)

    def sealed(self, protected: bytes, keys: Sequence[SealingPublic], plaintext: bytes) -> bytes:
        """A sealed part under a key and iv that follow from what goes in."""
        label = hashlib.sha256(protected + plaintext).hexdigest()
        return cose.encrypt(
            plaintext,
            keys,
            content_type=CONTENT_TYPE,
            external=protected,
            extra_info=hashlib.sha256(protected).digest(),
            content_key=seed(f"content/{label}"),
            iv=seed(f"iv/{label}", 12),
        )

    def seal(
        self,
        claims: Header,
        content: bytes = CONTENT,
        *,
        by: Signer | None = None,
        keys: Sequence[SealingPublic] | None = None,
    ) -> Envelope:
        """An envelope as a bureau would make it, the same each time."""
        signer, salt = by or signing(claims.iss), seed(f"salt/{claims.cti.hex()}")
        protected = self.protected(to_claims(claims.with_commit(commitment(salt, content))), signer)
        part = self.sealed(protected, self.keys(claims) if keys is None else keys, pad(salt, content))
        return self.sign(protected, part, signer)

    @staticmethod
    def sign(protected: bytes, sealed: bytes, signer: Signer) -> Envelope:
        """A statement with this protected header over this sealed part."""
        return Envelope(cose.sign_protected(protected, hashlib.sha256(sealed).digest(), signer), sealed)

    def context(self) -> dict[str, Json]:
        """What the other vectors hang from: public statements, and the private keys of a network that is nobody's."""
        names = ("AR", "BR", "FR", "IPSG")
        return {
            "says": "Synthetic: the private keys are published so that vectors can be opened. Nobody uses them.",
            "network": self.network.raw.hex(),
            "directory": self.directory.hex(),
            "operation": self.operation.hex(),
            "signing_seeds": {name: seed(f"signing/{name}").hex() for name in names},
            "sealing_seeds": {name: sealing_seed(name).hex() for name in names},
            "x_wing_seeds": {name: x_wing_seed(name).hex() for name in names},
        }
