"""Vectors of witnesses: policies in directories, keys in requests, cosignatures on their way, misbehaviour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from schemas import cbor, cose, threshold
from schemas.directory import DIRECTORY_TYP, directory_hash, sign_directory
from schemas.enrolment import ENROLMENT_TYP, Request, sign_request
from schemas.identity import NoteSigner
from schemas.keys import NoteKey
from schemas.merkle import consistency_proof, leaf_hash, of_leaves, range_hash
from schemas.misbehaviour import SLACK, Evidence, Source, Statement
from schemas.notes import Checkpoint, add_line, sign_checkpoint, signature_line
from schemas.witness import Witnesses, cosign
from tests.world import AUTHORITY, BR, FR, NOW, first_directory, participant, seed, signing
from tools.vectors.kept import KeptNoteSigner
from tools.vectors.scene import Json, Scene, Vector

_CODES = ("AR", "BR", "FR")
_ONE = [leaf_hash(bytes((number,))) for number in range(12)]
_TWO = [*_ONE[:5], leaf_hash(b"another"), *_ONE[6:]]


def vectors(scene: Scene) -> Iterator[Vector]:
    """All of them."""
    keys = {code: KeptNoteSigner(NoteKey(code, seed(f"witness/{code}")), scene.kept) for code in _CODES}
    named = Witnesses({code: NoteKey(code, seed(f"witness/{code}")).public for code in _CODES}, 2, 0)
    yield from _directories(scene, named)
    yield from _enrolments(keys)
    yield from _cosignatures(scene, keys)
    yield from _misbehaviour(scene, keys, named)


def _directories(scene: Scene, named: Witnesses) -> Iterator[Vector]:
    second = replace(first_directory(), version=2, previous=directory_hash(scene.directory), witnesses=named)
    whole = cbor.decode(first_directory().encode(), cbor.DIRECTORY)
    plain = [2, directory_hash(scene.directory), *whole[2:]] if isinstance(whole, list) else []
    rows: list[cbor.Value] = named.to_value()

    def signed(more: Sequence[cbor.Value]) -> bytes:
        payload = cbor.encode([*plain, *more])
        return threshold.join([threshold.sign_part(DIRECTORY_TYP, payload, AUTHORITY, scene.net)], DIRECTORY_TYP)

    stranger = replace(named, keys={"CL": named.keys["FR"]}, quorum=1).to_value()
    unsorted: list[cbor.Value] = [rows[0][::-1], 2, 0] if isinstance(rows[0], list) else []
    for name, says, data, outcome in (
        ("ok-witnesses", "it names three witnesses", sign_directory(second, [AUTHORITY], scene.network), "ok"),
        ("ok-no-witnesses", "it says that nobody witnesses", signed([None, [[], 0, 0]]), "ok"),
        ("witnesses-quorum", "one of three is no quorum", signed([None, [rows[0], 1, 0]]), "threshold"),
        ("witnesses-dishonest", "two of three, one dishonest", signed([None, [rows[0], 2, 1]]), "threshold"),
        ("witnesses-stranger", "a witness without a row", signed([None, stranger]), "structure"),
        ("witnesses-order", "witnesses in another order", signed([None, unsorted]), "structure"),
        ("succession-null", "an absent succession is written", signed([None]), "structure"),
    ):
        given: dict[str, Json] = {"data": data.hex(), "network": scene.network.raw.hex()}
        given["previous"] = scene.directory.hex()
        yield Vector(f"directory/{name}", says, "directory", given, outcome)


def _enrolments(keys: dict[str, KeptNoteSigner]) -> Iterator[Vector]:
    row, held = participant(FR), NoteKey("FR", seed("witness/FR")).public
    plain = Request(
        FR, row.kind, row.name, row.link, signing(FR).public, row.sealing[0].key, row.units, b"csr", NOW, held
    )
    other = replace(plain, address=BR, signing=signing(BR).public)
    good = sign_request(plain, signing(FR), keys["FR"])
    mine = cbor.decode(cose.parse_sign1(good, ENROLMENT_TYP).payload)
    theirs = cbor.decode(cose.parse_sign1(sign_request(other, signing(BR), keys["FR"]), ENROLMENT_TYP).payload)
    stolen = [*mine[:-1], theirs[-1]] if isinstance(mine, list) and isinstance(theirs, list) else []
    taken = cose.sign1(ENROLMENT_TYP, cbor.encode(stolen), signing(FR))
    for name, says, data, outcome in (
        ("ok-witness", "a request with a witness key", good, "ok"),
        ("witness-not-held", "a proof that was made for another bureau", taken, "signature"),
    ):
        yield Vector(f"enrolment/{name}", says, "enrolment", {"data": data.hex()}, outcome)


def _cosignatures(scene: Scene, keys: dict[str, KeptNoteSigner]) -> Iterator[Vector]:
    head = Checkpoint(scene.log.name, 12, range_hash(of_leaves(_ONE), 0, 12))
    good = cosign(head, keys["FR"], NOW)
    twice = good + signature_line(head, keys["BR"], NOW).encode()
    elsewhere = cosign(replace(head, origin="log.other"), keys["FR"], NOW)
    stranger = KeptNoteSigner(NoteKey("CL", seed("witness/CL")), scene.kept)
    for name, says, data, outcome in (
        ("ok", "a witness' line under the checkpoint", good, "ok"),
        ("two-lines", "two witnesses in one", twice, "checkpoint"),
        ("origin", "another log's", elsewhere, "checkpoint"),
        ("stranger", "by nobody of the policy", cosign(head, stranger, NOW), "checkpoint"),
        ("size", "another size", good.replace(b"\n12\n", b"\n13\n"), "checkpoint"),
    ):
        given: dict[str, Json] = {"data": data.hex(), "origin": scene.log.name, "log": scene.log.raw.hex()}
        given["witnesses"] = {code: key.raw.hex() for code, key in sorted(keys.items())}
        yield Vector(f"cosignature/{name}", says, "cosignature", given, outcome)


def _misbehaviour(scene: Scene, keys: dict[str, KeptNoteSigner], named: Witnesses) -> Iterator[Vector]:
    def note(leaves: list[bytes], size: int, *witnesses: NoteSigner, time: int = NOW) -> Statement:
        head = Checkpoint(scene.log.name, size, range_hash(of_leaves(leaves), 0, size))
        text = sign_checkpoint(head, scene.log, time)
        for witness in witnesses:
            text = add_line(text, signature_line(head, witness, time))
        return Statement(Source.NOTE, text.encode())

    def directory(time: int) -> Statement:
        return Statement(
            Source.DIRECTORY, sign_directory(replace(first_directory(), time=time), [AUTHORITY], scene.network)
        )

    second = replace(first_directory(), version=2, previous=directory_hash(scene.directory), witnesses=named)
    versions = (scene.directory, sign_directory(second, [AUTHORITY], scene.network))
    shown = tuple(consistency_proof(of_leaves(_TWO), 7, 12))
    power = (range_hash(of_leaves(_TWO), 0, 8), *consistency_proof(of_leaves(_TWO), 8, 12))
    honest = tuple(consistency_proof(of_leaves(_ONE), 7, 12))
    late = note(_ONE, 7, time=NOW + SLACK + 1)
    double = Evidence(note(_ONE, 9, keys["BR"], keys["FR"]), note(_TWO, 9, keys["FR"]), (), versions)
    for name, says, file, outcome, proves in (
        ("ok-fork", "one size, two roots, one witness under both", double, "ok", "fork"),
        ("ok-fork-sizes", "two sizes, two histories", Evidence(note(_ONE, 7), note(_TWO, 12), shown), "ok", "fork"),
        ("ok-fork-power", "the smaller a power of two", Evidence(note(_ONE, 8), note(_TWO, 12), power), "ok", "fork"),
        ("ok-rollback", "a smaller tree, signed later", Evidence(late, note(_ONE, 12)), "ok", "rollback"),
        ("ok-directories", "two first versions", Evidence(directory(NOW), directory(NOW + 1)), "ok", "directories"),
        ("one-history", "what one history shows", Evidence(note(_ONE, 7), note(_ONE, 12), honest), "consistency", ""),
        ("unshown", "two sizes and nothing between", Evidence(note(_ONE, 7), note(_TWO, 12)), "consistency", ""),
        ("forged", "a note by another key", Evidence(note(_ONE, 9), _forged(scene)), "checkpoint", ""),
    ):  # fmt: skip
        given: dict[str, Json] = {"data": file.encode().hex(), "network": scene.network.raw.hex()}
        shows: dict[str, Json] | None = {"contradiction": proves} if proves else None
        yield Vector(f"misbehaviour/{name}", says, "misbehaviour", given, outcome, shows)


def _forged(scene: Scene) -> Statement:
    other = KeptNoteSigner(NoteKey(scene.log.name, seed("forged")), scene.kept)
    note = sign_checkpoint(Checkpoint(scene.log.name, 9, bytes(32)), other, NOW)
    return Statement(Source.NOTE, note.encode())
