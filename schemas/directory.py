"""The directory: every participant, its keys and its state, in versions that the authority signs.

A version names the one before by hash, and is an entry of the ledger. Being in the ledger does not make it current: a
`Current` statement does, issued hourly with a key that the authority delegates for this alone (TUF's timestamp role).
Revocation is by ledger size: a statement accepted at an index at or past `void_from` is void; clocks never decide, and
no later version takes it back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, TypeVar

from schemas import cbor, cose, threshold
from schemas.claims import NET, Head
from schemas.errors import Malformed, Reason, Untrusted
from schemas.identity import Address, Signer, parse_name, parse_units
from schemas.keys import SealingPublic, SigningPublic
from schemas.network import Network
from schemas.threshold import Holders
from schemas.witness import Witnesses

DIRECTORY_TYP: Final = "application/vnd.bureaunet.directory+cose"
CURRENT_TYP: Final = "application/vnd.bureaunet.directory-current+cose"
CURRENT_LIFETIME: Final = 24 * 3600
"""Seconds: nobody seals on a directory whose `Current` is older."""
_CodeT = TypeVar("_CodeT", bound=StrEnum)


class ParticipantKind(StrEnum):
    """What a participant is; rights hang on it."""

    NATIONAL_BUREAU = "national-bureau"
    SECRETARIAT = "secretariat"
    REGIONAL_BUREAU = "regional-bureau"
    ORGANISATION = "organisation"
    UNIT = "unit"


class Link(StrEnum):
    """How envelopes travel to a participant."""

    HTTP = "http"
    AMQP = "amqp"


class State(StrEnum):
    """Whether a participant may exchange."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"


class Use(StrEnum):
    """What a service key signs."""

    ACCEPTANCE = "acceptance"
    CURRENT = "current"


@dataclass(frozen=True, slots=True)
class Validity:
    """When a key may be used: times in seconds since the epoch, `until` exclusive; `void_from` a ledger index."""

    since: int
    until: int
    void_from: int | None = None

    def covers(self, time: int) -> bool:
        """Whether `time`, in seconds, lies within."""
        return self.since <= time < self.until

    def void_at(self, index: int) -> bool:
        """Whether a statement accepted at ledger `index` is void."""
        return self.void_from is not None and index >= self.void_from

    def to_value(self) -> list[cbor.Value]:
        """CBOR [since, until, void_from]."""
        return [self.since, self.until, self.void_from]


@dataclass(frozen=True, slots=True)
class SigningEntry:
    """A participant's signing key and its validity."""

    key: SigningPublic
    validity: Validity


@dataclass(frozen=True, slots=True)
class SealingEntry:
    """A participant's sealing key and its validity."""

    key: SealingPublic
    validity: Validity


@dataclass(frozen=True, slots=True)
class Service:
    """A key of the gateway's, for one use."""

    use: Use
    key: SigningPublic
    validity: Validity


@dataclass(frozen=True, slots=True)
class Participant:
    """One row of the directory. `units` are names of units that share this participant's keys and inbox."""

    address: Address
    kind: ParticipantKind
    name: str
    link: Link
    state: State
    signing: tuple[SigningEntry, ...]
    sealing: tuple[SealingEntry, ...]
    """Newest first: a sender seals to the first that is valid."""
    units: tuple[str, ...] = ()

    def sealing_key(self, time: int) -> SealingPublic:
        """The key to seal to at `time`, in seconds.

        Raises:
            Untrusted: `key-not-valid`, there is none.
        """
        for entry in self.sealing:
            if entry.validity.covers(time) and entry.validity.void_from is None:
                return entry.key
        raise Untrusted(Reason.KEY_NOT_VALID, f"{self.address} has no valid sealing key")

    @property
    def lapses(self) -> int | None:
        """When its keys end, in seconds: the first moment without a signing key, or without a sealing key, that holds.

        None where it has no such key already.
        """
        sets = (self.signing, self.sealing)
        ends = [[e.validity.until for e in entries if e.validity.void_from is None] for entries in sets]
        return min(map(max, ends)) if all(ends) else None

    def to_value(self) -> list[cbor.Value]:
        """CBOR of the row."""
        signing: list[cbor.Value] = [[e.key.raw, e.validity.to_value()] for e in self.signing]
        sealing: list[cbor.Value] = [[int(e.key.suite), e.key.raw, e.validity.to_value()] for e in self.sealing]
        codes = [str(self.kind), self.name, str(self.link), str(self.state)]
        return [str(self.address), *codes, signing, sealing, list(self.units)]


