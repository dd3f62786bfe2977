"""The authority, offline: it says who belongs to the network, in versions of the directory, and issues certificates.

    HOME/keys/authority-N.pem ca.pem         its private keys (mode 0600), encrypted (gateway/keyfiles.py); signatures
                                             need a threshold of the first kind
    HOME/network.bn ca.pem service.cbor      what participants pin; the gateway's request
    HOME/witnesses/NAME.key                  witness keys (public, 1312 bytes) from approved requests, named likewise
    HOME/certificates/NAME.pem               issued; an address's slash is a dot in its file's name
    HOME/directory-N.cbor directory.cbor     every version; the newest again under the second name
    HOME/directory-N.draft                   a version that needs signatures from elsewhere (gateway/ceremony.py)

Order of work: `create` once, then `approve` all requests at hand as one version; `revoke`, `set_state`, `succeed` and
`name_witnesses` make one each; who witnesses stays so until another version says otherwise. Rules: it never sees a
private key of anyone else; a request is signed by the key that it asks for, and a rotation by the key that it replaces;
one address has one row, and nobody's key is listed twice. That a request is truly from the bureau it names, people
check by its fingerprint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway import certificates, changes, enrolling, keyfiles
from gateway.enrolling import CLOCK_SLACK, KEY_DAYS, Terms
from gateway.service import ServiceRequest, read_service_request
from schemas.directory import (
    Directory,
    Participant,
    Service,
    State,
    Use,
    Validity,
    read_directory,
    sign_directory,
)
from schemas.enrolment import Request
from schemas.errors import Malformed, Misuse
from schemas.identity import Address
from schemas.keys import NotePublic, SigningKey
from schemas.network import Genesis, Network, make_network, read_network
from schemas.threshold import Holders
from schemas.vault import Vault
from schemas.witness import Witnesses, least_quorum

SERVICE_DAYS: Final = 5 * 366
_DAY: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Approved:
    """What an approval or another change made."""

    version: int
    directory: Path
    """The signed version, or the draft where too few of the authority's keys are here."""
    certificates: Mapping[Address, Path]
    signed: bool
    changes: tuple[str, ...]
    """What it changes, in words."""


@dataclass(frozen=True, slots=True)
class Witnessing:
    """Who shall witness the ledger: how many of them may be dishonest, and the quorum, 0 for the least that holds."""

    names: tuple[Address, ...]
    dishonest: int = 0
    quorum: int = 0


