"""One of four witnesses is dishonest: it signs what nobody showed it, while the log asks for one and the same head."""

from __future__ import annotations

import time

from schemas import wire
from schemas.notes import Checkpoint, SignedCheckpoint, open_note
from schemas.witness import cosign, policy_of
from tests.adversary.plays.replays import counted
from tests.adversary.scene import Scene, eventually
from tests.adversary.table import LOG, Seen, play

LIAR, *HONEST = "FR", "BR", "AR", "UY"


async def _note(scene: Scene, path: str) -> list[SignedCheckpoint]:
    """The note that the gateway serves to witnesses, its lines verified; nothing where it has none."""
    async with scene.client(LIAR) as client, client.get(path) as response:
        text = await response.text()
        policy = policy_of(scene.network.policy, scene.directory)
        return [open_note(text, policy).under(policy)] if response.status == 200 else []


def _line(scene: Scene, witness: str, head: Checkpoint) -> bytes:
    return cosign(head, scene.witnesses[witness], int(time.time()))


async def _offered(scene: Scene) -> Checkpoint:
    (note,) = await eventually(lambda: _note(scene, wire.CANDIDATE))
    return note.checkpoint


@play
async def witness_signs_a_fork(scene: Scene) -> Seen:
    """A line over another root of the size on offer: it is refused and named, and the others are the quorum."""
    head = await _offered(scene)
    fork = Checkpoint(head.origin, head.size, bytes(32))
    seen = await counted(scene, LIAR, "POST", wire.EVIDENCE, _line(scene, LIAR, fork))

    async def witnessed() -> list[SignedCheckpoint]:
        now = await _offered(scene)
        for witness in HONEST:
            status, reason = await scene.request(witness, "POST", wire.EVIDENCE, _line(scene, witness, now))
            assert status == 204, reason
        return [note for note in await _note(scene, wire.WITNESSED) if note.checkpoint.size >= head.size]

    (held,) = await eventually(witnessed)
    assert held.witnesses == set(HONEST), "the quorum holds without it, and does not count it"
    named = {"event": "cosignature-failed", "witness": LIAR, "size": head.size, "root": fork.root.hex()}
    return Seen(seen.got, LOG if any(named.items() <= line.items() for line in scene.lines()) else "nowhere")


@play
async def witness_signs_for_another(scene: Scene) -> Seen:
    """A true line, made by another witness, over one's own link: nobody signs in another's place."""
    head = await _offered(scene)
    return await counted(scene, LIAR, "POST", wire.EVIDENCE, _line(scene, HONEST[0], head))
