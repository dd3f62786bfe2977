"""Vectors of evidence: entries, acknowledgements, Merkle proofs, checkpoints, receipts, tlog-proofs and records."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace

from schemas import cbor, cose, merkle
from schemas.attestations import Attestation, sign_attestation
from schemas.claims import Head
from schemas.codes import Answer, Purpose
from schemas.directory import ParticipantKind
from schemas.errors import Reason
from schemas.evidence import ACKNOWLEDGEMENT_TYP, Acknowledgement, Entry, Event, Outcome, sign_acknowledgement
from schemas.identity import Signer
from schemas.keys import NoteKey
from schemas.notes import Checkpoint, add_line, sign_checkpoint, signature_line
from schemas.receipts import Acceptance, Proof, sign_acceptances
from tests.edwards import ORDER, Forger, P
from tests.world import (
    ACCEPTANCE,
    BR,
    FR,
    NOW,
    OPERATION,
    QUERY,
    RESPONSE,
    Log,
    first_directory,
    first_operation,
    seed,
    signing,
)
from tools.vectors.kept import KeptNoteSigner
from tools.vectors.scene import Json, Scene, Vector

_DIGEST = seed("digest")
_ENTRIES = [bytes((number,)) for number in range(7)]
_LEAVES = [merkle.leaf_hash(entry) for entry in _ENTRIES]
_TREES = merkle.of_leaves(_LEAVES)
_FORGED = (
    ("signature-r-neutral", "R is the neutral element; the equation holds", Forger(ACCEPTANCE.seed, nonce=0)),
    (
        "signature-r-spelling",
        "R is the neutral element, spelled p + 1",
        Forger(ACCEPTANCE.seed, nonce=0, spelled=(P + 1).to_bytes(32, "little")),
    ),
    (
        "signature-cofactor",
        "a point of order eight in R: holds only when multiplied by the cofactor",
        Forger(ACCEPTANCE.seed, torsion=1),
    ),
    ("signature-s-too-large", "S is not below the group's order", Forger(ACCEPTANCE.seed, more=ORDER)),
)


def vectors(scene: Scene) -> Iterator[Vector]:
    """All of them."""
    yield from _entries()
    yield from _acknowledgements(scene)
    yield from _proofs()
    yield from _checkpoints(scene)
    yield from _receipts(scene)
    yield from _attestations(scene)
    yield from _tlog_proofs(scene)
    yield from _records(scene)


def _entries() -> Iterator[Vector]:
    whole = Entry(
        Event.SUBMISSION_ACCEPTANCE,
        NOW * 1000,
        digest=_DIGEST,
        operation=OPERATION,
        number=2,
        previous=merkle.EMPTY,
        party=FR,
        kind=QUERY,
        key_id=signing(FR).key_id,
    )
    data = whole.encode().hex()
    yield Vector("entry/ok", "an acceptance", "entry", {"data": data}, "ok", {"leaf": whole.leaf.hex()})
    wrong: tuple[tuple[str, str, cbor.Value], ...] = (
        ("no-time", "an entry without its time", {1: "Expired"}),
        ("unknown-event", "an event that is none", {1: "Rumour", 2: 0}),
        ("unknown-label", "a label that entries do not have", {1: "Expired", 2: 0, 14: 0}),
        ("boolean", "a boolean where a number stands", {1: "Expired", 2: 0, 5: True}),
    )
    for name, says, value in wrong:
        yield Vector(f"entry/{name}", says, "entry", {"data": cbor.encode(value).hex()}, "structure")


def _acknowledgements(scene: Scene) -> Iterator[Vector]:
    def said(by: Signer, reason: Reason | None = None) -> bytes:
        outcome = Outcome.REFUSED if reason else Outcome.PROCESSED
        return sign_acknowledgement(
            Acknowledgement(BR, _DIGEST, outcome, NOW, scene.net, Head(0, merkle.EMPTY), reason), by
        )

    claims: dict[cbor.Key, cbor.Value] = {1: "BR", 6: NOW, -65537: scene.net, -65538: [0, merkle.EMPTY]}
    unreasoned = cbor.encode([_DIGEST, "refused", None])
    good = said(signing(BR))
    for name, says, data, outcome in (
        ("ok-processed", "a message was processed", good, "ok"),
        ("ok-refused", "a message was refused", said(signing(BR), Reason.COMMITMENT), "ok"),
        ("signature", "one bit of the signature changed", good[:-1] + bytes((good[-1] ^ 1,)), "signature"),
        ("other-key", "signed by somebody else", said(signing(FR)), "key-unknown"),
        (
            "no-reason",
            "a refusal without a reason",
            cose.sign1(ACKNOWLEDGEMENT_TYP, unreasoned, signing(BR), {15: claims}),
            "structure",
        ),
    ):
        given = {"data": data.hex(), "key": signing(BR).public.raw.hex()}
        yield Vector(f"acknowledgement/{name}", says, "acknowledgement", given, outcome)


def _hashes(path: list[bytes]) -> list[str]:
    return [node.hex() for node in path]


def _proofs() -> Iterator[Vector]:
    path = merkle.inclusion_proof(_TREES, 4, 7)
    plain: dict[str, Json] = {
        "leaf": _LEAVES[4].hex(),
        "index": 4,
        "size": 7,
        "path": _hashes(path),
        "root": merkle.root(_LEAVES).hex(),
    }
    yield Vector("merkle/ok-inclusion", "entry 4 of 7", "inclusion", plain, "ok")
    for name, says, change in (
        ("index", "another index", {"index": 5}),
        ("leaf", "another leaf", {"leaf": _LEAVES[3].hex()}),
        ("short", "a hash too few", {"path": _hashes(path[:-1])}),
        ("long", "a hash too many", {"path": _hashes([*path, bytes(32)])}),
        ("outside", "an index outside the tree", {"index": 7}),
        ("hash-size", "a hash of 31 bytes", {"path": [*_hashes(path[:-1]), bytes(31).hex()]}),
    ):
        yield Vector(f"merkle/inclusion-{name}", says, "inclusion", {**plain, **change}, "inclusion")
    proof = merkle.consistency_proof(_TREES, 3, 7)
    plain = {
        "old": 3,
        "old_root": merkle.root(_LEAVES[:3]).hex(),
        "new": 7,
        "new_root": merkle.root(_LEAVES).hex(),
        "path": _hashes(proof),
    }
    yield Vector("merkle/ok-consistency", "7 entries extend 3", "consistency", plain, "ok")
    for name, says, change in (
        ("old-root", "another old root", {"old_root": merkle.root(_LEAVES[:4]).hex()}),
        ("new-root", "another new root", {"new_root": merkle.root(_LEAVES[:6]).hex()}),
        ("short", "a hash too few", {"path": _hashes(proof[:-1])}),
        ("shrinks", "a tree that shrank", {"old": 8}),
    ):
        yield Vector(f"merkle/consistency-{name}", says, "consistency", {**plain, **change}, "consistency")


def _checkpoints(scene: Scene) -> Iterator[Vector]:
    head = Checkpoint(scene.log.name, 7, merkle.root(_LEAVES))
    note = sign_checkpoint(head, scene.log, NOW)
    witness = KeptNoteSigner(NoteKey("w1.example", seed("w1")), scene.kept)
    forged = KeptNoteSigner(NoteKey(scene.log.name, seed("forged")), scene.kept)
    cosigned = add_line(note, signature_line(head, witness, NOW + 1))
    ed25519 = base64.b64encode(bytes(4) + signing(FR).sign(head.body().encode())).decode()
    for name, says, text, outcome in (
        ("ok", "signed by the log alone", note, "ok"),
        ("ok-cosigned", "and by a witness", cosigned, "ok"),
        ("size", "another size", note.replace("\n7\n", "\n8\n"), "checkpoint"),
        ("zero", "a size with a zero before it", note.replace("\n7\n", "\n07\n"), "checkpoint"),
        ("origin", "another log's name", note.replace("log.example", "log.other"), "checkpoint"),
        ("base64", "a second spelling of the root", _respelled(note), "checkpoint"),
        ("forged", "signed with another key", sign_checkpoint(head, forged, NOW), "checkpoint"),
        ("stranger", "a line by nobody of the policy", note + "\N{EM DASH} nobody AAAA\n", "checkpoint"),
        ("ed25519", "an Ed25519 line beside it", note + f"\N{EM DASH} w1.example {ed25519}\n", "checkpoint"),
        ("twice", "a witness twice", cosigned + cosigned.splitlines(keepends=True)[-1], "checkpoint"),
        ("witness-alone", "a witness without the log", f"{head.body()}\n{cosigned.splitlines()[-1]}\n", "checkpoint"),
        ("no-end", "no line end", note[:-1], "checkpoint"),
    ):
        given = {"text": text, "origin": scene.log.name, "log": scene.log.raw.hex(), "witness": witness.raw.hex()}
        yield Vector(f"checkpoint/{name}", says, "checkpoint", given, outcome)


def _respelled(note: str) -> str:
    """The root's last character changed in the bits that base64 does not use."""
    root = note.split("\n")[2]
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return note.replace(root, f"{root[:-2]}{last[last.index(root[-2]) + 1]}=", 1)


