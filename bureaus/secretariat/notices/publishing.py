"""Notices come into force, change and end: the rows, whoever is to know, and the other rooms, in one transaction.

Circulation is one sealed message to every bureau but those that it is denied to; above 256 recipients in parts. Who got
any version is kept: they are told of its end, and whoever is denied it later is told that it ended for them. What says
nothing of denials leaves them as they were: nothing is shown to more by being left out. What another bureau circulated
itself is recorded as it came, and only its end may be told by us.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.exchange import Received
from bureaus.secretariat.notices import book, states
from bureaus.secretariat.notices.book import Notice, Request
from bureaus.secretariat.notices.states import Act
from bureaus.secretariat.notices.values import Ended, NoticeState, Published, RequestState
from bureaus.secretariat.office import Office
from bureaus.secretariat.registry import audit, outgoing
from schemas import messages
from schemas.codes import Purpose
from schemas.messages import Message
from schemas.messages.codes import NoticeColour
from schemas.messages.notice_codes import Decision, Ending, Issue, NoticeGround
from schemas.messages.notices import (
    DiffusionEnding,
    DiffusionPublication,
    NoticeBody,
    NoticeDecision,
    NoticeEnding,
    NoticeInformation,
    NoticePublication,
    NoticeRequest,
    NoticeUpdate,
)

RECIPIENTS: Final = 256
"""Of one message (protocol section 1.4)."""
SPARE_BYTES: Final = 1024
"""What a publication says beyond its request: a request that leaves less could not be sealed again."""
DIFFUSION: Final = "D"
SERIES: Final[Mapping[NoticeColour, str]] = MappingProxyType(
    {
        NoticeColour.RED: "R",
        NoticeColour.BLUE: "B",
        NoticeColour.GREEN: "G",
        NoticeColour.YELLOW: "Y",
        NoticeColour.BLACK: "K",
        NoticeColour.ORANGE: "O",
        NoticeColour.PURPLE: "P",
        NoticeColour.SILVER: "S",
        NoticeColour.UN_SPECIAL: "U",
    }
)
"""The letter that a number begins with."""
_PURPOSES: Final[Mapping[NoticeColour, Purpose]] = MappingProxyType(
    {
        NoticeColour.RED: Purpose.ARREST,
        NoticeColour.BLUE: Purpose.LOCATION,
        NoticeColour.YELLOW: Purpose.LOCATION,
        NoticeColour.BLACK: Purpose.IDENTIFICATION,
    }
)


def year(now: int) -> int:
    """Of a time in seconds since the epoch, UTC."""
    return datetime.fromtimestamp(now, UTC).year


# ------------------------------------------------------------------------------------------ into force


async def publish(office: Office, connection: AsyncConnection, request: Request) -> str | None:
    """Publish what was approved: its number; None where it is of a notice that is not in force any more."""
    content, now = await book.content_of(connection, request.id), office.now()
    entry = await _entry(office, connection, request, content.message, now)
    state = states.after(request.state, Act.PUBLISH)
    if entry is None:
        refusal = NoticeDecision(decision=Decision.REFUSED, case=request.reference, ground=NoticeGround.NOT_IN_FORCE)
        await book.change(connection, request.id, state=RequestState.REFUSED, decided=now)
        await book.decide(connection, request.digest, refusal)
        return None
    publication = _publication(entry, request.issue, content.message)
    entry = await _circulate(office, connection, entry, publication, content.attachments)
    await book.put(connection, entry)
    whole = messages.encode(publication, content.attachments)
    await book.add_version(connection, entry, request.issue, request.digest, publication.KIND, whole)
    await book.change(connection, request.id, state=state, number=entry.number, decided=now)
    decision = NoticeDecision(
        decision=Decision.PUBLISHED, case=request.reference, number=entry.number, version=entry.version
    )
    await book.decide(connection, request.digest, decision)
    await _tell_published(office, connection, entry, request.issue, content.message)
    act = f"published version {entry.version}: {request.issue}"
    await audit.note(connection, time=now, who=audit.SERVICE, act=act, subject=entry.number)
    return entry.number


async def _entry(
    office: Office, connection: AsyncConnection, request: Request, message: NoticeBody, now: int
) -> Notice | None:
    """The notice as it is from this publication on; None where it is not in force any more."""
    review = now + office.settings.notice_seconds
    if request.number is None:
        number = await book.next_number(connection, SERIES[request.colour], year(now))
        return Notice(
            number=number,
            diffusion=False,
            owner=request.owner,
            reference=request.reference,
            colour=request.colour,
            state=NoticeState.IN_FORCE,
            version=1,
            denied=denied_by(message),
            shown=(),
            published=now,
            review=review,
            asked=None,
            ended=None,
            why="",
        )
    before = await book.notice(connection, request.number, lock=True)
    if before is None or before.state is not NoticeState.IN_FORCE:
        return None
    return replace(
        before,
        version=before.version + 1,
        colour=request.colour,
        denied=denied_by(message, before.denied),
        published=now,
        review=review,
        asked=None,
    )


def denied_by(message: NoticeBody, before: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Whom a message denies it to; as `before` where it does not say."""
    if isinstance(message, NoticeRequest | NoticeInformation | NoticeUpdate | DiffusionPublication):
        return message.denied or before
    return before


