"""What the service does by itself: publishes what was approved, ends what is over, sends decisions, keeps the time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import Row as SqlRow
from sqlalchemy import select, update

from bureaus import logs
from bureaus.secretariat.notices import book, publishing
from bureaus.secretariat.notices.book import Notice, Request
from bureaus.secretariat.notices.values import NoticeState, RequestState
from bureaus.secretariat.office import Chore, Office
from bureaus.secretariat.registry import audit, outgoing
from bureaus.secretariat.registry import notices as tables
from schemas import messages
from schemas.codes import Purpose
from schemas.errors import BureaunetError, Forbidden, Malformed, Misuse, Untrusted
from schemas.messages.notice_codes import Ending
from schemas.messages.notices import NoticeDecision, NoticeReview

_log: Final = logs.get(__name__)
_BATCH: Final = 64
_MONTH: Final = 30 * 86_400
"""Seconds in which the end of a diffusion waits for the diffusion: a message expires sooner."""
_RowT = TypeVar("_RowT", Request, Notice)


class Chores:
    """Of one office."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def all(self) -> Sequence[Chore]:
        """To be run by serving.py."""
        every = self._office.settings.notice_chore_seconds
        return (
            Chore("notices: publish", every, self.publish, wakes=True),
            Chore("notices: end", every, self.end, wakes=True),
            Chore("notices: decisions", every, self.send_decisions, wakes=True),
            Chore("notices: reviews", every, self.review),
            Chore("notices: screening clock", every, self.escalate),
        )

    async def publish(self) -> None:
        """Publish every request that was approved, each in a transaction of its own."""
        office, approved = self._office, tables.request.c.state == RequestState.APPROVED
        async with office.registry.reading() as connection:
            rows = await book.requests(connection, approved)
        await _each(rows, self._publish)

    async def _publish(self, row: Request) -> None:
        async with self._office.registry.writing() as connection:
            request = await book.request(connection, row.id, lock=True)
            if request.state is RequestState.APPROVED:  # another process may have been quicker
                await publishing.publish(self._office, connection, request)

    async def end(self) -> None:
        """Tell of what a person cancelled; let what nobody confirmed expire."""
        office, table = self._office, tables.notice
        over = (table.c.state == NoticeState.IN_FORCE) & (table.c.review <= office.now())
        for ending, where in ((Ending.CANCELLED, table.c.state == NoticeState.ENDING), (Ending.EXPIRED, over)):
            async with office.registry.reading() as connection:
                rows = await book.notices(connection, where)
            await _each(rows, partial(self._end, ending))

    async def _end(self, ending: Ending, row: Notice) -> None:
        office = self._office
        async with office.registry.writing() as connection:
            entry = await book.notice(connection, row.number, lock=True)
            if entry is not None and (entry.state, entry.review) == (row.state, row.review):  # as it was found
                await publishing.end(office, connection, entry, ending, entry.why)
                note = {"who": audit.SERVICE, "act": str(ending), "subject": entry.number}
                await audit.note(connection, time=office.now(), **note)

    async def review(self) -> None:
        """Ask owners of notices whose time is nearly over whether they still stand."""
        office, table = self._office, tables.notice
        await self._forget_endings()
        soon = office.now() + office.settings.notice_ask_seconds
        due = (table.c.state == NoticeState.IN_FORCE) & table.c.asked.is_(None) & (table.c.review <= soon)
        async with office.registry.reading() as connection:
            if not await book.notices(connection, due):
                return
        async with office.registry.writing() as connection:
            for entry in await book.notices(connection, due):
                question = NoticeReview(number=entry.number, version=entry.version, review=entry.review)
                key, to = f"review/{entry.number}/{entry.review}", [str(entry.owner)]
                purpose = Purpose.ADMINISTRATION
                await outgoing.post(connection, question, to=to, purpose=purpose, expects=True, key=key)
                asked = update(table).where(table.c.number == entry.number).values(asked=office.now())
                await connection.execute(asked)
                note = {"who": audit.SERVICE, "act": "asked for a review", "subject": entry.number}
                await audit.note(connection, time=office.now(), **note)

    async def _forget_endings(self) -> None:
        """What ends a diffusion that never came: no message is handed over after its expiry."""
        old = tables.diffusion_ending.c.time < self._office.now() - _MONTH
        async with self._office.registry.reading() as connection:
            if (await connection.execute(select(tables.diffusion_ending.c.owner).where(old).limit(1))).first() is None:
                return
        async with self._office.registry.writing() as connection:
            await book.forget_endings(connection, self._office.now() - _MONTH)

    async def escalate(self) -> None:
        """Note each request that nobody decided in time, once: the duty desk's page shows it."""
        office, table = self._office, tables.request
        late = table.c.state == RequestState.WAITING, table.c.due <= office.now(), table.c.escalated.is_(None)
        async with office.registry.reading() as connection:
            if not await book.requests(connection, *late):
                return
        async with office.registry.writing() as connection:
            for request in await book.requests(connection, *late):
                await book.change(connection, request.id, escalated=office.now())
                note = {"act": "screening is overdue", "subject": f"{request.owner} {request.reference}"}
                await audit.note(connection, time=office.now(), who=audit.SERVICE, **note)
                _log.warning("screening is overdue", request=request.id, owner=str(request.owner))

    async def send_decisions(self) -> None:
        """Answer what was decided, in order; whoever has no valid key now waits, and holds up nobody else.

        Raises:
            Unavailable: nothing can be sealed now. Untrusted: at the end, the first that waits.
        """
        office, table = self._office, tables.decision
        after, failure = 0, None
        while rows := await self._decided(after):
            after = rows[-1].id
            for row in rows:
                try:
                    values = await self._send(bytes(row.digest), bytes(row.content))
                except Untrusted as error:
                    failure = failure or error
                    continue
                async with office.registry.writing() as connection:
                    await connection.execute(update(table).where(table.c.id == row.id).values(values))
        if failure is not None:
            raise failure

    async def _decided(self, after: int) -> Sequence[SqlRow[tuple[object, ...]]]:
        """Decisions that wait, oldest first, after an id."""
        table = tables.decision
        waits = table.c.sent.is_(None), table.c.reason.is_(None), table.c.id > after
        async with self._office.registry.reading() as connection:
            return (await connection.execute(select(table).where(*waits).order_by(table.c.id).limit(_BATCH))).all()

    async def _send(self, digest: bytes, content: bytes) -> dict[str, object]:
        """Answer one message: what the row says of it then."""
        decision = messages.decode(NoticeDecision.KIND, content)
        try:
            received = await self._office.bureau.received(digest)
            await received.answer(decision)
        except (Forbidden, Malformed, Misuse) as error:
            _log.error("a decision cannot be sent", digest=digest.hex(), reason=error.reason)
            return {"reason": str(error.reason)}
        return {"sent": self._office.now()}


async def _each(rows: Sequence[_RowT], do: Callable[[_RowT], Awaitable[None]]) -> None:
    """Do it with every row; one that fails holds no other up, and the first failure is raised at the end."""
    failure: BureaunetError | None = None
    for row in rows:
        try:
            await do(row)
        except BureaunetError as error:
            failure = failure or error
    if failure is not None:
        raise failure
