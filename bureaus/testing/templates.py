"""Networks made ahead: keys, certificates and a directory on disk, copied for each test that wants the same bureaus.

Making one takes seconds, since the authority and the gateway are used by their command lines; a copy, milliseconds.
A template is used for a day, and only by the program that made it: another file of ours under `schemas`, `gateway` or
`bureaus` makes it anew. Its keys are of synthetic bureaus, and lie there without a passphrase.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from bureaus.exercises.catalogue import SECRETARIAT, countries
from bureaus.sandbox.network import PrivateNetwork, Seat
from schemas.directory import Link, ParticipantKind
from schemas.identity import Address

DAY: Final = 24 * 3600
"""Seconds that a template is used."""
_PACKAGES: Final = ("schemas", "gateway", "bureaus")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a test asks for."""

    codes: tuple[str, ...]
    link: Link = Link.HTTP
    stopped: bool = False
    """Whether time stands still until the test lets it pass."""

    @property
    def seats(self) -> tuple[Seat, ...]:
        """The secretariat, which owns operations, and the bureaus."""
        names = countries()
        bureaus = [Seat(Address(code), f"NCB {names[code].name if code in names else code}") for code in self.codes]
        return (Seat(SECRETARIAT, "General Secretariat", ParticipantKind.SECRETARIAT), *bureaus)

    @property
    def key(self) -> str:
        """Of its template."""
        said = " ".join((program(), self.link, *self.codes))
        return hashlib.sha256(said.encode()).hexdigest()[:32]


@cache
def program() -> str:
    """Which program this is: sizes and times of our files."""
    digest = hashlib.sha256()
    for root in _roots():
        for file in sorted(root.rglob("*.py")):
            status = file.stat()
            digest.update(f"{file} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _roots() -> Sequence[Path]:
    found = [find_spec(name) for name in _PACKAGES]
    return [Path(spec.origin).parent for spec in found if spec is not None and spec.origin is not None]


class Templates:
    """The templates below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, wanted: Wanted) -> Path | None:
        """The template, if it is there and young."""
        made = self._folder / wanted.key
        return made if made.is_dir() and time.time() - made.stat().st_mtime < DAY else None

    async def get(self, wanted: Wanted) -> Path:
        """The template, made where it is not there. Raises Misuse or Unavailable."""
        found = self.find(wanted)
        if found is not None:
            return found
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._remove_old()
        scratch = Path(tempfile.mkdtemp(prefix=".making-", dir=self._folder))
        try:
            await PrivateNetwork(scratch / "network", wanted.seats, link=wanted.link).make()
            made = self._folder / wanted.key
            try:
                (scratch / "network").rename(made)
            except OSError:
                if not made.is_dir():  # else another run was faster, and its template is as good
                    raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return made

    def _remove_old(self) -> None:
        for made in self._folder.iterdir():
            if time.time() - made.stat().st_mtime >= DAY:
                shutil.rmtree(made, ignore_errors=True)