def _publication(entry: Notice, issue: Issue, message: NoticeBody) -> NoticePublication:
    note = message.note if isinstance(message, NoticeInformation | NoticeUpdate) else None
    return NoticePublication(
        restrictions=message.restrictions,
        attachments=message.attachments,
        colour=message.colour,
        person=message.person,
        thing=message.thing,
        penalty=message.penalty,
        extradition=message.extradition,
        facts=message.facts,
        last_known=message.last_known,
        number=entry.number,
        version=entry.version,
        issue=issue,
        owner=entry.owner,
        published=entry.published,
        review=entry.review,
        note=note if issue is not Issue.NEW else None,
    )


async def _circulate(
    office: Office,
    connection: AsyncConnection,
    entry: Notice,
    publication: NoticePublication,
    attachments: Sequence[memoryview],
) -> Notice:
    """Post a publication to everybody whom it is not denied to: the notice, with who got it."""
    everybody = office.everybody(entry.denied)
    purpose = _PURPOSES.get(entry.colour, Purpose.INFORMATION)
    for part, to in enumerate(_parts(everybody)):
        key = f"notice/{entry.number}/{entry.version}/{part}"
        await outgoing.post(connection, publication, to=to, purpose=purpose, key=key, attachments=attachments)
    lost = [address for address in entry.shown if address in entry.denied]
    if lost:
        ending = NoticeEnding(number=entry.number, ending=Ending.WITHDRAWN, ended=entry.published)
        await _post(office, connection, ending, lost, f"denied/{entry.number}/{entry.version}")
    return replace(entry, shown=tuple(sorted({*entry.shown, *everybody} - set(lost))))


def _parts(addresses: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for start in range(0, len(addresses), RECIPIENTS):
        yield tuple(addresses[start : start + RECIPIENTS])


async def _tell_published(
    office: Office, connection: AsyncConnection, entry: Notice, issue: Issue, message: NoticeBody
) -> None:
    told = Published(
        number=entry.number,
        version=entry.version,
        colour=entry.colour,
        owner=entry.owner,
        subject=message.subject,
        denied=entry.denied,
        what=issue,
        time=entry.published,
        review=entry.review,
        attachments=message.attachments,
        diffusion=entry.diffusion,
    )
    for hook in office.published:
        await hook(connection, told)


async def record_diffusion(
    office: Office,
    connection: AsyncConnection,
    received: Received,
    message: DiffusionPublication,
    before: Notice | None,
) -> Notice:
    """Record what a bureau circulated itself."""
    now = office.now()
    ourselves = office.bureau.address
    got = {str(address) for address in received.header.aud if address.bureau != ourselves}
    number = before.number if before is not None else await book.next_number(connection, DIFFUSION, year(now))
    entry = Notice(
        number=number,
        diffusion=True,
        owner=received.sender.bureau,
        reference=message.case,
        colour=message.colour,
        state=NoticeState.IN_FORCE,
        version=message.version,
        denied=denied_by(message, before.denied if before is not None else ()),
        shown=tuple(sorted(got.union(before.shown if before is not None else ()))),
        published=now,
        review=now + office.settings.notice_seconds,
        asked=None,
        ended=None,
        why="",
    )
    await book.put(connection, entry)
    whole = messages.encode(message, received.attachments)
    await book.add_version(connection, entry, message.issue, received.digest, message.KIND, whole)
    await _tell_published(office, connection, entry, message.issue, message)
    return entry


# ------------------------------------------------------------------------------------------ out of force


async def end(office: Office, connection: AsyncConnection, entry: Notice, ending: Ending, why: str) -> None:
    """End a notice or a diffusion, and tell whoever got it. A withdrawn diffusion was told of by its owner.

    Raises:
        Misuse: it is not in force.
    """
    now, state = office.now(), states.ended(entry.state, ending)
    await book.put(connection, replace(entry, state=state, ended=now, why=why))
    reason = why or None
    message: Message = NoticeEnding(number=entry.number, ending=ending, ended=now, reason=reason)
    if entry.diffusion:
        message = DiffusionEnding(owner=entry.owner, case=entry.reference, ending=ending, reason=reason)
    if not (entry.diffusion and ending is Ending.WITHDRAWN):
        await _post(office, connection, message, [*entry.shown, str(entry.owner)], f"ending/{entry.number}")
    told = Ended(entry.number, entry.owner, ending, now, entry.diffusion)
    for hook in office.ended:
        await hook(connection, told)


async def _post(office: Office, connection: AsyncConnection, message: Message, to: Sequence[str], key: str) -> None:
    """To those of `to` who can still be written to."""
    here = frozenset(office.everybody())
    left = [address for address in dict.fromkeys(to) if address in here]
    for part, addresses in enumerate(_parts(left)):
        purpose = Purpose.INFORMATION
        await outgoing.post(connection, message, to=addresses, purpose=purpose, key=f"{key}/{part}")
