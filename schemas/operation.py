"""Operations: what every exchange is recorded against, in versions signed by their owner (never with a gateway's key).

An operation passes planned -> training -> active -> public appeal -> follow-up -> evaluated -> closed. While it is
planned or in training its traffic is an exercise; on an exercise network all traffic is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from operator import itemgetter
from typing import Final

from schemas import cbor, cose
from schemas.answer_times import AnswerTime, read_times
from schemas.claims import MAX_KIND, NET, is_kind
from schemas.codes import Handling, Purpose
from schemas.errors import Malformed, Reason, Untrusted
from schemas.identity import Address, Signer, parse_name, parse_operation_id
from schemas.keys import SigningPublic
from schemas.progress import Progress, read_progress

OPERATION_TYP: Final = "application/vnd.bureaunet.operation+cose"
REVIEW: Final = 5 * 365 * 24 * 3600
"""Seconds from an operation's first version to its review, where none of its versions names a time."""


class Phase(StrEnum):
    """Where an operation stands."""

    PLANNED = "planned"
    TRAINING = "training"
    ACTIVE = "active"
    PUBLIC_APPEAL = "public-appeal"
    FOLLOW_UP = "follow-up"
    EVALUATED = "evaluated"
    CLOSED = "closed"


class Role(StrEnum):
    """What a member is in an operation."""

    OWNER = "owner"
    PARTICIPANT = "participant"
    OBSERVER = "observer"
    """Receives, never asks."""
    AUDITOR = "auditor"
    """Reads the operation's entries in the ledger; neither asks nor receives."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member, and from when to when: seconds since the epoch, `until` exclusive or None.

    A bureau's membership covers its units.
    """

    address: Address
    role: Role
    since: int
    until: int | None = None

    def covers(self, time: int) -> bool:
        """Whether the membership holds at `time`, in seconds."""
        return self.since <= time and (self.until is None or time < self.until)

    @property
    def sends(self) -> bool:
        """Whether it may ask and answer."""
        return self.role in (Role.OWNER, Role.PARTICIPANT)

    @property
    def receives(self) -> bool:
        """Whether it may be sent anything."""
        return self.role is not Role.AUDITOR


@dataclass(frozen=True, slots=True)
class Operation:
    """One version of an operation."""

    id: str
    version: int
    previous: bytes | None
    """SHA-256 of the version before; None on the first."""
    time: int
    name: str
    owner: Address
    phase: Phase
    members: tuple[Member, ...]
    kinds: tuple[str, ...]
    """Message kinds that may be exchanged."""
    purposes: tuple[Purpose, ...]
    handling: tuple[Handling, ...]
    retention: int = 30
    """Days that sealed parts are kept."""
    review: int | None = None
    """Seconds since the epoch when its owner reviews what is kept of it; None is `REVIEW` after its first version."""
    times: tuple[AnswerTime, ...] = ()
    """How long answers may take, for the kinds that it does not leave to the network."""
    progress: Progress | None = None
    """Its objectives and results so far, as its owner counts them; None while the owner has said nothing."""
    _places: dict[Address, list[tuple[int, Member]]] = field(init=False, repr=False, compare=False)
    """The memberships of an address, and where in `members` they stand."""

    def __post_init__(self) -> None:
        """Find members without looking at all of them: there may be some hundred, and each message has two."""
        places: dict[Address, list[tuple[int, Member]]] = {}
        for place, member in enumerate(self.members):
            places.setdefault(member.address, []).append((place, member))
        object.__setattr__(self, "_places", places)

    def member(self, address: Address, time: int) -> Member | None:
        """The membership that covers `address` at `time`, in seconds: the first of those that do."""
        found = self._places.get(address, ())
        if "/" in address and address.unit is not None and (above := self._places.get(address.bureau)):
            found = sorted((*found, *above), key=itemgetter(0)) if found else above
        for _, member in found:
            if member.since <= time and (member.until is None or time < member.until):  # `covers`, without a call
                return member
        return None

    @property
    def training(self) -> bool:
        """Whether its traffic is an exercise by the phase alone."""
        return self.phase in (Phase.PLANNED, Phase.TRAINING)

    @property
    def closed(self) -> bool:
        """Whether nothing more is exchanged in it."""
        return self.phase in (Phase.EVALUATED, Phase.CLOSED)

    def encode(self) -> bytes:
        """The payload that the owner signs."""
        members: list[cbor.Value] = [[str(m.address), str(m.role), m.since, m.until] for m in self.members]
        more: list[cbor.Value] = [] if self.review is None else [self.review]
        if self.times or self.progress is not None:
            more = [self.review, [time.to_value() for time in self.times]]
        if self.progress is not None:
            more.append(self.progress.to_value())
        return cbor.encode(
            [
                self.id,
                self.version,
                self.previous,
                self.time,
                self.name,
                str(self.owner),
                str(self.phase),
                members,
                list(self.kinds),
                [str(code) for code in self.purposes],
                [str(code) for code in self.handling],
                self.retention,
                *more,
            ]
        )