@dataclass(frozen=True, slots=True)
class Directory:
    """One version. Rows and services are sorted by address and key, so that a version has one encoding."""

    version: int
    previous: bytes | None
    """SHA-256 of the version before; None on the first."""
    time: int
    services: tuple[Service, ...]
    participants: tuple[Participant, ...]
    hash: bytes = b""
    """SHA-256 of the signed statement; empty until it is signed."""
    succession: Holders | None = None
    """Who signs for the authority after this version, where it names others than those who signed it."""
    holders: Holders | None = field(default=None, compare=False)
    """Who signs the version after this one: known of a version that was read."""
    witnesses: Witnesses | None = None
    """Whose cosignatures count while this version is in force; None leaves the genesis' policy."""
    _rows: Mapping[Address, Participant] = field(init=False, repr=False, compare=False)
    _keys: Mapping[bytes, tuple[Participant, SigningEntry]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rows", {row.address: row for row in self.participants})
        keys = {entry.key.key_id: (row, entry) for row in self.participants for entry in row.signing}
        object.__setattr__(self, "_keys", keys)
        if len(keys) != sum(len(row.signing) for row in self.participants):
            raise Malformed(Reason.STRUCTURE, "two rows of the directory share a signing key")

    def find(self, address: Address) -> Participant | None:
        """The row whose keys and inbox serve `address`: its own, or its bureau's for a unit that the bureau lists."""
        row = self._rows.get(address)
        if row is not None or address.unit is None:
            return row
        bureau = self._rows.get(address.bureau)
        return bureau if bureau is not None and address.unit in bureau.units else None

    def signing(self, key_id: bytes) -> tuple[Participant, SigningEntry] | None:
        """Whose signing key this is, or None."""
        return self._keys.get(key_id)

    def service_keys(self, use: Use) -> Mapping[bytes, SigningPublic]:
        """The gateway's keys for a use, by key id."""
        return {service.key.key_id: service.key for service in self.services if service.use is use}

    def encode(self) -> bytes:
        """The payload that the authority signs."""
        services: list[cbor.Value] = [[str(s.use), s.key.raw, s.validity.to_value()] for s in self.services]
        rows: list[cbor.Value] = [row.to_value() for row in sorted(self.participants, key=lambda row: row.address)]
        more: list[cbor.Value] = [] if self.succession is None else [self.succession.to_value()]
        if self.witnesses is not None:
            more = [*(more or [None]), self.witnesses.to_value()]
        return cbor.encode([self.version, self.previous, self.time, services, rows, *more])


def sign_directory(directory: Directory, signers: Sequence[Signer], network: Network) -> bytes:
    """The signed statement of a version."""
    payload = directory.encode()
    parts = (threshold.sign_part(DIRECTORY_TYP, payload, signer, network.id) for signer in signers)
    return threshold.join(parts, DIRECTORY_TYP)


def read_directory(
    data: bytes, network: Network, previous: Directory | None = None, holders: Holders | None = None
) -> Directory:
    """Verify a version, and that it follows `previous` where one is known.

    `holders` must have signed it: where not given, those whom `previous` leaves in office, or else the genesis'.

    Raises:
        Malformed: `structure` and the codec's reasons. Untrusted: `threshold`, `signature`, `network`, `version-order`;
            `key-void`, a key that the version before voids is listed no more, or as void from a later index on.
    """
    office = holders or (None if previous is None else previous.holders) or network.holders
    signed = threshold.verify(data, DIRECTORY_TYP, office.by_id, office.needed, network.id)
    read = read_payload(signed.payload)
    directory = replace(read, hash=signed.hash, holders=read.succession or office)
    follows = (directory.version == 1) == (directory.previous is None)
    if previous is not None:
        follows = (directory.version, directory.previous) == (previous.version + 1, previous.hash)
    if not follows:
        raise Untrusted(Reason.VERSION_ORDER, "the directory does not follow the version before")
    if previous is not None:
        _check_stays_void(previous, directory)
    return directory


def _voids(directory: Directory) -> dict[bytes, int]:
    """Ledger index by key id, of every key that is void from one on."""
    entries: list[Service | SigningEntry | SealingEntry] = [*directory.services]
    for row in directory.participants:
        entries += (*row.signing, *row.sealing)
    return {one.key.key_id: one.validity.void_from for one in entries if one.validity.void_from is not None}


def _check_stays_void(before: Directory, after: Directory) -> None:
    void = _voids(after)
    for key_id, index in _voids(before).items():
        if void.get(key_id, index + 1) > index:
            raise Untrusted(Reason.KEY_VOID, f"key {key_id.hex()[:16]} is void from {index} on, and stays so")


def read_payload(payload: bytes) -> Directory:
    """A version that nobody has signed yet: what its signers look at.

    Raises:
        Malformed: `structure` and the codec's reasons.
    """
    match cbor.decode(payload, cbor.DIRECTORY):
        case [version, before, time, [*services], [*rows], *more] if (
            type(version) is int and type(time) is int and (before is None or type(before) is bytes) and len(more) <= 2
        ):
            pass
        case _:
            raise Malformed(
                Reason.STRUCTURE, "a directory is [version, previous, time, services, rows, succession?, witnesses?]"
            )
    if more == [None]:
        raise Malformed(Reason.STRUCTURE, "a succession that is absent is written only before a witness policy")
    succession = Holders.from_value(more[0]) if more and more[0] is not None else None
    witnesses = Witnesses.from_value(more[1]) if len(more) > 1 else None
    participants = tuple(map(_participant, rows))
    if witnesses is not None and not witnesses.keys.keys() <= {str(row.address) for row in participants}:
        raise Malformed(Reason.STRUCTURE, "a witness has no row in the directory")
    return Directory(
        version,
        before,
        time,
        tuple(map(_service, services)),
        participants,
        succession=succession,
        witnesses=witnesses,
    )


def _validity(value: cbor.Value) -> Validity:
    match value:
        case [since, until, void_from] if (
            type(since) is int and type(until) is int and (void_from is None or type(void_from) is int)
        ):
            return Validity(since, until, void_from)
    raise Malformed(Reason.STRUCTURE, "a validity is [since, until, void-from]")


def _service(value: cbor.Value) -> Service:
    match value:
        case [str(use), bytes(raw), validity]:
            return Service(_code(Use, use), SigningPublic(raw), _validity(validity))
    raise Malformed(Reason.STRUCTURE, "a service is [use, key, validity]")


def _participant(value: cbor.Value) -> Participant:
    match value:
        case [str(address), str(kind), str(name), str(link), str(state), [*signing], [*sealing], [*units]]:
            found = Address.parse(address)
            return Participant(
                found,
                _code(ParticipantKind, kind),
                parse_name(name),
                _code(Link, link),
                _code(State, state),
                tuple(map(_signing, signing)),
                tuple(map(_sealing, sealing)),
                parse_units(found, units),
            )
    raise Malformed(Reason.STRUCTURE, "a participant's row is not of the form")


def _signing(value: cbor.Value) -> SigningEntry:
    match value:
        case [bytes(raw), validity]:
            return SigningEntry(SigningPublic(raw), _validity(validity))
    raise Malformed(Reason.STRUCTURE, "a signing key is [key, validity]")


def _sealing(value: cbor.Value) -> SealingEntry:
    match value:
        case [suite, bytes(raw), validity] if type(suite) is int:
            return SealingEntry(SealingPublic(suite, raw), _validity(validity))
    raise Malformed(Reason.STRUCTURE, "a sealing key is [suite, key, validity]")


def _code(codes: type[_CodeT], value: str) -> _CodeT:
    try:
        return codes(value)
    except ValueError:
        raise Malformed(Reason.STRUCTURE, f"not one of the {codes.__name__} codes") from None


@dataclass(frozen=True, slots=True)
class Current:
    """Which version is current, at `time` in seconds, and the tree head then."""

    version: int
    hash: bytes
    time: int
    head: Head


def sign_current(current: Current, net: bytes, signer: Signer) -> bytes:
    """The signed statement, with the delegated key."""
    payload = cbor.encode([current.version, current.hash, current.time, current.head.to_value()])
    return cose.sign1(CURRENT_TYP, payload, signer, {cose.CLAIMS: {NET: net}})


def read_current(data: bytes, network: Network, directory: Directory, now: int) -> Current:
    """Verify that `directory` is the current one at `now`, in seconds.

    Raises:
        Malformed: the codec's reasons. Untrusted: `key-unknown`, `signature`, `network`, `not-current`.
    """
    current = read_stated(data, network, directory)
    if (current.version, current.hash) != (directory.version, directory.hash):
        raise Untrusted(Reason.NOT_CURRENT, "another version of the directory is current")
    if now - current.time > CURRENT_LIFETIME:
        raise Untrusted(Reason.NOT_CURRENT, "the directory has not been confirmed for 24 hours")
    return current


def read_stated(data: bytes, network: Network, directory: Directory) -> Current:
    """Verify the signature of such a statement alone, by a key that `directory` delegates.

    Raises:
        Malformed: the codec's reasons. Untrusted: `key-unknown`, `signature`, `network`.
    """
    sign1 = cose.parse_sign1(data, CURRENT_TYP)
    if sign1.header.get(cose.CLAIMS) != {NET: network.id}:
        raise Untrusted(Reason.NETWORK, "the statement is of another network")
    key = directory.service_keys(Use.CURRENT).get(sign1.key_id)
    if key is None:
        raise Untrusted(Reason.KEY_UNKNOWN, "the statement is by no key delegated for this")
    sign1.verify(key)
    match cbor.decode(sign1.payload):
        case [version, bytes(digest), time, head] if type(version) is int and type(time) is int:
            return Current(version, digest, time, Head.from_value(head))
    raise Malformed(Reason.STRUCTURE, "a current statement is [version, hash, time, head]")


def directory_hash(data: bytes) -> bytes:
    """SHA-256 of a signed version."""
    return hashlib.sha256(data).digest()
