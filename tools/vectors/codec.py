"""Vectors of the codec, of names and keys, and of a message's content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from schemas.keys import SealingKey, SigningKey
from tests.world import CONTENT, QUERY, sealing_seed, seed
from tools.vectors import contents
from tools.vectors.scene import Scene, Vector

_CBOR = (
    ("truncated", "a byte string of three bytes with two", "430102", "cbor-truncated"),
    ("trailing", "a byte after the value", "0000", "cbor-trailing"),
    ("not-shortest", "23 in two bytes", "1817", "cbor-not-shortest"),
    ("indefinite", "an array of indefinite length", "9f01ff", "cbor-indefinite"),
    ("key-order", "key 2 before key 1", "a202000100", "cbor-key-order"),
    ("duplicate-key", "key 1 twice", "a201000100", "cbor-duplicate-key"),
    ("too-deep", "nine arrays within one another", "81" * 9 + "00", "cbor-too-deep"),
    ("too-many-items", "an array of 4,096 numbers: 4,097 items", "991000" + "00" * 4096, "cbor-too-many"),
    ("too-many-pairs", "a map of 65 pairs", "b841" + "00" * 130, "cbor-too-many"),
    ("float", "a floating-point number", "f93c00", "cbor-unsupported"),
    ("other-tag", "tag 1", "c100", "cbor-unsupported"),
    ("undefined", "the simple value undefined", "f7", "cbor-unsupported"),
    ("boolean-key", "a map with a boolean as its key", "a1f500", "cbor-unsupported"),
    ("not-utf-8", "text that is not UTF-8", "62c328", "cbor-text"),
)
_VALID_CBOR = (
    ("map", "keys in the order of their encoding", "a40a0018640020006161" + "00"),
    ("nested", "as deep as may be", "81" * 8 + "00"),
    ("largest-integer", "64 bits", "1bffffffffffffffff"),
    ("tagged", "a tag that is in use", "d280"),
)
_LISTED = json.dumps(
    {
        "attachments": [
            {"media": "text/plain", "sha256": hashlib.sha256(data).hexdigest(), "shows": "other", "size": len(data)}
            for data in (b"one", b"two")
        ],
        "case": "FR-1",
        "colour": "purple",
        "thing": {"kind": "method", "name": "Hollow bricks"},
    },
    separators=(",", ":"),
).encode()
_UNLISTED = b'{"case":"FR-1","colour":"purple","thing":{"kind":"method","name":"Hollow bricks"}}'
_NOTICE = "notice.request/1"
_ATTACHED = (
    ("ok-attachments", "two attachments behind a zero byte, in the order of the list", b"\0onetwo", "ok"),
    ("attachments-missing", "attachments that are listed and do not stand there", b"", "content-model"),
    ("attachments-order", "the second attachment before the first", b"\0twoone", "content-model"),
    ("attachments-short", "a byte less than is listed", b"\0onetw", "content-model"),
    ("attachments-trailing", "a byte behind the last attachment", b"\0onetwo!", "content-model"),
)
_CONTENT = (
    ("ok", "a query by a case's reference", QUERY, CONTENT, "ok"),
    ("not-json", "an array that does not end", QUERY, b"[", "content-not-json"),
    ("duplicate-name", "the name case twice", QUERY, b'{"case":"FR-1","case":"FR-2"}', "content-duplicate-name"),
    ("not-finite", "a number that is not finite", QUERY, b'{"asked":["status"],"case":NaN}', "content-number"),
    ("model", "a query that asks nothing", QUERY, b'{"case":"FR-1"}', "content-model"),
    ("kind-unknown", "a kind that nobody knows", "gossip/1", CONTENT, "kind-unknown"),
    (
        "attachments-of-none",
        "a zero byte behind a kind without attachments",
        QUERY,
        CONTENT + b"\0",
        "content-not-json",
    ),
    ("attachments-unlisted", "bytes that are not listed", _NOTICE, _UNLISTED + b"\0one", "content-model"),
    *((name, says, _NOTICE, _LISTED + behind, outcome) for name, says, behind, outcome in _ATTACHED),
)


_SILENT = (
    b'{"found":[{"kind":"person","owner":"BR","reasons":["name"],"record":"DB-1","score":90,"visibility":"silent"}],'
    b'"result":"candidates"}'
)
_DATABASES = (
    ("query", "a document by its number", "query", b'{"document":{"number":"X4RT-7781"}}', "ok"),
    (
        "query-both",
        "a document and a person in one question",
        "query",
        b'{"document":{"number":"X1"},"person":{"name":{"family":"Brukel-Ex"}}}',
        "content-model",
    ),
    ("answer", "nothing was found", "answer", b'{"result":"no-hit"}', "ok"),
    ("answer-hit-of-none", "a hit that names no record", "answer", b'{"result":"hit"}', "content-model"),
    (
        "answer-silent",
        "a silent record shown",
        "answer",
        _SILENT,
        "content-model",
    ),
    ("record", "a record that is taken out", "record", b'{"act":"delete","reference":"BR-1"}', "ok"),
    ("record-of-nobody", "a record about nothing", "record", b'{"act":"add","reference":"BR-1"}', "content-model"),
)


def vectors(scene: Scene) -> Iterator[Vector]:
    """All of them; `scene` is not used but for the keys."""
    for name, says, data, outcome in _CBOR:
        yield Vector(f"cbor/{name}", says, "cbor", {"data": data}, outcome)
    for name, says, data in _VALID_CBOR:
        yield Vector(f"cbor/ok-{name}", says, "cbor", {"data": data}, "ok", {"encodes": data})
    for name, says, kind, content, outcome in _CONTENT:
        yield Vector(f"content/{name}", says, "content", {"kind": kind, "data": content.hex()}, outcome)
    for name, says, kind, content, outcome in _DATABASES:
        given = {"kind": f"database.{kind}/1", "data": content.hex()}
        valid = "ok-" if outcome == "ok" else ""
        yield Vector(f"content/{valid}database-{name}", says, "content", given, outcome)
    for name, said in (("ok-hit-until", b'"until":2000000000,'), ("hit-no-until", b"")):
        content = b'{"record":"DB-1",' + said + b'"validity":"IN_PROCESS"}'
        says = f"an owner that needs time, {'with' if said else 'without'} until when"
        given = {"kind": "hit.confirmed/1", "data": content.hex()}
        yield Vector(f"content/{name}", says, "content", given, "ok" if said else "content-model")
    yield from contents.vectors()
    yield from _names()
    yield from _keys(scene)


def _names() -> Iterator[Vector]:
    for name, text, outcome in (
        ("ok-bureau", "FR", "ok"),
        ("ok-unit", "KE/border-namanga", "ok"),
        ("lower-case", "fr", "address"),
        ("empty-unit", "FR/", "address"),
        ("two-units", "FR/a/b", "address"),
        ("line-end", "FR\n", "address"),
        ("unit-urgent", "KE/urgent", "address"),
    ):
        yield Vector(f"address/{name}", "an address", "address", {"text": text}, outcome)
    for name, says, data, outcome in (
        ("ok", "a UUIDv7", "01310000000070008000000000000001", "ok"),
        ("version-4", "a UUIDv4", "01310000000040008000000000000001", "message-id"),
        ("short", "15 bytes", "013100000000700080000000000000", "message-id"),
    ):
        yield Vector(f"message-id/{name}", says, "message-id", {"data": data}, outcome)


def _keys(scene: Scene) -> Iterator[Vector]:
    signing = SigningKey(seed("signing/FR")).public
    yield Vector("key/ok-signing", "Ed25519", "signing-key", {"data": signing.raw.hex()}, "ok", _shows(signing.key_id))
    for name, says, raw, outcome in (
        ("signing-identity", "the neutral element: one signature verifies for any message", b"\x01", "key-weak"),
        ("signing-order-8", "a point of order eight", bytes.fromhex(_ORDER_8), "key-weak"),
        ("signing-not-canonical", "y = p + 3", ((1 << 255) - 16).to_bytes(32, "little"), "key-weak"),
        ("signing-short", "31 bytes", bytes(31), "key-form"),
    ):
        data = raw.ljust(32, b"\0") if outcome == "key-weak" else raw
        yield Vector(f"key/{name}", says, "signing-key", {"data": data.hex()}, outcome)
    for suite in (57, 50):
        public = SealingKey(sealing_seed("FR")[-32 if suite == 50 else -96 :], suite).public
        given = {"suite": suite, "data": public.raw.hex()}
        yield Vector(f"key/ok-sealing-{suite}", "an HPKE key", "sealing-key", given, "ok", _shows(public.key_id))
    kem = SealingKey(sealing_seed("FR")).public.raw[:1184]
    for name, says, suite, data, outcome in (
        ("sealing-zero", "X25519's zero: every secret with it is zero", 50, bytes(32), "key-weak"),
        ("sealing-hybrid-zero", "the same within a hybrid key", 57, kem + bytes(32), "key-weak"),
        ("sealing-high-bit", "a second spelling of the base point", 50, b"\x09" + bytes(30) + b"\x80", "key-weak"),
        (
            "sealing-coefficients",
            "ML-KEM coefficients out of range",
            57,
            b"\xff" * 1184 + b"\x09" + bytes(31),
            "key-weak",
        ),
        ("sealing-short", "1215 bytes", 57, bytes(1215), "key-form"),
        ("sealing-suite", "a suite that the network does not have", 35, bytes(32), "suite"),
    ):
        yield Vector(f"key/{name}", says, "sealing-key", {"suite": suite, "data": data.hex()}, outcome)
    note = scene.network.policy.log
    yield Vector("key/ok-note", "ML-DSA-44", "note-key", {"data": note.raw.hex()}, "ok")
    yield Vector("key/note-short", "1311 bytes", "note-key", {"data": note.raw[:-1].hex()}, "key-form")


_ORDER_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"


def _shows(key_id: bytes) -> dict[str, str]:
    return {"key_id": key_id.hex()}