@dataclass(frozen=True, slots=True)
class SignedOperation:
    """A verified version with its bytes."""

    raw: bytes
    operation: Operation
    key_id: bytes

    @property
    def hash(self) -> bytes:
        """SHA-256 of the raw bytes."""
        return hashlib.sha256(self.raw).digest()


def sign_operation(operation: Operation, net: bytes, signer: Signer) -> bytes:
    """The owner's signed statement."""
    return cose.sign1(OPERATION_TYP, operation.encode(), signer, {cose.CLAIMS: {NET: net}})


def read_operation(
    data: bytes, net: bytes, keys: Mapping[bytes, SigningPublic], previous: SignedOperation | None = None
) -> SignedOperation:
    """Verify a version with one of its owner's `keys` (by key id), and that it follows `previous` where one is known.

    Whether the signing key belongs to the owner named inside, the caller has decided by the `keys` it gives.

    Raises:
        Malformed: `structure` and the codec's reasons.
        Untrusted: `key-unknown`, `signature`, `network`, `version-order`.
    """
    sign1 = cose.parse_sign1(data, OPERATION_TYP, cbor.DIRECTORY)
    if sign1.header.get(cose.CLAIMS) != {NET: net}:
        raise Untrusted(Reason.NETWORK, "the statement is of another network")
    key = keys.get(sign1.key_id)
    if key is None:
        raise Untrusted(Reason.KEY_UNKNOWN, "the statement is not by a key of the operation's owner")
    sign1.verify(key)
    signed = SignedOperation(data, _read_payload(sign1.payload), sign1.key_id)
    _check_order(signed.operation, previous)
    return signed


def claimed_owner(data: bytes) -> tuple[str, Address]:
    """The operation's id and owner that a statement claims, nothing verified: to find the keys to verify it with.

    Raises:
        Malformed: `structure` and the codec's reasons.
    """
    operation = claimed(data)
    return operation.id, operation.owner


def claimed(data: bytes) -> Operation:
    """All that a statement claims, nothing verified: for one that was verified before it was kept.

    Raises:
        Malformed: `structure` and the codec's reasons.
    """
    return _read_payload(cose.parse_sign1(data, OPERATION_TYP, cbor.DIRECTORY).payload)


def _check_order(operation: Operation, previous: SignedOperation | None) -> None:
    if previous is None:
        follows = operation.version != 1 or operation.previous is None
    else:
        before = previous.operation
        follows = (operation.id, operation.version, operation.previous, operation.owner) == (
            before.id,
            before.version + 1,
            previous.hash,
            before.owner,
        )
    if not follows:
        raise Untrusted(Reason.VERSION_ORDER, "the operation does not follow the version before")


def _read_payload(payload: bytes) -> Operation:
    match cbor.decode(payload, cbor.DIRECTORY):
        case [
            str(name),
            int(version),
            None | bytes() as previous,
            int(time),
            str(title),
            str(owner),
            str(phase),
            [*members],
            [*kinds],
            [*purposes],
            [*handling],
            int(retention),
            *rest,
        ]:
            review, times, progress = _more(rest)
        case _:
            raise Malformed(Reason.STRUCTURE, "an operation is not of the form")
    try:
        return Operation(
            parse_operation_id(name),
            version,
            previous,
            time,
            parse_name(title),
            Address.parse(owner),
            Phase(phase),
            tuple(map(_member, members)),
            tuple(map(_kind, kinds)),
            tuple(Purpose(str(code)) for code in purposes),
            tuple(Handling(str(code)) for code in handling),
            retention,
            review,
            times,
            progress,
        )
    except ValueError:
        raise Malformed(Reason.STRUCTURE, "an operation's phase, purposes or handling are not codes") from None


def _kind(value: cbor.Value) -> str:
    if isinstance(value, str) and is_kind(value):
        return value
    raise Malformed(Reason.STRUCTURE, f"a kind is up to {MAX_KIND} printable characters")


def _more(rest: list[cbor.Value]) -> tuple[int | None, tuple[AnswerTime, ...], Progress | None]:
    """What later versions of the form added, in its one spelling.

    Nothing, a review, a review or null and times, or with them, none or more, the progress.
    """
    match rest:
        case []:
            return None, (), None
        case [int(review)] if not isinstance(review, bool):
            return review, (), None
        case [None | int() as review, [*times]] if not isinstance(review, bool):
            return review, read_times(times), None
        case [None | int() as review, [*times], [*progress]] if not isinstance(review, bool):
            return review, read_times(times) if times else (), read_progress(progress)
    raise Malformed(Reason.STRUCTURE, "an operation is not of the form")


def _member(value: cbor.Value) -> Member:
    match value:
        case [str(address), str(role), int(since), None | int() as until] if role in set(Role):
            return Member(Address.parse(address), Role(role), since, until)
    raise Malformed(Reason.STRUCTURE, "a member is [address, role, since, until]")
