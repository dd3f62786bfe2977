"""Reviews: an owner is asked to look at its record before its time is over, and what it does not renew is taken out.

Also what is kept about questions, hits and messages that were sent goes when its time is over. A notice's record goes
by its notice's times.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat.databases import hits, questions, records
from bureaus.secretariat.databases.records import COLUMNS, Kept, kept
from bureaus.secretariat.office import Office
from bureaus.secretariat.registry import audit, outgoing
from bureaus.secretariat.registry.databases import done, record
from schemas.codes import Purpose
from schemas.messages.databases import DatabaseRecorded
from schemas.messages.search_codes import RecordOutcome

_AT_A_TIME: Final = 256
_OWN: Final = record.c.reference.not_like(f"{records.NOTICE}%")
"""Not a notice's."""
_MONTH: Final = 30 * 86_400
"""How long a message that was carried out is known: it is never handed over after its expiry."""


class Reviews:
    """The chore."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def run(self) -> None:
        """Ask what is to be asked, take out what is over, forget what was kept long enough."""
        now, settings = self._office.now(), self._office.settings
        while await self._some_erased(now) or await self._some_asked(now):
            pass
        async with self._office.registry.writing() as connection:
            await questions.forget(connection, now - settings.question_log_seconds)
            await hits.forget(connection, now - settings.question_log_seconds)
            await connection.execute(delete(done).where(done.c.time < now - _MONTH))
        while await self._some_pruned(now):
            pass

    async def _some_erased(self, now: int) -> bool:
        query = select(*COLUMNS).where(record.c.review <= now, _OWN).limit(_AT_A_TIME)
        async with self._office.registry.writing() as connection:
            over = [kept(row) for row in await connection.execute(query)]
            for one in over:
                await records.erase(connection, one, now=now, who=audit.SERVICE, ground="not renewed at its review")
                await self._tell(connection, one, RecordOutcome.ERASED, None)
        return bool(over)

    async def _some_pruned(self, now: int) -> bool:
        async with self._office.registry.writing() as connection:
            before = now - self._office.settings.outgoing_kept_seconds
            return await outgoing.prune(connection, before, _AT_A_TIME) == _AT_A_TIME

    async def _some_asked(self, now: int) -> bool:
        soon = now + self._office.settings.record_ask_seconds
        query = select(*COLUMNS).where(record.c.review <= soon, record.c.review > now, record.c.asked.is_(None), _OWN)
        async with self._office.registry.writing() as connection:
            due = [kept(row) for row in await connection.execute(query.limit(_AT_A_TIME))]
            for one in due:
                await connection.execute(update(record).where(record.c.id == one.id).values(asked=now))
                await self._tell(connection, one, RecordOutcome.REVIEW_DUE, one.review)
        return bool(due)

    async def _tell(self, connection: AsyncConnection, one: Kept, outcome: RecordOutcome, review: int | None) -> None:
        said = DatabaseRecorded(reference=one.reference, outcome=outcome, record=one.number, review=review)
        key = f"{outcome} {one.id}" + ("" if review is None else f" {review}")
        await outgoing.post(connection, said, to=[one.contact], purpose=Purpose.ADMINISTRATION, key=key)
