"""Operators of the scene's gateway: three people with keys of their own, two of whom are listed; and its commands.

`Office.of(scene)` makes them, once, and installs the list: from then on what changes trust takes both. Commands are the
gateway's own, run in this process: nothing is between a play and what an operator would type.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from schemas.errors import Reason
from tests.adversary.commands import command, done
from tests.adversary.scene import Scene
from tests.adversary.table import COMMAND, Seen

LOAD: Final = "directory.load/1"
DISCARD: Final = "quarantine.discard/1"
ERASE: Final = "content.erase/1"


async def refused(made: Callable[[], Awaitable[object]], place: str, *arguments: str | Path | int) -> Seen:
    """A command that must fail: the reason that it prints, and whether what was `made` before is all there is."""
    before = await made()
    code, printed = await command(*arguments)
    got = next((str(reason) for reason in Reason if f"({reason})" in printed), printed)
    return Seen(got if code else "done", place if await made() == before else "made")


@dataclass
class Office:
    """Three operators' folders; the last one is not listed."""

    scene: Scene
    folder: Path

    @classmethod
    async def of(cls, scene: Scene) -> Office:
        """The scene's, made when it is first asked for."""
        office = cls(scene, scene.folder / "office")
        if not office.folder.exists():
            office.folder.mkdir()
            for name in ("ada", "bo", "cy"):
                await done("operator", "key", "--home", office.folder / name, "--name", name, "--no-passphrase")
            cards = [office.folder / name / "operator.cbor" for name in ("ada", "bo")]
            await done("authority", "operators", *cards, "--home", scene.authority.home)
            await done("operator", "install", scene.authority.home / "operators.cbor", "--home", scene.home)
        return office

    @property
    def network(self) -> Path:
        """The network file."""
        return self.scene.authority.home / "network.bn"

    async def request(self, act: str, subject: Path, signers: Sequence[str]) -> Path:
        """A request for an act on a file, made by the first of `signers` and approved by the others in turn."""
        path, first = self.folder / f"{uuid4().hex}.request", signers[0]
        about = ("--subject", subject, "--network", self.network)
        await done("request", "make", act, *about, "--home", self.folder / first, "--out", path)
        for name in signers[1:]:
            await done("request", "approve", path, *about, "--home", self.folder / name, "--yes")
        return path

    async def versions(self) -> object:
        """Every entry of a directory version."""
        return await self._entries("DirectoryUpdated")

    async def acts(self) -> object:
        """Every entry of what changes trust, and the list in force."""
        entries = await self._entries("DirectoryUpdated", "OperatorAction")
        return entries, (self.scene.home / "operators.cbor").read_bytes()

    async def _entries(self, *events: str) -> list[str]:
        printed = await done("ledger", "entries", "--home", self.scene.home, "--limit", 100_000, "--json")
        return [line for line in printed.splitlines() if json.loads(line)["event"] in events]

    async def refused(self, *arguments: str | Path | int) -> Seen:
        """A command on the gateway's home that must fail and record nothing."""
        return await refused(self.acts, COMMAND, *arguments, "--home", self.scene.home)
