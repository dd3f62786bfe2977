"""Handlers: what they send and their completion are one commit; cut off they run again, failing they give up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bureaus.client import Bureau, Exchange, Received
from schemas.codes import Purpose, Urgency
from schemas.errors import Misuse, Reason
from schemas.evidence import Outcome
from tests.unit.bureaus.network import NO_TRACE, OPERATION, QUERY, QUICK, Team, counted, eventually


async def ask(fr: Bureau, *to: str) -> Exchange:
    return await fr.ask(QUERY, to=to or ("BR",), operation=OPERATION, purpose=Purpose.ARREST)


async def test_a_handler_that_finished_never_runs_again(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    runs = 0

    async def handle(query: Received) -> None:
        nonlocal runs
        runs += 1
        await query.answer(NO_TRACE)

    async with team.open("FR") as fr:
        exchange = await ask(fr)
        for _ in range(3):
            br = team.open("BR")
            br.on("whereabouts.query/1")(handle)
            async with br:
                await eventually(lambda: any(word.acknowledgement.iss == "BR" for word in team.network.handovers))
                assert await br.settled(60)
        assert len([answer async for answer in exchange.responses(deadline=60)]) == 1
    assert runs == 1


async def test_a_handler_that_is_cut_off_runs_again_and_is_told_so(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    begun = asyncio.Event()
    again: list[bool] = []

    async def hang(query: Received) -> None:
        again.append(query.again)
        await query.answer(NO_TRACE)
        begun.set()
        await asyncio.Event().wait()

    async def handle(query: Received) -> None:
        again.append(query.again)
        await query.answer(NO_TRACE)

    async with team.open("FR") as fr:
        exchange = await ask(fr)
        br = team.open("BR")
        br.on("whereabouts.query/1")(hang)
        async with br:
            await asyncio.wait_for(begun.wait(), 60)
        assert not team.network.handovers
        br = team.open("BR")
        br.on("whereabouts.query/1")(handle)
        async with br:
            answers = [answer async for answer in exchange.responses(deadline=60)]
    assert len(answers) == 1, "what the cut-off run sent was never sent"
    assert again == [False, True]


def _writable(bureau: Bureau, *, on: bool) -> None:
    """Whether the bureau's store takes anything: as a disk that is full, and one that has room again."""
    connection = bureau._parts.store._connection  # noqa: SLF001  # nothing else makes a bureau's disk full
    connection.execute(f"PRAGMA query_only = {'OFF' if on else 'ON'}")


