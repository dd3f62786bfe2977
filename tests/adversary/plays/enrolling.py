"""Hostile enrolments, and a directory with a weak key: the authority's and the gateway's commands refuse them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from schemas import cbor, cose, threshold
from schemas.directory import DIRECTORY_TYP, Link
from schemas.enrolment import ENROLMENT_TYP
from schemas.errors import Reason, Unavailable
from schemas.identity import Address
from tests.adversary.parties import Party
from tests.adversary.plays.encoding import TERMINAL
from tests.adversary.scene import Scene
from tests.adversary.table import AUTHORITY, Seen, play

SMALL_ORDER = (1).to_bytes(32, "little")
"""The neutral element of Ed25519: one fixed signature verifies for every message."""
_NAME, _SIGNING, _SEALING, _UNITS = 2, 4, 6, 7
"""Places in a request (protocol section 2.6)."""


def _values(statement: bytes) -> list[cbor.Value]:
    payload = cbor.decode(cose.parse_sign1(statement, ENROLMENT_TYP).payload)
    assert isinstance(payload, list)
    return payload


async def _enrolled(scene: Scene, place: int, change: Callable[[cbor.Value], cbor.Value]) -> Seen:
    """An honest request but for one field, signed by the newcomer, given to the authority's command."""
    number = sum(1 for _ in scene.folder.glob("newcomer-*.cbor"))
    newcomer = Party(Address("QX"), scene.folder / f"newcomer-{number}")
    values = _values(newcomer.request(scene.now, Link.HTTP))
    values[place] = change(values[place])
    path = scene.folder / f"newcomer-{number}.cbor"
    path.write_bytes(cose.sign1(ENROLMENT_TYP, cbor.encode(values), newcomer.signing))
    home = scene.authority.home

    async def files() -> object:
        return {str(file): file.stat().st_mtime_ns for file in home.rglob("*") if file.is_file()}

    return await _refused(scene, files, "authority", "approve", "--home", home, path)


async def _refused(scene: Scene, made: Callable[[], Awaitable[object]], *command: str | Path) -> Seen:
    """A command that must fail: the reason that it prints, and whether what was `made` before is all there is."""
    before = await made()
    try:
        printed = await scene.command(*command)
    except Unavailable as error:
        printed = error.detail
    got = next((str(reason) for reason in Reason if f"({reason})" in printed), printed)
    return Seen(got, AUTHORITY if await made() == before else "made")


@play
async def small_order_key_enrolled(scene: Scene) -> Seen:
    return await _enrolled(scene, _SIGNING, lambda _: SMALL_ORDER)


@play
async def small_order_sealing_key(scene: Scene) -> Seen:
    def weak(value: cbor.Value) -> cbor.Value:
        assert isinstance(value, bytes)
        return value[:-32] + bytes(32)

    return await _enrolled(scene, _SEALING, weak)


@play
async def small_order_key_listed(scene: Scene) -> Seen:
    """The authority itself is tricked into signing: the gateway still takes no such directory."""
    honest = replace(scene.directory, version=3, previous=scene.directory.hash, hash=b"")
    payload = honest.encode().replace(scene.parties["UY"].signing.public.raw, SMALL_ORDER)
    assert payload != honest.encode()
    signed = threshold.join(
        [threshold.sign_part(DIRECTORY_TYP, payload, scene.authority_key, scene.network.id)], DIRECTORY_TYP
    )
    path = scene.folder / "weak-directory.cbor"
    path.write_bytes(signed)

    async def versions() -> object:
        return [entry for entry in await scene.entries() if entry["event"] == "DirectoryUpdated"]

    return await _refused(scene, versions, "participant", "load", "--home", scene.home, path)


@play
async def injection_in_enrolment(scene: Scene) -> Seen:
    return await _enrolled(scene, _NAME, lambda _: f"Bureau {TERMINAL}")


@play
async def injection_in_units(scene: Scene) -> Seen:
    return await _enrolled(scene, _UNITS, lambda _: ["../../FR"])
