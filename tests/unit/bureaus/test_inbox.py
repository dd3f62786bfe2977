"""What arrives: once, verified, acknowledged; what does not verify is refused or kept aside, and nothing gets stuck."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from bureaus.client import Bureau, Received
from bureaus.exercises import catalogue
from bureaus.store.identity import Keys
from schemas import envelope
from schemas.claims import Header
from schemas.codes import Purpose
from schemas.envelope import Envelope
from schemas.errors import Reason
from schemas.evidence import Event, Outcome
from schemas.identity import Address, MessageId
from schemas.keys import SigningKey
from schemas.operation import Phase
from schemas.receipts import Acceptance
from schemas.wire import INLINE_RECIPIENTS
from tests.unit.bureaus.network import NO_TRACE, OPERATION, QUERY, Team, counted, eventually, operation


def sealed(team: Team, author: Keys, to: Address, key: SigningKey | None = None, content: bytes = b"{}") -> Envelope:
    now = team.network.clock()
    network = team.network
    header = Header(
        Address("FR"),
        OPERATION,
        (to,),
        now // 1000,
        now // 1000 + 600,
        MessageId.new(now),
        network.network.id,
        network.ledger.head(),
        QUERY.KIND,
        Purpose.ARREST,
        exercise=True,
    )
    row = network.directory.find(to)
    assert row is not None
    return envelope.seal(header, content, [row.sealing_key(now // 1000)], key or author.signing[0])


def consign(team: Team, sent: Envelope, *, event: Event = Event.SUBMISSION_ACCEPTANCE) -> None:
    """Put a copy into BR's inbox without asking whether it should be there."""
    acceptance = Acceptance(sent.digest, event, 10, team.network.clock())
    team.network.consign(Address("BR"), team.network.receipt(acceptance), sent)


async def good_one(fr: Bureau) -> bytes:
    sent = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
    await sent.accepted(60)
    return sent.digest


async def test_what_the_gateway_stands_for_and_fails_a_check_is_refused_in_signed_words(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr, team.open("BR") as br:
        bad = sealed(team, fr.keys, br.address)
        consign(team, bad)
        good = await good_one(fr)
        async with aclosing(br.inbox()) as inbox:
            assert (await asyncio.wait_for(anext(inbox), 60)).digest == good
        await eventually(lambda: bool(team.network.handovers))
        word = team.network.handovers[0].acknowledgement
        assert (word.digest, word.outcome, word.reason) == (bad.digest, Outcome.REFUSED, Reason.CONTENT_MODEL)
        assert (await br.counts())["received"]["quarantined"] == 1


async def test_what_nobody_stands_for_is_kept_aside_unanswered(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr, team.open("BR") as br:
        consign(team, sealed(team, fr.keys, br.address), event=Event.SUBMISSION_REJECTION)
        consign(team, sealed(team, fr.keys, br.address, SigningKey.generate()))
        consign(team, Envelope(b"garbage", b"garbage"))
        good = await good_one(fr)
        async with aclosing(br.inbox()) as inbox:
            assert (await asyncio.wait_for(anext(inbox), 60)).digest == good
        assert (await br.counts())["received"]["quarantined"] == 3
        assert (await br.counts())["acknowledgements"] == {}


async def test_a_message_that_comes_again_takes_no_second_effect_and_is_acknowledged_again(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    runs: list[bytes] = []
    br = team.open("BR")

    @br.on("whereabouts.query/1")
    async def handle(query: Received) -> None:
        runs.append(query.digest)

    async with team.open("FR") as fr, br:
        digest = await good_one(fr)
        await counted(br, "received", "done", 1)
        await eventually(lambda: len(team.network.handovers) == 1)
        team.network.consign(br.address, *team.network.accepted(digest))
        await eventually(lambda: len(team.network.handovers) == 2)
    assert runs == [digest]


async def test_an_id_used_for_another_message_is_refused(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr, team.open("BR") as br:
        await good_one(fr)
        await counted(br, "received", "new", 1)
        first = team.network.waiting(br.address)[0]
        header = replace(envelope.read(first.statement).header, purpose=Purpose.LOCATION)
        again = envelope.seal(header, b"{}", [br.trust.row(br.address).sealing[0].key], fr.keys.signing[0])
        consign(team, again)
        await eventually(lambda: bool(team.network.handovers))
    assert team.network.handovers[0].acknowledgement.reason is Reason.ID_REUSED


async def test_a_newer_directory_or_operation_is_fetched_before_a_message_is_refused(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("BR") as br:
        await team.network.seat(tmp_path / "CL", "CL")
        async with team.open("FR") as fr, team.open("CL") as cl:
            last = fr.trust.operations[OPERATION][-1].signed
            members = (*last.operation.members, replace(last.operation.members[1], address=Address("CL")))
            await fr.publish_operation(replace(last.operation, version=2, previous=last.hash, members=members))
            sent = await cl.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
            await sent.accepted(60)
            async with aclosing(br.inbox()) as inbox:
                assert (await asyncio.wait_for(anext(inbox), 60)).sender == "CL"


async def test_more_recipients_than_fit_inline_fetch_the_sealed_part(tmp_path: Path) -> None:
    codes = [str(code) for code in catalogue.participants(catalogue.operation("infra-sa-2011"))]
    codes = ["FR", *codes]
    assert len(codes) > INLINE_RECIPIENTS + 1
    team = await Team.gather(tmp_path, codes)
    async with team.open("FR") as fr, team.open("BR") as br:
        sent = await fr.tell(NO_TRACE, to=codes[1:], operation=OPERATION)
        await sent.accepted(60)
        assert team.network.waiting(br.address)[0].sealed is None
        async with aclosing(br.inbox()) as inbox:
            assert (await asyncio.wait_for(anext(inbox), 60)).message == NO_TRACE


async def test_a_unit_of_ours_is_us_and_acknowledges_in_its_own_name(tmp_path: Path) -> None:
    team = Team(tmp_path)
    await team.network.seat(tmp_path / "FR", "FR")
    await team.network.seat(tmp_path / "BR", "BR", units=("fugitives",))
    async with team.open("FR") as fr, team.open("BR") as br:
        await fr.publish_operation(operation("FR", ("FR", "BR"), team.network.seconds, Phase.ACTIVE))
        exchange = await fr.ask(QUERY, to=["BR/fugitives"], operation=OPERATION, purpose=Purpose.ARREST)

        @br.on("whereabouts.query/1")
        async def handle(query: Received) -> None:
            await query.answer(NO_TRACE)

        answers = [answer async for answer in exchange.responses(deadline=60)]
        assert [answer.sender for answer in answers] == ["BR/fugitives"]
        await eventually(lambda: len(team.network.handovers) == 2)
    assert {signed.acknowledgement.iss for signed in team.network.handovers} == {"BR/fugitives", "FR"}
