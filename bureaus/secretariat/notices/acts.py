"""What people of the secretariat do with requests and notices: for its pages and its commands.

Each act is one transaction with its row of audit. What follows from it (publication, decisions, endings) is done by the
process that serves. Rules: nobody approves twice; two different people publish a red notice, and whatever was flagged;
what lacks something or was flagged is published by nobody without a reason in words; what is approved is what was
looked at, not what the bureau says since.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat.notices import book, rules, states
from bureaus.secretariat.notices.book import Approval, Content, Notice, Request
from bureaus.secretariat.notices.intake import day
from bureaus.secretariat.notices.rules import Finding, Weight
from bureaus.secretariat.notices.states import Act
from bureaus.secretariat.notices.values import NoticeState, RequestState
from bureaus.secretariat.office import Office
from bureaus.secretariat.registry import audit
from bureaus.secretariat.registry import notices as tables
from schemas.errors import Misuse
from schemas.messages.notice_codes import Decision, NoticeGround
from schemas.messages.notices import NoticeDecision

_UNDECIDED = (RequestState.WAITING, RequestState.MORE, RequestState.APPROVED)


@dataclass(frozen=True, slots=True)
class Screening:
    """A request with all that a person needs to decide on it."""

    request: Request
    content: Content
    findings: tuple[Finding, ...]
    approvals: tuple[Approval, ...]
    before: Notice | None
    """The notice that it changes."""

    @property
    def needs_reason(self) -> bool:
        """Whether who approves it must say why."""
        return rules.reasons_needed(self.findings)


# ------------------------------------------------------------------------------------------ reading


async def waiting(office: Office) -> list[Request]:
    """Every request that is not decided, those due first in front."""
    async with office.registry.reading() as connection:
        return await book.requests(connection, tables.request.c.state.in_(_UNDECIDED))


async def overdue(office: Office) -> list[Request]:
    """Those on screening whose time is over."""
    table = tables.request
    async with office.registry.reading() as connection:
        late = table.c.state == RequestState.WAITING, table.c.due <= office.now()
        return await book.requests(connection, *late)


async def request(office: Office, number: int) -> Screening:
    """One request, screened as of today.

    Raises:
        Misuse: there is none.
    """
    async with office.registry.reading() as connection:
        return await _screening(office, connection, number)


async def notices(office: Office, *, all_states: bool = False) -> list[Notice]:
    """Notices and diffusions in force, or all, the newest first."""
    where = [] if all_states else [tables.notice.c.state == NoticeState.IN_FORCE]
    async with office.registry.reading() as connection:
        return await book.notices(connection, *where)


async def notice(office: Office, number: str) -> tuple[Notice, Content]:
    """A notice or a diffusion, and what its newest version says.

    Raises:
        Misuse: there is none.
    """
    async with office.registry.reading() as connection:
        entry = await _notice(connection, number)
        return entry, await book.version(connection, number, entry.version)


async def _notice(connection: AsyncConnection, number: str, *, lock: bool = False) -> Notice:
    entry = await book.notice(connection, number, lock=lock)
    if entry is None:
        raise Misuse(f"there is no notice {number}")
    return entry


async def _screening(office: Office, connection: AsyncConnection, number: int, *, lock: bool = False) -> Screening:
    row = await book.request(connection, number, lock=lock)
    content = await book.content_of(connection, number)
    approvals = tuple(await book.approvals(connection, number))
    before = await book.notice(connection, row.number) if row.number else None
    denied = before.denied if before is not None else ()
    found = rules.screen(content.message, str(row.owner), day(office.now()), denied)
    return Screening(row, content, found, approvals, before)


# ------------------------------------------------------------------------------------------ deciding


async def ask_more(office: Office, number: int, *, who: str, questions: str = "") -> Request:
    """Ask the bureau for more: the questions, and what the rules found but the flags, which are ours to decide.

    Raises:
        Misuse: it is not on screening, or nothing is asked.
    """
    async with office.registry.writing() as connection:
        screening = await _screening(office, connection, number, lock=True)
        row = replace(screening.request, state=states.after(screening.request.state, Act.ASK))
        told = tuple(one.told() for one in screening.findings if one.weight is not Weight.FLAG)
        if not questions and not told:
            raise Misuse("say what is asked: the rules found nothing to ask for")
        decision = NoticeDecision(
            decision=Decision.MORE_INFORMATION, case=row.reference, questions=questions or None, findings=told
        )
        await book.change(connection, number, state=row.state)
        await book.decide(connection, row.digest, decision)
        await _note(office, connection, who, "asked for more information", row, questions)
        return row


async def refuse(office: Office, number: int, *, who: str, ground: NoticeGround, why: str = "") -> Request:
    """Refuse a request. `why` stays here; the bureau is told the ground.

    Raises:
        Misuse: it is decided already.
    """
    async with office.registry.writing() as connection:
        row = await book.request(connection, number, lock=True)
        row = replace(row, state=states.after(row.state, Act.REFUSE))
        decision = NoticeDecision(decision=Decision.REFUSED, case=row.reference, ground=ground)
        await book.change(connection, number, state=row.state, decided=office.now())
        await book.decide(connection, row.digest, decision)
        await _note(office, connection, who, f"refused: {ground}", row, why)
        return row


async def approve(office: Office, number: int, *, who: str, why: str = "", seen: str | None = None) -> Request:
    """Approve a request: it is published once as many different people have as it needs.

    `seen` is the mark of the content that this person looked at; None where nobody says.

    Raises:
        Misuse: it is not on screening, it says something else by now, this person approved it already, or a reason is
            needed.
    """
    async with office.registry.writing() as connection:
        screening = await _screening(office, connection, number, lock=True)
        row = screening.request
        needed = max(row.needed, rules.people_needed(screening.content.message, screening.findings))
        people = {approval.who for approval in screening.approvals}
        if seen not in (None, screening.content.mark):
            raise Misuse("the bureau changed it since you looked: look at it again")
        if who in people:
            raise Misuse(f"{who} approved it already: another person has to")
        if screening.needs_reason and not why.strip():
            raise Misuse("the rules found something: say why it is published all the same")
        state = states.after(row.state, Act.APPROVE, people=len(people) + 1, needed=needed)
        values = {"request": number, "who": who, "time": office.now(), "why": why}
        await connection.execute(insert(tables.approval).values(values))
        await book.change(connection, number, state=state)
        await _note(office, connection, who, f"approved, {len(people) + 1} of {needed}", row, why)
        return replace(row, state=state)


async def cancel(office: Office, number: str, *, who: str, why: str) -> Notice:
    """Cancel a notice or a diffusion: the service tells everybody who got it.

    Raises:
        Misuse: it is not in force, or no reason is given.
    """
    if not why.strip():
        raise Misuse("say why it is cancelled: everybody who got it is told")
    async with office.registry.writing() as connection:
        entry = await _notice(connection, number, lock=True)
        if entry.state is not NoticeState.IN_FORCE:
            raise Misuse(f"it is not in force: {entry.state}")
        entry = replace(entry, state=NoticeState.ENDING, why=why.strip())
        await book.put(connection, entry)
        await audit.note(connection, time=office.now(), who=who, act="cancelled", subject=number, why=why)
        return entry


async def _note(office: Office, connection: AsyncConnection, who: str, act: str, row: Request, why: str) -> None:
    subject = row.number or f"{row.owner} {row.reference}"
    await audit.note(connection, time=office.now(), who=who, act=act, subject=subject, why=why)
