"""Enrolment from the bureau's side: keys are made here and never leave; what goes to the authority is a request.

Order of work: `request` makes keys and writes `request.cbor`, which the authority approves out of band (people read the
fingerprints to each other); `complete` takes what comes back: the network file to pin, the link's certificate and the
certificates to trust, and where the gateway is. After that `Bureau.open(home)` works.

A bureau's home:

    bureau.db     the store, with the signing and sealing keys (mode 0600, encrypted: bureaus/guard.py)
    link.key      private key of the link's certificate (mode 0600, encrypted likewise)
    link.pem      the link's certificate, common name = our address
    ca.pem        the authority's certificate, for the link alone
    request.cbor  what the authority was asked
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bureaus import guard as guards
from bureaus.guard import Guard
from bureaus.store import FILE, Store, identity
from bureaus.token import Place
from schemas import cbor
from schemas.directory import Link, ParticipantKind
from schemas.enrolment import Request, read_request, sign_request
from schemas.errors import Misuse, Reason, Untrusted
from schemas.identity import Address, Signer
from schemas.keys import NoteKey, SealingKey
from schemas.network import Network, read_network

REQUEST: Final = "request.cbor"
LINK_KEY: Final = "link.key"
LINK_CERTIFICATE: Final = "link.pem"
AUTHORITY_CERTIFICATE: Final = "ca.pem"

# Names of values in the store.
ADDRESS: Final = identity.ADDRESS
KIND: Final = "kind"
NAME: Final = "name"
LINK: Final = "link"
UNITS: Final = "units"
NETWORK: Final = "network"
GATEWAY: Final = "gateway"
BROKER: Final = "broker"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a home belongs to, as it was enrolled."""

    home: Path
    address: Address
    kind: ParticipantKind
    name: str
    link: Link
    units: tuple[str, ...]
    network: Network | None
    """None until the enrolment is complete."""
    gateway: str
    """URL of the gateway's API; empty until the enrolment is complete."""
    broker: str
    """URL of the broker; empty where there is none."""
    link_password: bytes | None = field(default=None, repr=False)
    """What the link's private key is encrypted with; known while the bureau is open, None where it is not encrypted."""

    @property
    def tls(self) -> tuple[Path, Path, Path]:
        """Paths of the link's certificate, its key, and the authority's certificate."""
        return self.home / LINK_CERTIFICATE, self.home / LINK_KEY, self.home / AUTHORITY_CERTIFICATE


def fingerprint(key_id: bytes) -> str:
    """A key's id in groups of four hexadecimal digits, to read aloud."""
    digits = key_id.hex()
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


async def request(
    home: Path,
    address: Address,
    *,
    kind: ParticipantKind = ParticipantKind.NATIONAL_BUREAU,
    name: str = "",
    link: Link = Link.HTTP,
    units: tuple[str, ...] = (),
    secret: bytes | None = None,
    token: Place | None = None,
) -> Request:
    """Make keys and the request for the authority, written to `home/request.cbor` and returned.

    The keys are encrypted under the passphrase `secret`; without one they are not. With a `token` the signing key is
    made in it, and `secret` is its PIN.

    Asked again for the same address, it returns the request that was made; keys are never made over.

    Raises:
        Misuse: this home belongs to another address, or is in use; the passphrase is too short; the token.
    """
    async with await Store.open(home / FILE) as store:
        known = await store.run(identity.get, ADDRESS)
        if known is not None:
            if known.decode() != address:
                raise Misuse(f"{home} belongs to {known.decode()}")
            return read_request(await asyncio.to_thread((home / REQUEST).read_bytes))
        tls_key = ec.generate_private_key(ec.SECP256R1())
        guard, locked = await asyncio.to_thread(guards.make, secret, token)
        signing, sealing, witness = guard.new_signer(), SealingKey.generate(), NoteKey.generate(str(address))
        now = time.time_ns() // 1_000_000
        asked = Request(
            address,
            kind,
            name or address,
            link,
            signing.public,
            sealing.public,
            units,
            make_csr(tls_key, address),
            now // 1000,
            witness.public,
        )
        body = sign_request(asked, signing, witness)
        await asyncio.to_thread(_write_request, home, tls_key, body, guard)
        await store.run(_keep_request, asked, (signing, sealing, witness), now, guard, locked)
        guard.close()
    return asked


