"""A clock that is off: the gateway's refusal puts it right, the message goes once, and its user is told once."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from bureaus.client import Bureau, Exchange, Received
from bureaus.sealing_time import BOUND, KEPT, SealingTime
from bureaus.settings import Limits
from schemas import envelope
from schemas.codes import Purpose
from schemas.envelope import digest_of
from schemas.errors import Reason, Unavailable
from schemas.evidence import Event
from schemas.identity import Address
from schemas.receipts import Acceptance
from tests.unit.bureaus.network import NO_TRACE, OPERATION, QUERY, QUICK, Clock, Team, counted, eventually

FIVE_MINUTES = 300_000


def opened(team: Team, code: str, off: int, limits: Limits = QUICK) -> tuple[Bureau, Clock]:
    """A bureau whose own clock is so many milliseconds ahead."""
    clock = Clock()
    clock.ahead = off
    return Bureau.open(team.folder / code, connect=team.network.connect, limits=limits, clock=clock), clock


async def ask(fr: Bureau) -> Exchange:
    return await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)


def accepted(team: Team) -> list[bytes]:
    """Digests of what the network has accepted and put into BR's inbox."""
    return [digest_of(item.statement) for item in team.network.waiting(Address("BR"))]


async def test_a_message_from_the_future_is_sealed_again_by_the_gateways_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    team = await Team.gather(tmp_path, ("FR", "BR"))
    fr, _ = opened(team, "FR", FIVE_MINUTES)
    async with fr:
        with caplog.at_level(logging.WARNING):
            exchange = await ask(fr)
            first = exchange.digest
            await exchange.accepted(60)
            assert team.network.submitted == [first, exchange.digest]
            assert (await fr.counts())["sent"] == {"accepted": 1, "replaced": 1}
            made = envelope.read(team.network.accepted(exchange.digest)[1].statement).header.iat
            assert abs(made - team.network.seconds) <= 60
            later = await ask(fr)
            await later.accepted(60)
        assert team.network.submitted[2:] == [later.digest], "what was learnt holds for the next one"
        assert caplog.text.count("clock is ahead of") == 1
    assert accepted(team) in ([exchange.digest, later.digest], [later.digest, exchange.digest])


async def test_a_lost_refusal_and_a_restart_still_lead_to_one_message(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path, ("FR", "BR"))
    fr, _ = opened(team, "FR", FIVE_MINUTES)
    async with fr:
        team.network.lost_receipts = 1_000_000
        first = await ask(fr)
        await eventually(lambda: bool(team.network.submitted))
        with pytest.raises(Unavailable):
            await first.accepted(0.1)
    team.network.lost_receipts = 1
    fr, _ = opened(team, "FR", FIVE_MINUTES)
    async with fr:
        exchange = await fr.exchange(first.digest)
        await exchange.accepted(60)
        assert len(set(team.network.submitted)) == 2
    assert accepted(team) == [exchange.digest]


async def test_a_refusal_off_the_record_leads_to_the_same_bytes_again_never_to_two_messages(tmp_path: Path) -> None:
    """The first envelope may still pass, when the gateway's clock has caught up: so nothing may stand in for it."""
    team = await Team.gather(tmp_path, ("FR", "BR"))
    fr, _ = opened(team, "FR", FIVE_MINUTES)
    async with fr:
        team.network.unrecorded = 1_000_000
        exchange = await ask(fr)
        first = exchange.digest
        await eventually(lambda: bool(team.network.submitted))
        with pytest.raises(Unavailable):
            await exchange.accepted(0.3)
        assert set(team.network.submitted) == {first}
        team.clock.ahead = FIVE_MINUTES
        assert (await exchange.accepted(60)).digest == first
    assert accepted(team) == [first]


async def test_a_handlers_answer_from_the_future_goes_once(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path, ("FR", "BR"))
    br, _ = opened(team, "BR", FIVE_MINUTES)
    runs = 0

    @br.on("whereabouts.query/1")
    async def handle(query: Received) -> None:
        nonlocal runs
        runs += 1
        await query.answer(NO_TRACE)

    async with team.open("FR") as fr, br:
        exchange = await ask(fr)
        assert [answer.sender async for answer in exchange.responses(60)] == ["BR"]
        await counted(br, "sent", "accepted", 1)
        assert (await br.counts())["sent"] == {"accepted": 1, "replaced": 1}
        assert (await fr.counts())["received"]["done"] == 1
    assert runs == 1


async def test_a_clock_that_is_behind_is_put_right_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    team = await Team.gather(tmp_path, ("FR", "BR"))
    team.clock.ahead = 2 * FIVE_MINUTES
    fr, _ = opened(team, "FR", FIVE_MINUTES, replace(QUICK, lifetime_seconds=60))
    async with fr:
        with caplog.at_level(logging.WARNING):
            exchange = await ask(fr)
            await exchange.accepted(60)
        assert (await fr.counts())["sent"] == {"accepted": 1, "replaced": 1}
        assert caplog.text.count("clock is behind") == 1


def refusal(reason: Reason, time: int) -> Acceptance:
    return Acceptance(bytes(32), Event.SUBMISSION_REJECTION, 7, time, reason)


def test_what_was_learnt_is_forgotten_after_an_hour_or_when_the_clock_is_set_back() -> None:
    now = 1_800_000_000_000
    time = SealingTime(lambda: now)
    assert time.heed(refusal(Reason.FUTURE, now - FIVE_MINUTES), now // 1000)
    assert time() == now - FIVE_MINUTES
    now += KEPT
    assert time() == now - FIVE_MINUTES
    now += 1
    assert time() == now
    assert time.heed(refusal(Reason.FUTURE, now - FIVE_MINUTES), now // 1000)
    now -= FIVE_MINUTES
    assert time() == now


@pytest.mark.parametrize(
    ("reason", "off"),
    [
        (Reason.FUTURE, 1_000),  # it says that our message was made before its own time
        (Reason.FUTURE, -BOUND - 1),
        (Reason.EXPIRED, -FIVE_MINUTES),  # an old refusal, read late
        (Reason.KEY_NOT_VALID, 60_000),
        (Reason.EXPIRED, BOUND + 1),
        (Reason.WRAP_KEY, FIVE_MINUTES),
    ],
)
def test_what_says_nothing_certain_of_our_clock_changes_nothing(reason: Reason, off: int) -> None:
    now = 1_800_000_000_000
    time = SealingTime(lambda: now)
    assert not time.heed(refusal(reason, now + off), now // 1000)
    assert time() == now


def test_a_refusal_of_an_old_message_teaches_no_other_day() -> None:
    """Its iat is long ago: a gateway that claims a time just before it would have us seal by that."""
    now = 1_800_000_000_000
    time = SealingTime(lambda: now)
    made = now - 2 * BOUND
    assert not time.heed(refusal(Reason.FUTURE, made - FIVE_MINUTES), made // 1000)
    assert time() == now
