"""Attestations: what the gateway states of a query that awaits its answer (protocol section 5).

An attestation is a statement of the gateway over one event of the answer clock, which is an entry of the ledger too:

    attestation = COSE_Sign1 over CBOR [event, index, time, query, asked, asker, operation, due, request]

AnswerReminder goes to the bureau asked, and to the asker too where it is a further request; AnswerOverdue to both
sides; Escalated to the Command and Coordination Centre and both sides; ContentHandoverFailure, where the program of the
bureau asked refused the query, to the asker. AnswerOverdue proves that the gateway held no answer when it signed; that
the bureau asked ever saw the query, only its ContentHandover proves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schemas import cbor, cose
from schemas.claims import NET
from schemas.errors import Malformed, Reason, Untrusted
from schemas.evidence import Event
from schemas.identity import Address, Signer, parse_operation_id
from schemas.keys import SigningPublic

ATTESTATION_TYP: Final = "application/vnd.bureaunet.attestation+cose"
EVENTS: Final = frozenset(
    {Event.ANSWER_REMINDER, Event.ANSWER_OVERDUE, Event.ESCALATED, Event.CONTENT_HANDOVER_FAILURE}
)
DESK: Final = Address("IPSG/ccc")
"""The Command and Coordination Centre, which escalations go to."""
_TIME_LIMIT: Final = 1 << 50


@dataclass(frozen=True, slots=True)
class Attestation:
    """One event of the answer clock. Times are milliseconds since the epoch."""

    event: Event
    index: int
    """The entry's place in the ledger."""
    time: int
    """The gateway's; the entry's own time."""
    query: bytes
    """The digest of the query."""
    asked: Address
    asker: Address
    operation: str
    due: int
    """When an answer was, or is, due."""
    request: int
    """Which request this is, counted from 1: above 1 only for kinds that are asked for again."""


def sign_attestation(attestation: Attestation, net: bytes, signer: Signer) -> bytes:
    """The gateway's COSE_Sign1 of an attestation, with its acceptance key."""
    said = attestation
    payload = cbor.encode(
        [
            str(said.event),
            said.index,
            said.time,
            said.query,
            str(said.asked),
            str(said.asker),
            said.operation,
            said.due,
            said.request,
        ]
    )
    return cose.sign1(ATTESTATION_TYP, payload, signer, {cose.CLAIMS: {NET: net}})


def read_attestation(data: bytes, net: bytes, keys: Mapping[bytes, SigningPublic]) -> Attestation:
    """Verify an attestation of network `net` with one of the gateway's acceptance `keys` (by key id).

    Raises:
        Malformed: `cbor-*`, `structure`, `typ`, `address`, `operation-unknown` (of a wrong form).
        Untrusted: `network`, `key-unknown`, `signature`.
    """
    sign1 = cose.parse_sign1(data, ATTESTATION_TYP)
    match sign1.header.get(cose.CLAIMS):
        case {-65537: bytes(named), **more} if not more and named == net and len(sign1.header) == 4:
            pass
        case _:
            raise Untrusted(Reason.NETWORK, "the attestation is of another network")
    key = keys.get(sign1.key_id)
    if key is None:
        raise Untrusted(Reason.KEY_UNKNOWN, "the attestation is signed by no key of the gateway")
    sign1.verify(key)
    return _read(sign1.payload)


def _read(payload: bytes) -> Attestation:
    match cbor.decode(payload):
        case [
            str(event),
            int(index),
            int(time),
            bytes(query),
            str(asked),
            str(asker),
            str(operation),
            int(due),
            int(request),
        ] if len(query) == 32 and all(map(_natural, (index, time, due, request))):
            pass
        case _:
            raise Malformed(Reason.STRUCTURE, "an attestation has nine parts of set types")
    if event not in EVENTS:
        raise Malformed(Reason.STRUCTURE, "no event of the answer clock")
    return Attestation(
        Event(event),
        index,
        time,
        query,
        Address.parse(asked),
        Address.parse(asker),
        parse_operation_id(operation),
        due,
        request,
    )


def _natural(number: int) -> bool:
    return not isinstance(number, bool) and 0 <= number < _TIME_LIMIT
