"""Two people for what changes trust: a request that two operators signed before it is done; each is recorded.

    operators  the authority's word on who the operators are, in versions that rise: in the gateway's database, recorded
               in the ledger, and as operators.cbor in its home; from then on in force
    request    [act, SHA-256 of its subject, time, nonce], signed by each operator apart, as a threshold statement

Order of work: each operator makes a key at home (`new_operator`), the authority lists them (`sign_list`), the gateway
takes the list (`install`). Then one operator makes a request for a subject, a file, and another signs the same
(`sign_request`); the command that acts is given both, checks (`check`) and records (`record`) before it acts. Rules:
the number that is needed is at least two, and one operator counts once; a request is for one act, one subject, one
network and one week, and acts once. The newest list counts, of the database's and the home's: neither an older file put
over a newer one nor a row taken away changes who signs.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from gateway import keyfiles, ledger
from gateway.operators import Action
from gateway.ports import Clock, Store
from schemas import cbor, cose, threshold
from schemas.errors import Forbidden, Malformed, Misuse, Reason, Untrusted
from schemas.evidence import Entry, Event, read_entry
from schemas.identity import Signer, parse_name
from schemas.keys import SigningPublic
from schemas.network import Network
from schemas.threshold import Holders

OPERATOR_TYP: Final = "application/vnd.bureaunet.operator+cose"
OPERATORS_TYP: Final = "application/vnd.bureaunet.operators+cose"
REQUEST_TYP: Final = "application/vnd.bureaunet.request+cose"
LIST_FILE: Final = "operators.cbor"
KEY_FILE: Final = Path("keys", "operator.pem")
CARD_FILE: Final = "operator.cbor"
LIFETIME: Final = 7 * 24 * 3600
"""Seconds that a request holds."""
SKEW: Final = 300
"""Seconds that an operator's clock may be ahead."""
_NONCE: Final = 16
_MOST: Final = 1 << 40


class Act(StrEnum):
    """What takes two people, as its entries name it. A revocation is a directory version."""

    DIRECTORY_LOAD = "directory.load/1"
    QUARANTINE_DISCARD = "quarantine.discard/1"
    CONTENT_ERASE = "content.erase/1"


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who may sign requests."""

    name: str
    key: SigningPublic


@dataclass(frozen=True, slots=True)
class Operators:
    """The authority's list, and how many of them an act takes."""

    operators: tuple[Operator, ...]
    needed: int
    version: int = 1

    @property
    def by_id(self) -> Mapping[bytes, SigningPublic]:
        """Their keys by key id."""
        return {operator.key.key_id: operator.key for operator in self.operators}


@dataclass(frozen=True, slots=True)
class Request:
    """What operators sign."""

    act: Act
    subject: bytes
    """SHA-256 of the bytes that it is about."""
    time: int
    """Seconds since the epoch."""
    nonce: bytes = field(default_factory=lambda: secrets.token_bytes(_NONCE))
    """Two requests for the same act at the same time are two."""

    def encode(self) -> bytes:
        """The payload."""
        return cbor.encode([str(self.act), self.subject, self.time, self.nonce])

    @property
    def id(self) -> bytes:
        """What it is known by, whoever signed it: SHA-256 of the payload."""
        return hashlib.sha256(self.encode()).digest()


@dataclass(frozen=True, slots=True)
class Approved:
    """A request that enough operators signed."""

    request: Request
    hash: bytes
    """SHA-256 of the statement with their signatures."""
    signers: tuple[bytes, ...]
    """Their key ids."""


def new_operator(home: Path, name: str, secret: bytes | None) -> Operator:
    """Make an operator's key in a folder of their own, and the card that goes to the authority.

    Raises:
        Misuse: there is a key already. Malformed: `structure`, the name.
    """
    parse_name(name)
    vault = keyfiles.new_vault(home / KEY_FILE.parent, secret)
    key = keyfiles.new_signing_key(home / KEY_FILE, vault)
    card = cose.sign1(OPERATOR_TYP, cbor.encode([name, key.public.raw]), key)
    keyfiles.write_public(home / CARD_FILE, card)
    return Operator(name, key.public)


def read_card(data: bytes) -> Operator:
    """An operator's card, signed with the key in it. Whose it is, people check by its fingerprint.

    Raises:
        Malformed: `structure`, `key-form`, `key-weak`. Untrusted: `signature`, `key-unknown`.
    """
    sign1 = cose.parse_sign1(data, OPERATOR_TYP)
    match cbor.decode(sign1.payload):
        case [str(name), bytes(raw)]:
            operator = Operator(parse_name(name), SigningPublic(raw))
        case _:
            raise Malformed(Reason.STRUCTURE, "an operator's card is [name, key]")
    sign1.verify(operator.key)
    return operator


