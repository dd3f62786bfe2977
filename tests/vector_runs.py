"""Runs a vector through the decoder or verifier that it names: what comes out is `ok`, `repeated` or a reason code.

Each run gives the outcome and what a valid one shows. A port to another language needs the same few functions, and
nothing else of this project.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from bureaus import trust as bureau_trust
from bureaus import verification
from gateway import admission
from gateway.ports import Decided, Facts, Rejected, Repeated, Submission, ThreadFacts, Trust
from gateway.settings import Pipeline
from schemas import cbor, directory, disclosure, enrolment, envelope, messages, operation, record, wire
from schemas.claims import Head
from schemas.codes import Handling, Purpose
from schemas.envelope import Envelope
from schemas.errors import BureaunetError
from schemas.evidence import read_acknowledgement, read_entry
from schemas.identity import Address, MessageId
from schemas.keys import NotePublic, SealingKey, SealingPublic, SigningPublic
from schemas.merkle import EMPTY, verify_consistency, verify_inclusion
from schemas.misbehaviour import verify_misbehaviour
from schemas.network import Network, read_network
from schemas.notes import Policy, read_checkpoint
from schemas.operation import SignedOperation, read_operation
from schemas.preferences import SignedPreferences, claimed_by, read_preferences
from schemas.receipts import read_acceptance, read_proof
from schemas.witness import read_cosignature

FOLDER: Final = Path(__file__).resolve().parent / "vectors"
Given = Mapping[str, Any]
Shown = Mapping[str, object] | None
Outcome = tuple[str, Shown]


def load(name: str) -> dict[str, Any]:
    """A vector by its name, such as `cbor/trailing`."""
    value: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return value


def names() -> list[str]:
    """All vectors' names."""
    files = (path.relative_to(FOLDER) for path in FOLDER.rglob("*.json"))
    return sorted(path.with_suffix("").as_posix() for path in files if len(path.parts) == 2)


@cache
def context() -> dict[str, Any]:
    """The synthetic network that vectors are about."""
    return load("context")


@cache
def network(raw: str | None = None) -> Network:
    """A network file, verified; without one the context's."""
    return read_network(bytes.fromhex(raw or context()["network"]))


def data(value: str | Given) -> bytes:
    """Bytes in hexadecimal, or so many of one byte."""
    return bytes.fromhex(value) if isinstance(value, str) else bytes.fromhex(value["repeat"]) * int(value["count"])


def run(of: str, given: Given) -> Outcome:
    """The outcome of a vector."""
    try:
        return _RUNS[of](given)
    except BureaunetError as error:
        return str(error.reason), None


def _ok(**shows: object) -> Outcome:
    return "ok", shows


def _keys(given: Given) -> dict[bytes, SigningPublic]:
    key = SigningPublic(data(given["key"]))
    return {key.key_id: key}


def _cbor(given: Given) -> Outcome:
    return _ok(encodes=cbor.encode(cbor.decode(data(given["data"]))).hex())


def _content(given: Given) -> Outcome:
    messages.decode(given["kind"], data(given["data"]))
    return _ok()


def _size(given: Given) -> Outcome:
    envelope.check_sizes(Envelope(data(given["statement"]), data(given["sealed"])))
    return _ok()


def _statement(given: Given) -> Outcome:
    statement = envelope.read(data(given["data"]))
    return _ok(digest=statement.digest.hex(), iss=str(statement.header.iss), kid=statement.key_id.hex())


def _sealed(given: Given) -> Outcome:
    envelope.check_sealed(envelope.read(data(given["statement"])), data(given["sealed"]))
    return _ok()


def _open(given: Given) -> Outcome:
    opener = SealingKey(data(given["seed"]), given["suite"])
    opened = envelope.open_sealed(envelope.read(data(given["statement"])), data(given["sealed"]), opener)
    return _ok(content=opened.content.hex())


def _checkpoint(given: Given) -> Outcome:
    witnesses = {"w1.example": NotePublic(data(given["witness"]))}
    read_checkpoint(given["text"], Policy(given["origin"], NotePublic(data(given["log"])), witnesses))
    return _ok()