def _receipts(scene: Scene) -> Iterator[Vector]:
    batch = [
        Acceptance(_DIGEST, Event.SUBMISSION_ACCEPTANCE, 4, NOW * 1000),
        Acceptance(bytes(32), Event.SUBMISSION_REJECTION, 5, NOW * 1000, Reason.EXPIRED),
        Acceptance(merkle.EMPTY, Event.SUBMISSION_REJECTION, None, NOW * 1000, Reason.SIGNATURE),
    ]
    receipts = sign_acceptances(batch, scene.net, ACCEPTANCE)
    values = cbor.decode(receipts[0])
    parts = list(values) if isinstance(values, list) else []
    foreign = sign_acceptances(batch, bytes(32), ACCEPTANCE)[0]
    for name, says, data, outcome in (
        ("ok-accepted", "an acceptance", receipts[0], "ok"),
        ("ok-refused", "a recorded refusal", receipts[1], "ok"),
        ("ok-unrecorded", "a refusal that made no entry", receipts[2], "ok"),
        ("item", "another item", cbor.encode([*parts[:3], batch[1].item()]), "inclusion"),
        ("position", "another position", cbor.encode([parts[0], 1, *parts[2:]]), "inclusion"),
        ("boolean", "false where position 0 stands", cbor.encode([parts[0], False, *parts[2:]]), "receipt-form"),
        ("short", "three members", cbor.encode(parts[:3]), "receipt-form"),
        ("network", "another network's", foreign, "network"),
        ("key", "signed by a bureau", sign_acceptances(batch, scene.net, signing(FR))[0], "key-unknown"),
        ("signature", "one bit of the signature changed", _bent(parts), "signature"),
        *((name, says, sign_acceptances(batch, scene.net, by)[0], "signature") for name, says, by in _FORGED),
    ):
        given = {"data": data.hex(), "net": scene.net.hex(), "key": ACCEPTANCE.public.raw.hex()}
        yield Vector(f"receipt/{name}", says, "receipt", given, outcome)


