"""Decoders and verifiers of single statements: each operation of the contract that needs bytes and keys alone.

Each gives what a valid one shows, and raises an error of schemas/errors.py where it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pydantic import JsonValue

from bureaus.conformance.driver.given import Given
from schemas import cbor, directory, enrolment, envelope, messages
from schemas.attestations import read_attestation
from schemas.envelope import Envelope
from schemas.evidence import read_acknowledgement, read_entry
from schemas.identity import Address, MessageId
from schemas.keys import NotePublic, SealingKey, SealingPublic, SigningPublic
from schemas.merkle import verify_consistency, verify_inclusion
from schemas.network import read_network
from schemas.notes import Policy, read_checkpoint
from schemas.operation import read_operation
from schemas.preferences import read_preferences
from schemas.receipts import read_acceptance, read_proof
from schemas.witness import read_cosignature

Shown = Mapping[str, JsonValue]
Operation = Callable[[Given], Shown]
_NOTHING: Final[Shown] = {}


def _keys(given: Given) -> dict[bytes, SigningPublic]:
    key = SigningPublic(given.data("key"))
    return {key.key_id: key}


def _cbor(given: Given) -> Shown:
    return {"encodes": cbor.encode(cbor.decode(given.data("data"))).hex()}


def _content(given: Given) -> Shown:
    messages.decode(given.text("kind"), given.data("data"))
    return _NOTHING


def _size(given: Given) -> Shown:
    envelope.check_sizes(Envelope(given.data("statement"), given.data("sealed")))
    return _NOTHING


def _statement(given: Given) -> Shown:
    statement = envelope.read(given.data("data"))
    return {"digest": statement.digest.hex(), "iss": str(statement.header.iss), "kid": statement.key_id.hex()}


def _sealed(given: Given) -> Shown:
    envelope.check_sealed(envelope.read(given.data("statement")), given.data("sealed"))
    return _NOTHING


def _open(given: Given) -> Shown:
    opener = SealingKey(given.data("seed"), given.number("suite"))
    opened = envelope.open_sealed(envelope.read(given.data("statement")), given.data("sealed"), opener)
    return {"content": opened.content.hex()}


def _policy(given: Given, witnesses: Mapping[str, NotePublic] | None = None) -> Policy:
    return Policy(given.text("origin"), NotePublic(given.data("log")), witnesses or {})


def _checkpoint(given: Given) -> Shown:
    read_checkpoint(given.text("text"), _policy(given, {"w1.example": NotePublic(given.data("witness"))}))
    return _NOTHING


def _cosignature(given: Given) -> Shown:
    named = Given(given.object("witnesses"))
    witnesses = {name: NotePublic(named.data(name)) for name in named.values}
    read_cosignature(given.data("data"), _policy(given, witnesses))
    return _NOTHING


def _proof(given: Given) -> Shown:
    read_proof(given.text("text")).verify(given.data("entry"), _policy(given))
    return _NOTHING


def _inclusion(given: Given) -> Shown:
    index, size, path = given.number("index"), given.number("size"), given.list("path")
    verify_inclusion(given.data("leaf"), index, size, path, given.data("root"))
    return _NOTHING


def _consistency(given: Given) -> Shown:
    old, new = given.number("old"), given.number("new")
    verify_consistency(old, given.data("old_root"), new, given.data("new_root"), given.list("path"))
    return _NOTHING


def _receipt(given: Given) -> Shown:
    read_acceptance(given.data("data"), given.data("net"), _keys(given))
    return _NOTHING


def _attestation(given: Given) -> Shown:
    read_attestation(given.data("data"), given.data("net"), _keys(given))
    return _NOTHING


def _acknowledgement(given: Given) -> Shown:
    read_acknowledgement(given.data("data")).sign1.verify(SigningPublic(given.data("key")))
    return _NOTHING


def _directory(given: Given) -> Shown:
    pinned, previous = read_network(given.data("network")), given.maybe_data("previous")
    before = None if previous is None else directory.read_directory(previous, pinned)
    directory.read_directory(given.data("data"), pinned, before)
    return _NOTHING


def _current(given: Given) -> Shown:
    pinned = read_network(given.data("network"))
    version = directory.read_directory(given.data("directory"), pinned)
    directory.read_current(given.data("data"), pinned, version, given.number("now"))
    return _NOTHING


def _operation(given: Given) -> Shown:
    keys, net, previous = _keys(given), given.data("net"), given.maybe_data("previous")
    before = None if previous is None else read_operation(previous, net, keys)
    read_operation(given.data("data"), net, keys, before)
    return _NOTHING


def _preferences(given: Given) -> Shown:
    keys, net, previous = _keys(given), given.data("net"), given.maybe_data("previous")
    before = None if previous is None else read_preferences(previous, net, keys)
    read_preferences(given.data("data"), net, keys, before)
    return _NOTHING


def _enrolment(given: Given) -> Shown:
    enrolment.read_request(given.data("data"))
    return _NOTHING


def _rotation(given: Given) -> Shown:
    enrolment.read_rotation(given.data("data"), SigningPublic(given.data("key")))
    return _NOTHING


def _authorisation(given: Given) -> Shown:
    enrolment.read_authorisation(given.data("data"), SigningPublic(given.data("key")))
    return _NOTHING


def _signing_key(given: Given) -> Shown:
    return {"key_id": SigningPublic(given.data("data")).key_id.hex()}


def _sealing_key(given: Given) -> Shown:
    return {"key_id": SealingPublic(given.number("suite"), given.data("data")).key_id.hex()}


def _note_key(given: Given) -> Shown:
    NotePublic(given.data("data"))
    return _NOTHING


def _address(given: Given) -> Shown:
    Address.parse(given.text("text"))
    return _NOTHING


def _message_id(given: Given) -> Shown:
    MessageId.parse(given.data("data"))
    return _NOTHING


READING: Final[Mapping[str, Operation]] = {
    "acknowledgement": _acknowledgement,
    "attestation": _attestation,
    "address": _address,
    "authorisation": _authorisation,
    "cbor": _cbor,
    "checkpoint": _checkpoint,
    "consistency": _consistency,
    "content": _content,
    "cosignature": _cosignature,
    "current": _current,
    "directory": _directory,
    "enrolment": _enrolment,
    "entry": lambda given: {"leaf": read_entry(given.data("data")).leaf.hex()},
    "inclusion": _inclusion,
    "message-id": _message_id,
    "network": lambda given: {"id": read_network(given.data("data")).id.hex()},
    "note-key": _note_key,
    "open": _open,
    "operation": _operation,
    "preferences": _preferences,
    "proof": _proof,
    "receipt": _receipt,
    "rotation": _rotation,
    "sealed": _sealed,
    "sealing-key": _sealing_key,
    "signing-key": _signing_key,
    "size": _size,
    "statement": _statement,
}
"""By the operation's name."""
