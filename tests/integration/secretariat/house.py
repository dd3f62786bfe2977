"""A network in memory with bureaus and the secretariat at work on SQLite: the scene that the rooms' tests share.

house = await House.gather(tmp_path, ("FR", "BR", "KE"), units={"KE": ("border-namanga",)})
async with house.serving() as office, house.bureau("FR") as france:
...
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from bureaus.client import Bureau
from bureaus.links.memory import MemoryNetwork
from bureaus.secretariat.office import OPERATION, Office
from bureaus.secretariat.registry import Registry
from bureaus.secretariat.serving import at_work, compose
from bureaus.secretariat.settings import DEFAULT, Settings
from schemas.directory import ParticipantKind
from tests.support import sqlite_url
from tests.unit.bureaus.network import QUICK, Clock

SECRETARIAT = "IPSG"
UNITS = ("ccc", "fugitives")
PROMPT = replace(DEFAULT, outgoing_seconds=0.05, drain_seconds=30.0)
"""What waits is looked for at once."""


class House:
    """Bureaus and the secretariat, each with its home below a folder. `clock.ahead` moves their time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock)

    @classmethod
    async def gather(
        cls, folder: Path, codes: Sequence[str] = ("FR", "BR", "KE"), units: Mapping[str, tuple[str, ...]] | None = None
    ) -> House:
        """Seat the secretariat and these bureaus, with units that share their bureau's inbox."""
        house = cls(folder)
        await house.seat(SECRETARIAT, ParticipantKind.SECRETARIAT, UNITS)
        for code in codes:
            await house.seat(code, units=(units or {}).get(code, ()))
        return house

    async def seat(
        self,
        code: str,
        kind: ParticipantKind = ParticipantKind.NATIONAL_BUREAU,
        units: tuple[str, ...] = (),
    ) -> None:
        """Seat one more; a unit with a row of its own is seated by its address."""
        await self.network.seat(self.home(code), code, kind, units)

    def home(self, code: str) -> Path:
        return self.folder / code.replace("/", ".")

    def bureau(self, code: str) -> Bureau:
        """A bureau, to be entered; handlers are registered before that."""
        return Bureau.open(self.home(code), connect=self.network.connect, limits=QUICK, clock=self.clock)

    def seconds(self) -> int:
        """Seconds since the epoch, as everybody here sees them."""
        return self.clock() // 1000

    @asynccontextmanager
    async def office(self, settings: Settings = PROMPT, url: str | None = None) -> AsyncIterator[Office]:
        """The secretariat's office, its bureau not entered: handlers and hooks are registered, chores do not run."""
        registry = await Registry.open(url or sqlite_url(self.home(SECRETARIAT)))
        try:
            yield compose(self.bureau(SECRETARIAT), registry, self.seconds, settings=settings)
        finally:
            await registry.aclose()

    @asynccontextmanager
    async def serving(self, settings: Settings = PROMPT, url: str | None = None) -> AsyncIterator[Office]:
        """The secretariat at work."""
        async with self.office(settings, url) as office, office.bureau, at_work(office):
            yield office

    async def refresh(self, *bureaus: Bureau) -> None:
        """Let bureaus that were entered before the secretariat see the standing operation."""
        for bureau in bureaus:
            assert (await bureau.refresh()).operation(OPERATION) is not None