def _cosignature(given: Given) -> Outcome:
    witnesses = {name: NotePublic(data(raw)) for name, raw in given["witnesses"].items()}
    read_cosignature(data(given["data"]), Policy(given["origin"], NotePublic(data(given["log"])), witnesses))
    return _ok()


def _misbehaviour(given: Given) -> Outcome:
    found = verify_misbehaviour(data(given["data"]), network(given["network"]))
    return _ok(contradiction=str(found.contradiction))


def _proof(given: Given) -> Outcome:
    policy = Policy(given["origin"], NotePublic(data(given["log"])))
    read_proof(given["text"]).verify(data(given["entry"]), policy)
    return _ok()


def _inclusion(given: Given) -> Outcome:
    path = [data(node) for node in given["path"]]
    verify_inclusion(data(given["leaf"]), given["index"], given["size"], path, data(given["root"]))
    return _ok()


def _consistency(given: Given) -> Outcome:
    path = [data(node) for node in given["path"]]
    old, new = given["old"], given["new"]
    verify_consistency(old, data(given["old_root"]), new, data(given["new_root"]), path)
    return _ok()


def _receipt(given: Given) -> Outcome:
    read_acceptance(data(given["data"]), data(given["net"]), _keys(given))
    return _ok()


def _acknowledgement(given: Given) -> Outcome:
    read_acknowledgement(data(given["data"])).sign1.verify(SigningPublic(data(given["key"])))
    return _ok()


def _directory(given: Given) -> Outcome:
    pinned, previous = network(given["network"]), given["previous"]
    before = None if previous is None else directory.read_directory(data(previous), pinned)
    directory.read_directory(data(given["data"]), pinned, before)
    return _ok()


def _current(given: Given) -> Outcome:
    pinned = network(given["network"])
    version = directory.read_directory(data(given["directory"]), pinned)
    directory.read_current(data(given["data"]), pinned, version, given["now"])
    return _ok()


def _operation(given: Given) -> Outcome:
    keys, net, previous = _keys(given), data(given["net"]), given["previous"]
    before = None if previous is None else read_operation(data(previous), net, keys)
    read_operation(data(given["data"]), net, keys, before)
    return _ok()


def _preferences(given: Given) -> Outcome:
    keys, net, previous = _keys(given), data(given["net"]), given["previous"]
    before = None if previous is None else read_preferences(data(previous), net, keys)
    read_preferences(data(given["data"]), net, keys, before)
    return _ok()


def _refusals(raws: list[str], version: directory.Directory) -> dict[Address, SignedPreferences]:
    rows = [(data(raw), version.find(claimed_by(data(raw)))) for raw in raws]
    keys = [{} if row is None else {one.key.key_id: one.key for one in row.signing} for _, row in rows]
    found = (read_preferences(raw, network().id, own) for (raw, _), own in zip(rows, keys, strict=True))
    return {signed.preferences.owner: signed for signed in found}


def _authorisation(given: Given) -> Outcome:
    enrolment.read_authorisation(data(given["data"]), SigningPublic(data(given["key"])))
    return _ok()


def _rotation(given: Given) -> Outcome:
    enrolment.read_rotation(data(given["data"]), SigningPublic(data(given["key"])))
    return _ok()


def _enrolment(given: Given) -> Outcome:
    enrolment.read_request(data(given["data"]))
    return _ok()


def _record(given: Given) -> Outcome:
    record.verify_record(io.BytesIO(data(given["data"])).read, network())
    return _ok()


def _disclosure(given: Given) -> Outcome:
    disclosed = disclosure.verify_disclosure(disclosure.read_disclosure(data(given["data"])), network())
    return _ok(content=disclosed.content.hex(), index=disclosed.index, iss=str(disclosed.header.iss))


def _in_force(given: Given) -> tuple[directory.Directory, SignedOperation]:
    version = directory.read_directory(data(given.get("directory", context()["directory"])), network())
    raw = data(given.get("operation", context()["operation"]))
    owner = version.find(operation.claimed_owner(raw)[1])
    keys = {} if owner is None else {one.key.key_id: one.key for one in owner.signing}
    return version, read_operation(raw, network().id, keys)