def sign_list(
    cards: Sequence[bytes], needed: int, signers: Sequence[Signer], network: Network, version: int = 1
) -> bytes:
    """A version of the authority's list of operators.

    Raises:
        Misuse: fewer than two are needed, or there are too few. Malformed, Untrusted: a card.
    """
    operators = [read_card(card) for card in cards]
    if not 2 <= needed <= len({operator.key.key_id for operator in operators}):
        raise Misuse("two operators at least are needed, and there must be as many")
    payload = cbor.encode([version, [[operator.name, operator.key.raw] for operator in operators], needed])
    return threshold.join(
        (threshold.sign_part(OPERATORS_TYP, payload, signer, network.id) for signer in signers), OPERATORS_TYP
    )


def read_list(data: bytes, network: Network, holders: Holders | None = None) -> Operators:
    """Verify a list; `holders` are in the authority's office now, the genesis' where not given.

    Raises:
        Malformed: `structure`. Untrusted: `threshold`, `signature`, `key-unknown`, `network`.
    """
    office = holders or network.holders
    signed = threshold.verify(data, OPERATORS_TYP, office.by_id, office.needed, network.id)
    return _read_list(signed.payload)


def claimed_version(data: bytes) -> int:
    """The version that a list claims, nothing verified: for the authority, which makes the next one.

    Raises:
        Malformed: `structure`.
    """
    return _read_list(cose.parse_sign1(_parts(data)[0], OPERATORS_TYP).payload).version


def _read_list(payload: bytes) -> Operators:
    match cbor.decode(payload):
        case [int(version), [*rows], int(needed)] if needed >= 2 and 1 <= version < _MOST:
            found = tuple(map(_operator, rows))
        case _:
            form = "a list of operators is [version, [[name, key], ...], needed], needed above 1"
            raise Malformed(Reason.STRUCTURE, form)
    if isinstance(version, bool) or len({operator.key.key_id for operator in found}) != len(found):
        raise Malformed(Reason.STRUCTURE, "an operator is listed twice")
    if needed > len(found):
        raise Malformed(Reason.STRUCTURE, "more operators are needed than are listed: nobody could do anything")
    return Operators(found, needed, version)


def _operator(value: cbor.Value) -> Operator:
    match value:
        case [str(name), bytes(raw)]:
            return Operator(parse_name(name), SigningPublic(raw))
    raise Malformed(Reason.STRUCTURE, "an operator is [name, key]")


async def operators_of(home: Path, store: Store, network: Network, holders: Holders | None) -> Operators | None:
    """Who the operators of the gateway in `home` are; None where the authority named none.

    Raises:
        Malformed, Untrusted: as `read_list`; `record-contradiction`, the ledger has no entry of the database's list.
            Unavailable: `store`.
    """
    found = [read_list(keyfiles.read(home / LIST_FILE), network, holders)] if (home / LIST_FILE).exists() else []
    kept = await store.operators()
    if kept is not None:
        index, raw = kept
        leaves = await store.leaves(index, index + 1)
        entries = [read_entry(leaf.entry) for leaf in leaves]
        if [(entry.kind, entry.digest) for entry in entries] != [(Action.OPERATORS, hashlib.sha256(raw).digest())]:
            raise Untrusted(Reason.RECORD_CONTRADICTION, "the ledger does not have the list of operators")
        found.append(read_list(raw, network, holders))
    return max(found, key=lambda one: one.version, default=None)


def sign_request(home: Path, request: Request, network: Network, before: bytes | None = None) -> bytes:
    """The request with this operator's signature, beside those that `before` has.

    Raises:
        Misuse: there is no operator in `home`. Malformed: `before` is another request.
    """
    vault = keyfiles.open_vault(home / KEY_FILE.parent, f"the operator in {home}")
    part = threshold.sign_part(
        REQUEST_TYP, request.encode(), keyfiles.load_signing_key(home / KEY_FILE, vault), network.id
    )
    parts = [] if before is None else [one for one in _parts(before) if one != part]
    if any(cose.parse_sign1(one, REQUEST_TYP).payload != request.encode() for one in parts):
        raise Malformed(Reason.STRUCTURE, "the signatures are over another request")
    return threshold.join([*parts, part], REQUEST_TYP)


def signed_by(operators: Operators, data: bytes, network: Network) -> tuple[Request, tuple[Operator, ...]]:
    """What a request says, and which operators signed it: one is enough here, and nobody else may have.

    Raises:
        Malformed. Untrusted: `key-unknown`, `signature`, `network`.
    """
    request = _read(threshold.verify(data, REQUEST_TYP, operators.by_id, 1, network.id).payload)
    ids = {cose.parse_sign1(part, REQUEST_TYP).key_id for part in _parts(data)}
    return request, tuple(one for one in operators.operators if one.key.key_id in ids)


def merged(first: bytes, second: bytes) -> bytes:
    """One request with the signatures of both, which were verified; of one operator's two, the first's.

    Raises:
        Malformed: they are not the same request.
    """
    parts = {cose.parse_sign1(part, REQUEST_TYP).key_id: part for data in (second, first) for part in _parts(data)}
    if len({cose.parse_sign1(part, REQUEST_TYP).payload for part in parts.values()}) != 1:
        raise Malformed(Reason.STRUCTURE, "the signatures are over another request")
    return threshold.join(parts.values(), REQUEST_TYP)