def _attestations(scene: Scene) -> Iterator[Vector]:
    due = NOW * 1000
    said = Attestation(Event.ANSWER_OVERDUE, 9, due + 5, _DIGEST, BR, FR, OPERATION, due, 1)
    reminder = replace(said, event=Event.ANSWER_REMINDER, time=due - 5, request=2)
    signed = sign_attestation(said, scene.net, ACCEPTANCE)
    no_event = replace(said, event=Event.SUBMISSION_ACCEPTANCE)
    for name, says, data, outcome in (
        ("ok-overdue", "no answer was there when it was due", signed, "ok"),
        ("ok-reminder", "a second request, before it is due", sign_attestation(reminder, scene.net, ACCEPTANCE), "ok"),
        (
            "event",
            "an event that is none of the clock's",
            sign_attestation(no_event, scene.net, ACCEPTANCE),
            "structure",
        ),
        ("network", "another network's", sign_attestation(said, bytes(32), ACCEPTANCE), "network"),
        ("key", "signed by a bureau", sign_attestation(said, scene.net, signing(FR)), "key-unknown"),
        ("signature", "one bit of the signature changed", signed[:-1] + bytes((signed[-1] ^ 1,)), "signature"),
    ):
        given = {"data": data.hex(), "net": scene.net.hex(), "key": ACCEPTANCE.public.raw.hex()}
        yield Vector(f"attestation/{name}", says, "attestation", given, outcome)


def _bent(parts: list[cbor.Value]) -> bytes:
    signed = parts[0] if isinstance(parts[0], bytes) else b""
    return cbor.encode([signed[:-1] + bytes((signed[-1] ^ 1,)), *parts[1:]])


