"""What bureaus send of notices: taken into the registry, one transaction a message.

A request waits for a person, with its clock running; information on it makes it wait anew; an update is screened like a
request; a withdrawal is done at once. A diffusion is in force already: it is recorded as it comes. Rules: everything is
keyed by the message's digest, so that a handler that runs again finds its row; only the owner changes what is its own;
the end of a diffusion that is handed over before the diffusion itself is kept, and ends it as it comes.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.exchange import Received
from bureaus.secretariat.notices import book, publishing, rules, states
from bureaus.secretariat.notices.rules import Weight
from bureaus.secretariat.notices.states import Act
from bureaus.secretariat.notices.values import NoticeState, RequestState
from bureaus.secretariat.office import Office
from bureaus.secretariat.registry import audit
from bureaus.secretariat.registry import notices as tables
from schemas import messages
from schemas.errors import Misuse
from schemas.messages.attachments import MAX_WHOLE_BYTES
from schemas.messages.notice_codes import Decision, Ending, Issue, NoticeGround
from schemas.messages.notices import (
    DiffusionEnding,
    DiffusionPublication,
    NoticeBody,
    NoticeDecision,
    NoticeInformation,
    NoticeRequest,
    NoticeUpdate,
    NoticeWithdrawal,
)


def day(now: int) -> date:
    """The day of a time in seconds since the epoch, UTC."""
    return datetime.fromtimestamp(now, UTC).date()


def _fits(message: NoticeBody, attachments: tuple[memoryview, ...]) -> bool:
    return len(messages.encode(message, attachments)) <= MAX_WHOLE_BYTES - publishing.SPARE_BYTES


class Intake:
    """The handlers."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def requested(self, received: Received) -> None:
        """A bureau asks for a notice."""
        message = received.message
        if not isinstance(message, NoticeRequest):
            raise TypeError(type(message).__name__)
        async with self._office.registry.writing() as connection:
            refusal = await self._enter(connection, received, message, message.case, Issue.NEW, None)
        if refusal is not None:
            await received.answer(refusal)

    async def updated(self, received: Received) -> None:
        """The owner asks to publish a notice anew."""
        message = received.message
        if not isinstance(message, NoticeUpdate):
            raise TypeError(type(message).__name__)
        async with self._office.registry.writing() as connection:
            refusal = await self._not_theirs(connection, received, message.number, message.case)
            if refusal is None:
                where = message.issue, message.number
                refusal = await self._enter(connection, received, message, message.case, *where)
        if refusal is not None:
            await received.answer(refusal)

    async def _not_theirs(
        self, connection: AsyncConnection, received: Received, number: str, case: str | None
    ) -> NoticeDecision | None:
        """The refusal of what is somebody else's, or no more in force; None where it is the sender's."""
        entry = await book.notice(connection, number, lock=True)
        ground = None
        if entry is None or entry.diffusion or entry.owner.bureau != received.sender.bureau:
            ground = NoticeGround.NOT_OWNER  # also of one that there is not: nobody learns which there are
        elif entry.state is not NoticeState.IN_FORCE:
            ground = NoticeGround.NOT_IN_FORCE
        if ground is None:
            return None
        await self._note(connection, received, f"refused: {ground}", number)
        return NoticeDecision(decision=Decision.REFUSED, case=case, ground=ground)

    async def _enter(
        self,
        connection: AsyncConnection,
        received: Received,
        message: NoticeBody,
        case: str,
        issue: Issue,
        number: str | None,
    ) -> NoticeDecision | None:
        """Put a request on screening; a refusal where its reference was used."""
        table, owner = tables.request, received.sender.bureau
        same = or_(table.c.digest == received.digest, (table.c.owner == owner) & (table.c.reference == case))
        there = (await connection.execute(select(table.c.digest).where(same))).first()
        if there is not None and bytes(there.digest) == received.digest:
            return None
        if there is not None:
            await self._note(connection, received, "refused: reference used", case)
            remarks = "this reference names another request of yours: take a new one"
            return NoticeDecision(decision=Decision.REFUSED, case=case, ground=NoticeGround.REFERENCE, remarks=remarks)
        if not _fits(message, received.attachments):
            await self._note(connection, received, "refused: too large", case)
            return NoticeDecision(decision=Decision.REFUSED, case=case, ground=NoticeGround.SIZE)
        now = self._office.now()
        before = await book.notice(connection, number) if number is not None else None
        values = {
            "digest": received.digest,
            "owner": owner,
            "reference": case,
            "issue": issue,
            "number": number,
            "state": RequestState.WAITING,
            "received": now,
            "due": now + self._office.settings.screening_seconds,
            **self._screened(message, owner, received.attachments, before),
        }
        await connection.execute(insert(table).values(values))
        await self._note(connection, received, f"asked for a {message.colour} notice: {issue}", f"{owner} {case}")
        return None

    def _screened(
        self, message: NoticeBody, owner: str, attachments: tuple[memoryview, ...], before: book.Notice | None
    ) -> dict[str, object]:
        denied = before.denied if before is not None else ()
        found = rules.screen(message, owner, day(self._office.now()), denied)
        return {
            "colour": message.colour,
            "needed": rules.people_needed(message, found),
            "flagged": any(finding.weight is Weight.FLAG for finding in found),
            "kind": message.KIND,
            "content": messages.encode(message, attachments),
        }

    async def informed(self, received: Received) -> None:
        """A bureau says more: the request stands as it is said now, and waits anew."""
        message = received.message
        if not isinstance(message, NoticeInformation):
            raise TypeError(type(message).__name__)
        async with self._office.registry.writing() as connection:
            table, owner = tables.request, received.sender.bureau
            found = await book.requests(connection, table.c.owner == owner, table.c.reference == message.case)
            told = select(tables.information.c.digest).where(tables.information.c.digest == received.digest)
            if not found or (await connection.execute(told)).first() is not None:
                return
            fits = _fits(message, received.attachments)
            if fits:
                request = await book.request(connection, found[0].id, lock=True)
                await self._inform(connection, received, message, request)
            else:
                await self._note(connection, received, "information was too large", f"{owner} {message.case}")
        if not fits:
            asked = "too large to be circulated: fewer or smaller pictures, please"
            decision = Decision.MORE_INFORMATION
            await received.answer(NoticeDecision(decision=decision, case=message.case, questions=asked))

    async def _inform(
        self, connection: AsyncConnection, received: Received, message: NoticeInformation, request: book.Request
    ) -> None:
        subject = f"{request.owner} {request.reference}"
        try:
            state = states.after(request.state, Act.INFORM)
        except Misuse:  # decided meanwhile: the decision tells the bureau so
            await self._note(connection, received, "information came too late", subject)
            return
        now = self._office.now()
        await connection.execute(
            insert(tables.information).values(digest=received.digest, request=request.id, time=now)
        )
        await connection.execute(tables.approval.delete().where(tables.approval.c.request == request.id))
        before = await book.notice(connection, request.number) if request.number is not None else None
        said = (await book.content_of(connection, request.id)).message
        message = message.model_copy(update={"denied": publishing.denied_by(message, publishing.denied_by(said))})
        screened = self._screened(message, request.owner, received.attachments, before)
        due = now + self._office.settings.screening_seconds
        await book.change(connection, request.id, state=state, due=due, escalated=None, **screened)
        await self._note(connection, received, "gave more information", subject)

    async def withdrawn(self, received: Received) -> None:
        """The owner takes a notice back: at once."""
        message = received.message
        if not isinstance(message, NoticeWithdrawal):
            raise TypeError(type(message).__name__)
        async with self._office.registry.writing() as connection:
            entry = await book.notice(connection, message.number)
            theirs = entry is not None and entry.owner.bureau == received.sender.bureau and not entry.diffusion
            again = received.again and theirs and entry is not None and entry.state is NoticeState.WITHDRAWN
            refusal = None if again else await self._not_theirs(connection, received, message.number, None)
            if refusal is None and entry is not None and not again:
                await publishing.end(self._office, connection, entry, Ending.WITHDRAWN, message.reason or "")
                await self._note(connection, received, "withdrew", message.number)
        done = NoticeDecision(decision=Decision.WITHDRAWN, number=message.number)
        await received.answer(refusal or done)

    async def diffused(self, received: Received) -> None:
        """A bureau circulated something itself: recorded as it came."""
        message = received.message
        if not isinstance(message, DiffusionPublication):
            raise TypeError(type(message).__name__)
        async with self._office.registry.writing() as connection:
            if await book.has_version_of(connection, received.digest):
                return
            owner = received.sender.bureau
            before = await book.diffusion(connection, owner, message.case)
            if (before is not None and before.state is not NoticeState.IN_FORCE) or (
                before is not None and before.version >= message.version
            ):
                await self._note(connection, received, "a diffusion came too late", f"{owner} {message.case}")
                return
            entry = await publishing.record_diffusion(self._office, connection, received, message, before)
            await self._note(connection, received, f"circulated a {message.colour} diffusion", entry.number)
            ended = await book.ended_before(connection, entry, received.receipt.index or 0)
            if ended is not None:
                await publishing.end(self._office, connection, entry, Ending.WITHDRAWN, ended)
                await self._note(connection, received, "withdrew", entry.number)

    async def diffusion_ended(self, received: Received) -> None:
        """A bureau takes its own diffusion back."""
        message = received.message
        if not isinstance(message, DiffusionEnding):
            raise TypeError(type(message).__name__)
        async with self._office.registry.writing() as connection:
            owner = received.sender.bureau
            entry = await book.diffusion(connection, owner, message.case)
            theirs = message.owner.bureau == owner and message.ending is Ending.WITHDRAWN
            if entry is None and theirs:
                place, why = received.receipt.index or 0, message.reason or ""
                await book.keep_ending(connection, owner, message.case, place=place, why=why, now=self._office.now())
                await self._note(connection, received, "ended a diffusion before it came", f"{owner} {message.case}")
                return
            if entry is None or not theirs or entry.state is not NoticeState.IN_FORCE:
                await self._note(connection, received, "ended no diffusion of its own", f"{owner} {message.case}")
                return
            await publishing.end(self._office, connection, entry, Ending.WITHDRAWN, message.reason or "")
            await self._note(connection, received, "withdrew", entry.number)

    async def _note(self, connection: AsyncConnection, received: Received, act: str, subject: str) -> None:
        now = self._office.now()
        await audit.note(connection, time=now, who=str(received.sender), act=act, subject=subject)
