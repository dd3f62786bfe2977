"""Diffusions, and denials: what says nothing of them, in whichever order it comes, shows nothing to more."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat.notices import acts
from bureaus.secretariat.notices.routine import Chores
from bureaus.secretariat.notices.rules import Weight
from bureaus.secretariat.notices.values import Ended, NoticeState, Published
from bureaus.secretariat.office import OPERATION
from bureaus.secretariat.registry import audit
from bureaus.secretariat.registry import notices as tables
from bureaus.secretariat.settings import DAY
from schemas.codes import Purpose
from schemas.errors import Misuse, Reason, Unavailable
from schemas.messages.codes import NoticeColour
from schemas.messages.databases import DatabaseAnswer, DatabaseQuery, NameQuestion
from schemas.messages.notice_codes import Ending, Issue
from schemas.messages.notices import (
    DiffusionEnding,
    DiffusionPublication,
    NoticeDecision,
    NoticeInformation,
    NoticePublication,
    NoticeUpdate,
)
from schemas.messages.search_codes import Search
from tests.integration.secretariat.cases import LISTED, PICTURE, RED, WANTED
from tests.integration.secretariat.test_notices import Scene, later, scene
from tests.unit.bureaus.network import eventually

ASKED = DatabaseQuery(person=NameQuestion(name=WANTED.name, birth_date=WANTED.birth_date))


def update(number: str, case: str, **fields: object) -> NoticeUpdate:
    same = {name: value for name, value in RED.__dict__.items() if name not in ("case", "denied")}
    return NoticeUpdate.model_validate(same | {"number": number, "case": case, **fields}, strict=False)


async def search(play: Scene, code: str) -> Search:
    """What a search for the person comes to."""
    exchange = await play.bureaus[code].ask(ASKED, to=["IPSG"], operation=OPERATION, purpose=Purpose.BORDER_CHECK)
    async for received in exchange.responses(60):
        assert isinstance(received.message, DatabaseAnswer)
        return received.message.result
    raise AssertionError("no answer came")


async def test_an_update_or_an_addendum_that_names_no_denial_keeps_those_that_there_are(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        number = await play.publish(RED.model_copy(update={"denied": ("AR",)}), [PICTURE])
        for version, issue in enumerate((Issue.UPDATED, Issue.ADDENDUM), 2):
            assert await play.publish(update(number, f"FR-2026/{version}", issue=issue), [PICTURE]) == number
            await play.hears("BR", NoticePublication, version)
            entry, _ = await acts.notice(play.office, number)
            assert (entry.version, entry.denied) == (version, ("AR",))
            assert await search(play, "AR") is Search.NO_HIT
            assert await search(play, "BR") is not Search.NO_HIT
        assert not play.of("AR", NoticePublication)


async def test_information_that_names_no_denial_keeps_the_request_s(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        await play.ask(RED.model_copy(update={"denied": ("AR",)}), attachments=[PICTURE])
        number = await play.waits()
        await acts.ask_more(play.office, number, who="ana", questions="Where was it?")
        same = {name: value for name, value in RED.__dict__.items() if name != "denied"}
        await play.ask(NoticeInformation(**same, note="In Lyon."), attachments=[PICTURE])
        await eventually(lambda: bool(play.of("FR", NoticeDecision)))
        await play.waits()
        async with asyncio.timeout(60):
            rung = 0
            while (await acts.request(play.office, number)).content.message.KIND != NoticeInformation.KIND:
                rung = await play.office.registry.written.after(rung)
        for who in ("ana", "ben"):
            await acts.approve(play.office, number, who=who, why="seen")
        await play.hears("BR", NoticePublication)
        assert not play.of("AR", NoticePublication)
        assert await search(play, "AR") is Search.NO_HIT


async def test_who_is_denied_a_notice_no_more_is_shown_it_by_two_people_with_a_reason(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        blue = RED.model_copy(update={"colour": NoticeColour.BLUE, "denied": ("AR", "KE")})
        number = await play.publish(blue, [PICTURE])
        wider = update(number, "FR-2026/2", issue=Issue.UPDATED, colour=NoticeColour.BLUE, denied=("KE",))
        await play.ask(wider, attachments=[PICTURE])
        waits = await play.waits()
        screening = await acts.request(play.office, waits)
        assert [(one.found, one.weight) for one in screening.findings if one.rule == 11] == [
            ("no more denied to AR", Weight.FLAG)
        ]
        assert (screening.request.needed, screening.request.flagged) == (2, True)
        with pytest.raises(Misuse, match="why"):
            await acts.approve(play.office, waits, who="ana")
        for who in ("ana", "ben"):
            assert not play.of("AR", NoticePublication)
            await acts.approve(play.office, waits, who=who, why="its owner says so")
        await play.hears("AR", NoticePublication)
        assert await search(play, "AR") is not Search.NO_HIT
        assert await search(play, "KE") is Search.NO_HIT


async def test_a_diffusion_that_names_no_denial_keeps_the_one_before_s(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        says = DiffusionPublication(
            colour=NoticeColour.BLUE, person=WANTED, case="FR-D/1", version=1, issue=Issue.NEW, denied=("AR",)
        )
        newer = says.model_copy(update={"version": 2, "issue": Issue.UPDATED, "denied": ()})
        await play.bureaus["FR"].tell(says, to=["IPSG"], operation=OPERATION)
        await eventually(lambda: len(play.told) == 1)
        await play.bureaus["FR"].tell(newer, to=["IPSG"], operation=OPERATION)
        await eventually(lambda: len(play.told) == 2)
        async with asyncio.timeout(60):
            rung = 0
            while (entry := (await acts.notices(play.office))[0]).version == 1:  # told, and not committed yet
                rung = await play.office.registry.written.after(rung)
        assert (entry.version, entry.denied) == (2, ("AR",))
        assert await search(play, "AR") is Search.NO_HIT


async def test_a_diffusion_goes_straight_and_is_recorded_and_ended_at_once(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        france = play.bureaus["FR"]
        says = DiffusionPublication(
            colour=NoticeColour.BLUE, person=RED.person, case="FR-D/1", version=1, issue=Issue.NEW,
            attachments=(LISTED,), denied=("AR",),
        )  # fmt: skip
        await france.tell(says, to=["BR", "IPSG"], attachments=[PICTURE], operation=OPERATION)
        await eventually(lambda: len(play.told) == 1)
        (told,) = play.told
        assert isinstance(told, Published)
        assert (told.diffusion, told.denied, told.owner) == (True, ("AR",), "FR")
        got = await play.hears("BR", DiffusionPublication)
        assert [bytes(part) for part in got.attachments] == [PICTURE]

        ends = DiffusionEnding(owner=play.bureaus["FR"].address, case="FR-D/1", ending=Ending.WITHDRAWN)
        await play.bureaus["BR"].tell(ends, to=["IPSG"], operation=OPERATION)
        await france.tell(ends, to=["BR", "IPSG"], operation=OPERATION)
        async with asyncio.timeout(60):
            rung, entries = 0, await acts.notices(play.office, all_states=True)
            while not entries or entries[0].state is NoticeState.IN_FORCE:  # told, and not committed yet
                rung = await play.office.registry.written.after(rung)
                entries = await acts.notices(play.office, all_states=True)
        (entry,) = entries
        assert (entry.state, entry.shown) == (NoticeState.WITHDRAWN, ("BR",))
        assert isinstance(play.told[1], Ended)
        await play.noted("BR", "ended no diffusion of its own")  # nothing says whose message comes first


async def test_a_diffusion_that_is_handed_over_after_its_end_ends_as_it_comes(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        france, failing = play.bureaus["FR"], [True]

        async def fails(_connection: AsyncConnection, _what: Published) -> None:
            if failing:
                raise Unavailable(Reason.STORE, "the registry cannot serve now")

        async def noted() -> list[str]:
            async with play.office.registry.reading() as connection:
                return [act.act for act in await audit.acts(connection, who="FR")]

        async def until(act: str) -> None:
            async with asyncio.timeout(60):
                rung = 0
                while act not in await noted():
                    rung = await play.office.registry.written.after(rung)

        play.office.published.append(fails)
        says = DiffusionPublication(
            colour=NoticeColour.BLUE, person=RED.person, case="FR-D/1", version=1, issue=Issue.NEW
        )
        await france.tell(says, to=["IPSG"], operation=OPERATION)
        ends = DiffusionEnding(owner=france.address, case="FR-D/1", ending=Ending.WITHDRAWN, reason="found")
        await france.tell(ends, to=["IPSG"], operation=OPERATION)
        await until("ended a diffusion before it came")
        assert await acts.notices(play.office, all_states=True) == []
        failing.clear()
        await until("withdrew")
        (entry,) = await acts.notices(play.office, all_states=True)
        assert (entry.state, entry.why) == (NoticeState.WITHDRAWN, "found")
        async with play.office.registry.reading() as connection:
            assert (await connection.execute(select(tables.diffusion_ending))).all() == []


async def test_the_end_of_a_diffusion_that_never_comes_is_forgotten(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        france = play.bureaus["FR"]
        ends = DiffusionEnding(owner=france.address, case="FR-D/1", ending=Ending.WITHDRAWN)
        await france.tell(ends, to=["IPSG"], operation=OPERATION)

        async def kept() -> int:
            async with play.office.registry.reading() as connection:
                return len((await connection.execute(select(tables.diffusion_ending))).all())

        async with asyncio.timeout(60):
            rung = 0
            while not await kept():
                rung = await play.office.registry.written.after(rung)
        await Chores(play.office).review()
        assert await kept() == 1
        await Chores(later(play.office, 31 * DAY)).review()
        assert await kept() == 0
