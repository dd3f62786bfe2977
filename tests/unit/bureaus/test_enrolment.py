"""A bureau enrols: keys are made once, stay private, and only what is ours and of the pinned network completes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bureaus import enrolment
from bureaus.store import FILE, Store, identity
from schemas.enrolment import read_request
from schemas.errors import Misuse, Reason, Untrusted
from schemas.identity import Address
from schemas.keys import NoteKey, SigningKey
from schemas.network import Genesis, make_network
from schemas.notes import Checkpoint, Policy, sign_checkpoint

FR = Address("FR")
URL = "https://localhost:8443"


def network_file(name: str = "test") -> bytes:
    authority, log = SigningKey.generate(), NoteKey.generate("log.test")
    policy = Policy("log.test", log.public)
    genesis = Genesis(
        name, exercise=True, created=1_700_000_000, authority=(authority.public,), threshold=1, policy=policy
    )
    return make_network(genesis, [authority], sign_checkpoint(Checkpoint.empty("log.test"), log, 1_700_000_000))


class Issuer:
    """A certificate authority of one test."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self.sign("authority", self.key.public_key())

    def sign(self, name: str, key: ec.EllipticCurvePublicKey) -> bytes:
        now = datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        builder = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number(), now, now + timedelta(1))
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def approve(self, csr: bytes, name: str = "FR") -> bytes:
        key = x509.load_der_x509_csr(csr).public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        return self.sign(name, key)


async def test_request_proves_the_keys_it_names_and_asks_for_our_name(tmp_path: Path) -> None:
    asked = await enrolment.request(tmp_path, FR, name="Paris", units=("fugitives",))
    assert read_request((tmp_path / "request.cbor").read_bytes()) == asked
    csr = x509.load_der_x509_csr(asked.csr)
    assert csr.is_signature_valid
    assert csr.subject.rfc4514_string() == "CN=FR"


async def test_private_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    await enrolment.request(tmp_path, FR)
    assert {path.name: path.stat().st_mode & 0o077 for path in (tmp_path / FILE, tmp_path / "link.key")} == {
        FILE: 0,
        "link.key": 0,
    }


async def test_asking_again_makes_no_new_keys(tmp_path: Path) -> None:
    first = await enrolment.request(tmp_path, FR)
    assert await enrolment.request(tmp_path, FR) == first


async def test_a_home_belongs_to_one_address(tmp_path: Path) -> None:
    await enrolment.request(tmp_path, FR)
    with pytest.raises(Misuse, match="belongs to FR"):
        await enrolment.request(tmp_path, Address("BR"))


async def test_completion_pins_the_network_and_tells_where_the_gateway_is(tmp_path: Path) -> None:
    issuer, network = Issuer(), network_file()
    asked = await enrolment.request(tmp_path, FR)
    certificate = issuer.approve(asked.csr)
    done = await enrolment.complete(
        tmp_path, network=network, certificate=certificate, authority=issuer.certificate, gateway=URL + "/"
    )
    assert (done.address, done.gateway, done.network and done.network.raw) == (FR, URL, network)
    async with await Store.open(tmp_path / FILE) as store:
        assert (await store.run(identity.get, enrolment.NETWORK)) == network
    with pytest.raises(Misuse, match="another network"):
        await enrolment.complete(
            tmp_path, network=network_file("b"), certificate=certificate, authority=issuer.certificate, gateway=URL
        )


async def test_a_certificate_for_another_name_or_key_or_by_another_authority_is_refused(tmp_path: Path) -> None:
    issuer, network = Issuer(), network_file()
    asked = await enrolment.request(tmp_path, FR)
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    for certificate, authority in (
        (issuer.approve(asked.csr, "BR"), issuer.certificate),
        (issuer.sign("FR", other), issuer.certificate),
        (issuer.approve(asked.csr), Issuer().certificate),
        (b"no certificate", issuer.certificate),
    ):
        with pytest.raises(Untrusted) as caught:
            await enrolment.complete(
                tmp_path, network=network, certificate=certificate, authority=authority, gateway=URL
            )
        assert caught.value.reason is Reason.LINK_IDENTITY


async def test_completion_wants_a_request_first(tmp_path: Path) -> None:
    issuer = Issuer()
    with pytest.raises(Misuse, match="asked for nothing"):
        await enrolment.complete(
            tmp_path, network=network_file(), certificate=b"", authority=issuer.certificate, gateway=URL
        )
