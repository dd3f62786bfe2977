"""The pytest plugin: countries in a box, what may happen to them, and assertions that notice."""

from __future__ import annotations

import asyncio
import time

import pytest

from bureaus.outcomes import Fate
from bureaus.testing import Clock, Countries, Gateway, Links, assert_delivered, assert_record_verifies, assert_refused
from bureaus.testing.fixtures import Spares
from bureaus.testing.templates import Wanted
from schemas.codes import Purpose
from schemas.directory import Link
from schemas.errors import Misuse, Reason, Unavailable
from schemas.identity import Address
from schemas.messages import WhereaboutsQuery, WhereaboutsResponse
from schemas.messages.codes import Asked, Finding
from schemas.operation import Operation
from tests.unit.bureaus.network import counted

QUERY = WhereaboutsQuery(asked=(Asked.STATUS,), case="SYNTHETIC-1")
NO_TRACE = WhereaboutsResponse(finding=Finding.NO_TRACE)
pytestmark = [pytest.mark.bureaunet("FR", "BR"), pytest.mark.timeout(300)]


async def test_what_is_delivered_and_what_is_not_is_told_apart(bureaus: Countries, operation: Operation) -> None:
    bureaus.answer("BR", NO_TRACE)
    exchange = await bureaus["FR"].ask(QUERY, to=["BR"], operation=operation.id, purpose=Purpose.ARREST)
    assert [answer.sender async for answer in exchange.responses(60)] == ["BR"]
    await assert_delivered(bureaus, exchange)
    unread = await bureaus["BR"].ask(QUERY, to=["FR"], operation=operation.id, purpose=Purpose.ARREST)
    await unread.accepted(60)  # else half a second may be over before it is decided
    with pytest.raises(AssertionError, match=r"not handed over to FR within 0\.5 s"):
        await assert_delivered(bureaus, unread, within=0.5)
    await counted(bureaus["FR"], "received", "new", 1)
    with pytest.raises(AssertionError, match=r"FR still waits for something"):
        await assert_record_verifies(bureaus, operation.id, within=3)
    bureaus.answer("FR", NO_TRACE)
    await assert_delivered(bureaus, unread, to="FR")
    verdict = await assert_record_verifies(bureaus, operation.id)
    assert verdict.report is not None
    assert sum(len(list(exchange.messages())) for exchange in verdict.report.exchanges) == 4


async def test_a_refusal_for_another_reason_and_an_acceptance_are_noticed(
    bureaus: Countries, operation: Operation
) -> None:
    ask = bureaus["FR"].ask
    await assert_refused(ask(QUERY, to=["BR"], operation="none", purpose=Purpose.ARREST), reason="operation-unknown")
    with pytest.raises(AssertionError, match="refused as operation-unknown, not as quota"):
        await assert_refused(ask(QUERY, to=["BR"], operation="none", purpose=Purpose.ARREST), reason=Reason.QUOTA)
    with pytest.raises(AssertionError, match="accepted as entry"):
        await assert_refused(ask(QUERY, to=["BR"], operation=operation.id, purpose=Purpose.ARREST), reason="quota")


async def test_a_link_that_was_cut_is_mended_and_nothing_is_lost(
    bureaus: Countries, operation: Operation, links: Links
) -> None:
    bureaus.answer("BR", NO_TRACE)
    links.cut("FR")
    exchange = await bureaus["FR"].ask(QUERY, to=["BR"], operation=operation.id, purpose=Purpose.ARREST)
    with pytest.raises(Unavailable):
        await exchange.accepted(0.5)
    with pytest.raises(AssertionError, match=r"not decided within 0\.5 s"):
        await assert_delivered(bureaus, exchange, within=0.5)
    links.mend("FR")
    await assert_delivered(bureaus, exchange)


async def test_a_bureau_that_was_away_finds_what_waited(bureaus: Countries, operation: Operation) -> None:
    await bureaus.offline("BR")
    exchange = await bureaus["FR"].ask(QUERY, to=["BR"], operation=operation.id, purpose=Purpose.ARREST)
    await exchange.accepted(60)
    await bureaus.online("BR")
    bureaus.answer("BR", NO_TRACE)
    await assert_delivered(bureaus, exchange)


