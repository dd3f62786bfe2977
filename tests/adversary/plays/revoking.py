"""Revocations, states and the authority's signatures, attacked through its own commands, in a copy of its folder."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final
from uuid import uuid4

from gateway import ceremony
from gateway.authority import Authority
from schemas.directory import Directory, Link, State
from schemas.identity import Address
from tests.adversary.office import refused
from tests.adversary.parties import Party
from tests.adversary.plays.enrolling import tricked
from tests.adversary.scene import Scene
from tests.adversary.table import AUTHORITY, Seen, play

HOLDERS: Final = 3


async def _refused(home: Path, *arguments: str | Path | int) -> Seen:
    async def made() -> object:
        return _files(home)

    return await refused(made, AUTHORITY, "authority", *arguments, "--home", home)


def _files(home: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in home.rglob("*") if file.is_file()}


def _copy(scene: Scene) -> Path:
    copy = scene.folder / f"authority-{uuid4().hex}"
    shutil.copytree(scene.authority.home, copy)
    return copy


@play
async def revocation_moved(scene: Scene) -> Seen:
    """A key is void from the beginning: somebody says, only from now on."""
    key = scene.void.public.key_id.hex()
    return await _refused(_copy(scene), "revoke", "FR", "--key", key, "--void-from", 10**6)


@play
async def revocation_undone(scene: Scene) -> Seen:
    """The authority and two operators are tricked into a version in which the void key is good again."""
    return await tricked(scene, _version(scene, "unrevoked", _with_void(scene.directory, None)))


@play
async def revocation_forgotten(scene: Scene) -> Seen:
    """The same, in which the void key is listed no more: what was void would be good again in a record."""
    rows = tuple(
        replace(row, signing=tuple(e for e in row.signing if e.validity.void_from is None))
        for row in scene.directory.participants
    )
    return await tricked(scene, _version(scene, "forgotten", replace(scene.directory, participants=rows)))


def _with_void(directory: Directory, void_from: int | None) -> Directory:
    rows = []
    for row in directory.participants:
        signing = (
            e if e.validity.void_from is None else replace(e, validity=replace(e.validity, void_from=void_from))
            for e in row.signing
        )
        rows.append(replace(row, signing=tuple(signing)))
    return replace(directory, participants=tuple(rows))


def _version(scene: Scene, name: str, directory: Directory) -> Path:
    path = scene.folder / f"{name}.cbor"
    made = replace(directory, version=scene.directory.version + 1, previous=scene.directory.hash, hash=b"")
    path.write_bytes(scene.sign_directory(made))
    return path


@play
async def withdrawn_resumed(scene: Scene) -> Seen:
    return await _refused(_copy(scene), "resume", "VE")


# ---- a threshold of three holders, two of whom are needed: one holds the draft of a suspension


def _ceremony(scene: Scene) -> tuple[Authority, list[Path], Path]:
    """An authority without keys of its own, its holders' folders, and a draft that waits for two of them."""
    folder = scene.folder / f"ceremony-{uuid4().hex}"
    service = (scene.authority.home / "service.cbor").read_bytes()
    made = Authority.create(folder / "authority", service, "Test", scene.now, exercise=False, keys=HOLDERS, threshold=2)
    made.approve([Party(Address("FR"), folder / "FR").request(scene.now, Link.HTTP)], scene.now)
    holders = [folder / f"holder-{number}" for number in range(1, HOLDERS)]
    for number, holder in enumerate(holders, 1):
        ceremony.hand_out(made, number, holder, None)
    return made, holders, made.set_state(Address("FR"), State.SUSPENDED, scene.now).directory


def _part(made: Authority, holder: Path, draft: Path) -> Path:
    versions = [(made.home / "directory-1.cbor").read_bytes()]
    (part,) = ceremony.sign(holder, ceremony.read_draft(holder, draft.read_bytes(), versions))
    path = holder / "part.cbor"
    path.write_bytes(part)
    return path


@play
async def holder_alone(scene: Scene) -> Seen:
    made, holders, draft = _ceremony(scene)
    return await _refused(made.home, "join", _part(made, holders[0], draft))


@play
async def holder_twice(scene: Scene) -> Seen:
    made, holders, draft = _ceremony(scene)
    part = _part(made, holders[0], draft)
    again = holders[1] / "part.cbor"
    again.write_bytes(part.read_bytes())
    return await _refused(made.home, "join", part, again)


@play
async def holder_misled(scene: Scene) -> Seen:
    """A holder is shown a draft that leaves out a version which he has seen signed."""
    made, holders, draft = _ceremony(scene)
    joined = _joined(made, holders, draft)
    out = holders[0] / "misled.cbor"
    versions = ("--version", made.home / "directory-1.cbor", "--version", joined)

    async def signed() -> object:
        return out.exists()

    told = ("--home", holders[0], "--out", out, "--yes")
    return await refused(signed, AUTHORITY, "authority", "sign-part", draft, *versions, *told)


def _joined(made: Authority, holders: list[Path], draft: Path) -> Path:
    """The draft, signed by two holders; a copy of it stays."""
    copy = draft.read_bytes()
    parts = [_part(made, holder, draft).read_bytes() for holder in holders]
    joined = ceremony.join(made, parts)
    draft.write_bytes(copy)
    return joined
