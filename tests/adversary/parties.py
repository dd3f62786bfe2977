"""A bureau by hand: its keys are the test's, and there is no program behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.certificates import make_csr
from schemas.directory import Link, ParticipantKind
from schemas.enrolment import Request, sign_request
from schemas.identity import Address
from schemas.keys import SealingKey, SigningKey


@dataclass
class Party:
    """A bureau whose keys the attacker, or a test, holds."""

    address: Address
    folder: Path
    signing: SigningKey = field(default_factory=SigningKey.generate)
    sealing: SealingKey = field(default_factory=SealingKey.generate)
    units: tuple[str, ...] = ()

    @property
    def kind(self) -> ParticipantKind:
        """By its address: IPSG is the secretariat, a code of more than four letters is an organisation's."""
        if self.address.unit is not None:
            return ParticipantKind.UNIT
        if self.address == "IPSG":
            return ParticipantKind.SECRETARIAT
        return ParticipantKind.ORGANISATION if len(self.address) > 4 else ParticipantKind.NATIONAL_BUREAU

    @property
    def key(self) -> Path:
        """The TLS key's file."""
        return self.folder / "tls.key"

    def request(self, now: int, link: Link) -> bytes:
        """Its enrolment request; the TLS key is kept in its folder."""
        key = generate_private_key(SECP256R1())
        self.folder.mkdir(parents=True)
        self.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        keys = (self.signing.public, self.sealing.public)
        csr = make_csr(key, self.address)
        return sign_request(
            Request(self.address, self.kind, self.address, link, *keys, self.units, csr, now), self.signing
        )
