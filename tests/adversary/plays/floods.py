"""Filling what is shared: the gate, and the ledger."""

from __future__ import annotations

import asyncio
from typing import Final

from schemas.errors import Reason
from schemas.receipts import Acceptance
from schemas.wire import MESSAGES, encode_submission
from tests.adversary.forging import honest
from tests.adversary.scene import Scene, eventually
from tests.adversary.table import SUMMARY, Seen, play

LINK_PER_MINUTE: Final = 1200
REFUSALS: Final = 160
RECORDED_PER_MINUTE: Final = 60
"""gateway/settings.py, recorded_refusals_per_minute."""


async def _posted(scene: Scene, link: str, bodies: list[bytes]) -> list[Acceptance]:
    """Submit as fast as four connections go."""
    said: list[Acceptance] = []
    async with scene.client(link) as client:

        async def work() -> None:
            while bodies:
                async with client.post(MESSAGES, data=bodies.pop()) as response:
                    said.append(scene.receipt(await response.read()))

        await asyncio.gather(*(work() for _ in range(4)))
    return said


@play
async def submission_flood(scene: Scene) -> Acceptance:
    """Garbage as fast as it goes; another link is served meanwhile. The slower, the more: quotas fill."""
    said: list[Acceptance] = []
    over: list[Acceptance] = []
    while not over and len(said) < 4 * LINK_PER_MINUTE:
        more = await _posted(scene, "SR", [b"\xff"] * (LINK_PER_MINUTE // 4))
        said += more
        over = [one for one in more if one.reason is Reason.LINK_QUOTA]
    assert len(said) >= LINK_PER_MINUTE, "so many it may"
    assert (await scene.submit("FR", encode_submission(honest(scene, "FR", "BR")))).accepted, "others are served"
    return over[-1] if over else said[-1]


@play
async def ledger_flood(scene: Scene) -> Seen:
    """Well-signed messages that are refused at step 12: entries are bounded, and the rest is one count."""
    bodies = [encode_submission(honest(scene, "PY", "BR")) for _ in range(REFUSALS)]
    said = await _posted(scene, "PY", bodies)
    assert {one.accepted for one in said} == {False}
    recorded = [one for one in said if one.index is not None]

    async def counted() -> int:
        entries = [entry for entry in await scene.entries() if entry.get("party") == "PY"]
        return sum(int(str(entry.get("count", 0))) for entry in entries if entry["event"] == "RefusalSummary")

    bounded = len(recorded) <= 2 * RECORDED_PER_MINUTE  # the clock's minute may turn while they come
    left = REFUSALS - len(recorded)

    async def all_counted() -> bool:
        return await counted() == left

    await eventually(all_counted)
    reasons = {str(one.reason) for one in said}
    return Seen(reasons.pop() if len(reasons) == 1 and bounded else "unbounded", SUMMARY if left else "nowhere")
