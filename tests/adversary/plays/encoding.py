"""Bytes that no encoder makes, and text that means something to whatever reads it carelessly."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from dataclasses import replace
from typing import Final

from schemas import cbor, cose, wire
from schemas.claims import ANSWER, AUD, EXP, HANDLING, HEAD, IAT, ISS, KIND, NET, PURPOSE, SUB, URGENCY
from schemas.envelope import MAX_SEALED, Envelope
from schemas.errors import Reason
from schemas.evidence import ACKNOWLEDGEMENT_TYP
from schemas.operation import Phase, sign_operation
from schemas.receipts import Acceptance
from schemas.wire import encode_submission
from tests.adversary.forging import Claims, forged, honest, joined, parts
from tests.adversary.plays.replays import counted
from tests.adversary.plays.signatures import sent
from tests.adversary.scene import Scene
from tests.adversary.table import METRICS, Handed, Seen, play

SQL: Final = "'; DROP TABLE message; --"
PATH: Final = "../../../etc/passwd"
TERMINAL: Final = "\x1b[2J\x1b]0;owned\x07"
LINE: Final = 'x\n{"event": "admitted", "sender": "FR"}'
TEXTS: Final = (SQL, PATH, TERMINAL, LINE)


async def _statement(scene: Scene, protected: bytes) -> Acceptance:
    """A statement with these protected bytes, whatever they are."""
    envelope = honest(scene, "FR", "BR")
    _, _, payload, signature = parts(envelope.statement)
    return await sent(scene, Envelope(joined(protected, payload, signature), envelope.sealed))


@play
async def cbor_bomb(scene: Scene) -> Acceptance:
    return await scene.submit("FR", b"\x9a\xff\xff\xff\xff" + b"\x80" * 100_000)


@play
async def cbor_string_bomb(scene: Scene) -> Acceptance:
    return await scene.submit("FR", b"\x82\x5b\x7f" + b"\xff" * 7 + b"x" * 100)


@play
async def deep_nesting(scene: Scene) -> Acceptance:
    return await scene.submit("FR", b"\x81" * 10_000 + b"\x00")


@play
async def duplicate_keys(scene: Scene) -> Acceptance:
    protected = parts(honest(scene, "FR", "BR").statement)[0]
    first = b"\x01\x32"  # 1: -19
    assert protected.startswith(b"\xa6" + first)
    return await _statement(scene, b"\xa7" + first + protected[1:])


@play
async def unsorted_keys(scene: Scene) -> Acceptance:
    header = parts(honest(scene, "FR", "BR").statement)[1]
    body = b"".join(cbor.encode(key) + cbor.encode(value) for key, value in reversed(list(header.items())))
    return await _statement(scene, bytes([0xA0 | len(header)]) + body)


def _replaced(scene: Scene, old: bytes, new: bytes) -> bytes:
    protected = parts(honest(scene, "FR", "BR", exp=4_102_444_800).statement)[0]
    assert protected.count(old) == 1
    return protected.replace(old, new)


@play
async def huge_integer(scene: Scene) -> Acceptance:
    exp = cbor.encode({EXP: 4_102_444_800})[1:]
    return await _statement(scene, _replaced(scene, exp, exp[:1] + b"\xc2\x58\x40" + b"\xff" * 64))


@play
async def longer_spelling(scene: Scene) -> Acceptance:
    exp = cbor.encode({EXP: 4_102_444_800})[1:]
    return await _statement(scene, _replaced(scene, exp, exp[:1] + b"\x1b" + (4_102_444_800).to_bytes(8)))


@play
async def trailing_bytes(scene: Scene) -> Acceptance:
    return await scene.submit("FR", encode_submission(honest(scene, "FR", "BR")) + b"\x00")


@play
async def unknown_claim(scene: Scene) -> Acceptance:
    return await sent(scene, forged(scene, "FR", "BR", claims={-70000: "more"}))


@play
async def boolean_for_a_time(scene: Scene) -> Acceptance:
    return await sent(scene, forged(scene, "FR", "BR", claims={IAT: True}))


@play
async def too_large(scene: Scene) -> Acceptance:
    statement = honest(scene, "FR", "BR").statement
    return await scene.submit("FR", cbor.encode([statement, bytes(MAX_SEALED + 1)]))


@play
async def compressed_bomb(scene: Scene) -> Seen:
    bomb = gzip.compress(bytes(50_000_000))
    before = await scene.metric("bureaunet_request_seconds_count")
    _, reason = await scene.request("FR", "POST", wire.MESSAGES, bomb, Content_Encoding="gzip")
    after = await scene.metric("bureaunet_request_seconds_count")
    return Seen(reason, METRICS if after > before else "nowhere")


@play
async def many_recipients(scene: Scene) -> Acceptance:
    many = [f"BR/u{number}" for number in range(257)]
    return await sent(scene, forged(scene, "FR", "BR", claims={AUD: many}))


# ---- injection


async def _saying(scene: Scene, claims: Claims) -> Acceptance:
    return await sent(scene, forged(scene, "FR", "BR", claims=claims))


@play
async def path_in_sender(scene: Scene) -> Acceptance:
    return await _saying(scene, {ISS: f"FR/{PATH}"})


@play
async def terminal_in_recipient(scene: Scene) -> Acceptance:
    return await _saying(scene, {AUD: [f"BR{TERMINAL}"]})


@play
async def path_in_operation(scene: Scene) -> Acceptance:
    return await _saying(scene, {SUB: PATH})


@play
async def sql_in_operation(scene: Scene) -> Acceptance:
    return await _saying(scene, {SUB: SQL})


@play
async def sql_in_kind(scene: Scene) -> Acceptance:
    refused = await _saying(scene, {KIND: SQL})
    assert SQL not in json.dumps(await scene.entries()), "an entry of a refusal repeats nothing that was said"
    return refused


@play
async def log_line_in_kind(scene: Scene) -> Acceptance:
    return await _saying(scene, {KIND: LINE})


@play
async def terminal_in_kind(scene: Scene) -> Acceptance:
    return await _saying(scene, {KIND: TERMINAL})


@play
async def injection_in_codes(scene: Scene) -> Acceptance:
    said = [await _saying(scene, {label: text}) for label in (URGENCY, PURPOSE, HANDLING, ANSWER) for text in TEXTS]
    return next((one for one in said if one.reason is not Reason.CLAIM_TYPE), said[-1])


@play
async def injection_in_type(scene: Scene) -> Acceptance:
    said = [await sent(scene, forged(scene, "FR", "BR", outer={cose.TYP: text})) for text in TEXTS]
    return next((one for one in said if one.reason is not Reason.TYP), said[-1])


@play
async def injection_in_content(scene: Scene) -> Handed:
    content = json.dumps({"asked": ["status"], "case": f"CASE{TERMINAL}"}).encode()
    envelope = honest(scene, "FR", "CO", content=content)
    assert (await sent(scene, envelope)).accepted
    return Handed(envelope.digest, "CO")


@play
async def injection_in_operations_name(scene: Scene) -> Seen:
    version = replace(scene.operation("infra-name", Phase.PLANNED), name=f"Test {TERMINAL}")
    body = sign_operation(version, scene.network.id, scene.parties["IPSG"].signing)
    return await counted(scene, "IPSG", "POST", wire.OPERATIONS, body)


@play
async def injection_in_operations_kinds(scene: Scene) -> Seen:
    """Kinds are printed by commands that show an operation."""
    version = replace(scene.operation("infra-kinds", Phase.PLANNED), kinds=(f"query{TERMINAL}/1",))
    body = sign_operation(version, scene.network.id, scene.parties["IPSG"].signing)
    return await counted(scene, "IPSG", "POST", wire.OPERATIONS, body)


@play
async def injection_in_acknowledgement(scene: Scene) -> Seen:
    """A text for the reason of a refusal, in an acknowledgement that its recipient truly signed."""
    query = honest(scene, "FR", "BR")
    assert (await sent(scene, query)).accepted
    signer = scene.parties["BR"].signing
    claims: Claims = {ISS: "BR", IAT: int(time.time()), NET: scene.network.id, HEAD: [0, hashlib.sha256().digest()]}
    said = [
        cose.sign1(
            ACKNOWLEDGEMENT_TYP, cbor.encode([query.digest, "refused", text]), signer, {cose.CLAIMS: dict(claims)}
        )
        for text in TEXTS
    ]
    seen = [await counted(scene, "BR", "POST", wire.EVIDENCE, body) for body in said]
    return next((one for one in seen if one.got != Reason.STRUCTURE), seen[0])


@play
async def injection_in_headers(scene: Scene) -> Acceptance:
    """SQL, paths and a path of a log in headers that many servers write down: nothing of them is in the log."""
    mark = f"mark-{time.time_ns()}"
    said = {"User-Agent": f"{mark} {SQL}", "Referer": f"{mark} {PATH}", "X-Request-Id": mark, "Cookie": mark}
    body = encode_submission(honest(scene, "FR", "BR", exercise=True))
    async with scene.client("FR") as client, client.post(wire.MESSAGES, data=body, headers=said) as response:
        refused = scene.receipt(await response.read())
    assert mark not in scene.log.read_text("utf-8")
    return refused
