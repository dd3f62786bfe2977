"""The answer clock survives its process: another one, on the same database, goes on where it stood, each stage once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.clocks import State
from gateway.exchange import Exchange
from schemas.codes import Answer
from schemas.envelope import Envelope
from schemas.evidence import Event
from tests.contract.test_answers import REMINDED, Scene, events
from tests.contract.test_clocks import reply
from tests.support import World, sql_stores, sqlite_url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    found: str = request.getfixturevalue("fresh_database")
    return found


@asynccontextmanager
async def process(url: str, world: World) -> AsyncIterator[tuple[Scene, Exchange]]:
    """A gateway process that finds what others left: its own connections, pipeline and chore."""
    async with sql_stores(url) as stores:
        scene, exchange = Scene(stores, world=world), world.exchange(stores.store)
        await exchange.start()
        try:
            yield scene, exchange
        finally:
            await exchange.stop()


async def asked(url: str) -> tuple[World, Envelope, Envelope]:
    """Two queries were sent to BR, and the process that took them has ended."""
    async with sql_stores(url) as stores:
        scene = Scene(stores)
        async with scene.world.gateway(stores.store) as exchange:
            first = await scene.ask(exchange, REMINDED)
            second = scene.world.envelope("FR", ["BR"])
            assert (await scene.world.send(exchange, second)).accepted
            return scene.world, first, second


async def told(scene: Scene) -> list[tuple[Event, bytes | None]]:
    return [(entry.event, entry.digest) for _, entry in await scene.entries()]


async def test_every_stage_is_done_once_though_each_is_another_process_and_clocks_differ(url: str) -> None:
    world, silent, answered = await asked(url)
    reminded = [(Event.ANSWER_REMINDER, silent.digest), (Event.ANSWER_REMINDER, answered.digest)]
    world.clock.move(50_000)
    async with process(url, world) as (scene, exchange):
        await scene.answers(exchange).look()
        assert sorted(await told(scene)) == sorted(reminded)
    world.clock.move(-40_000)  # the next one's clock is behind
    async with process(url, world) as (scene, exchange):
        await scene.answers(exchange).look()
        assert sorted(await told(scene)) == sorted(reminded)
        final = reply(world, answered, "BR", Answer.FINAL)
        assert (await world.send(exchange, final, "BR")).accepted
    world.clock.move(500_000)  # and the one after it starts long after the end
    over = [*sorted(reminded), (Event.ANSWER_OVERDUE, silent.digest), (Event.ESCALATED, silent.digest)]
    for _ in range(2):
        async with process(url, world) as (scene, exchange):
            await scene.answers(exchange).look()
            said = await told(scene)
            assert [*sorted(said[:2]), *said[2:]] == over
            (late,) = await scene.stores.store.overdue(None, 5)
            assert (late.query, late.state) == (silent.digest, State.ESCALATED)
            assert events(await scene.inbox("FR")) == [(Event.ANSWER_OVERDUE, 1), (Event.ESCALATED, 1)]
