"""Hostile enrolments, and a directory with a weak key: the authority's and the gateway's commands refuse them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from schemas import cbor, cose, threshold
from schemas.directory import DIRECTORY_TYP, Link
from schemas.enrolment import ENROLMENT_TYP, sign_authorisation, sign_rotation
from schemas.identity import Address
from tests.adversary.office import LOAD, Office, refused
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
    newcomer = _newcomer(scene)
    values = _values(newcomer.request(scene.now, Link.HTTP))
    values[place] = change(values[place])
    return await asked(scene, cose.sign1(ENROLMENT_TYP, cbor.encode(values), newcomer.signing))


def _newcomer(scene: Scene, address: str = "QX") -> Party:
    return Party(Address(address), scene.folder / f"newcomer-{uuid4().hex}")


async def asked(scene: Scene, request: bytes) -> Seen:
    """A request given to the authority's command, which must fail and make nothing."""
    path, home = scene.folder / f"{uuid4().hex}.cbor", scene.authority.home
    path.write_bytes(request)

    async def files() -> object:
        return {str(file): file.stat().st_mtime_ns for file in home.rglob("*") if file.is_file()}

    return await refused(files, AUTHORITY, "authority", "approve", "--home", home, path)


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
    """The authority is tricked into signing, and two operators too: the gateway still takes no such directory."""
    honest = replace(scene.directory, version=3, previous=scene.directory.hash, hash=b"")
    payload = honest.encode().replace(scene.parties["UY"].signing.public.raw, SMALL_ORDER)
    assert payload != honest.encode()
    signed = threshold.join(
        [threshold.sign_part(DIRECTORY_TYP, payload, scene.authority_key, scene.network.id)], DIRECTORY_TYP
    )
    path = scene.folder / "weak-directory.cbor"
    path.write_bytes(signed)

    return await tricked(scene, path)


async def tricked(scene: Scene, path: Path) -> Seen:
    """A version that the authority signed and two operators approve of: the gateway's command must fail."""
    office = await Office.of(scene)
    request = await office.request(LOAD, path, ("ada", "bo"))
    return await refused(
        office.versions, AUTHORITY, "participant", "load", "--home", scene.home, path, "--request", request
    )


@play
async def injection_in_enrolment(scene: Scene) -> Seen:
    return await _enrolled(scene, _NAME, lambda _: f"Bureau {TERMINAL}")


@play
async def injection_in_units(scene: Scene) -> Seen:
    return await _enrolled(scene, _UNITS, lambda _: ["../../FR"])


@play
async def unit_enrolled_unauthorised(scene: Scene) -> Seen:
    """A unit of BR asks for a row of its own; BR's row does not name it, and BR did not sign."""
    return await asked(scene, _newcomer(scene, "BR/annex").request(scene.now, Link.HTTP))


@play
async def unit_authorised_by_another(scene: Scene) -> Seen:
    """The same, signed by FR."""
    request = _newcomer(scene, "BR/annex").request(scene.now, Link.HTTP)
    return await asked(scene, sign_authorisation(request, scene.parties["FR"].signing))


@play
async def enrolled_again(scene: Scene) -> Seen:
    """Somebody enrols as FR, which is listed, with keys of his own."""
    return await asked(scene, _newcomer(scene, "FR").request(scene.now, Link.HTTP))


@play
async def rotated_by_a_thief(scene: Scene) -> Seen:
    """The thief of a key that was revoked asks for a new one with it."""
    return await asked(scene, sign_rotation(_newcomer(scene, "FR").request(scene.now, Link.HTTP), scene.void))