class Authority:
    """The authority whose home is `home`."""

    def __init__(self, home: Path) -> None:
        """Open it.

        Raises:
            Misuse: there is no authority in `home`.
        """
        if not (home / "network.bn").exists():
            raise Misuse(f"{home} is no authority; see bureaunet-gateway authority init --help")
        self.home = home
        self.network: Network = read_network(keyfiles.read(home / "network.bn"))
        self.service: ServiceRequest = read_service_request(keyfiles.read(home / "service.cbor"))

    @cached_property
    def _vault(self) -> Vault | None:
        return keyfiles.open_vault(self.home / "keys", f"the authority in {self.home}")

    @classmethod
    def create(
        cls,
        home: Path,
        service: bytes,
        name: str,
        now: int,
        *,
        exercise: bool,
        keys: int = 1,
        threshold: int = 1,
        secret: bytes | None = None,
    ) -> Authority:
        """Make a network around a gateway's request: keys, the genesis, the authority's and the gateway's certificates.

        `now` is seconds since the epoch. The keys are encrypted under the passphrase `secret`; without one they are
        not.

        Raises:
            Misuse: there is an authority already, or the threshold cannot be met. Malformed, Untrusted: the request.
        """
        if not 1 <= threshold <= keys:
            raise Misuse("the threshold is at least 1 and at most the number of keys")
        if (home / "network.bn").exists():
            raise Misuse(f"there is an authority in {home} already")
        request = read_service_request(service)
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        vault = keyfiles.new_vault(home / "keys", secret)
        signers = [keyfiles.new_signing_key(_key_path(home, number), vault) for number in range(1, keys + 1)]
        public = tuple(sorted((key.public for key in signers), key=lambda key: key.key_id))
        genesis = Genesis(name, exercise, now, public, threshold, request.policy)
        issuer = _make_issuer(home, name, now, vault)
        keyfiles.write_public(home / "service.cbor", service)
        keyfiles.write_public(home / "network.bn", make_network(genesis, signers, request.note))
        csr = certificates.read_csr(request.csr)
        uses, span = (certificates.SERVER, certificates.CLIENT), _span(now, SERVICE_DAYS)
        hosts = (*certificates.LOOPBACK, *certificates.hosts_of(csr))
        pem = issuer.issue(csr, certificates.GATEWAY_NAME, uses, span, hosts)
        keyfiles.write_public(home / "certificates" / f"{certificates.GATEWAY_NAME}.pem", pem)
        return cls(home)

    def directory(self) -> Directory | None:
        """The newest version, or None before the first."""
        newest: Directory | None = None
        for number in count(1):
            path = self.home / f"directory-{number}.cbor"
            if not path.exists():
                return newest
            newest = read_directory(path.read_bytes(), self.network, newest)
        return newest

    def approve(
        self, requests: Sequence[bytes], now: int, terms: Terms | None = None, witnessing: Witnessing | None = None
    ) -> Approved:
        """List all of `requests` in a new version, and issue their certificates.

        They are enrolments, rotations, and units' enrolments that their bureaus authorised.
        `now` is seconds since the epoch; `witnessing` names the witnesses from then on. All or nothing: the first
        request that cannot be approved is raised.

        Raises:
            Malformed, Untrusted: a request does not verify. Forbidden: an address or a key is listed already, a unit's
                bureau is not. Misuse: none of the authority's keys are here.
        """
        terms = terms or Terms()
        before = self.directory()
        rows = {row.address: row for row in before.participants} if before else {}
        approved = [enrolling.take(data, before, now) for data in requests]
        for asked in approved:
            rows[asked.request.address] = enrolling.row(asked, rows.get(asked.request.address), now, terms)
        enrolling.check_rows(rows, approved)
        for asked in approved:
            if asked.request.witness is not None:
                keyfiles.write_public(self._witness_path(asked.request.address), asked.request.witness.raw)
        witnesses = None if witnessing is None else self._witnesses(witnessing)
        made = self._publish(before, rows, now, witnesses=witnesses)
        issued = {asked.request.address: self._issue_client(asked.request, now, terms) for asked in approved}
        return replace(made, certificates=issued)

    def revoke(self, address: Address, key: str, void_from: int, now: int) -> Approved:
        """A version in which a key is void from a ledger index on; `key` is the beginning of its id, in hexadecimal.

        Raises:
            Forbidden: `recipient-unknown`; `key-void`, it is void already. Misuse: no such key.
        """
        return self._change(address, lambda row: changes.with_revoked(row, key, void_from), now)

    def set_state(self, address: Address, state: State, now: int) -> Approved:
        """A version in which a participant is suspended, active again, or withdrawn.

        Raises:
            Forbidden: `recipient-unknown`; `sender-suspended`, it cannot go there from the state that it is in.
        """
        return self._change(address, lambda row: changes.with_state(row, state), now)

    def succeed(self, keys: int, threshold: int, now: int) -> Approved:
        """New keys for the authority, in a version that those before them sign; they sign the one after it.

        Raises:
            Misuse: the threshold cannot be met, or there is no directory yet.
        """
        before = self.directory()
        if not 1 <= threshold <= keys or before is None:
            raise Misuse("a succession needs a directory, and a threshold of 1 to the number of keys")
        taken = [int(path.stem.partition("-")[2]) for path in self._key_paths()]
        first = max(taken, default=0) + 1
        made = [keyfiles.new_signing_key(_key_path(self.home, n), self._vault) for n in range(first, first + keys)]
        holders = Holders(tuple(sorted((key.public for key in made), key=lambda key: key.key_id)), threshold)
        rows = {row.address: row for row in before.participants}
        return self._publish(before, rows, now, holders)

    def name_witnesses(self, witnessing: Witnessing, now: int) -> Approved:
        """A version from which on these witness the ledger; with nobody named, nobody does.

        Raises:
            Misuse: there is no directory, a key is not known here, or the quorum does not hold.
        """
        before = self.directory()
        if before is None:
            raise Misuse("there is no directory yet")
        rows = {row.address: row for row in before.participants}
        return self._publish(before, rows, now, witnesses=self._witnesses(witnessing))

    def _witnesses(self, asked: Witnessing) -> Witnesses:
        missing = [name for name in asked.names if not self._witness_path(name).exists()]
        if missing:
            raise Misuse(
                f"no approved request of {', '.join(missing)} had a witness key: let it rotate, and approve that"
            )
        keys = {str(name): NotePublic(keyfiles.read(self._witness_path(name))) for name in asked.names}
        quorum = asked.quorum or least_quorum(len(keys), asked.dishonest)
        try:
            named = Witnesses(keys, quorum, asked.dishonest)
            named.check()
        except Malformed as error:
            raise Misuse(error.detail) from None
        return named

    def _witness_path(self, address: Address) -> Path:
        return self.home / "witnesses" / f"{address.replace('/', '.')}.key"

    def adopt(self, signed: bytes) -> Path:
        """Keep a version that was signed elsewhere, in parts.

        Raises:
            Malformed, Untrusted: it does not verify, or does not follow the version before.
        """
        return self._keep(read_directory(signed, self.network, self.directory()), signed)

    def _change(self, address: Address, change: Callable[[Participant], Participant], now: int) -> Approved:
        before = self.directory()
        if before is None:
            raise Misuse("there is no directory yet")
        rows = {row.address: row for row in before.participants}
        rows[address] = change(changes.row_of(before, address))
        return self._publish(before, rows, now)

    def _publish(
        self,
        before: Directory | None,
        rows: Mapping[Address, Participant],
        now: int,
        succession: Holders | None = None,
        witnesses: Witnesses | None = None,
    ) -> Approved:
        version = self._next(before, tuple(rows[address] for address in sorted(rows)), now)
        kept = None if before is None else before.witnesses
        version = replace(version, succession=succession, witnesses=witnesses or kept)
        words = tuple(changes.describe(before, version))
        office = (None if before is None else before.holders) or self.network.holders
        signers = self.signers(office)
        if len(signers) >= office.needed:
            signed = sign_directory(version, signers, self.network)
            path = self._keep(read_directory(signed, self.network, before), signed)
            return Approved(version.version, path, {}, signed=True, changes=words)
        draft = self.home / f"directory-{version.version}.draft"
        keyfiles.write_public(draft, version.encode())
        return Approved(version.version, draft, {}, signed=False, changes=words)

    def _keep(self, version: Directory, signed: bytes) -> Path:
        path = self.home / f"directory-{version.version}.cbor"
        keyfiles.write_public(path, signed)
        keyfiles.write_public(self.home / "directory.cbor", signed)
        (self.home / f"directory-{version.version}.draft").unlink(missing_ok=True)
        return path

    def server_certificate(self, csr: bytes, now: int, days: int = KEY_DAYS) -> bytes:
        """A certificate (PEM) for a server beside the gateway, such as the broker, with the hosts that it asks for.

        Raises:
            Malformed, Untrusted: the request does not verify.
        """
        request = certificates.read_csr(csr)
        name = certificates.common_name(request.subject)
        hosts = (*certificates.LOOPBACK, *certificates.hosts_of(request))
        return self._issuer().issue(request, name, (certificates.SERVER,), _span(now, days), hosts)

    def _next(self, before: Directory | None, rows: tuple[Participant, ...], now: int) -> Directory:
        if before is not None:
            following = (before.version + 1, before.hash, now)
            return Directory(*following, before.services, rows)
        validity = Validity(now - CLOCK_SLACK, now + SERVICE_DAYS * _DAY)
        acceptance = Service(Use.ACCEPTANCE, self.service.acceptance, validity)
        current = Service(Use.CURRENT, self.service.current, validity)
        return Directory(1, None, now, (acceptance, current), rows)

    def signers(self, office: Holders) -> list[SigningKey]:
        """The keys here of those who hold the authority's office.

        Raises:
            Misuse: there is none.
        """
        held = [keyfiles.load_signing_key(path, self._vault) for path in self._key_paths()]
        signers = [key for key in held if key.key_id in office.by_id]
        if not signers:
            raise Misuse(f"none of the authority's keys are in {self.home / 'keys'}")
        return signers

    def _key_paths(self) -> list[Path]:
        return sorted((self.home / "keys").glob("authority-*.pem"))

    def _issuer(self) -> certificates.Issuer:
        certificate = x509.load_pem_x509_certificate(keyfiles.read(self.home / "ca.pem"))
        return certificates.Issuer(keyfiles.load_tls_key(self.home / "keys" / "ca.pem", self._vault), certificate)

    def _issue_client(self, request: Request, now: int, terms: Terms) -> Path:
        csr = certificates.read_csr(request.csr)
        pem = self._issuer().issue(csr, str(request.address), (certificates.CLIENT,), _span(now, terms.days))
        path = self.home / "certificates" / f"{request.address.replace('/', '.')}.pem"
        keyfiles.write_public(path, pem)
        return path


def _key_path(home: Path, number: int) -> Path:
    return home / "keys" / f"authority-{number}.pem"


def _make_issuer(home: Path, name: str, now: int, vault: Vault | None) -> certificates.Issuer:
    key = keyfiles.new_tls_key(home / "keys" / "ca.pem", vault)
    certificate = certificates.make_authority(key, name[:64], datetime.fromtimestamp(now, UTC))
    keyfiles.write_public(home / "ca.pem", certificate.public_bytes(Encoding.PEM))
    return certificates.Issuer(key, certificate)


def _span(now: int, days: int) -> tuple[datetime, datetime]:
    start = datetime.fromtimestamp(now, UTC)
    return start, start + timedelta(days=days)
