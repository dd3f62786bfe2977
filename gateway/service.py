"""A gateway's home: its keys, its request to the authority, and what the authority gives back.

    HOME/keys/{acceptance,current,log,tls}.pem   made here, never leave (mode 0600), encrypted (gateway/keyfiles.py)
    HOME/service-request.cbor                    for the authority: public keys, CSR, the log's checkpoint of size 0
    HOME/network.bn gateway.pem ca.pem           from the authority, checked against our own keys
    HOME/gateway.toml                            settings, commented

Order of work: `make_service`, the authority's `init` elsewhere, `complete_service`, then `open_service` at every start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway import certificates, keyfiles
from schemas import cbor
from schemas.errors import Malformed, Misuse, Reason, Untrusted
from schemas.keys import NoteKey, NotePublic, SigningKey, SigningPublic
from schemas.merkle import EMPTY
from schemas.network import Network, read_network
from schemas.notes import Checkpoint, Policy, read_checkpoint, sign_checkpoint

REQUEST_FILE: Final = "service-request.cbor"
NETWORK_FILE: Final = "network.bn"
CERTIFICATE_FILE: Final = "gateway.pem"
AUTHORITY_FILE: Final = "ca.pem"
KEYS: Final = "keys"
TLS_KEY: Final = Path(KEYS, "tls.pem")
_ACCEPTANCE: Final = Path(KEYS, "acceptance.pem")
_CURRENT: Final = Path(KEYS, "current.pem")
_LOG: Final = Path(KEYS, "log.pem")
_MAGIC: Final = "bureaunet-service/1"


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """What a gateway asks the authority to name in the genesis and the directory."""

    log: NotePublic
    acceptance: SigningPublic
    current: SigningPublic
    csr: bytes
    """PKCS#10 (DER) for the gateway's TLS certificate, with the host names that it is reached by."""
    note: str
    """The log's signed checkpoint of size 0; its first line is the log's origin."""

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.note.partition("\n")[0]

    @property
    def policy(self) -> Policy:
        """The log alone, no witnesses."""
        return Policy(self.origin, self.log)

    def encode(self) -> bytes:
        """CBOR [magic, origin, log key, acceptance key, current key, CSR, checkpoint]."""
        keys = [self.log.raw, self.acceptance.raw, self.current.raw]
        return cbor.encode([_MAGIC, self.origin, *keys, self.csr, self.note])


def read_service_request(data: bytes) -> ServiceRequest:
    """Take a request and check what can be checked by itself: the log's signature and the CSR's.

    Raises:
        Malformed: `structure`, `key-form`, `key-weak`, `checkpoint`. Untrusted: `checkpoint`, `signature`.
    """
    match cbor.decode(data):
        case [str(magic), str(origin), bytes(log), bytes(acceptance), bytes(current), bytes(csr), str(note)] if (
            magic == _MAGIC
        ):
            pass
        case _:
            raise Malformed(Reason.STRUCTURE, "not a gateway's request")
    certificates.read_csr(csr)
    request = ServiceRequest(NotePublic(log), SigningPublic(acceptance), SigningPublic(current), csr, note)
    first = read_checkpoint(note, request.policy).checkpoint
    if request.origin != origin or first.size != 0 or first.root != EMPTY:
        raise Untrusted(Reason.CHECKPOINT, "the request's checkpoint is not this log's of size 0")
    return request


@dataclass(frozen=True, slots=True)
class Service:
    """A gateway that may serve: its private keys and the network that it belongs to."""

    home: Path
    network: Network
    acceptance: SigningKey
    current: SigningKey
    log: NoteKey
    tls_password: bytes | None = field(default=None, repr=False)
    """What `tls_key` is encrypted with; None where it is not."""

    @property
    def certificate(self) -> Path:
        """PEM of the TLS certificate."""
        return self.home / CERTIFICATE_FILE

    @property
    def tls_key(self) -> Path:
        """PEM of the certificate's private key."""
        return self.home / TLS_KEY

    @property
    def authority(self) -> Path:
        """PEM of the authority's certificate, which bureaus' certificates are signed by."""
        return self.home / AUTHORITY_FILE


def make_service(
    home: Path, origin: str, hosts: Sequence[str], now: int, secret: bytes | None = None
) -> ServiceRequest:
    """Make a gateway's keys in `home`, and its request there. `now` is seconds since the epoch.

    The keys are encrypted under the passphrase `secret`; without one they are not.

    Raises:
        Misuse: there are keys already, or the passphrase is too short. Malformed: `checkpoint`, the origin cannot be a
            log's name.
    """
    checkpoint = Checkpoint.empty(origin)
    probe = NoteKey.generate(origin)
    read_checkpoint(sign_checkpoint(checkpoint, probe, now), Policy(origin, probe.public))  # before a file is written
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    vault = keyfiles.new_vault(home / KEYS, secret)
    tls = keyfiles.new_tls_key(home / TLS_KEY, vault)
    log = keyfiles.new_note_key(home / _LOG, origin, vault)
    acceptance = keyfiles.new_signing_key(home / _ACCEPTANCE, vault)
    current = keyfiles.new_signing_key(home / _CURRENT, vault)
    csr = certificates.make_csr(tls, certificates.GATEWAY_NAME, hosts)
    note = sign_checkpoint(checkpoint, log, now)
    request = ServiceRequest(log.public, acceptance.public, current.public, csr, note)
    keyfiles.write_public(home / REQUEST_FILE, request.encode())
    return request


def complete_service(home: Path, network: bytes, certificate: bytes, authority: bytes) -> Network:
    """Take what the authority gave, once it fits our keys.

    Raises:
        Misuse: the home has no keys. Malformed, Untrusted: the files do not verify, or are for another gateway.
    """
    read = read_network(network)
    vault = keyfiles.open_vault(home / KEYS, f"the gateway in {home}")
    log = keyfiles.load_note_key(home / _LOG, read.policy.origin, vault)
    if log.public != read.policy.log:
        raise Untrusted(Reason.KEY_UNKNOWN, "the network file names another log than ours")
    certificates.check_issued(certificate, authority, keyfiles.load_tls_key(home / TLS_KEY, vault))
    keyfiles.write_public(home / CERTIFICATE_FILE, certificate)
    keyfiles.write_public(home / AUTHORITY_FILE, authority)
    keyfiles.write_public(home / NETWORK_FILE, network)
    return read


def pinned_network(home: Path) -> Network:
    """The network that the gateway in `home` belongs to, for those who need none of its keys.

    Raises:
        Misuse: it was not initialised, or not completed.
    """
    if not (home / NETWORK_FILE).exists():
        raise Misuse(f"{home} is not a complete gateway; see bureaunet-gateway init --help")
    return read_network(keyfiles.read(home / NETWORK_FILE))


def open_service(home: Path) -> Service:
    """The gateway in `home`; where its keys are encrypted, their passphrase is asked for (gateway/passphrase.py).

    Raises:
        Misuse: it was not initialised, or not completed, or the passphrase is missing or another.
    """
    network = pinned_network(home)
    vault = keyfiles.open_vault(home / KEYS, f"the gateway in {home}")
    log = keyfiles.load_note_key(home / _LOG, network.policy.origin, vault)
    if log.public != network.policy.log:
        raise Misuse("the log's key is not the network file's")
    acceptance = keyfiles.load_signing_key(home / _ACCEPTANCE, vault)
    current = keyfiles.load_signing_key(home / _CURRENT, vault)
    return Service(home, network, acceptance, current, log, None if vault is None else vault.password)
