"""Enrolment and rotation: how a bureau's keys reach the authority.

Private keys are made at the bureau and never leave it. A request is signed by the very key that it asks for, so that
nobody enrols a key they do not hold; a witness key in it signs its own proof of possession. A rotation is a new request
wrapped in a signature by the old key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from schemas import cbor, cose
from schemas.directory import Link, ParticipantKind
from schemas.errors import Malformed, Reason, Untrusted
from schemas.identity import Address, NoteSigner, Signer, parse_name, parse_units
from schemas.keys import NotePublic, SealingPublic, SigningPublic
from schemas.witness import check_possession, prove_possession

ENROLMENT_TYP: Final = "application/vnd.bureaunet.enrolment+cose"
ROTATION_TYP: Final = "application/vnd.bureaunet.rotation+cose"
AUTHORISATION_TYP: Final = "application/vnd.bureaunet.authorisation+cose"


@dataclass(frozen=True, slots=True)
class Request:
    """What a bureau asks the authority to list. `csr` is the PKCS#10 request (DER) for its link certificate."""

    address: Address
    kind: ParticipantKind
    name: str
    link: Link
    signing: SigningPublic
    sealing: SealingPublic
    units: tuple[str, ...]
    csr: bytes
    time: int
    """Seconds since the epoch."""
    witness: NotePublic | None = None
    """The key that it would witness with; None in a request that names none."""


def sign_request(request: Request, signer: Signer, witness: NoteSigner | None = None) -> bytes:
    """The self-signed request; `witness` holds `request.witness`, where it names one."""
    more: list[cbor.Value] = []
    if witness is not None:
        more = [[witness.raw, prove_possession(witness, request.address, request.signing.raw)]]
    payload = cbor.encode(
        [
            str(request.address),
            str(request.kind),
            request.name,
            str(request.link),
            request.signing.raw,
            int(request.sealing.suite),
            request.sealing.raw,
            list(request.units),
            request.csr,
            request.time,
            *more,
        ]
    )
    return cose.sign1(ENROLMENT_TYP, payload, signer)


def read_request(data: bytes) -> Request:
    """Verify a request with the key inside it. Whose it is, people check by its fingerprint.

    Raises:
        Malformed: `structure`, `key-weak`, `key-form`, `suite`. Untrusted: `key-unknown`, `signature`, its
            own or the witness key's proof.
    """
    sign1 = cose.parse_sign1(data, ENROLMENT_TYP)
    match cbor.decode(sign1.payload):
        case [
            str(address),
            str(kind),
            str(name),
            str(link),
            bytes(signing),
            int(suite),
            bytes(sealing),
            [*units],
            bytes(csr),
            int(time),
            *more,
        ] if len(more) < 2:
            pass
        case _:
            raise Malformed(Reason.STRUCTURE, "an enrolment request is not of the form")
    try:
        codes = ParticipantKind(kind), Link(link)
    except ValueError:
        raise Malformed(Reason.STRUCTURE, "an enrolment request's kind or link is not a code") from None
    bureau = Address.parse(address)
    request = Request(
        bureau,
        codes[0],
        parse_name(name),
        codes[1],
        SigningPublic(signing),
        SealingPublic(suite, sealing),
        parse_units(bureau, units),
        csr,
        time,
        _witness(more[0], bureau, signing) if more else None,
    )
    sign1.verify(request.signing)
    return request


def _witness(value: cbor.Value, address: Address, signing: bytes) -> NotePublic:
    match value:
        case [bytes(raw), bytes(proof)]:
            key = NotePublic(raw)
            check_possession(key, proof, address, signing)
            return key
    raise Malformed(Reason.STRUCTURE, "a witness key in a request is [key, proof]")


def sign_rotation(request: bytes, old: Signer) -> bytes:
    """A new request, signed by the key that it replaces."""
    return cose.sign1(ROTATION_TYP, request, old)


def read_rotation(data: bytes, old: SigningPublic) -> Request:
    """Verify a rotation with the old key, and the request inside with the new one.

    Raises:
        Malformed, Untrusted: as `read_request`.
    """
    sign1 = cose.parse_sign1(data, ROTATION_TYP)
    sign1.verify(old)
    request = read_request(sign1.payload)
    if request.signing.key_id == old.key_id:
        raise Untrusted(Reason.KEY_NOT_VALID, "a rotation brings a new key")
    return request


def sign_authorisation(request: bytes, bureau: Signer) -> bytes:
    """A unit's request, signed by its bureau: the unit may have a row of its own."""
    return cose.sign1(AUTHORISATION_TYP, request, bureau)


def read_authorisation(data: bytes, bureau: SigningPublic) -> Request:
    """Verify an authorisation with the bureau's key, and the unit's request inside with its own.

    Raises:
        Malformed, Untrusted: as `read_request`.
    """
    sign1 = cose.parse_sign1(data, AUTHORISATION_TYP)
    sign1.verify(bureau)
    return read_request(sign1.payload)