async def test_a_gateway_whose_clock_is_wrong_still_serves_bureaus_whose_clocks_are_right(
    bureaus: Countries, operation: Operation, gateway: Gateway
) -> None:
    await gateway.restart(clock_seconds=1800)
    before = time.time()
    sent = await bureaus["FR"].ask(QUERY, to=["BR"], operation=operation.id, purpose=Purpose.ARREST)
    accepted = await sent.accepted(60)
    assert 1700 < accepted.time / 1000 - before < 1900
    assert '"rehearsing"' in gateway.log


async def test_a_network_is_ready_within_a_second_where_one_like_it_was_made(bureaunet_spares: Spares) -> None:
    """The spares were started while the test before ran; what is left is to open everybody."""
    wanted, other = Wanted(("FR", "BR")), Wanted(("FR", "BR"), stopped=True)
    site, _ = await bureaunet_spares.take(wanted, [other, wanted])
    async with Countries(site, wanted):
        ahead, _ = await bureaunet_spares.take(wanted, [other])
        assert ahead.gateway.running
        stopped, _ = await bureaunet_spares.take(other, [])
        assert stopped.gateway.running
        await stopped.gateway.kill()
        await ahead.gateway.ready(_at_once, within=60)
        begun = time.monotonic()
        async with Countries(ahead, wanted) as ready:
            seconds = time.monotonic() - begun
            assert set(ready) == {"IPSG", "FR", "BR"}
    print(f"ready after {seconds:.2f} s")  # noqa: T201  # the measurement, for who reads the run


async def _at_once() -> bool:
    return True


@pytest.mark.bureaunet("FR", "BR", clock="exercise")
async def test_a_week_of_silence_passes_in_a_moment(bureaus: Countries, operation: Operation, clock: Clock) -> None:
    exchange = await bureaus["FR"].ask(QUERY, to=["BR"], operation=operation.id, purpose=Purpose.ARREST)
    accepted = await exchange.accepted(60)
    assert accepted.time == clock.now()
    await clock.forward(days=8)
    sides = await asyncio.wait_for(exchange.outcome(), 60)
    assert sides[Address("BR")].fate is Fate.SILENT
    bureaus.answer("BR", NO_TRACE)
    await assert_delivered(bureaus, exchange)
    await assert_record_verifies(bureaus, operation.id)


async def test_time_is_the_machines_unless_a_test_says_otherwise(
    bureaus: Countries, operation: Operation, request: pytest.FixtureRequest
) -> None:
    assert abs(operation.time - time.time()) < 120
    assert bureaus.clock is None
    with pytest.raises(Misuse, match='clock="exercise"'):
        request.getfixturevalue("clock")


async def test_a_poor_line_is_slow_and_loses_nothing(bureaus: Countries, operation: Operation, links: Links) -> None:
    bureaus.answer("BR", NO_TRACE)
    links.degrade("BR", latency=0.05, loss=0.2)
    begun = time.monotonic()
    exchange = await bureaus["FR"].ask(QUERY, to=["BR"], operation=operation.id, purpose=Purpose.ARREST)
    assert [answer.sender async for answer in exchange.responses(60)] == ["BR"]
    assert time.monotonic() - begun > 0.1
    await assert_delivered(bureaus, exchange)


@pytest.mark.broker
@pytest.mark.postgres
@pytest.mark.bureaunet("FR", "BR", link="amqp")
async def test_the_same_over_a_private_broker(bureaus: Countries, operation: Operation, links: Links) -> None:
    assert bureaus["FR"].identity.link is Link.AMQP
    bureaus.answer("BR", NO_TRACE)
    links.cut("BR")
    exchange = await bureaus["FR"].ask(QUERY, to=["BR"], operation=operation.id, purpose=Purpose.ARREST)
    await exchange.accepted(60)
    links.mend("BR")
    await assert_delivered(bureaus, exchange)
    await assert_record_verifies(bureaus, operation.id)
