"""The log of questions: who asked when, with what result and in what time. What was asked is in it nowhere.

Every question writes the same two rows in one transaction before it is answered, whatever it found: the row of the
log, and the question with its hits, which the chore of `hits.py` takes up and deletes. So neither the time nor the work
of an answer tells whether there is a silent record. Questions that come together share a transaction.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat.databases.search import Answered
from bureaus.secretariat.registry import Registry
from bureaus.secretariat.registry.databases import log, question
from schemas import messages
from schemas.identity import Address
from schemas.messages.databases import DatabaseQuery
from schemas.messages.search_codes import MatchReason

MOST: Final = 256
"""Questions in one transaction."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, as the log has it. `time` in seconds since the epoch."""

    digest: bytes
    asker: Address
    time: int
    urgent: bool
    query: DatabaseQuery
    answered: Answered
    microseconds: int

    def _log(self) -> dict[str, object]:
        return {
            "digest": self.digest,
            "asker": self.asker,
            "bureau": self.asker.bureau,
            "time": self.time,
            "subject": "document" if self.query.document is not None else "person",
            "urgent": self.urgent,
            "result": self.answered.answer.result,
            "shown": len(self.answered.answer.found),
            "microseconds": self.microseconds,
        }

    def _question(self) -> dict[str, object]:
        hits = [(one.record.id, one.score, one.reasons, one.shown) for one in self.answered.hits]
        return {
            "digest": self.digest,
            "time": self.time,
            "content": messages.encode(self.query),
            "hits": json.dumps(hits),
        }


@dataclass(frozen=True, slots=True)
class Waiting:
    """A question whose hits nobody followed up yet."""

    digest: bytes
    asker: Address
    time: int
    urgent: bool
    content: bytes
    hits: Sequence[tuple[int, int, tuple[MatchReason, ...], bool]]
    """Record, score, reasons, whether it was shown."""

    @property
    def query(self) -> DatabaseQuery | None:
        """What was asked."""
        said = messages.decode(DatabaseQuery.KIND, self.content)
        return said if isinstance(said, DatabaseQuery) else None


class QuestionLog:
    """Writes questions, those that come together at once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._waiting: list[tuple[Asked, asyncio.Future[None]]] = []
        self._running: asyncio.Task[None] | None = None

    async def write(self, asked: Asked) -> None:
        """Return when it is committed; a question that is there already is left as it is.

        Raises:
            Unavailable: the registry cannot serve now.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        if self._running is None:
            self._running = asyncio.create_task(self._run(), name="question log")
        await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._serve(batch)
        finally:
            self._running = None

    async def _serve(self, batch: Sequence[tuple[Asked, asyncio.Future[None]]]) -> None:
        try:
            async with self._registry.writing() as connection:
                await _insert(connection, [asked for asked, _ in batch], sqlite_dialect=self._registry.sqlite)
        except Exception as error:  # noqa: BLE001  # whatever it is, those who wait are told
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for _, future in batch:
            if not future.done():
                future.set_result(None)


async def _insert(connection: AsyncConnection, asked: Sequence[Asked], *, sqlite_dialect: bool) -> None:
    insert = sqlite.insert if sqlite_dialect else postgresql.insert
    await connection.execute(insert(log).on_conflict_do_nothing(), [one._log() for one in asked])  # noqa: SLF001  # of this module
    await connection.execute(insert(question).on_conflict_do_nothing(), [one._question() for one in asked])  # noqa: SLF001  # of this module


async def waiting(connection: AsyncConnection, limit: int) -> list[Waiting]:
    """Questions whose hits are to be followed up, and those that had none, oldest first."""
    query = (
        select(question.c.digest, log.c.asker, log.c.time, log.c.urgent, question.c.content, question.c.hits)
        .join(log, log.c.digest == question.c.digest)
        .order_by(question.c.time)
        .limit(limit)
    )
    return [
        Waiting(bytes(digest), Address(asker), time, bool(urgent), bytes(content), _hits(hits))
        for digest, asker, time, urgent, content, hits in await connection.execute(query)
    ]


async def followed(connection: AsyncConnection, digests: Sequence[bytes]) -> None:
    """Forget what was asked."""
    await connection.execute(delete(question).where(question.c.digest.in_(digests)))


async def forget(connection: AsyncConnection, before: int) -> None:
    """Delete the log's rows of before a time, in seconds since the epoch."""
    await connection.execute(delete(log).where(log.c.time < before))


def _hits(text: str) -> list[tuple[int, int, tuple[MatchReason, ...], bool]]:
    return [(record, score, tuple(map(MatchReason, why)), shown) for record, score, why, shown in json.loads(text)]
