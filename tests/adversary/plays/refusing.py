"""A participant refuses named senders: who is refused tries to reach it all the same, or to change its mind for it."""

from __future__ import annotations

from schemas import cbor, cose, wire
from schemas.claims import NET
from schemas.identity import Address
from schemas.preferences import PREFERENCES_TYP, Preferences, sign_preferences
from schemas.receipts import Acceptance
from tests.adversary.forging import honest
from tests.adversary.plays.encoding import TERMINAL
from tests.adversary.plays.replays import counted
from tests.adversary.plays.signatures import sent
from tests.adversary.scene import Scene
from tests.adversary.table import Seen, play

WHO = "UNMIK"
"""It refuses FR, which writes to it nowhere else."""


def _refusals(scene: Scene, version: int, *refused: str, by: str = WHO) -> bytes:
    said = Preferences(Address(WHO), version, scene.now, frozenset(map(Address, refused)))
    return sign_preferences(said, scene.network.id, scene.parties[by].signing)


async def _refusing(scene: Scene) -> None:
    """Version 1 refuses nobody, version 2 refuses FR: the same again changes nothing."""
    for version, refused in ((1, ()), (2, ("FR",))):
        status, reason = await scene.request(WHO, "POST", wire.PREFERENCES, _refusals(scene, version, *refused))
        assert status == 204 or reason == "version-order", reason


@play
async def sender_refused(scene: Scene) -> Acceptance:
    await _refusing(scene)
    return await sent(scene, honest(scene, "FR", WHO))


@play
async def refused_among_others(scene: Scene) -> Acceptance:
    """Nobody gets a copy of what one recipient refuses, and its sender learns of it."""
    await _refusing(scene)
    return await sent(scene, honest(scene, "FR", "BR", WHO))


@play
async def refused_by_its_unit(scene: Scene) -> Acceptance:
    """A unit of the refused bureau, with a row, a key and a link of its own."""
    await _refusing(scene)
    return await sent(scene, honest(scene, "FR/post", WHO), "FR/post")


@play
async def refusals_of_another(scene: Scene) -> Seen:
    """FR publishes that nobody is refused, over its own link."""
    await _refusing(scene)
    return await counted(scene, "FR", "POST", wire.PREFERENCES, _refusals(scene, 3, by="FR"))


@play
async def refusals_taken_back(scene: Scene) -> Seen:
    """An older version, truly signed, is published again."""
    await _refusing(scene)
    return await counted(scene, WHO, "POST", wire.PREFERENCES, _refusals(scene, 1))


@play
async def refusals_read_by_another(scene: Scene) -> Seen:
    await _refusing(scene)
    return await counted(scene, "AR", "GET", f"{wire.PREFERENCES}/{WHO}")


@play
async def injection_in_refusals(scene: Scene) -> Seen:
    """A terminal escape for an address, in a statement that is truly signed."""
    payload = cbor.encode([WHO, 3, scene.now, [f"FR{TERMINAL}"]])
    claims: dict[cbor.Key, cbor.Value] = {cose.CLAIMS: {NET: scene.network.id}}
    body = cose.sign1(PREFERENCES_TYP, payload, scene.parties[WHO].signing, claims)
    return await counted(scene, WHO, "POST", wire.PREFERENCES, body)
