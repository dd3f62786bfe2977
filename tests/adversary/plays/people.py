"""One person where two are needed: what changes trust on the scene's gateway, tried by half of those who may."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Final

from gateway import two_people
from schemas.keys import SigningKey
from tests.adversary.office import DISCARD, LOAD, Office
from tests.adversary.scene import Scene
from tests.adversary.table import Seen, play

BOTH: Final = ("ada", "bo")
WEEK: Final = 7 * 24 * 3600


def subject(scene: Scene) -> Path:
    """A next version of the directory that the authority signed, and that nobody loads."""
    path = scene.folder / "directory-next.cbor"
    if not path.exists():
        following = replace(scene.directory, version=3, previous=scene.directory.hash, hash=b"")
        path.write_bytes(scene.sign_directory(following))
    return path


async def _load(office: Office, request: Path | None) -> Seen:
    asked = () if request is None else ("--request", request)
    return await office.refused("participant", "load", subject(office.scene), *asked)


@play
async def operator_without_request(scene: Scene) -> Seen:
    return await _load(await Office.of(scene), None)


@play
async def operator_alone(scene: Scene) -> Seen:
    office = await Office.of(scene)
    return await _load(office, await office.request(LOAD, subject(scene), ["ada"]))


@play
async def operator_twice(scene: Scene) -> Seen:
    office = await Office.of(scene)
    return await _load(office, await office.request(LOAD, subject(scene), ["ada", "ada"]))


@play
async def operator_not_listed(scene: Scene) -> Seen:
    office = await Office.of(scene)
    return await _load(office, await office.request(LOAD, subject(scene), ["ada", "cy"]))


@play
async def request_for_another_subject(scene: Scene) -> Seen:
    office = await Office.of(scene)
    other = scene.folder / "directory-2.cbor"
    return await _load(office, await office.request(LOAD, other, BOTH))


@play
async def request_for_another_act(scene: Scene) -> Seen:
    office = await Office.of(scene)
    return await _load(office, await office.request(DISCARD, subject(scene), BOTH))


@play
async def request_too_old(scene: Scene) -> Seen:
    """Both signed it, eight days ago."""
    office = await Office.of(scene)
    digest = hashlib.sha256(subject(scene).read_bytes()).digest()
    asked = two_people.Request(two_people.Act(LOAD), digest, scene.now - 8 * WEEK // 7)
    made = two_people.sign_request(office.folder / "ada", asked, scene.network)
    path = scene.folder / "old.request"
    path.write_bytes(two_people.sign_request(office.folder / "bo", asked, scene.network, made))
    return await _load(office, path)


@play
async def operators_listed_by_nobody(scene: Scene) -> Seen:
    """The gateway's operator lists himself and a friend, with a key that never held the authority's office."""
    office = await Office.of(scene)
    cards = [(office.folder / name / "operator.cbor").read_bytes() for name in ("ada", "cy")]
    path = scene.folder / "friends.cbor"
    path.write_bytes(two_people.sign_list(cards, 2, [SigningKey.generate()], scene.network))
    return await office.refused("operator", "install", path)
