"""Recorded before acknowledged: what is cut off before or after the commit is repeated, never lost, never doubled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.adapters.memory import ListInboxes
from gateway.adapters.sql import Database, SqlStore, prepare
from gateway.adapters.sql.transaction import SqlTransaction
from gateway.ports import Pending
from schemas.directory import Link
from schemas.errors import Reason, Unavailable
from schemas.evidence import Event, read_entry
from schemas.identity import Address
from tests.support import World, sqlite_url


class CutStore(SqlStore):
    """A database whose connection can be cut once, just before or just after a commit."""

    before = after = False

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqlTransaction]:
        async with super().begin() as transaction:
            yield transaction
            if self.before:
                self.before = False
                raise Unavailable(Reason.STORE, "cut before the commit")
        if self.after:
            self.after = False
            raise Unavailable(Reason.STORE, "cut after the commit")


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[CutStore]:
    database = Database(sqlite_url(tmp_path))
    await prepare(database)
    yield CutStore(database)
    await database.close()


async def events(store: SqlStore) -> list[Event]:
    return [read_entry(leaf.entry).event for leaf in await store.leaves(2, await store.size())]


async def test_cut_before_the_commit_nothing_was_done_and_the_same_is_accepted_then(store: CutStore) -> None:
    world = World()
    async with world.gateway(store) as exchange:
        envelope = world.envelope()
        store.before = True
        with pytest.raises(Unavailable) as cut:
            await world.send(exchange, envelope)
        assert (cut.value.reason, cut.value.retry_after) == (Reason.STORE, 1.0)
        assert await events(store) == []
        outcome = await world.send(exchange, envelope)
        assert (outcome.accepted, outcome.repeated) == (True, False)
    assert await events(store) == [Event.SUBMISSION_ACCEPTANCE, Event.CONTENT_CONSIGNMENT]


async def test_cut_after_the_commit_the_same_gets_the_outcome_that_was_recorded(store: CutStore) -> None:
    world = World()
    async with world.gateway(store) as exchange:
        envelope = world.envelope()
        store.after = True
        with pytest.raises(Unavailable):
            await world.send(exchange, envelope)
        outcome = await world.send(exchange, envelope)
        assert (outcome.accepted, outcome.repeated, outcome.index) == (True, True, 2)
        assert len(await store.waiting(Address("BR"), -1, 50, 1 << 20)) == 1
    assert await events(store) == [Event.SUBMISSION_ACCEPTANCE, Event.CONTENT_CONSIGNMENT]


async def test_cut_after_the_commit_the_next_process_publishes_what_is_owed(store: CutStore) -> None:
    world, inboxes = World(link=Link.AMQP), ListInboxes()
    async with world.gateway(store, inboxes=inboxes) as exchange:
        store.after = True
        with pytest.raises(Unavailable):
            await world.send(exchange, world.envelope())
    assert inboxes.published == []
    again = world.exchange(store, inboxes=inboxes)
    await again.start()
    world.clock.move(30_000)
    assert await again.republish() == 1
    await again.stop()
    assert await events(store) == [Event.SUBMISSION_ACCEPTANCE, Event.CONTENT_CONSIGNMENT]


@dataclass
class AskedInboxes(ListInboxes):
    """Tells when it was asked to publish."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def publish(self, pending: Sequence[Pending]) -> list[bool]:
        sure = await super().publish(pending)
        self.asked.set()
        return sure


async def test_a_confirmation_that_is_cut_off_repeats_the_copy_and_not_the_entry(store: CutStore) -> None:
    world, inboxes = World(link=Link.AMQP), AskedInboxes(refuse=True)
    async with world.gateway(store, inboxes=inboxes) as exchange:
        await world.send(exchange, world.envelope())
        async with asyncio.timeout(60):
            await inboxes.asked.wait()  # its copy is refused, in a task of its own
        inboxes.refuse = False
        for cut in ("before", "after"):
            setattr(store, cut, True)
            world.clock.move(300_000)
            await exchange.republish()
        world.clock.move(300_000)
        assert await exchange.republish() == 0
    assert len(inboxes.published) == 2
    assert await events(store) == [Event.SUBMISSION_ACCEPTANCE, Event.CONTENT_CONSIGNMENT]


async def test_an_acknowledgement_that_is_cut_off_is_taken_once(store: CutStore) -> None:
    world = World()
    async with world.gateway(store) as exchange:
        envelope = world.envelope()
        await world.send(exchange, envelope)
        said = world.acknowledgement("BR", envelope.digest)
        for cut in ("before", "after"):
            setattr(store, cut, True)
            with pytest.raises(Unavailable):
                await exchange.evidence(Address("BR"), said)
        await exchange.evidence(Address("BR"), said)
    assert (await events(store)).count(Event.CONTENT_HANDOVER) == 1


async def test_a_whole_batch_that_is_cut_off_is_told_so_and_comes_again_without_gaps(store: CutStore) -> None:
    world = World()
    async with world.gateway(store) as exchange:
        sent = [world.envelope() for _ in range(30)]
        store.before = True
        first = await asyncio.gather(*(world.send(exchange, e) for e in sent), return_exceptions=True)
        assert any(isinstance(found, Unavailable) for found in first)
        second = await asyncio.gather(*(world.send(exchange, e) for e in sent))
        assert all(found.accepted for found in second)
    assert await store.size() == 2 + 60
    assert [leaf.index for leaf in await store.leaves(0, 99)] == list(range(62))
