"""Notices from request to ending, over the SDK with several bureaus; who is told of what, and who is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.client import Bureau
from bureaus.exchange import Received
from bureaus.secretariat import serving
from bureaus.secretariat.notices import acts, publishing
from bureaus.secretariat.notices.routine import Chores
from bureaus.secretariat.notices.values import Ended, NoticeState, Published, RequestState
from bureaus.secretariat.office import OPERATION, Office
from bureaus.secretariat.registry import audit
from schemas.codes import Answer, Purpose
from schemas.errors import Misuse
from schemas.messages import Message
from schemas.messages.attachments import MAX_WHOLE_BYTES
from schemas.messages.notice_codes import Decision, Ending, Issue, NoticeGround
from schemas.messages.notices import (
    DiffusionEnding,
    DiffusionPublication,
    NoticeDecision,
    NoticeEnding,
    NoticeInformation,
    NoticePublication,
    NoticeReview,
    NoticeUpdate,
    NoticeWithdrawal,
)
from tests.integration.secretariat.cases import BODY, PICTURE, RED
from tests.integration.secretariat.house import PROMPT, House
from tests.unit.bureaus.network import eventually

CODES = ("FR", "BR", "KE", "AR")
HEARD = (
    NoticeDecision, NoticePublication, NoticeEnding, NoticeReview, DiffusionPublication, DiffusionEnding,
)  # fmt: skip
FAST = replace(PROMPT, notice_chore_seconds=0.05)


@dataclass
class Scene:
    """The secretariat at work, bureaus that keep what they hear, and what the other rooms were told."""

    house: House
    office: Office
    bureaus: dict[str, Bureau]
    heard: dict[str, list[Received]]
    told: list[Published | Ended] = field(default_factory=list)

    async def ask(self, message: Message, code: str = "FR", attachments: Sequence[bytes] = ()) -> None:
        await self.bureaus[code].ask(
            message, to=["IPSG"], operation=OPERATION, purpose=Purpose.ARREST, attachments=attachments
        )

    def of(self, code: str, model: type[Message]) -> list[Received]:
        return [one for one in self.heard[code] if isinstance(one.message, model)]

    async def hears(self, code: str, model: type[Message], number: int = 1) -> Received:
        await eventually(lambda: len(self.of(code, model)) >= number)
        return self.of(code, model)[number - 1]

    async def waits(self, number: int = 1) -> int:
        """The request that waits for a person."""
        async with asyncio.timeout(60):
            rung = 0
            while len(rows := await acts.waiting(self.office)) < number:
                rung = await self.office.registry.written.after(rung)
        return rows[-1].id

    async def noted(self, who: str, act: str) -> None:
        """Wait until the audit has an act of somebody."""
        async with asyncio.timeout(60):
            rung, there = 0, False
            while not there:
                rung = await self.office.registry.written.after(rung)
                async with self.office.registry.reading() as connection:
                    there = any(one.act == act for one in await audit.acts(connection, who=who))

    async def publish(self, message: Message, attachments: Sequence[bytes] = ()) -> str:
        """Have it asked for by France and published: its number."""
        before = len(self.of("FR", NoticeDecision))
        await self.ask(message, attachments=attachments)
        number = await self.waits()
        await acts.approve(self.office, number, who="ana", why="seen")
        if (await acts.request(self.office, number)).request.state is RequestState.WAITING:
            await acts.approve(self.office, number, who="ben", why="seen")
        decision = (await self.hears("FR", NoticeDecision, before + 1)).message
        assert isinstance(decision, NoticeDecision)
        assert decision.number is not None
        return decision.number


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    house = await House.gather(folder, CODES)
    heard: dict[str, list[Received]] = {code: [] for code in CODES}
    bureaus = {code: house.bureau(code) for code in CODES}
    for code, bureau in bureaus.items():
        for model in HEARD:

            async def keep(received: Received, code: str = code) -> None:
                heard[code].append(received)

            bureau.on(model)(keep)
    async with house.serving(FAST) as office, AsyncExitStack() as stack:
        made = Scene(house, office, bureaus, heard)

        async def tell(_connection: AsyncConnection, what: Published | Ended) -> None:
            made.told.append(what)

        office.published.append(tell)
        office.ended.append(tell)
        for bureau in bureaus.values():
            await stack.enter_async_context(bureau)
        yield made


def later(office: Office, seconds: int) -> Office:
    """The same office, that much later."""
    now = office.now() + seconds
    return replace(office, now=lambda: now)


async def test_what_is_decided_just_before_the_end_goes_out_though_no_chore_has_seen_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await House.gather(tmp_path, ("FR",))
    france, heard = house.bureau("FR"), list[Received]()

    @france.on(NoticeDecision)
    async def keep(received: Received) -> None:
        heard.append(received)

    async with france:
        rest = 60.0
        monkeypatch.setattr(serving, "_PAUSE", rest)
        async with house.serving(replace(PROMPT, notice_chore_seconds=rest, drain_seconds=rest)) as office:
            play = Scene(house, office, {"FR": france}, {"FR": heard})
            await house.refresh(france)
            await play.ask(RED, attachments=[PICTURE])
            await acts.ask_more(office, await play.waits(), who="ana", questions="Which court issued the warrant?")
        await play.hears("FR", NoticeDecision)


async def test_a_red_notice_is_asked_for_completed_published_by_two_people_and_circulated_but_to_whom_it_is_denied(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as play:
        lacking = RED.model_copy(update={"extradition": None, "denied": ("AR",)})
        await play.ask(lacking, attachments=[PICTURE])
        number = await play.waits()
        screening = await acts.request(play.office, number)
        assert {one.rule for one in screening.findings} >= {6}
        assert [bytes(part) for part in screening.content.attachments] == [PICTURE]
        await acts.ask_more(play.office, number, who="ana", questions="Who assures it?")

        more = await play.hears("FR", NoticeDecision)
        assert isinstance(more.message, NoticeDecision)
        assert (more.header.answer, more.message.decision) == (Answer.INTERIM, Decision.MORE_INFORMATION)
        assert 6 in {one.rule for one in more.message.findings}
        assert more.header.re is not None
        whole = dict(RED.__dict__) | {"denied": ("AR",)}
        await more.answer(NoticeInformation(**whole), attachments=[PICTURE])
        async with asyncio.timeout(60):
            rung = 0
            while (await acts.request(play.office, number)).request.state is not RequestState.WAITING:
                rung = await play.office.registry.written.after(rung)

        await acts.approve(play.office, number, who="ana")
        with pytest.raises(Misuse, match="another person"):
            await acts.approve(play.office, number, who="ana")
        assert (await acts.request(play.office, number)).request.state is RequestState.WAITING
        await acts.approve(play.office, number, who="ben")

        done = await play.hears("FR", NoticeDecision, 2)
        assert isinstance(done.message, NoticeDecision)
        assert done.header.answer is Answer.FINAL
        for code in ("FR", "BR", "KE"):
            got = await play.hears(code, NoticePublication)
            assert isinstance(got.message, NoticePublication)
            assert (got.message.number, got.message.version) == (done.message.number, 1)
            assert [bytes(part) for part in got.attachments] == [PICTURE]
            assert "AR" not in got.header.aud
        assert play.heard["AR"] == []
        (published,) = play.told
        assert isinstance(published, Published)
        assert (published.denied, published.what, published.owner) == (("AR",), Issue.NEW, "FR")
        async with play.office.registry.reading() as connection:
            noted = [(act.who, act.act) for act in await audit.acts(connection)]
    assert ("ana", "approved, 1 of 2") in noted
    assert ("ben", "approved, 2 of 2") in noted


async def test_an_update_a_new_denial_and_a_withdrawal_reach_whoever_has_the_notice(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        number = await play.publish(BODY, [PICTURE])
        await play.hears("AR", NoticePublication)
        change = dict(BODY.__dict__) | {"number": number, "issue": Issue.UPDATED, "case": "FR-2026/3"}
        update = NoticeUpdate(**(change | {"denied": ("AR",), "note": "Another height."}))
        assert await play.publish(update, [PICTURE]) == number
        newer = (await play.hears("BR", NoticePublication, 2)).message
        assert isinstance(newer, NoticePublication)
        assert (newer.version, newer.issue, newer.note) == (2, Issue.UPDATED, "Another height.")
        ended = (await play.hears("AR", NoticeEnding)).message
        assert isinstance(ended, NoticeEnding)
        assert ended.ending is Ending.WITHDRAWN

        await play.ask(NoticeWithdrawal(number=number), "BR")
        refused = (await play.hears("BR", NoticeDecision)).message
        assert isinstance(refused, NoticeDecision)
        assert refused.ground is NoticeGround.NOT_OWNER
        await play.ask(NoticeWithdrawal(number=number, reason="He has a name now."))
        assert (await play.hears("FR", NoticeDecision, 3)).header.answer is Answer.FINAL
        over = (await play.hears("KE", NoticeEnding)).message
        assert isinstance(over, NoticeEnding)
        assert (over.ending, over.reason) == (Ending.WITHDRAWN, "He has a name now.")
        assert len(play.of("AR", NoticeEnding)) == 1
        assert len(play.of("AR", NoticePublication)) == 1
        entry, content = await acts.notice(play.office, number)
        assert (entry.state, entry.version) == (NoticeState.WITHDRAWN, 2)
        assert [bytes(part) for part in content.attachments] == [PICTURE]
    assert [type(one) for one in play.told] == [Published, Published, Ended]


async def test_a_refusal_tells_its_ground_and_a_reference_is_used_once(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        await play.ask(RED, attachments=[PICTURE])
        number = await play.waits()
        await acts.refuse(play.office, number, who="ana", ground=NoticeGround.NEUTRALITY, why="kept here")
        refusal = await play.hears("FR", NoticeDecision)
        assert isinstance(refusal.message, NoticeDecision)
        assert refusal.header.answer is Answer.REFUSED
        assert refusal.message.ground is NoticeGround.NEUTRALITY
        assert "kept here" not in refusal.message.model_dump_json()
        with pytest.raises(Misuse, match="refused"):
            await acts.approve(play.office, number, who="ben", why="x")
        await play.ask(RED, attachments=[PICTURE])
        again = (await play.hears("FR", NoticeDecision, 2)).message
        assert isinstance(again, NoticeDecision)
        assert again.ground is NoticeGround.REFERENCE
        assert await acts.waiting(play.office) == []
    assert play.told == []


async def test_new_information_makes_approvals_of_what_was_there_before_void(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        await play.ask(RED, attachments=[PICTURE])
        number = await play.waits()
        looked = (await acts.request(play.office, number)).content.mark
        await acts.approve(play.office, number, who="ana", seen=looked)
        more = NoticeInformation(**(dict(RED.__dict__) | {"facts": "He sold more than that."}))
        await play.ask(more, attachments=[PICTURE])
        async with asyncio.timeout(60):
            rung = 0
            while (found := await acts.request(play.office, number)).content.message.facts != more.facts:
                rung = await play.office.registry.written.after(rung)
        assert found.approvals == ()
        with pytest.raises(Misuse, match="since you looked"):
            await acts.approve(play.office, number, who="ben", seen=looked)
        seen = found.content.mark
        assert (await acts.approve(play.office, number, who="ben", seen=seen)).state is RequestState.WAITING
        assert (await acts.approve(play.office, number, who="ana")).state is RequestState.APPROVED
        published = (await play.hears("KE", NoticePublication)).message
        assert isinstance(published, NoticePublication)
        assert published.facts == more.facts


async def test_a_bureau_without_a_valid_key_holds_up_no_other_bureaus_decision(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        for code in ("FR", "KE"):
            await play.ask(RED.model_copy(update={"case": f"{code}-9"}), code=code, attachments=[PICTURE])
        await play.waits(2)
        network = play.house.network
        rows = tuple(
            replace(
                row, sealing=tuple(replace(one, validity=replace(one.validity, void_from=0)) for one in row.sealing)
            )
            if row.address == "FR"
            else row
            for row in network.directory.participants
        )
        network.publish(rows)
        await play.office.bureau.refresh()
        for row in sorted(await acts.waiting(play.office), key=lambda row: row.owner):
            await acts.refuse(play.office, row.id, who="ana", ground=NoticeGround.PURPOSE)
        assert isinstance((await play.hears("KE", NoticeDecision)).message, NoticeDecision)
        assert play.of("FR", NoticeDecision) == []


async def test_more_recipients_than_a_message_has_get_it_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "RECIPIENTS", 3)
    async with scene(tmp_path) as play:
        number = await play.publish(BODY, [PICTURE])
        got = [(await play.hears(code, NoticePublication)).header.aud for code in CODES]
        assert {tuple(map(str, aud)) for aud in got} == {("AR", "BR", "FR"), ("KE",)}
        await acts.cancel(play.office, number, who="ana", why="Published in error.")
        for code in CODES:
            await play.hears(code, NoticeEnding)


async def test_what_could_not_be_circulated_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(tmp_path) as play:
        await play.ask(RED, attachments=[PICTURE])
        number = await play.waits()
        await acts.ask_more(play.office, number, who="ana", questions="Another picture?")
        more = await play.hears("FR", NoticeDecision)
        monkeypatch.setattr(publishing, "SPARE_BYTES", MAX_WHOLE_BYTES - 5_000)
        await more.answer(NoticeInformation(**dict(RED.__dict__)), attachments=[PICTURE])
        again = await play.hears("FR", NoticeDecision, 2)
        assert isinstance(again.message, NoticeDecision)
        assert again.header.answer is Answer.INTERIM
        assert "too large" in (again.message.questions or "")
        await play.ask(RED.model_copy(update={"case": "FR-2"}), attachments=[PICTURE])
        refused = (await play.hears("FR", NoticeDecision, 3)).message
        assert isinstance(refused, NoticeDecision)
        assert refused.ground is NoticeGround.SIZE
        (left,) = await acts.waiting(play.office)
        assert (left.id, left.state) == (number, RequestState.MORE)


async def test_what_lacks_or_is_flagged_is_published_with_a_reason_and_what_is_flagged_by_two(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        words = BODY.model_copy(update={"facts": "Found after a political meeting."})
        await play.ask(words, attachments=[PICTURE])
        number = await play.waits()
        with pytest.raises(Misuse, match="say why"):
            await acts.approve(play.office, number, who="ana")
        row = await acts.approve(play.office, number, who="ana", why="Not about politics.")
        assert (row.state, row.flagged) == (RequestState.WAITING, True)
        assert (await acts.approve(play.office, number, who="ben", why="Nor to me.")).state is RequestState.APPROVED


async def test_a_notice_is_cancelled_with_a_reason_and_another_expires_after_its_owner_was_asked(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as play:
        first = await play.publish(BODY, [PICTURE])
        second = await play.publish(BODY.model_copy(update={"case": "FR-2026/9"}), [PICTURE])
        assert (first, second) != (second, first)
        with pytest.raises(Misuse, match="say why"):
            await acts.cancel(play.office, first, who="ana", why=" ")
        await acts.cancel(play.office, first, who="ana", why="Published in error.")
        cancelled = (await play.hears("BR", NoticeEnding)).message
        assert isinstance(cancelled, NoticeEnding)
        assert (cancelled.number, cancelled.ending) == (first, Ending.CANCELLED)

        settings = play.office.settings
        for _ in range(2):
            await Chores(later(play.office, settings.notice_seconds - settings.notice_ask_seconds)).review()
        asked = (await play.hears("FR", NoticeReview)).message
        assert isinstance(asked, NoticeReview)
        assert asked.number == second
        await Chores(later(play.office, settings.notice_seconds)).end()
        expired = (await play.hears("KE", NoticeEnding, 2)).message
        assert isinstance(expired, NoticeEnding)
        assert (expired.number, expired.ending) == (second, Ending.EXPIRED)


async def test_a_request_that_nobody_decides_in_a_day_is_overdue_and_noted_once(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        await play.ask(RED, attachments=[PICTURE])
        await play.waits()
        assert await acts.overdue(play.office) == []
        office = later(play.office, play.office.settings.screening_seconds)
        (late,) = await acts.overdue(office)
        assert late.reference == RED.case
        await Chores(office).escalate()
        await Chores(office).escalate()
        async with play.office.registry.reading() as connection:
            noted = [act.act for act in await audit.acts(connection, who=audit.SERVICE)]
        assert noted.count("screening is overdue") == 1
