"""Link certificates: requests (PKCS#10), the authority's own certificate, and those that it issues.

Rules: P-256 keys, since every TLS 1.3 stack takes them; a bureau's certificate has its address as the one common name
and is for clients alone; a server's has its host names and is for servers, the gateway's for both, since it is the
broker's client too. A certificate opens a link and nothing more: what a message is worth hangs on the directory's keys.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from schemas.errors import Malformed, Misuse, Reason, Untrusted

BACKDATED: Final = timedelta(minutes=5)
"""Before now, so that two clocks may differ a little."""
AUTHORITY_LIFETIME: Final = timedelta(days=3650)
CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH
GATEWAY_NAME: Final = "gateway"
"""The gateway's common name: no address of a bureau is spelt so."""
LOOPBACK: Final = ("localhost", "127.0.0.1")


def make_csr(key: EllipticCurvePrivateKey, name: str, hosts: Iterable[str] = ()) -> bytes:
    """A certificate request (DER) for common name `name`, asking for these host names."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name(name))
    alternatives = _alternatives(hosts)
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def read_csr(data: bytes) -> x509.CertificateSigningRequest:
    """Take a request (DER or PEM) and check that whoever made it holds its key.

    Raises:
        Malformed: `structure`, not a request or not of a P-256 key. Untrusted: `signature`.
    """
    try:
        pem = data.startswith(b"-----")
        csr = x509.load_pem_x509_csr(data) if pem else x509.load_der_x509_csr(data)
        key = csr.public_key()
    except ValueError:
        raise Malformed(Reason.STRUCTURE, "not a certificate request") from None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise Malformed(Reason.KEY_FORM, "a certificate request is for a P-256 key")
    if not csr.is_signature_valid:
        raise Untrusted(Reason.SIGNATURE, "the certificate request is not signed by its own key")
    return csr


def common_name(subject: x509.Name) -> str:
    """The one common name of a subject.

    Raises:
        Malformed: `structure`, there is none or more than one.
    """
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1 or not isinstance(names[0].value, str):
        raise Malformed(Reason.STRUCTURE, "a certificate has one common name")
    return names[0].value


def hosts_of(csr: x509.CertificateSigningRequest) -> tuple[str, ...]:
    """The host names and addresses that a request asks for."""
    try:
        extension = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    names = extension.value.get_values_for_type(x509.DNSName)
    addresses = extension.value.get_values_for_type(x509.IPAddress)
    return (*names, *map(str, addresses))


def make_authority(key: EllipticCurvePrivateKey, name: str, now: datetime) -> x509.Certificate:
    """The authority's own certificate, which signs links' certificates and nothing below those."""
    subject = _name(name)
    builder = _builder(subject, subject, key.public_key(), key.public_key(), (now, now + AUTHORITY_LIFETIME))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return builder.add_extension(_usage(authority=True), critical=True).sign(key, hashes.SHA256())


class Issuer:
    """Signs links' certificates with the authority's key."""

    def __init__(self, key: EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate

    def issue(
        self,
        csr: x509.CertificateSigningRequest,
        name: str,
        uses: Sequence[ObjectIdentifier],
        valid: tuple[datetime, datetime],
        hosts: Iterable[str] = (),
    ) -> bytes:
        """A certificate (PEM) for the key of `csr`; nothing else of the request is taken over."""
        key = csr.public_key()
        if not isinstance(key, EllipticCurvePublicKey):
            raise Malformed(Reason.KEY_FORM, "a certificate is for a P-256 key")
        builder = _builder(_name(name), self._certificate.subject, key, self._key.public_key(), valid)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(authority=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        alternatives = _alternatives(hosts)
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)


def ends(certificate: Path) -> int:
    """When a certificate (a file, PEM) ends, in seconds since the epoch.

    Raises:
        Misuse: it cannot be read.
    """
    try:
        return int(x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc.timestamp())
    except (OSError, ValueError) as error:
        raise Misuse(f"cannot read the certificate {certificate.name}: {type(error).__name__}") from None


def check_issued(certificate: bytes, authority: bytes, key: EllipticCurvePrivateKey) -> None:
    """Check that a certificate (PEM) is for our key and signed by the authority's certificate (PEM).

    Raises:
        Malformed: `structure`. Untrusted: `key-unknown`, it is for another key; `signature`.
    """
    try:
        ours, theirs = x509.load_pem_x509_certificate(certificate), x509.load_pem_x509_certificate(authority)
    except ValueError:
        raise Malformed(Reason.STRUCTURE, "not a certificate in PEM") from None
    if ours.public_key() != key.public_key():
        raise Untrusted(Reason.KEY_UNKNOWN, "the certificate is for another key than ours")
    try:
        ours.verify_directly_issued_by(theirs)
    except (ValueError, TypeError, InvalidSignature):
        raise Untrusted(Reason.SIGNATURE, "the certificate is not signed by this authority") from None


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _alternatives(hosts: Iterable[str]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for host in dict.fromkeys(hosts):
        name: x509.GeneralName | None = None
        with contextlib.suppress(ValueError):  # a name, not a numeric address
            name = x509.IPAddress(ipaddress.ip_address(host))
        names.append(name or x509.DNSName(host))
    return names


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: EllipticCurvePublicKey,
    signing: EllipticCurvePublicKey,
    valid: tuple[datetime, datetime],
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid[0] - BACKDATED)
        .not_valid_after(valid[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing), critical=False)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
