"""Replays: in the window, after it, over other links, in other operations and networks."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from schemas import merkle, wire
from schemas.claims import CTI, SUB, Head
from schemas.codes import Answer, Handling, Purpose
from schemas.envelope import Envelope, read
from schemas.evidence import Acknowledgement, Outcome, sign_acknowledgement
from schemas.identity import Address, MessageId
from schemas.operation import Phase, sign_operation
from schemas.receipts import Acceptance
from tests.adversary.forging import Claims, altered, forged, honest
from tests.adversary.plays.signatures import sent
from tests.adversary.scene import CLOSED, OPERATION, OTHER, RESPONSE, TRAINING, Scene
from tests.adversary.table import LEDGER, METRICS, Seen, play


async def _repeated(scene: Scene, envelope: Envelope, pause: float) -> Seen:
    """Submit twice: the very same receipt, one acceptance in the ledger, and one copy in the inbox."""
    first = await sent(scene, envelope)
    assert first.accepted
    await asyncio.sleep(pause)
    again = await sent(scene, envelope)
    digest = envelope.digest.hex()
    found = [entry for entry in await scene.entries() if entry.get("digest") == digest]
    events = sorted(str(entry["event"]) for entry in found)
    copies = [item for item in await scene.inbox("BR") if item.statement == envelope.statement]
    once = events == ["ContentConsignment", "SubmissionAcceptance"] and len(copies) <= 1
    return Seen("repeated" if again == first and once else "taken twice", LEDGER)


@play
async def replay_in_window(scene: Scene) -> Seen:
    return await _repeated(scene, honest(scene, "FR", "BR"), 0)


@play
async def replay_after_window(scene: Scene) -> Seen:
    return await _repeated(scene, honest(scene, "FR", "BR", exp=int(time.time()) + 8), 9)


@play
async def late_first_delivery(scene: Scene) -> Acceptance:
    captured = honest(scene, "FR", "BR", exp=int(time.time()) + 1)
    await asyncio.sleep(2)
    return await sent(scene, captured)


@play
async def replay_over_another_link(scene: Scene) -> Acceptance:
    captured = honest(scene, "FR", "BR")
    assert (await sent(scene, captured)).accepted
    return await sent(scene, captured, "AR")


@play
async def reused_id(scene: Scene) -> Acceptance:
    first = honest(scene, "FR", "BR")
    assert (await sent(scene, first)).accepted
    return await sent(scene, honest(scene, "FR", "AR", cti=read(first.statement).header.cti))


@play
async def replay_across_operations(scene: Scene) -> Acceptance:
    moved: Claims = {SUB: OTHER, CTI: bytes(MessageId.new(int(time.time() * 1000)))}
    return await sent(scene, altered(honest(scene, "FR", "BR"), moved))


@play
async def thread_across_operations(scene: Scene) -> Acceptance:
    query = honest(scene, "BR", "FR")
    assert (await sent(scene, query, "BR")).accepted
    return await sent(scene, _answer(scene, query, "FR", "BR", sub=OTHER))


@play
async def replay_across_networks(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "FR", "BR", net=scene.elsewhere().network.id))


def _acknowledgement(scene: Scene, name: str, digest: bytes, by: str) -> bytes:
    head, now = Head(0, merkle.EMPTY), int(time.time())
    said = Acknowledgement(Address(name), digest, Outcome.PROCESSED, now, scene.network.id, head)
    return sign_acknowledgement(said, scene.parties[by].signing)


async def counted(scene: Scene, link: str, method: str, path: str, body: bytes | None = None) -> Seen:
    """A request that is refused with a problem: its reason, and whether the metrics count it."""
    before = await scene.metric("bureaunet_request_seconds_count")
    _, reason = await scene.request(link, method, path, body)
    after = await scene.metric("bureaunet_request_seconds_count")
    return Seen(reason or "served", METRICS if after > before else "nowhere")


@play
async def receipt_of_another(scene: Scene) -> Seen:
    query = honest(scene, "FR", "BR")
    assert (await sent(scene, query)).accepted
    return await counted(scene, "FR", "POST", wire.EVIDENCE, _acknowledgement(scene, "BR", query.digest, "FR"))


@play
async def receipt_of_nothing(scene: Scene) -> Seen:
    return await counted(scene, "FR", "POST", wire.EVIDENCE, _acknowledgement(scene, "FR", bytes(32), "FR"))


# ---- rules of an operation


@play
async def suspended_sender(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "CL", "BR"), "CL")


@play
async def non_participant(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "UY", "BR"), "UY")


@play
async def outside_recipient(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "FR", "UY"))


@play
async def exercise_in_real_traffic(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "FR", "BR", exercise=True))


@play
async def real_in_training(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "FR", "BR", sub=TRAINING))


@play
async def closed_operation(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "FR", "BR", sub=CLOSED))


@play
async def clock_ahead(scene: Scene) -> Acceptance:
    now = int(time.time())
    return await sent(scene, honest(scene, "FR", "BR", iat=now + 300, exp=now + 900))


@play
async def clock_behind(scene: Scene) -> Acceptance:
    now = int(time.time())
    return await sent(scene, honest(scene, "FR", "BR", iat=now - 200, exp=now - 100))


@play
async def immortal_message(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "FR", "BR", exp=int(time.time()) + 365 * 24 * 3600))


def _answer(scene: Scene, query: Envelope, sender: str, *to: str, **changes: object) -> Envelope:
    claims = {"thread": query.digest, "re": query.digest, "kind": RESPONSE, "answer": Answer.FINAL, **changes}
    return forged(scene, sender, *to, **claims)  # type: ignore[arg-type]  # claims by their names


async def _query(scene: Scene, **changes: object) -> Envelope:
    query = honest(scene, "BR", "FR", **changes)  # type: ignore[arg-type]  # claims by their names
    assert (await sent(scene, query, "BR")).accepted
    return query


@play
async def purpose_widened(scene: Scene) -> Acceptance:
    query = await _query(scene)
    return await sent(scene, _answer(scene, query, "FR", "BR", purpose=Purpose.LOCATION))


@play
async def handling_evaded(scene: Scene) -> Acceptance:
    query = await _query(scene, handling=Handling.H2)
    passed_on = forged(scene, "FR", "AR", thread=query.digest)
    return await sent(scene, passed_on)


@play
async def thread_joined(scene: Scene) -> Acceptance:
    query = await _query(scene)
    return await sent(scene, _answer(scene, query, "AR", "BR"), "AR")


@play
async def kind_not_allowed(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "FR", "BR", kind="result/1"))


@play
async def foreign_operation(scene: Scene) -> Seen:
    known = scene.operations[OPERATION]
    version = replace(scene.operation(OPERATION, Phase.CLOSED), version=2, previous=known.hash)
    body = sign_operation(version, scene.network.id, scene.parties["FR"].signing)
    return await counted(scene, "FR", "POST", wire.OPERATIONS, body)
