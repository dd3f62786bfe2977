from __future__ import annotations

import stat
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.verification import PolicyBuilder, Store

from bureaus.sandbox.pki import SandboxAuthority


def test_a_server_certificate_verifies_for_localhost_under_its_authority() -> None:
    authority = SandboxAuthority()
    issued = authority.issue_server()
    store = Store([x509.load_pem_x509_certificate(authority.certificate)])
    verifier = PolicyBuilder().store(store).build_server_verifier(x509.DNSName("localhost"))
    chain = verifier.verify(x509.load_pem_x509_certificate(issued.certificate), [])
    assert len(chain) == 2


def test_a_client_certificate_names_its_user_and_verifies_for_clients() -> None:
    authority = SandboxAuthority()
    certificate = x509.load_pem_x509_certificate(authority.issue_client("AA").certificate)
    assert certificate.subject.rfc4514_string() == "CN=AA"
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate))
    use = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(use) == [x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]


def test_saved_keys_are_for_their_owner_only_and_match(tmp_path: Path) -> None:
    files = SandboxAuthority().issue_client("AA").save(tmp_path, "AA")
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    key = load_pem_private_key(files.key.read_bytes(), password=None)
    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    assert key.public_key() == certificate.public_key()
