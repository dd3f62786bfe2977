"""What docs/integrators.md shows, as tests: handlers, deadlines, errors, a service under test.

Run it from the repository: `.venv/bin/pytest examples/test_guide.py`. All persons are synthetic.
"""

import time

import pytest

from bureaus.client import Bureau
from bureaus.exchange import Exchange, Received
from bureaus.testing import Countries, Links, assert_delivered, assert_record_verifies, assert_refused
from schemas.codes import Answer, Purpose
from schemas.errors import Forbidden, SenderRefused, Unavailable
from schemas.messages import WhereaboutsQuery, WhereaboutsResponse
from schemas.messages.attachments import Attachment, MediaType, Shows
from schemas.messages.codes import Asked, Finding, NoticeColour
from schemas.messages.notice_codes import Issue
from schemas.messages.notices import DiffusionPublication
from schemas.messages.person import Name, Person
from schemas.operation import Operation

# ruff: noqa: S101  # how tests speak

QUERY = WhereaboutsQuery(asked=(Asked.STATUS,), case="SYNTHETIC-1")
FILES = {"SYNTHETIC-1": Finding.NO_TRACE}


def serve(bureau: Bureau, files: dict[str, Finding]) -> None:
    """A service: answers from its files."""

    @bureau.on(WhereaboutsQuery)
    async def handle(query: Received) -> None:
        if not isinstance(query.message, WhereaboutsQuery):
            return
        known = files.get(query.message.case or "")
        if known is None:
            tomorrow = int(time.time()) + 24 * 3600
            await query.answer(WhereaboutsResponse(finding=Finding.MORE_TIME, until=tomorrow))
        else:
            await query.answer(WhereaboutsResponse(finding=known, case=query.message.case))


async def found(exchange: Exchange, seconds: float) -> dict[str, Finding]:
    """What each bureau answered within so many seconds."""
    said: dict[str, Finding] = {}
    async for response in exchange.responses(deadline=seconds):
        if isinstance(response.message, WhereaboutsResponse):
            said[response.sender] = response.message.finding
    return said


async def outcome_of(france: Bureau, to: list[str], operation: str) -> str:
    """Ask, and say what came of the asking."""
    try:
        exchange = await france.ask(QUERY, to=to, operation=operation, purpose=Purpose.ARREST)
        await exchange.accepted(10)
    except SenderRefused as refusal:
        return f"ask the others, without {', '.join(refusal.recipients)}"
    except Forbidden as refusal:
        return f"against a rule, for good: {refusal.reason}"
    except Unavailable:
        return "it waits in our store, and goes when the gateway is back"
    return "accepted"


@pytest.mark.bureaunet("FR", "BR", "AR")
async def test_deadlines(bureaus: Countries, operation: Operation) -> None:
    """Who has not answered finally when the time is up is known by name."""
    serve(bureaus["BR"], FILES)
    serve(bureaus["AR"], {})
    hour = int(time.time()) + 3600
    exchange = await bureaus["FR"].ask(
        QUERY, to=["BR", "AR"], operation=operation.id, purpose=Purpose.ARREST, reply_by=hour
    )
    said = await found(exchange, seconds=8)
    assert said == {"BR": Finding.NO_TRACE, "AR": Finding.MORE_TIME}
    assert exchange.waiting_for == {"AR"}
    later = await bureaus["FR"].exchange(exchange.digest)
    assert {answer.header.answer async for answer in later.responses(1)} == {Answer.FINAL, Answer.MORE_TIME}


async def circulate(france: Bureau, picture: bytes, operation: str) -> None:
    """Tell two bureaus of a person, with a picture."""
    diffusion = DiffusionPublication(
        colour=NoticeColour.BLUE,
        person=Person(name=Name(family="Marolet-Ex", given="Tibo")),
        case="FR-2026/7",
        version=1,
        issue=Issue.NEW,
        attachments=(Attachment.of(picture, Shows.FACE, MediaType.JPEG),),
    )
    await france.tell(diffusion, to=["BR", "AR"], operation=operation, attachments=[picture])


@pytest.mark.bureaunet("FR", "BR", "AR")
async def test_attachments(bureaus: Countries, operation: Operation) -> None:
    """A picture travels sealed with its message, and is checked before anybody sees it."""
    picture = bytes(range(256)) * 100
    await circulate(bureaus["FR"], picture, operation.id)
    received = await anext(bureaus["BR"].inbox())
    assert isinstance(received.message, DiffusionPublication)
    (listed,), (data,) = received.message.attachments, received.attachments
    assert (listed.shows, listed.media, bytes(data)) == (Shows.FACE, MediaType.JPEG, picture)


@pytest.mark.bureaunet("FR", "BR", "AR")
async def test_errors(bureaus: Countries, operation: Operation, links: Links) -> None:
    """Three ways in which a message is not accepted, told apart by their class."""
    france = bureaus["FR"]
    await bureaus["AR"].refuse("FR")
    assert await outcome_of(france, ["BR", "AR"], operation.id) == "ask the others, without AR"
    assert await outcome_of(france, ["BR"], "no-such") == "against a rule, for good: operation-unknown"
    links.cut("FR")
    waiting = await france.ask(QUERY, to=["BR"], operation=operation.id, purpose=Purpose.ARREST)
    with pytest.raises(Unavailable):
        await waiting.accepted(0.5)
    links.mend("FR")
    await waiting.accepted(20)


@pytest.mark.bureaunet("FR", "BR", "AR")
async def test_our_service(bureaus: Countries, operation: Operation) -> None:
    """The service of Brazil, under test: it answers, was away, answers again, and the evidence holds."""
    serve(bureaus["BR"], FILES)
    exchange = await bureaus["FR"].ask(QUERY, to=["BR"], operation=operation.id, purpose=Purpose.ARREST)
    assert await found(exchange, seconds=20) == {"BR": Finding.NO_TRACE}
    await bureaus.offline("BR")
    second = await bureaus["FR"].ask(QUERY, to=["BR"], operation=operation.id, purpose=Purpose.ARREST)
    serve(await bureaus.online("BR"), FILES)
    await assert_delivered(bureaus, second)
    wrong = bureaus["FR"].ask(QUERY, to=["BR"], operation="no-such", purpose=Purpose.ARREST)
    await assert_refused(wrong, reason="operation-unknown")
    await assert_record_verifies(bureaus, operation.id)
