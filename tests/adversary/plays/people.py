"""One person where two are needed: what changes trust on the scene's gateway, tried by half of those who may."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

from gateway import two_people
from schemas import cbor, cose
from schemas.keys import SigningKey
from tests.adversary.commands import done
from tests.adversary.forging import honest
from tests.adversary.office import DISCARD, ERASE, LOAD, Office, refused
from tests.adversary.plays.brokers import OWN
from tests.adversary.plays.encoding import TERMINAL
from tests.adversary.plays.signatures import sent
from tests.adversary.scene import Scene, eventually
from tests.adversary.table import COMMAND, Seen, play

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
async def request_used_twice(scene: Scene) -> Seen:
    """The same bytes lie in quarantine twice: what was signed for one does not take out the other."""
    office = await Office.of(scene)
    body = b"garbage, sent twice"
    digest = hashlib.sha256(body).hexdigest()
    for _ in range(2):
        await scene.publish("MX", OWN, "routine", body, type="envelope", user_id="MX")

    async def both() -> list[int]:
        home = ("--home", scene.home, "--operator", "ada", "--json")
        listed = [json.loads(line) for line in (await done("quarantine", "list", *home)).splitlines()]
        found = [int(row["id"]) for row in listed if row["link"] == "MX" and row["size"] == len(body)]
        return found if len(found) == 2 else []

    first, second = await eventually(both)
    path = scene.folder / "garbage.bin"
    path.write_bytes(body)
    request = await office.request(DISCARD, path, BOTH)
    told = ("--operator", "ada", "--reason", "unreadable", "--request", request)
    await done("quarantine", "discard", first, *told, "--home", scene.home)
    assert digest in json.dumps(await scene.entries())
    return await office.refused("quarantine", "discard", second, *told)


@play
async def operators_listed_by_nobody(scene: Scene) -> Seen:
    """The gateway's operator lists himself and a friend, with a key that never held the authority's office."""
    office = await Office.of(scene)
    cards = [(office.folder / name / "operator.cbor").read_bytes() for name in ("ada", "cy")]
    path = scene.folder / "friends.cbor"
    path.write_bytes(two_people.sign_list(cards, 2, [SigningKey.generate()], scene.network, version=9))
    return await office.refused("operator", "install", path)


@play
async def operators_list_taken_back(scene: Scene) -> Seen:
    """A list that the authority signed before the one in force."""
    office = await Office.of(scene)
    listed = scene.authority.home / "operators.cbor"
    older = scene.folder / "operators-older.cbor"
    shutil.copy(listed, older)
    cards = [office.folder / name / "operator.cbor" for name in BOTH]
    await done("authority", "operators", *cards, "--home", scene.authority.home)
    await done("operator", "install", listed, "--home", scene.home)
    return await office.refused("operator", "install", older)


@play
async def operators_list_removed(scene: Scene) -> Seen:
    """Somebody takes the list out of the gateway's folder, and loads a directory on nobody's word."""
    office = await Office.of(scene)
    listed, aside = scene.home / "operators.cbor", scene.folder / "operators-aside.cbor"
    shutil.move(listed, aside)
    try:
        told = ("participant", "load", subject(scene), "--home", scene.home)
        return await refused(office.versions, COMMAND, *told)
    finally:
        shutil.move(aside, listed)


@play
async def operator_erases_alone(scene: Scene) -> Seen:
    """One operator's request for the erasure of a message's content."""
    office = await Office.of(scene)
    query = honest(scene, "FR", "BR")
    assert (await sent(scene, query)).accepted
    wanted = scene.folder / "erase.txt"
    told = ("erase", query.digest.hex(), "--operator", "ada")
    await done(*told, "--home", scene.home, "--subject", wanted)
    return await office.refused(*told, "--request", await office.request(ERASE, wanted, ["ada"]))


@play
async def injection_in_operators_name(scene: Scene) -> Seen:
    """A card whose name moves the cursor: nothing is listed by it."""
    office = await Office.of(scene)
    key = SigningKey.generate()
    card = scene.folder / "terminal.card"
    card.write_bytes(cose.sign1(two_people.OPERATOR_TYP, cbor.encode([TERMINAL, key.public.raw]), key))
    cards = (office.folder / "ada" / "operator.cbor", card)
    return await refused(office.acts, COMMAND, "authority", "operators", *cards, "--home", scene.authority.home)
