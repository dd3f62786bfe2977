"""Requests for keys, judged: what the authority may list for an enrolment, a rotation, or an authorised unit.

Pure: bytes and the version in force in, rows out. Rules: a request is signed by the key that it asks for, a rotation
also by the key that it replaces, which must hold; one address has one row, and nobody's key is listed twice; a unit has
a row of its own only as its bureau authorised, by naming it in its own row or by signing the unit's request. That a
request is truly from the bureau it names, people check by its fingerprint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway import certificates, changes
from schemas import cose
from schemas.directory import Directory, Participant, ParticipantKind, SealingEntry, SigningEntry, State, Validity
from schemas.enrolment import (
    AUTHORISATION_TYP,
    ROTATION_TYP,
    Request,
    read_authorisation,
    read_request,
    read_rotation,
)
from schemas.errors import Forbidden, Malformed, Reason, Untrusted
from schemas.identity import Address

CLOCK_SLACK: Final = 300
"""Seconds before the approval that a key is valid from, since clocks differ."""
KEY_DAYS: Final = 366
"""Days that a participant's keys and certificate hold unless said otherwise."""
OVERLAP_DAYS: Final = 7
"""Days that a rotated key still holds beside its successor."""
_DAY: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Terms:
    """For how long an approval holds: days for new keys, days that a replaced key stays beside its successor."""

    days: int = KEY_DAYS
    overlap_days: float = OVERLAP_DAYS


@dataclass(frozen=True, slots=True)
class Asked:
    """A verified request."""

    request: Request
    rotates: bool = False
    """A key that is listed for this very address signed it."""
    authorised: bool = False
    """A key of the unit's bureau signed it."""


def read_any_request(data: bytes) -> Request:
    """The request in whatever was signed around it, for people to look at: an outer signature is not checked here.

    Raises:
        Malformed, Untrusted: it does not verify.
    """
    for typ in (ROTATION_TYP, AUTHORISATION_TYP):
        if (outer := _wrapped(data, typ)) is not None:
            return read_request(outer.payload)
    return read_request(data)


def _wrapped(data: bytes, typ: str) -> cose.Sign1 | None:
    try:
        return cose.parse_sign1(data, typ)
    except Malformed as error:
        if error.reason is not Reason.TYP:
            raise
        return None


def take(data: bytes, before: Directory | None, now: int) -> Asked:
    """A request, verified with its own key and whatever key signed around it; `now` is seconds since the epoch.

    Raises:
        Malformed, Untrusted: it does not verify. Forbidden: the outer key may not do this.
    """
    if (rotation := _wrapped(data, ROTATION_TYP)) is not None:
        row, key = _holder(rotation, before, now)
        asked = Asked(read_rotation(data, key.key), rotates=True)
        if row.address != asked.request.address or row.state is State.WITHDRAWN:
            raise Forbidden(Reason.KEY_NOT_VALID, f"a key of {row.address} cannot rotate {asked.request.address}'s")
    elif (authorisation := _wrapped(data, AUTHORISATION_TYP)) is not None:
        row, key = _holder(authorisation, before, now)
        asked = Asked(read_authorisation(data, key.key), authorised=True)
        if asked.request.address.unit is None or row.address != asked.request.address.bureau:
            raise Forbidden(Reason.ADDRESS, f"{row.address} cannot authorise {asked.request.address}")
    else:
        asked = Asked(read_request(data))
    address = asked.request.address
    if certificates.common_name(certificates.read_csr(asked.request.csr).subject) != address:
        raise Forbidden(Reason.ADDRESS, f"{address} asks for a certificate of another name")
    return asked


def _holder(outer: cose.Sign1, before: Directory | None, now: int) -> tuple[Participant, SigningEntry]:
    """Whose key signed around a request: one that is listed and holds."""
    known = before.signing(outer.key_id) if before else None
    if known is None:
        raise Untrusted(Reason.KEY_UNKNOWN, "the request is signed by no key of the directory")
    if known[1].validity.void_from is not None:
        raise Forbidden(Reason.KEY_VOID, "a key that was revoked signs for no other: enrol again")
    if not known[1].validity.covers(now):
        raise Forbidden(Reason.KEY_NOT_VALID, "a key that is over signs for no other: enrol again")
    return known


def row(asked: Asked, listed: Participant | None, now: int, terms: Terms) -> Participant:
    """The row that a request makes of the one that is listed.

    Raises:
        Forbidden: `address`, it is listed already, or is a unit in name or kind alone.
    """
    request = asked.request
    anew = listed is not None and (listed.state is State.WITHDRAWN or not changes.usable(listed, now))
    if listed is not None and not asked.rotates and not anew:
        raise Forbidden(Reason.ADDRESS, f"{request.address} is listed already; a listed key rotates it")
    if (request.address.unit is not None) != (request.kind is ParticipantKind.UNIT):
        raise Forbidden(
            Reason.ADDRESS, f"{request.address}: a unit, and only a unit, has a name after its bureau's code"
        )
    validity = Validity(now - CLOCK_SLACK, now + terms.days * _DAY)
    until = now if anew else now + round(terms.overlap_days * _DAY)
    old_signing = listed.signing if listed else ()
    old_sealing = listed.sealing if listed else ()
    return Participant(
        request.address,
        request.kind,
        request.name,
        request.link,
        State.ACTIVE if listed is None or listed.state is State.WITHDRAWN else listed.state,
        (SigningEntry(request.signing, validity), *(replace(e, validity=_cut(e.validity, until)) for e in old_signing)),
        (SealingEntry(request.sealing, validity), *(replace(e, validity=_cut(e.validity, until)) for e in old_sealing)),
        request.units,
    )


def _cut(validity: Validity, until: int) -> Validity:
    return replace(validity, until=min(validity.until, until))


def check_rows(rows: Mapping[Address, Participant], asked: Sequence[Asked]) -> None:
    """Check what holds between rows.

    Raises:
        Forbidden: `key-not-valid`, a sealing key is listed twice; `address`, a unit that its bureau did not authorise.
    """
    sealing = [entry.key.key_id for one in rows.values() for entry in one.sealing]
    if len(set(sealing)) != len(sealing):
        raise Forbidden(Reason.KEY_NOT_VALID, "a sealing key is listed twice")
    for one in asked:
        unit = one.request.address.unit
        if unit is None or one.rotates:
            continue
        bureau = rows.get(one.request.address.bureau)
        if bureau is None or not (one.authorised or unit in bureau.units):
            raise Forbidden(
                Reason.ADDRESS,
                f"{one.request.address}: its bureau did not authorise it; see bureaunet authorise --help",
            )