async def test_a_handler_whose_store_is_full_runs_again_once_there_is_room(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    again: list[bool] = []
    full = asyncio.Event()
    br = team.open("BR")

    @br.on("whereabouts.query/1")
    async def handle(query: Received) -> None:
        again.append(query.again)
        if not query.again:
            _writable(br, on=False)
            full.set()
        await query.answer(NO_TRACE)

    async with team.open("FR") as fr, br:
        exchange = await ask(fr)
        await asyncio.wait_for(full.wait(), 60)
        await asyncio.sleep(0.3)
        assert not team.network.handovers
        _writable(br, on=True)
        answers = [answer async for answer in exchange.responses(deadline=60)]
    assert len(answers) == 1, "what could not be kept was never sent"
    assert again == [False, True]


async def test_a_handler_that_fails_three_times_refuses_its_message(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    again: list[bool] = []

    async def fail(query: Received) -> None:
        again.append(query.again)
        await query.answer(NO_TRACE)
        raise ValueError("no")

    async with team.open("FR") as fr:
        exchange = await ask(fr)
        br = team.open("BR")
        br.on("whereabouts.query/1")(fail)
        async with br:
            await counted(br, "received", "failed", 1)
            assert await br.settled(60)
            assert (await br.counts())["sent"] == {}
        assert exchange.waiting_for == {"BR"}
    (signed,) = team.network.handovers
    word = signed.acknowledgement
    assert (word.digest, word.outcome, word.reason) == (exchange.digest, Outcome.REFUSED, Reason.HANDLER_FAILED)
    assert again == [False, True, True]


async def test_one_failure_sends_nothing_and_the_next_run_sends_once(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    runs = 0

    async def handle(query: Received) -> None:
        nonlocal runs
        runs += 1
        await query.answer(NO_TRACE)
        if runs == 1:
            raise ValueError("no")

    async with team.open("FR") as fr:
        br = team.open("BR")
        br.on("whereabouts.query/1")(handle)
        async with br:
            exchange = await ask(fr)
            assert len([answer async for answer in exchange.responses(deadline=60)]) == 1
    assert runs == 2


async def test_waiting_inside_a_handler_is_refused_at_once(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    refused: list[str] = []

    async def handle(query: Received) -> None:
        bureau = bureaus[0]
        sent = await query.answer(NO_TRACE)
        exchange = await ask(bureau, "AR")
        for wait in (sent.accepted, exchange.accepted, exchange.proof, exchange.responses().__anext__):
            with pytest.raises(Misuse):
                await wait()
        with pytest.raises(Misuse):
            await anext(bureau.inbox())
        refused.append("all")

    async with team.open("FR") as fr:
        br = team.open("BR")
        bureaus = [br]
        br.on("whereabouts.query/1")(handle)
        async with br:
            exchange = await ask(fr)
            assert len([answer async for answer in exchange.responses(deadline=60)]) == 1
            assert await br.settled(60)
            assert (await br.counts())["sent"] == {"accepted": 2}
    assert refused == ["all"]


async def test_what_a_handler_asks_is_answered_to_the_handler_of_that_kind(tmp_path: Path) -> None:
    """BR, asked by FR, asks AR, and passes AR's answer on."""
    team = await Team.gather(tmp_path)
    asked: dict[bytes, Received] = {}
    br, ar = team.open("BR"), team.open("AR")

    @ar.on("whereabouts.query/1")
    async def answer(query: Received) -> None:
        await query.answer(NO_TRACE)

    @br.on("whereabouts.query/1")
    async def pass_on(query: Received) -> None:
        exchange = await ask(br, "AR")
        asked[exchange.digest] = query

    @br.on("whereabouts.response/1")
    async def pass_back(response: Received) -> None:
        await asked[response.thread].answer(response.message)

    async with team.open("FR") as fr, br, ar:
        exchange = await ask(fr)
        answers = [received async for received in exchange.responses(deadline=60)]
        assert [(received.sender, received.message) for received in answers] == [("BR", NO_TRACE)]


async def test_what_a_failed_handler_sent_says_that_it_was_not_sent(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    sent: list[Exchange] = []
    failed = asyncio.Event()
    br = team.open("BR")

    @br.on("whereabouts.query/1")
    async def fail(_query: Received) -> None:
        sent.append(await ask(br, "AR"))
        if len(sent) == 3:
            failed.set()
        raise ValueError("no")

    async with team.open("FR") as fr, br:
        await ask(fr)
        await asyncio.wait_for(failed.wait(), 60)
        await br.settled(60)
        with pytest.raises(Misuse, match="nothing was sent"):
            await sent[0].accepted(1)


async def test_a_task_left_behind_by_a_handler_may_wait(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    br = team.open("BR")
    tasks: list[asyncio.Task[int | None]] = []

    async def afterwards(query: Received) -> int | None:
        await asyncio.sleep(0.05)
        sent = await query.answer(NO_TRACE)
        return (await sent.accepted(60)).index

    @br.on("whereabouts.query/1")
    async def handle(query: Received) -> None:
        tasks.append(asyncio.create_task(afterwards(query)))

    async with team.open("FR") as fr, br:
        exchange = await ask(fr)
        assert len([answer async for answer in exchange.responses(deadline=60)]) == 1
        assert await tasks[0] is not None


async def test_a_handler_registered_late_gets_what_waits(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr, team.open("BR") as br:
        exchange = await ask(fr)
        await exchange.accepted(60)
        await asyncio.sleep(0.1)

        @br.on("whereabouts.query/1")
        async def handle(query: Received) -> None:
            await query.answer(NO_TRACE)

        assert len([answer async for answer in exchange.responses(deadline=60)]) == 1


async def test_urgent_messages_are_handled_first(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    seen: list[Urgency] = []
    async with team.open("FR") as fr:
        for urgency in (Urgency.ROUTINE, Urgency.ROUTINE, Urgency.URGENT):
            sent = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST, urgency=urgency)
            await sent.accepted(60)
    async with team.open("BR") as br:
        await counted(br, "received", "new", 3)
    br = team.open("BR", replace(QUICK, handlers=1))

    @br.on("whereabouts.query/1")
    async def handle(query: Received) -> None:
        seen.append(query.header.urgency)

    async with br:
        await counted(br, "received", "done", 3)
    assert seen == [Urgency.URGENT, Urgency.ROUTINE, Urgency.ROUTINE]
