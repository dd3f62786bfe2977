"""Who may: by what a row says that it is, by role and date in an operation, by quota, and units of a bureau."""

from __future__ import annotations

import hashlib

from schemas import wire
from schemas.codes import Handling
from schemas.errors import Reason
from schemas.identity import Address
from schemas.receipts import Acceptance
from tests.adversary.forging import honest
from tests.adversary.plays.replays import counted
from tests.adversary.plays.signatures import sent
from tests.adversary.scene import OTHER, RESULT, Scene
from tests.adversary.table import Seen, play


@play
async def organisation_asks(scene: Scene) -> Acceptance:
    """The operation has this kind; an organisation's row has it not."""
    return await sent(scene, honest(scene, "UNMIK", "BR"), "UNMIK")


@play
async def unit_beyond_its_rights(scene: Scene) -> Acceptance:
    """A border post may ask and answer, and sends no results."""
    return await sent(scene, honest(scene, "FR/post", "BR", sub=OTHER, kind=RESULT), "FR/post")


@play
async def unit_not_authorised(scene: Scene) -> Acceptance:
    """FR's own link and key, in the name of a unit that FR's row does not list."""
    return await sent(scene, honest(scene, "FR", "BR", iss=Address("FR/nobody")))


@play
async def unit_for_its_bureau(scene: Scene) -> Acceptance:
    """A unit with a row of its own speaks in the name of the whole bureau."""
    return await sent(scene, honest(scene, "FR", "BR", by=scene.parties["FR/post"].signing), "FR/post")


@play
async def observer_asks(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "EC", "BR"), "EC")


@play
async def auditor_asks(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "PA", "BR"), "PA")


@play
async def auditor_is_sent_to(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "FR", "PA"))


@play
async def auditor_reads_content(scene: Scene) -> Seen:
    """It reads entries of its operation, and of no other; nothing that was exchanged."""
    envelope = honest(scene, "FR", "BR")
    receipt = await sent(scene, envelope)
    assert receipt.accepted
    assert envelope.sealed is not None
    status, _ = await scene.request("PA", "GET", f"{wire.ENTRIES}/{receipt.index}")
    assert status == 200, "entries are what it is for"
    closed = (
        f"{wire.ACCEPTANCES}/{envelope.digest.hex()}",
        f"{wire.SEALED}/{hashlib.sha256(envelope.sealed).hexdigest()}",
    )
    seen = [await counted(scene, "PA", "GET", path) for path in closed]
    return next((one for one in seen if one.got != Reason.NOT_FOUND), seen[0])


@play
async def member_not_yet(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "NI", "BR"), "NI")


@play
async def member_no_more(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "BZ", "BR"), "BZ")


@play
async def handling_not_agreed(scene: Scene) -> Acceptance:
    """A handling code that exists, which the operation has not."""
    return await sent(scene, honest(scene, "FR", "BR", handling=Handling.H3))


@play
async def rate_quota(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "GT", "BR"), "GT")


@play
async def size_quota(scene: Scene) -> Acceptance:
    """The first message of a minute fits, whatever its size: one of the next two does not, though the minute turns."""
    said = [await sent(scene, honest(scene, "HN", "BR"), "HN") for _ in range(3)]
    assert said[0].accepted
    return next((one for one in said if not one.accepted), said[-1])
