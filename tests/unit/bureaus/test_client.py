"""The SDK against a network in memory: asking, answering, telling, reading."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from bureaus.client import Bureau, Received
from bureaus.links.memory import MemoryLink
from schemas.codes import Answer, Purpose
from schemas.errors import Forbidden, Misuse, Reason, Unavailable
from schemas.evidence import Event, Outcome
from schemas.messages import WhereaboutsResponse
from schemas.messages.codes import Finding
from tests.unit.bureaus.network import NO_TRACE, OPERATION, QUERY, Team


def answering(bureau: Bureau, *answers: WhereaboutsResponse) -> list[Received]:
    """Answer each query with these; the queries as they came."""
    queries: list[Received] = []

    @bureau.on("whereabouts.query/1")
    async def handle(query: Received) -> None:
        queries.append(query)
        for answer in answers or (NO_TRACE,):
            await query.answer(answer)

    return queries


async def test_a_question_is_answered_by_everybody_it_went_to(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr, team.open("BR") as br, team.open("AR") as ar:
        asked = answering(br), answering(ar)
        exchange = await fr.ask(QUERY, to=["BR", "AR"], operation=OPERATION, purpose=Purpose.ARREST)
        answers = [answer async for answer in exchange.responses(deadline=60)]
        acceptance = await exchange.accepted()
        assert {answer.sender for answer in answers} == {"BR", "AR"}
        assert not exchange.waiting_for
        assert all(answer.message == NO_TRACE and answer.header.re == exchange.digest for answer in answers)
        assert all(answer.header.purpose is Purpose.ARREST for answer in answers)
        assert all(answer.header.answer is Answer.FINAL and answer.receipt.accepted for answer in answers)
        assert acceptance.event is Event.SUBMISSION_ACCEPTANCE
        assert [len(queries) for queries in asked] == [1, 1]
        assert asked[0][0].message == QUERY
        assert await fr.settled(60)
        assert await br.settled(60)
        assert await ar.settled(60)
    assert [signed.acknowledgement.outcome for signed in team.network.handovers] == [Outcome.PROCESSED] * 4


async def test_an_iteration_ends_at_its_deadline_and_says_who_is_silent(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr, team.open("BR") as br:
        answering(br)
        exchange = await fr.ask(QUERY, to=["BR", "AR"], operation=OPERATION, purpose=Purpose.ARREST)
        async with aclosing(exchange.responses(deadline=60)) as responses:
            await anext(responses)
        answers = [answer.sender async for answer in exchange.responses(deadline=0.5)]  # with those that there are
        assert answers == ["BR"]
        assert exchange.waiting_for == {"AR"}


async def test_interim_answers_do_not_end_an_exchange(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    until = team.network.seconds + 3600
    more_time = WhereaboutsResponse(finding=Finding.MORE_TIME, until=until, case="CASE-1")
    async with team.open("FR") as fr, team.open("BR") as br:
        answering(br, more_time, NO_TRACE)
        exchange = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
        answers = [answer async for answer in exchange.responses(deadline=60)]
    assert {answer.header.answer for answer in answers} == {Answer.MORE_TIME, Answer.FINAL}
    assert {answer.header.until for answer in answers} == {until, None}


async def test_an_exchange_survives_the_end_of_the_process(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        exchange = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
        await exchange.accepted(60)
    async with team.open("BR") as br:
        answering(br)
        assert await br.settled(60)
        async with team.open("FR") as fr:
            again = await fr.exchange(exchange.digest)
            assert [answer.sender async for answer in again.responses(deadline=60)] == ["BR"]
        async with team.open("FR") as fr:
            with pytest.raises(Misuse):
                await fr.exchange(b"nothing")
            once_more = await fr.exchange(exchange.digest)
            assert [answer.sender async for answer in once_more.responses(deadline=0.1)] == ["BR"]


async def test_an_answer_can_be_answered_in_the_same_thread(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr, team.open("BR") as br:
        answering(br)
        exchange = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
        async with aclosing(exchange.responses(deadline=60)) as responses:
            answer = await anext(responses)
        await answer.answer(NO_TRACE, code=Answer.INTERIM)
        async with aclosing(br.inbox()) as inbox:
            further = await asyncio.wait_for(anext(inbox), 60)
    assert (further.header.re, further.thread) == (answer.digest, exchange.digest)


async def test_what_no_handler_takes_waits_for_a_reader_until_it_is_done(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr, team.open("BR") as br:
        first = await fr.tell(NO_TRACE, to=["BR"], operation=OPERATION)
        await first.accepted(60)
        second = await fr.tell(NO_TRACE, to=["BR"], operation=OPERATION)
        async with aclosing(br.inbox()) as inbox:
            assert (await anext(inbox)).digest == first.digest
        assert not team.network.handovers
        async with aclosing(br.inbox()) as inbox:
            again = await anext(inbox)
            assert (again.digest, again.again) == (first.digest, True)
            following = await anext(inbox)
            assert (following.digest, following.again) == (second.digest, False)
        assert (await br.counts())["received"]["done"] == 1


async def test_a_refusal_is_final_and_goes_to_whoever_waits(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    await team.network.seat(tmp_path / "CL", "CL")
    async with team.open("CL") as cl:
        exchange = await cl.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
        with pytest.raises(Forbidden) as caught:
            await exchange.accepted(60)
        assert caught.value.reason is Reason.SENDER_NOT_MEMBER
        with pytest.raises(Forbidden):
            await anext(exchange.responses(deadline=60))
        assert (await cl.counts())["sent"] == {"refused": 1}


async def test_what_cannot_be_sent_is_refused_at_once(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        for to, operation, reason in ((["XX"], OPERATION, "recipient-unknown"), (["BR"], "none", "operation-unknown")):
            with pytest.raises(Forbidden, match=reason):
                await fr.ask(QUERY, to=to, operation=operation, purpose=Purpose.ARREST)
        with pytest.raises(Misuse):
            await fr.ask(QUERY, to="BR", operation=OPERATION, purpose=Purpose.ARREST)
        with pytest.raises(Misuse):
            await fr.ask(QUERY, to=[], operation=OPERATION, purpose=Purpose.ARREST)
        assert (await fr.counts())["sent"] == {}


async def test_a_bureau_works_only_while_it_is_open(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    fr = team.open("FR")
    with pytest.raises(Misuse):
        await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
    async with fr:
        with pytest.raises(Misuse):
            await fr.__aenter__()
        with pytest.raises(Misuse, match="in use"):
            await team.open("FR").__aenter__()


async def test_opening_for_the_first_time_wants_the_gateway(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    team.network.away = True
    with pytest.raises(Unavailable):
        await team.open("BR").__aenter__()
    async with team.open("FR") as fr:
        assert fr.trust.operation(OPERATION) is not None


async def test_a_proof_is_fetched_verified_and_kept(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        exchange = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
        acceptance = await exchange.accepted(60)
        proven = await exchange.proof(60)
        assert (proven.index, proven.entry.digest) == (acceptance.index, exchange.digest)
        assert not proven.provisional
        team.network.away = True
        assert (await exchange.proof(60)).text


async def test_a_kind_has_one_handler_and_must_exist(tmp_path: Path) -> None:
    fr = Bureau.open(tmp_path)
    answering(fr)
    with pytest.raises(Misuse):
        answering(fr)
    with pytest.raises(Misuse):
        fr.on("weather/1")


async def test_a_fault_of_a_link_is_heard_and_not_swallowed(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)

    class BrokenLink(MemoryLink):
        async def submit(self, body: bytes) -> bytes:
            raise ZeroDivisionError(len(body))

    async def work() -> None:
        async with team.open("FR", connect=lambda who: BrokenLink(team.network, who.address)) as fr:
            exchange = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
            with pytest.raises(ZeroDivisionError):
                await exchange.accepted(60)

    with pytest.raises(ZeroDivisionError):
        await work()


async def test_words_of_the_gateway_that_do_not_verify_stop_nothing_for_good(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    wrong = 3

    class LyingLink(MemoryLink):
        async def submit(self, body: bytes) -> bytes:
            nonlocal wrong
            wrong -= 1
            return b"no receipt" if wrong >= 0 else await super().submit(body)

        async def get(self, path: str) -> bytes:
            return b"garbage" if 0 <= wrong < 3 else await super().get(path)

    async with team.open("FR", connect=lambda who: LyingLink(team.network, who.address)) as fr:
        exchange = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
        assert (await exchange.accepted(60)).accepted