def _tlog_proofs(scene: Scene) -> Iterator[Vector]:
    note = sign_checkpoint(Checkpoint(scene.log.name, 7, merkle.root(_LEAVES)), scene.log, NOW)
    text = Proof(4, tuple(merkle.inclusion_proof(_TREES, 4, 7)), note).format()
    for name, says, proof, outcome in (
        ("ok", "entry 4 of 7", text, "ok"),
        ("index", "another index", text.replace("index 4", "index 5"), "inclusion"),
        ("version", "another version", text.replace("@v1", "@v2"), "receipt-form"),
        ("zero", "an index with a zero before it", text.replace("index 4", "index 04"), "receipt-form"),
        ("no-index", "no index", text.replace("index 4\n", ""), "receipt-form"),
        ("note", "a checkpoint of another size", text.replace("\n7\n", "\n8\n"), "checkpoint"),
    ):
        given = {
            "text": proof,
            "entry": _ENTRIES[4].hex(),
            "origin": scene.log.name,
            "log": scene.log.raw.hex(),
        }
        yield Vector(f"proof/{name}", says, "proof", given, outcome)


def _record(scene: Scene) -> Log:
    log = Log(scene.network, log=scene.log, sealer=scene.seal)
    log.publish_directory(first_directory())
    log.stranger()
    log.publish_operation(first_operation())
    query = log.submit(aud=(BR,), kept=False)
    log.consign(query, BR)
    log.hand_over(query, BR)
    return log


def _late(scene: Scene) -> Log:
    log = Log(scene.network, log=scene.log, sealer=scene.seal)
    log.publish_directory(first_directory())
    log.publish_operation(first_operation())
    query = log.submit(aud=(BR,), kept=False)
    log.give_up(query, BR)
    log.hand_over(query, BR)
    return log


def _rights(scene: Scene) -> Log:
    """A query that the gateway should not have accepted: the operation has its kind, and an organisation asks."""
    log = Log(scene.network, log=scene.log, sealer=scene.seal)
    first = first_directory()
    rows = (replace(row, kind=ParticipantKind.ORGANISATION) if row.address == FR else row for row in first.participants)
    log.publish_directory(replace(first, participants=tuple(rows)))
    log.publish_operation(first_operation())
    log.submit(aud=(BR,), kept=False)
    return log


def _purpose(scene: Scene) -> Log:
    """An answer that the gateway should not have accepted: its purpose is another than its query's."""
    log = Log(scene.network, log=scene.log, sealer=scene.seal)
    log.publish_directory(first_directory())
    log.publish_operation(first_operation())
    query = log.submit(aud=(BR,), kept=False).digest
    answer: dict[str, object] = {"kind": RESPONSE, "thread": query, "re": query, "answer": Answer.FINAL}
    log.submit(None, kept=False, iss=BR, aud=(FR,), reply_by=None, purpose=Purpose.LOCATION, **answer)
    return log


def _records(scene: Scene) -> Iterator[Vector]:
    items = _record(scene).items()
    twice = _record(scene)
    twice.within(Event.CONTENT_CONSIGNMENT, digest=_DIGEST, party=BR)
    whole = b"".join(items)
    for name, says, data, outcome in (
        ("ok", "a query, consigned and handed over; its sealed part erased", whole, "ok"),
        ("ok-late", "handed over although the gateway had given it up", b"".join(_late(scene).items()), "ok"),
        ("gap", "the consignment left out", b"".join([*items[:6], *items[7:]]), "record-gap"),
        ("contradiction", "a consignment of nothing", b"".join(twice.items()), "record-contradiction"),
        ("order", "two entries in the other order", b"".join([*items[:4], items[3], *items[4:]]), "record-form"),
        ("form", "an item that is not in a byte string", b"\0" + whole, "record-form"),
        ("truncated", "without its end", b"".join(items[:-1]), "cbor-truncated"),
        ("trailing", "something after its end", whole + b"\0", "cbor-trailing"),
        ("rights", "an organisation's query, accepted", b"".join(_rights(scene).items()), "kind-not-allowed"),
        ("purpose", "an answer for another purpose, accepted", b"".join(_purpose(scene).items()), "purpose"),
        ("network", "another network file inside", whole.replace(b"log.example", b"log.changed", 1), "network"),
    ):
        yield Vector(f"record/{name}", says, "record", {"data": data.hex()}, outcome)
