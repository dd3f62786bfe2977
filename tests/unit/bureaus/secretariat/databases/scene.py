"""The databases over the shipped network in memory: the secretariat, two owners, and a bureau with a border unit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bureaus.client import Bureau
from bureaus.exchange import Received
from bureaus.secretariat import databases
from bureaus.secretariat.databases.hits import Hits
from bureaus.secretariat.databases.reviews import Reviews
from bureaus.secretariat.office import Office
from bureaus.secretariat.registry import Registry
from bureaus.secretariat.sending import Sending
from bureaus.secretariat.settings import Settings
from schemas.codes import Purpose, Urgency
from schemas.directory import ParticipantKind
from schemas.messages import Message
from schemas.messages.databases import DatabaseAnswer, DatabaseQuery, DatabaseRecord, DatabaseRecorded
from schemas.messages.fields import Place
from tests.unit.bureaus.network import OPERATION, Team

BORDER = Place(country="KE", locality="Exampleville-Ex", detail="border crossing")
UNIT = "KE/border-north"
CODES = ("IPSG", "FR", "BR", "KE")


@dataclass
class Scene:
    """Everybody open, the databases at work; its chores are run by `settle`."""

    team: Team
    office: Office
    bureaus: dict[str, Bureau]
    heard: dict[str, list[Received]] = field(default_factory=dict)

    async def record(self, owner: str, record: DatabaseRecord) -> DatabaseRecorded:
        """An owner's act on its record: what it was answered."""
        said = await self.ask(owner, record, Purpose.ADMINISTRATION)
        assert isinstance(said, DatabaseRecorded)
        return said

    async def query(self, asker: str, query: DatabaseQuery, urgency: Urgency = Urgency.ROUTINE) -> DatabaseAnswer:
        """A question, and its answer."""
        said = await self.ask(asker, query, Purpose.BORDER_CHECK, urgency)
        assert isinstance(said, DatabaseAnswer)
        return said

    async def ask(self, asker: str, message: Message, purpose: Purpose, urgency: Urgency = Urgency.ROUTINE) -> Message:
        """The first answer of the secretariat to a message."""
        bureau = self.bureaus[asker]
        exchange = await bureau.ask(message, to=["IPSG"], operation=OPERATION, purpose=purpose, urgency=urgency)
        async for received in exchange.responses(60):
            return received.message
        raise AssertionError("no answer came")

    def handle(self, code: str, kind: type[Message], answer: Callable[[Message], Message | None]) -> None:
        """Have a bureau keep what comes of a kind, and answer it."""
        kept = self.heard.setdefault(code, [])

        async def handler(received: Received) -> None:
            if (said := answer(received.message)) is not None:
                await received.answer(said)
            kept.append(received)

        self.bureaus[code].on(kind)(handler)

    async def settle(self) -> None:
        """Follow up hits, look for reviews, and send what follows."""
        await Hits(self.office).follow()
        await Reviews(self.office).run()
        sending = Sending(self.office)
        await sending.run()
        await sending.settled()

    async def until(self, holds: Callable[[], bool | Awaitable[bool]]) -> None:
        """Settle until something holds."""
        async with asyncio.timeout(60):
            while True:
                await self.settle()
                found = holds()
                if found if isinstance(found, bool) else await found:
                    return
                await asyncio.sleep(0.01)


@asynccontextmanager
async def scene(folder: Path, url: str | None = None, settings: Settings | None = None) -> AsyncIterator[Scene]:
    """Open everybody: bureaus, the unit of its own row, and the registry, in SQLite unless a URL is given."""
    team = await Team.gather(folder, CODES)
    await team.network.seat(folder / "unit", UNIT, ParticipantKind.UNIT)
    async with AsyncExitStack() as stack:
        registry = await Registry.open(url or f"sqlite+aiosqlite:///{folder / 'registry.db'}")
        stack.push_async_callback(registry.aclose)
        secretariat = team.open("IPSG")
        office = Office(secretariat, registry, settings or Settings(), lambda: team.clock() // 1000, OPERATION)
        databases.register(office)
        opened = {code: await stack.enter_async_context(team.open(code)) for code in CODES[1:]}
        opened[UNIT] = await stack.enter_async_context(Bureau.open(folder / "unit", connect=team.network.connect))
        await stack.enter_async_context(secretariat)
        yield Scene(team, replace(office), opened)