def _keep_request(
    db: sqlite3.Connection,
    asked: Request,
    keys: tuple[Signer, SealingKey, NoteKey],
    now: int,
    guard: Guard,
    locked: bytes | None,
) -> None:
    identity.add_keys(db, *keys[:2], now, guard)
    identity.add_witness(db, keys[2], now, guard)
    if locked is not None:
        identity.put(db, {identity.VAULT: locked})
    identity.put(
        db,
        {
            ADDRESS: asked.address.encode(),
            KIND: asked.kind.encode(),
            NAME: asked.name.encode(),
            LINK: asked.link.encode(),
            UNITS: cbor.encode(list(asked.units)),
        },
    )


def make_csr(key: ec.EllipticCurvePrivateKey, address: Address) -> bytes:
    """The request (PKCS#10, DER) for a link's certificate in the name of `address`."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, str(address))])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return csr.public_bytes(serialization.Encoding.DER)


def _write_request(home: Path, tls_key: ec.EllipticCurvePrivateKey, body: bytes, guard: Guard) -> None:
    write_file(home / LINK_KEY, pem_of(tls_key, guard), 0o600)
    write_file(home / REQUEST, body, 0o644)


def pem_of(key: ec.EllipticCurvePrivateKey, guard: Guard) -> bytes:
    """A link's private key as it is kept."""
    password = guard.password
    encryption = serialization.NoEncryption() if password is None else serialization.BestAvailableEncryption(password)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def write_file(path: Path, data: bytes, mode: int) -> None:
    """Write a file of a home, and see to it that it is on disk."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(mode)


async def complete(
    home: Path, *, network: bytes, certificate: bytes, authority: bytes, gateway: str, broker: str = ""
) -> Identity:
    """Pin the network and take the link's certificate (PEM, like the `authority`'s); `network` is the network file.

    Raises:
        Misuse: nothing was requested here, another network is pinned, or a URL is not https / amqps.
        Malformed, Untrusted: the network file; `link-identity`, the certificate is not ours.
    """
    pinned = read_network(network)
    if not gateway.startswith("https://") or (broker and not broker.startswith("amqps://")):
        raise Misuse("the gateway's URL begins with https://, the broker's with amqps://")
    async with await Store.open(home / FILE) as store:
        known = await store.run(identity.get_all)
        if ADDRESS not in known:
            raise Misuse(f"{home} has asked for nothing yet: enrol without --complete first")
        if known.get(NETWORK, network) != network:
            raise Misuse(f"{home} has another network pinned; a network is never changed")
        address = Address.parse(known[ADDRESS].decode())
        public = read_request(await asyncio.to_thread((home / REQUEST).read_bytes)).csr
        check_certificate(certificate, authority, public, address)
        await asyncio.to_thread(write_file, home / LINK_CERTIFICATE, certificate, 0o644)
        await asyncio.to_thread(write_file, home / AUTHORITY_CERTIFICATE, authority, 0o644)
        values = {NETWORK: pinned.raw, GATEWAY: gateway.rstrip("/").encode(), BROKER: broker.encode()}
        await store.run(identity.put, values)
        return read_identity(home, {**known, **values})


def check_certificate(certificate: bytes, authority: bytes, csr: bytes, address: Address) -> None:
    """Check that it is for our key, in our name, and by the authority: its use would fail later and less clearly.

    Raises:
        Untrusted: `link-identity`.
    """
    try:
        ours, ca = x509.load_pem_x509_certificate(certificate), x509.load_pem_x509_certificate(authority)
        key = x509.load_der_x509_csr(csr).public_key()
        ours.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        raise Untrusted(Reason.LINK_IDENTITY, "the certificate is not one of the authority's, in PEM") from None
    names = [attribute.value for attribute in ours.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if names != [str(address)] or ours.public_key() != key:
        raise Untrusted(Reason.LINK_IDENTITY, f"the certificate is not for {address} and the key made here")


def read_identity(home: Path, values: dict[str, bytes]) -> Identity:
    """The identity that a store's named values tell of.

    Raises:
        Misuse: there is none.
    """
    if ADDRESS not in values:
        raise Misuse(f"{home} is not enrolled: bureaunet enrol CODE --home {home}")
    units = cbor.decode(values[UNITS])
    return Identity(
        home,
        Address.parse(values[ADDRESS].decode()),
        ParticipantKind(values[KIND].decode()),
        values[NAME].decode(),
        Link(values[LINK].decode()),
        tuple(str(unit) for unit in units) if isinstance(units, list) else (),
        read_network(values[NETWORK]) if NETWORK in values else None,
        values.get(GATEWAY, b"").decode(),
        values.get(BROKER, b"").decode(),
    )