def claimed(data: bytes) -> Request:
    """What a request says, for those who look at it; nothing is verified.

    Raises:
        Malformed: `structure`.
    """
    return _read(cose.parse_sign1(_parts(data)[0], REQUEST_TYP).payload)


def _parts(data: bytes) -> list[bytes]:
    match cbor.decode(data):
        case [bytes(), *_] as parts:
            return [part for part in parts if isinstance(part, bytes)]
    raise Malformed(Reason.STRUCTURE, "a request is a list of signatures")


def _read(payload: bytes) -> Request:
    match cbor.decode(payload):
        case [str(act), bytes(subject), int(time), bytes(nonce)] if act in tuple(Act) and len(nonce) == _NONCE:
            return Request(Act(act), subject, time, nonce)
    raise Malformed(Reason.STRUCTURE, "a request is [act, hash, time, nonce]")


def check(operators: Operators, data: bytes | None, act: Act, subject: bytes, network: Network, now: int) -> Approved:
    """Check that enough operators signed a request for this act on this subject. `now` is seconds since the epoch.

    Raises:
        Forbidden: `threshold`, there is no request; `not-current`, it is too old or of the future; `signature`, it is
            for another act or subject. Malformed. Untrusted: `threshold`, `key-unknown`, `signature`, `network`.
    """
    if data is None:
        raise Forbidden(Reason.THRESHOLD, f"{act} takes {operators.needed} operators: see request --help")
    signed = threshold.verify(data, REQUEST_TYP, operators.by_id, operators.needed, network.id)
    request = _read(signed.payload)
    if (request.act, request.subject) != (act, hashlib.sha256(subject).digest()):
        raise Forbidden(Reason.SIGNATURE, "the operators signed for something else")
    if not now - LIFETIME <= request.time <= now + SKEW:
        raise Forbidden(Reason.NOT_CURRENT, "the operators' request is too old")
    ids = tuple(cose.parse_sign1(part, REQUEST_TYP).key_id for part in _parts(data))
    return Approved(request, signed.hash, ids)


async def record(store: Store, clock: Clock, approved: Approved) -> list[int]:
    """One entry for each operator's signature, and the request is used: the entries' ledger indices.

    Raises:
        Forbidden: `request-used`. Unavailable: `store`.
    """
    entries = [
        Entry(
            Event.OPERATOR_ACTION,
            clock.now(),
            digest=approved.request.subject,
            kind=str(approved.request.act),
            key_id=key_id,
            evidence=approved.hash,
        )
        for key_id in approved.signers
    ]
    async with store.begin() as transaction:
        if not await transaction.use_request(approved.request.id):
            raise Forbidden(Reason.REQUEST_USED, "the operators' request acted before: make another")
        return [index for index, _ in await ledger.record(transaction, entries)]


async def require(
    home: Path,
    store: Store,
    network: Network,
    holders: Holders | None,
    data: bytes | None,
    subject: tuple[Act, bytes],
    now: int,
) -> Approved | None:
    """What an act on this gateway rests on; None where the authority named no operators: then one person acts.

    Raises:
        As `operators_of` and `check`. Misuse: a request was given, and no operators are listed.
    """
    operators = await operators_of(home, store, network, holders)
    if operators is None:
        if data is not None:
            raise Misuse(f"no operators are listed for {home}: nobody's signature could count")
        return None
    return check(operators, data, *subject, network, now)


async def install(
    home: Path, store: Store, clock: Clock, data: bytes, network: Network, holders: Holders | None
) -> Operators:
    """Take the authority's list into a gateway, recorded; from now on what changes trust takes two people.

    The list that is in force again changes nothing.

    Raises:
        Malformed, Untrusted: as `read_list` and `operators_of`; `version-order`, it is no newer than the one in force.
            Unavailable: `store`.
    """
    operators, before = read_list(data, network, holders), await _before(home, store)
    kept = await store.operators()
    if kept is None or kept[1] != data:
        if operators.version <= before:
            raise Untrusted(Reason.VERSION_ORDER, f"version {before} of the list of operators is in force already")
        digest = hashlib.sha256(data).digest()
        entry = Entry(Event.OPERATOR_ACTION, clock.now(), digest=digest, kind=str(Action.OPERATORS))
        async with store.begin() as transaction:
            index = (await ledger.record(transaction, [entry]))[0][0]
            await transaction.save_operators(operators.version, data, index)
    keyfiles.write_public(home / LIST_FILE, data)
    return operators


async def _before(home: Path, store: Store) -> int:
    """The newest version that this gateway had, 0 before the first: also one by holders who were succeeded since."""
    path, kept = home / LIST_FILE, await store.operators()
    versions = [claimed_version(keyfiles.read(path))] if path.exists() else []
    return max([*versions, 0 if kept is None else claimed_version(kept[1])])