def _thread(value: Given) -> ThreadFacts:
    return ThreadFacts(
        value["operation"],
        value["exercise"],
        Purpose(value["purpose"]),
        Handling(value["handling"]),
        Address(value["sender"]),
        frozenset(map(Address, value["recipients"])),
        data(value["thread"]),
    )


def _ids(rows: list[tuple[str, str, str]]) -> dict[tuple[str, bytes], bytes]:
    return {(iss, data(cti)): data(digest) for iss, cti, digest in rows}


def _admission(given: Given) -> Outcome:
    version, signed = _in_force(given)
    submission = Submission(Address(given["link"]), data(given["body"]), given["now"])
    candidate = admission.receive(submission, network().id, within_quota=given.get("within_quota", True))
    if isinstance(candidate, Rejected):
        return str(candidate.reason), {"step": candidate.step}
    facts = Facts(
        Trust(network(), version, {signed.operation.id: signed}, _refusals(given.get("preferences", []), version)),
        given["now"],
        given["size"],
        {data(digest): Decided(b"", 0, accepted=True) for digest in given.get("decided", ())},
        _ids(given.get("ids", [])),
        {data(digest): _thread(thread) for digest, thread in given.get("threads", {}).items()},
        given.get("spent", {}),
    )
    verdict = admission.decide([candidate], facts, Pipeline(**given.get("limits", {})))[0]
    if isinstance(verdict, Rejected):
        return str(verdict.reason), {"step": verdict.step}
    return ("repeated", {"step": 5}) if isinstance(verdict, Repeated) else _ok()


def _recipient(given: Given) -> Outcome:
    version, signed = _in_force(given)
    here = Address(given["to"])
    known = bureau_trust.Version(signed, 1)
    trust = bureau_trust.Trust(here, network(), version, 0, Head(0, EMPTY), {signed.operation.id: (known,)})
    seeds = context()["sealing_seeds"]
    facts = verification.Facts(trust, [SealingKey(data(seeds[here]))], _ids(given.get("seen", [])))
    outcome = verification.verify(wire.decode_item(data(given["item"])), facts)
    if isinstance(outcome, verification.Refused):
        return str(outcome.reason), {"check": outcome.number}
    return _ok()


def _of_signing_key(given: Given) -> Outcome:
    return _ok(key_id=SigningPublic(data(given["data"])).key_id.hex())


def _of_sealing_key(given: Given) -> Outcome:
    return _ok(key_id=SealingPublic(given["suite"], data(given["data"])).key_id.hex())


def _of_note_key(given: Given) -> Outcome:
    NotePublic(data(given["data"]))
    return _ok()


def _address(given: Given) -> Outcome:
    Address.parse(given["text"])
    return _ok()


def _message_id(given: Given) -> Outcome:
    MessageId.parse(data(given["data"]))
    return _ok()


_RUNS: Final[Mapping[str, Callable[[Given], Outcome]]] = {
    "acknowledgement": _acknowledgement,
    "address": _address,
    "admission": _admission,
    "cbor": _cbor,
    "checkpoint": _checkpoint,
    "consistency": _consistency,
    "content": _content,
    "cosignature": _cosignature,
    "current": _current,
    "directory": _directory,
    "disclosure": _disclosure,
    "enrolment": _enrolment,
    "entry": lambda given: _ok(leaf=read_entry(data(given["data"])).leaf.hex()),
    "inclusion": _inclusion,
    "message-id": _message_id,
    "misbehaviour": _misbehaviour,
    "network": lambda given: _ok(id=read_network(data(given["data"])).id.hex()),
    "note-key": _of_note_key,
    "open": _open,
    "operation": _operation,
    "preferences": _preferences,
    "proof": _proof,
    "receipt": _receipt,
    "recipient": _recipient,
    "record": _record,
    "rotation": _rotation,
    "authorisation": _authorisation,
    "sealed": _sealed,
    "sealing-key": _of_sealing_key,
    "signing-key": _of_signing_key,
    "size": _size,
    "statement": _statement,
}

__all__ = ["FOLDER", "load", "names", "run"]
