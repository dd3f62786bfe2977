"""Chores: the tree follows the ledger, the directory is confirmed, leases keep others out, faults end nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.adapters.memory import MemoryLeases, MemoryStore, MemoryTree
from gateway.chores import Chore, Chores
from gateway.exchange import Exchange
from gateway.settings import Chores as Paces
from schemas import notes
from schemas.directory import Link, read_current
from schemas.errors import Reason, Unavailable
from schemas.evidence import Event, read_entry
from tests.support import NOW, World

QUICK = Paces(integrate_milliseconds=10, checkpoint_milliseconds=50)


class Scene:
    """A gateway with its chores, not started."""

    def __init__(self, world: World, paces: Paces = QUICK, leases: MemoryLeases | None = None) -> None:
        self.world, self.store = world, MemoryStore()
        self.tree = MemoryTree(self.store)
        self.ledger = world.ledger(self.tree)
        self.leases = leases or MemoryLeases()
        self.paces = paces

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[Exchange, Chores]]:
        async with self.world.gateway(self.store) as exchange:
            yield exchange, self.chores(exchange)

    def chores(self, exchange: Exchange) -> Chores:
        return Chores(
            exchange=exchange,
            ledger=self.ledger,
            store=self.store,
            leases=self.leases,
            signer=self.world.current,
            clock=self.world.clock,
            watcher=self.world.watcher,
            paces=self.paces,
        )


async def test_under_traffic_a_checkpoint_comes_once_a_second_and_covers_all_before_it() -> None:
    scene = Scene(World(), Paces())
    async with scene.open() as (exchange, chores):
        await chores.keep_ledger()
        first = await scene.ledger.published()
        assert first is not None
        assert first.size == 2
        await scene.world.send(exchange, scene.world.envelope())
        scene.world.clock.move(250)
        await chores.keep_ledger()
        assert await scene.ledger.published() == first
        scene.world.clock.move(750)
        await chores.keep_ledger()
        second = await scene.ledger.published()
        assert second is not None
        assert second.size == 4
        note = await scene.ledger.note()
        assert notes.read_checkpoint(note or "", scene.world.network.policy).checkpoint == second
    assert len(scene.world.watcher.named("checkpoint")) == 2


async def test_the_current_directory_is_confirmed_when_it_is_new_and_every_hour() -> None:
    scene = Scene(World())
    world = scene.world
    async with scene.open() as (exchange, chores):
        await chores.confirm_directory()
        stored = await scene.store.current()
        current = read_current(stored or b"", world.network, world.directory, NOW)
        assert (current.version, current.time) == (1, NOW)
        world.clock.move(3_599_000)
        await chores.confirm_directory()
        assert await scene.store.current() == stored
        again = scene.chores(exchange)
        await again.confirm_directory()
        assert await scene.store.current() == stored, "another process finds it young enough"
        world.clock.move(1000)
        await chores.confirm_directory()
        assert read_current(await scene.store.current() or b"", world.network, world.directory, NOW).time == NOW + 3600
        await exchange.publish_directory(world.renew())
        await chores.confirm_directory()
        newest = read_current(await scene.store.current() or b"", world.network, world.directory, NOW + 3600)
        assert newest.version == 2


async def test_without_a_directory_nothing_is_confirmed() -> None:
    scene = Scene(World())
    exchange = scene.world.exchange(scene.store)
    await scene.chores(exchange).confirm_directory()
    assert await scene.store.current() is None


async def test_copies_that_expired_are_recorded_as_failed() -> None:
    scene = Scene(World(link=Link.AMQP))
    async with scene.open() as (exchange, chores):
        for _ in range(3):
            await scene.world.send(exchange, scene.world.envelope(exp=NOW + 5))
        scene.world.clock.move(5000)
        await chores.expire()
        await chores.expire()
    found = [read_entry(leaf.entry).event for leaf in await scene.store.leaves(0, 99)]
    assert found.count(Event.CONTENT_CONSIGNMENT_FAILURE) == 3


async def test_a_chore_of_one_process_runs_in_one_until_that_one_is_gone() -> None:
    leases, ran = MemoryLeases(), []
    world = World()
    scene = Scene(world, Paces(lease_seconds=15), leases)
    async with scene.open() as (exchange, one):
        two = scene.chores(exchange)
        for name, chores in (("one", one), ("two", two)):

            async def do(name: str = name) -> None:
                ran.append(name)

            chores.add(Chore("sweep", 0.01, do))
        await one.start()
        async with asyncio.timeout(60):
            while not ran:  # noqa: ASYNC110  # a list has no event
                await asyncio.sleep(0.01)
        await two.start()
        await asyncio.sleep(0.05)
        assert set(ran) == {"one"}
        await one.stop()
        world.clock.move(15_000)
        ran.clear()
        async with asyncio.timeout(60):
            while not ran:  # noqa: ASYNC110  # a list has no event
                await asyncio.sleep(0.01)
        assert set(ran) == {"two"}
        await two.stop()


async def test_a_chore_that_fails_says_so_and_comes_again() -> None:
    scene, faults = Scene(World()), [Unavailable(Reason.STORE), KeyError("a fault")]
    done = asyncio.Event()
    async with scene.open() as (_, chores):

        async def do() -> None:
            if faults:
                raise faults.pop(0)
            done.set()

        chores.add(Chore("sweep", 0.001, do, single=False))
        await chores.start()
        async with asyncio.timeout(60):
            await done.wait()
        await chores.stop()
    failed = [seen.fields for seen in scene.world.watcher.named("chore-failed")]
    assert failed == [{"chore": "sweep", "reason": "store"}, {"chore": "sweep", "cause": "KeyError"}]


async def test_when_it_stops_what_was_recorded_is_under_a_checkpoint() -> None:
    scene = Scene(World(), Paces())
    async with scene.open() as (exchange, chores):
        await chores.start()
        await asyncio.sleep(0.01)
        await scene.world.send(exchange, scene.world.envelope())
        await chores.stop()
        head = await scene.ledger.published()
        assert head is not None
        assert head.size == await scene.store.size() == 4
