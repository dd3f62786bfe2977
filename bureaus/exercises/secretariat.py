"""The secretariat of an exercise: the real office with all its rooms, around the bureau that takes part as `IPSG`.

Its services are exchanged in the exercise's own operation, so that one record proves all of it; its registry is of this
run alone and goes with it, so that nothing of an exercise comes into a real registry, and an exercise that is held
again begins with an empty one. What bureaus report is read from the registry's reports, like everything that the
exercise's report tells of the services.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from typing import Final

from bureaus.client import Bureau
from bureaus.exercises import counting
from bureaus.exercises.catalogue import SECRETARIAT
from bureaus.exercises.plan import Plan
from bureaus.exercises.wishes import Expected
from bureaus.secretariat import reports, serving, statements, tally
from bureaus.secretariat.office import Office
from bureaus.secretariat.operations import first_version
from bureaus.secretariat.registry import Registry
from bureaus.secretariat.settings import DEFAULT, Settings
from schemas.codes import Purpose
from schemas.messages.codes import ResultKind
from schemas.messages.databases import DatabaseAnswer, DatabaseQuery
from schemas.messages.duty import DutyAnswer, DutyCall
from schemas.messages.hits import HitConfirmation, HitConfirmed
from schemas.messages.notices import (
    DiffusionPublication,
    NoticeDecision,
    NoticeInformation,
    NoticePublication,
    NoticeRequest,
)
from schemas.messages.tips import Tip, TipDisposition
from schemas.operation import Operation, Phase

KINDS: Final = tuple(
    model.KIND
    for model in (
        NoticeRequest, NoticeInformation, NoticeDecision, NoticePublication, DiffusionPublication, DatabaseQuery,
        DatabaseAnswer, HitConfirmation, HitConfirmed, Tip, TipDisposition, DutyCall, DutyAnswer,
    )
)  # fmt: skip
"""What the services are spoken in, beside what the operation has for its cases."""
PURPOSES: Final = (Purpose.INFORMATION, Purpose.ADMINISTRATION, Purpose.BORDER_CHECK)
FILE: Final = "registry.sqlite"


def opening(plan: Plan, now: int) -> Operation:
    """The exercise's operation, with its services; `now` in seconds since the epoch."""
    first = first_version(plan.operation, plan.members, owner=SECRETARIAT, phase=Phase.ACTIVE, now=now)
    kinds = (*first.kinds, *KINDS)
    return replace(first, kinds=kinds, purposes=tuple(dict.fromkeys((*first.purposes, *PURPOSES))))


class Secretariat:
    """The office of one run. Made by `seated`."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.bureau = office.bureau

    async def open(self, operation: Operation) -> None:
        """Sign a version of an operation of ours and publish it. Raises Forbidden, Untrusted or Unavailable."""
        await self.bureau.publish_operation(operation)

    async def reported(self) -> Mapping[ResultKind, int]:
        """How many cases of the exercise came to what, by what bureaus reported."""
        async with self.office.registry.reading() as connection:
            found = await reports.standing(connection, self.office.operation)
        counts = asdict(tally.totals(found))
        return {kind: counts[str(kind)] for kind in ResultKind}

    async def counts(self) -> dict[str, int]:
        """What the services did, by name; `open` is what somebody has still to do."""
        async with self.office.registry.reading() as connection:
            return await counting.counts(connection)

    async def ended(self, owed: int, wanted: Expected, *, within: float) -> bool:
        """Wait until `owed` cases were reported and the services did all that was wanted; False after `within`."""

        async def done() -> bool:
            counts = await self.counts()
            told = counts["requests"], counts["diffusions"], counts["questions"], counts["dispositions"]
            met = (
                told == (wanted.requests, wanted.diffusions, wanted.questions, wanted.tips)
                and not counts[counting.OPEN]
            )
            return met and sum((await self.reported()).values()) >= owed

        return await self._until(done, within)

    async def _until(self, done: Callable[[], Awaitable[bool]], within: float) -> bool:
        written, end = self.office.registry.written, asyncio.get_running_loop().time() + within
        rung = written.rung
        while not await done():
            if not await written.before(end, rung):
                return False
            rung = written.rung
        return True

    async def conclude(self) -> None:
        """Publish what the operation came to, signed, in its last version."""
        await statements.publish_progress(self.office)


@asynccontextmanager
async def seated(
    bureau: Bureau, plan: Plan, now: Callable[[], int], settings: Settings = DEFAULT
) -> AsyncIterator[Secretariat]:
    """The secretariat around a bureau that is not entered yet, which is entered here; its chores are the caller's.

    `now` gives milliseconds since the epoch.

    Raises:
        Misuse: the libraries of the secretariat are not installed. As entering a bureau.
    """
    with tempfile.TemporaryDirectory(prefix="exercise-", dir=bureau.home.absolute()) as folder:
        registry = await Registry.open(f"sqlite+aiosqlite:///{folder}/{FILE}")
        try:
            office = serving.compose(
                bureau,
                registry,
                lambda: now() // 1000,
                settings=settings,
                operation=plan.operation.id,
                held=False,
            )
            async with bureau:
                yield Secretariat(office)
        finally:
            await registry.aclose()
