"""The databases: wanted persons, and travel documents that were lost, stolen or revoked. Asked by bureaus and borders.

keys.py       numbers that records are found by
documents.py  a document's number, type and issuer as they are compared
names.py      names in Latin letters, their skeletons, and the keys of both
dates.py      dates of birth as they are compared
matcher.py    how alike two persons are, and why
chance.py     how many persons would agree as well by chance;  census.py  how common names are
records.py    what owners do with their records; finding by key
lookups.py    documents that are asked for at the same time, in one statement
search.py     a question to its answer: candidates, comparison, denial, visibility
questions.py  the log of questions
hits.py       owners told or asked, and their word passed on
reviews.py    records at the end of their time
published.py  notices fill the databases

A question is answered in its handler, and its row in the log is committed before. All else follows from rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter_ns
from typing import Final

from bureaus.exchange import Received
from bureaus.secretariat.databases import records
from bureaus.secretariat.databases.hits import Hits
from bureaus.secretariat.databases.published import FromNotices
from bureaus.secretariat.databases.questions import Asked, QuestionLog
from bureaus.secretariat.databases.reviews import Reviews
from bureaus.secretariat.databases.search import Searching
from bureaus.secretariat.office import Chore, Office
from schemas.codes import Urgency
from schemas.errors import Misuse
from schemas.messages.databases import DatabaseQuery, DatabaseRecord
from schemas.messages.hits import HitConfirmed

__all__ = ["Databases", "chores", "register"]

_PER_MICROSECOND: Final = 1000


class Databases:
    """The handlers of questions and of records."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._searching = Searching(office.registry, office.settings)
        self._log = QuestionLog(office.registry)

    async def asked(self, received: Received) -> None:
        """Answer a question, once it is in the log."""
        began, query = perf_counter_ns(), received.message
        if not isinstance(query, DatabaseQuery):
            raise Misuse("only database.query is taken here")
        answered = await self._searching.answer(received.sender, query)
        urgent = received.header.urgency is Urgency.URGENT
        took = (perf_counter_ns() - began) // _PER_MICROSECOND
        row = Asked(received.digest, received.sender, self._office.now(), urgent, query, answered, took)
        await self._log.write(row)
        await received.answer(answered.answer)

    async def recorded(self, received: Received) -> None:
        """Carry out what an owner says of its record, and answer what became of it."""
        said = received.message
        if not isinstance(said, DatabaseRecord):
            raise Misuse("only database.record is taken here")
        now = self._office.now()
        async with self._office.registry.writing() as connection:
            answer = await records.done_before(connection, received.digest)
            if answer is None:
                sender, place, settings = received.sender, received.receipt.index or 0, self._office.settings
                answer = await records.carry_out(
                    connection, said, sender=sender, now=now, settings=settings, place=place
                )
                await records.note_done(connection, received.digest, answer, now)
        await received.answer(answer)


def register(office: Office) -> None:
    """Handlers and hooks."""
    databases, notices = Databases(office), FromNotices(office)
    office.bureau.on(DatabaseQuery)(databases.asked)
    office.bureau.on(DatabaseRecord)(databases.recorded)
    office.bureau.on(HitConfirmed)(Hits(office).confirmed)
    office.published.append(notices.published)
    office.ended.append(notices.ended)


def chores(office: Office) -> Sequence[Chore]:
    """Hits are followed up at once; reviews are looked for now and then."""
    settings = office.settings
    return (
        Chore("hits", settings.hits_seconds, Hits(office).follow, wakes=True),
        Chore("reviews", settings.review_seconds, Reviews(office).run),
    )
