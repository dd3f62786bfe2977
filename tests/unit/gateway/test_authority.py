"""The authority: what it makes, what it approves, what it refuses."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, EllipticCurve, generate_private_key

from gateway.authority import Authority
from gateway.certificates import common_name, make_csr
from gateway.enrolling import Terms
from gateway.service import complete_service, make_service, open_service
from schemas.directory import Link, ParticipantKind, State, Use, read_directory
from schemas.enrolment import Request, sign_authorisation, sign_request, sign_rotation
from schemas.errors import BureaunetError, Forbidden, Malformed, Misuse, Reason, Untrusted
from schemas.identity import Address
from schemas.keys import SealingKey, SigningKey
from schemas.network import read_network

NOW = 1_800_000_000
DAY = 24 * 3600


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    service = make_service(tmp_path / "gw", "log.test", ["gw.test"], NOW)
    return Authority.create(tmp_path / "authority", service.encode(), "Test network", NOW, exercise=True)


class Bureau:
    """The keys of one bureau and its request."""

    def __init__(self, address: str, *, name: str | None = None, curve: EllipticCurve | None = None) -> None:
        self.address = Address(address)
        self.signing = SigningKey.generate()
        self.sealing = SealingKey.generate()
        self.csr = make_csr(generate_private_key(curve or SECP256R1()), name or address)

    def request(self) -> bytes:
        kind = ParticipantKind.UNIT if self.address.unit else ParticipantKind.NATIONAL_BUREAU
        keys = (self.signing.public, self.sealing.public)
        units = () if self.address.unit else ("airport",)
        body = Request(self.address, kind, f"NCB {self.address}", Link.HTTP, *keys, units, self.csr, NOW)
        return sign_request(body, self.signing)


def test_private_keys_are_readable_by_their_owner_only(authority: Authority, tmp_path: Path) -> None:
    keys = [*(authority.home / "keys").iterdir(), *(tmp_path / "gw" / "keys").iterdir()]
    assert len(keys) == 6
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}


def test_a_second_init_overwrites_no_key(authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(Misuse):
        make_service(tmp_path / "gw", "log.test", [], NOW)
    with pytest.raises(Misuse):
        Authority.create(authority.home, authority.service.encode(), "Another", NOW, exercise=True)


def test_the_gateway_takes_only_what_is_for_its_own_keys(authority: Authority, tmp_path: Path) -> None:
    home = authority.home
    files = [(home / name).read_bytes() for name in ("network.bn", "certificates/gateway.pem", "ca.pem")]
    complete_service(tmp_path / "gw", *files)
    service = open_service(tmp_path / "gw")
    assert service.network.genesis.exercise
    assert service.network.fingerprint == read_network(files[0]).fingerprint
    make_service(tmp_path / "other", "log.test", [], NOW)
    with pytest.raises(Untrusted):
        complete_service(tmp_path / "other", *files)
    with pytest.raises(Misuse):
        open_service(tmp_path / "other")


def test_one_approval_lists_all_and_issues_certificates_that_verify(authority: Authority) -> None:
    bureaus = [Bureau("FR"), Bureau("KE"), Bureau("KE/airport")]
    made = authority.approve([bureau.request() for bureau in bureaus], NOW)
    directory = read_directory(made.directory.read_bytes(), authority.network)
    assert (directory.version, [row.address for row in directory.participants]) == (
        1,
        ["FR", "KE", "KE/airport"],
    )
    assert list(directory.service_keys(Use.ACCEPTANCE).values()) == [authority.service.acceptance]
    assert made.certificates[Address("KE/airport")].name == "KE.airport.pem"
    ca = x509.load_pem_x509_certificate((authority.home / "ca.pem").read_bytes())
    for address, path in made.certificates.items():
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        assert common_name(certificate.subject) == address
        use = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(use) == [x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate.verify_directly_issued_by(ca)


def test_the_gateways_certificate_names_its_hosts_and_loopback(authority: Authority) -> None:
    pem = (authority.home / "certificates" / "gateway.pem").read_bytes()
    names = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "gw.test"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]


def test_versions_follow_one_another(authority: Authority) -> None:
    first = authority.approve([Bureau("FR").request()], NOW)
    second = authority.approve([Bureau("BR").request()], NOW + 1)
    before = read_directory(first.directory.read_bytes(), authority.network)
    after = read_directory(second.directory.read_bytes(), authority.network, before)
    assert [row.address for row in after.participants] == ["BR", "FR"]
    assert (authority.home / "directory.cbor").read_bytes() == second.directory.read_bytes()


def test_a_rotation_puts_the_new_key_first_and_ends_the_old_one_after_the_overlap(authority: Authority) -> None:
    old, new = Bureau("FR"), Bureau("FR")
    authority.approve([old.request()], NOW)
    authority.approve([sign_rotation(new.request(), old.signing)], NOW + 10, Terms(overlap_days=1))
    directory = authority.directory()
    assert directory is not None
    row = directory.participants[0]
    assert [entry.key for entry in row.signing] == [new.signing.public, old.signing.public]
    assert row.signing[1].validity.until == NOW + 10 + DAY
    assert row.sealing_key(NOW + 20) == new.sealing.public


def refused(authority: Authority, *requests: bytes) -> BureaunetError:
    before = sorted(authority.home.rglob("*"))
    with pytest.raises(BureaunetError) as caught:
        authority.approve(requests, NOW)
    assert sorted(authority.home.rglob("*")) == before
    return caught.value


def test_a_listed_address_is_not_enrolled_again(authority: Authority) -> None:
    authority.approve([Bureau("FR").request()], NOW)
    assert isinstance(refused(authority, Bureau("FR").request()), Forbidden)


def test_two_requests_for_one_address_are_refused_together(authority: Authority) -> None:
    assert isinstance(refused(authority, Bureau("FR").request(), Bureau("FR").request()), Forbidden)
    assert authority.directory() is None


def test_another_bureaus_key_rotates_nothing(authority: Authority) -> None:
    fr, br = Bureau("FR"), Bureau("BR")
    authority.approve([fr.request(), br.request()], NOW)
    assert isinstance(refused(authority, sign_rotation(Bureau("FR").request(), br.signing)), Forbidden)
    assert refused(authority, sign_rotation(Bureau("FR").request(), SigningKey.generate())).reason is Reason.KEY_UNKNOWN


def test_a_certificate_of_another_name_is_not_issued(authority: Authority) -> None:
    assert isinstance(refused(authority, Bureau("FR", name="BR").request()), Forbidden)


def test_a_unit_needs_its_bureau(authority: Authority) -> None:
    unit = Bureau("KE/border-namanga")
    assert isinstance(refused(authority, unit.request()), Forbidden)
    bureau = Bureau("KE")
    authority.approve([bureau.request()], NOW)
    assert refused(authority, unit.request()).reason is Reason.ADDRESS
    made = authority.approve([sign_authorisation(unit.request(), bureau.signing)], NOW)
    assert made.certificates.keys() == {unit.address}
    assert authority.approve([sign_rotation(Bureau(unit.address).request(), unit.signing)], NOW).signed


def test_a_bureau_authorises_its_own_units_alone(authority: Authority) -> None:
    bureau, other, unit = Bureau("KE"), Bureau("FR"), Bureau("KE/border-namanga")
    authority.approve([bureau.request(), other.request()], NOW)
    assert refused(authority, sign_authorisation(unit.request(), other.signing)).reason is Reason.ADDRESS
    assert refused(authority, sign_authorisation(unit.request(), unit.signing)).reason is Reason.KEY_UNKNOWN
    assert refused(authority, sign_authorisation(Bureau("BR").request(), bureau.signing)).reason is Reason.ADDRESS
    authority.revoke(bureau.address, bureau.signing.key_id.hex(), 0, NOW)
    assert refused(authority, sign_authorisation(unit.request(), bureau.signing)).reason is Reason.KEY_VOID


def test_a_unit_that_its_bureau_names_needs_no_other_word(authority: Authority) -> None:
    made = authority.approve([Bureau("KE").request(), Bureau("KE/airport").request()], NOW)
    assert len(made.certificates) == 2


def test_who_withdrew_or_lost_every_key_enrols_anew_and_rotates_nothing(authority: Authority) -> None:
    old = Bureau("FR")
    authority.approve([old.request()], NOW)
    authority.revoke(old.address, old.signing.key_id.hex(), 0, NOW)
    assert refused(authority, sign_rotation(Bureau("FR").request(), old.signing)).reason is Reason.KEY_VOID
    fresh = Bureau("FR")
    authority.approve([fresh.request()], NOW)
    assert refused(authority, Bureau("FR").request()).reason is Reason.ADDRESS
    authority.set_state(old.address, State.WITHDRAWN, NOW)
    assert refused(authority, sign_rotation(Bureau("FR").request(), fresh.signing)).reason is Reason.KEY_NOT_VALID
    authority.approve([Bureau("FR").request()], NOW + 10)
    directory = authority.directory()
    assert directory is not None
    row = directory.find(old.address)
    assert row is not None
    assert row.state is State.ACTIVE
    assert [entry.validity.covers(NOW + 20) for entry in row.signing] == [True, False, False]


def test_a_key_is_listed_once(authority: Authority) -> None:
    one, other = Bureau("FR"), Bureau("BR")
    other.sealing = one.sealing
    assert isinstance(refused(authority, one.request(), other.request()), Forbidden)
    other.sealing, other.signing = SealingKey.generate(), one.signing
    assert isinstance(refused(authority, one.request(), other.request()), Malformed)


def test_a_certificate_request_of_another_curve_is_refused(authority: Authority) -> None:
    assert refused(authority, Bureau("FR", curve=SECP384R1()).request()).reason is Reason.KEY_FORM


@pytest.mark.parametrize("position", [0, 40, 200, -1])
def test_a_changed_request_is_refused(authority: Authority, position: int) -> None:
    request = bytearray(Bureau("FR").request())
    request[position] ^= 1
    assert isinstance(refused(authority, bytes(request)), (Malformed, Untrusted))


def test_a_threshold_needs_its_keys(tmp_path: Path) -> None:
    service = make_service(tmp_path / "gw", "log.test", [], NOW).encode()
    home = tmp_path / "authority"
    authority = Authority.create(home, service, "Test", NOW, exercise=False, keys=3, threshold=2)
    (home / "keys" / "authority-1.pem").unlink()
    authority.approve([Bureau("FR").request()], NOW)
    (home / "keys" / "authority-2.pem").unlink()
    made = authority.approve([Bureau("BR").request()], NOW)
    assert not made.signed
    assert authority.directory() is not None
    assert made.version == 2


def test_a_threshold_that_cannot_be_met_is_refused(tmp_path: Path) -> None:
    service = make_service(tmp_path / "gw", "log.test", [], NOW).encode()
    with pytest.raises(Misuse):
        Authority.create(tmp_path / "authority", service, "Test", NOW, exercise=False, keys=1, threshold=2)


def test_a_log_needs_a_name_that_a_checkpoint_can_carry(tmp_path: Path) -> None:
    with pytest.raises(Malformed):
        make_service(tmp_path / "gw", "two words", [], NOW)
    assert not (tmp_path / "gw").exists()
