"""The pipeline under load and fault: bounded, halved to the offender, quiet about content."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest

from gateway.adapters.memory import MemoryStore
from gateway.adapters.memory.state import MemoryTransaction
from gateway.api.problems import translate
from gateway.ports import NewMessage, Outcome
from gateway.settings import Pipeline
from schemas.codes import Urgency
from schemas.errors import Malformed, Reason, Unavailable
from schemas.identity import Address
from schemas.receipts import read_acceptance
from tests.support import NOW, World


class Poisoned(MemoryTransaction):
    """A transaction that one sender's messages break."""

    def _insert_messages(self, messages: Sequence[NewMessage]) -> frozenset[bytes]:
        if any(message.statement.header.iss == "AR" for message in messages):
            raise ValueError("a fault that nobody foresaw")
        return super()._insert_messages(messages)


class PoisonedStore(MemoryStore):
    """Its transactions are poisoned."""

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[MemoryTransaction]:
        async with super().begin():
            yield Poisoned(self._state)


async def test_what_breaks_a_batch_is_found_set_aside_and_harms_no_other() -> None:
    world, store = World(), PoisonedStore()
    async with world.gateway(store, Pipeline(linger_milliseconds=20)) as exchange:
        codes = ["FR", "BR", "AR", "FR", "IPSG", "BR", "FR"]
        sent = [world.envelope(code, ["FR" if code != "FR" else "BR"]) for code in codes]
        outcomes = await asyncio.gather(
            *(world.send(exchange, e, code) for e, code in zip(sent, codes, strict=True)), return_exceptions=True
        )
        assert [isinstance(found, Malformed) for found in outcomes] == [code == "AR" for code in codes]
        assert await store.quarantined() == 1
        (seen,) = world.watcher.named("quarantined")
        assert seen.fields["cause"] == "ValueError"
        assert len(world.watcher.named("admitted")) == 6


class ForgetfulStore(MemoryStore):
    """Its operations cannot be read for a while; all else can."""

    unread = False

    async def operations(self, after: int = -1) -> list[tuple[int, bytes]]:
        if self.unread:
            raise Unavailable(Reason.STORE, "away")
        return await super().operations(after)


async def test_nothing_is_refused_by_statements_that_may_be_old() -> None:
    world, store = World(), ForgetfulStore()
    async with world.gateway(store) as exchange:
        unknown = world.envelope(sub="infra-other")
        store.unread = True
        with pytest.raises(Unavailable):
            await world.send(exchange, unknown)
        assert (await world.send(exchange, world.envelope())).accepted
        store.unread = False
        assert (await world.send(exchange, unknown)).reason is Reason.OPERATION_UNKNOWN


async def test_an_offender_is_not_set_aside_while_the_store_is_away() -> None:
    world, store = World(), PoisonedStore()
    async with world.gateway(store) as exchange:
        store.down = True
        with pytest.raises(Unavailable):
            await world.send(exchange, world.envelope("AR", ["FR"]), "AR")
        store.down = False
        assert await store.quarantined() == 0
        assert (await world.send(exchange, world.envelope())).accepted


async def test_a_full_queue_refuses_without_deciding_and_asks_to_wait() -> None:
    world, store = World(), MemoryStore()
    async with world.gateway(store, Pipeline(queue_items=3, linger_milliseconds=50)) as exchange:
        found = await asyncio.gather(
            *(world.send(exchange, world.envelope()) for _ in range(5)), return_exceptions=True
        )
        refused = [error for error in found if isinstance(error, Unavailable)]
        assert [(error.reason, error.retry_after) for error in refused] == [(Reason.OVERLOADED, 1.0)] * 2


async def test_nothing_is_looked_at_ahead_that_may_find_no_room_or_that_an_urgent_one_would_wait_for() -> None:
    world, store = World(), MemoryStore()
    async with world.gateway(store, Pipeline(batch_items=2, linger_milliseconds=50)) as exchange:
        assert exchange.trust_ahead is exchange.trust
        taken = [asyncio.create_task(world.send(exchange, world.envelope())) for _ in range(2)]
        await asyncio.sleep(0)
        assert exchange.trust_ahead is None
        await asyncio.gather(*taken)
        assert exchange.trust_ahead is exchange.trust
        await world.send(exchange, world.envelope(urgency=Urgency.URGENT))
        async with asyncio.timeout(60):
            while exchange.trust_ahead is not None:  # noqa: ASYNC110  # its batch is over a moment after its answer
                await asyncio.sleep(0)


async def test_a_stopped_pipeline_finishes_what_it_took_and_takes_no_more() -> None:
    world, store = World(), MemoryStore()
    async with world.gateway(store, Pipeline(linger_milliseconds=100)) as exchange:
        taken = asyncio.create_task(world.send(exchange, world.envelope()))
        await asyncio.sleep(0)
        await exchange.stop()
        assert (await taken).accepted
        with pytest.raises(Unavailable):
            await world.send(exchange, world.envelope())


async def test_a_submitter_that_goes_away_stops_nobody() -> None:
    world, store = World(), MemoryStore()
    async with world.gateway(store, Pipeline(linger_milliseconds=20)) as exchange:
        gone = asyncio.create_task(world.send(exchange, world.envelope()))
        stays = asyncio.create_task(world.send(exchange, world.envelope()))
        await asyncio.sleep(0)
        gone.cancel()
        assert (await stays).accepted


async def test_a_link_that_sends_too_much_is_refused_with_a_receipt() -> None:
    world, store = World(), MemoryStore()
    async with world.gateway(store, Pipeline(link_per_minute=2)) as exchange:
        outcomes = [await world.send(exchange, world.envelope()) for _ in range(3)]
        assert [(o.accepted, o.reason) for o in outcomes] == [(True, None), (True, None), (False, Reason.LINK_QUOTA)]
        keys = {world.acceptance.key_id: world.acceptance.public}
        said = read_acceptance(outcomes[2].receipt, world.network.id, keys)
        assert (said.index, said.reason) == (None, Reason.LINK_QUOTA)
        world.clock.move(30_000)
        assert (await world.send(exchange, world.envelope())).accepted


async def test_a_bureaus_quota_ends_with_the_minute() -> None:
    world, store = World(), MemoryStore()
    async with world.gateway(store, Pipeline(bureau_per_minute=1)) as exchange:
        reasons = [(await world.send(exchange, world.envelope())).reason for _ in range(2)]
        world.clock.move(60_000)
        assert [*reasons, (await world.send(exchange, world.envelope())).reason] == [None, Reason.QUOTA, None]


async def test_large_items_do_not_share_a_batch() -> None:
    world, store = World(), MemoryStore()
    async with world.gateway(store, Pipeline(batch_bytes=5000, linger_milliseconds=20)) as exchange:
        sent = [world.envelope(content=b"x" * 3000) for _ in range(3)]
        assert all(o.accepted for o in await asyncio.gather(*(world.send(exchange, e) for e in sent)))
    assert {seen.fields["index"] for seen in world.watcher.named("admitted")} == {2, 4, 6}


async def test_versions_that_another_process_took_are_seen_within_the_poll() -> None:
    world, store = World(), MemoryStore()
    async with world.gateway(store, Pipeline(trust_poll_milliseconds=10)) as exchange:
        other = world.exchange(store)
        await other.start()
        await other.publish_directory(world.renew())
        async with asyncio.timeout(60):
            while exchange.trust.directory.version < 2:  # noqa: ASYNC110 - the poll sets no event
                await asyncio.sleep(0.005)
        await other.stop()


async def test_the_watcher_follows_a_message_and_never_sees_content() -> None:
    world, store = World(), MemoryStore()
    async with world.gateway(store) as exchange:
        envelope = world.envelope(content=b'{"name":"Nobody Anybody"}')
        await world.send(exchange, envelope)
        await world.send(exchange, world.envelope(exp=NOW, iat=NOW - 1))
    seen = {event.name: event.fields for event in world.watcher.seen}
    assert seen["admitted"]["digest"] == envelope.digest.hex()
    assert seen["admitted"]["operation"] == world.operation.id
    assert seen["refused"]["reason"] == Reason.EXPIRED
    words: list[Mapping[str, str | int | None]] = [event.fields for event in world.watcher.seen]
    assert "Nobody" not in str(words)
    assert exchange.gatehouse.refusals[0].link == Address("FR")


async def test_what_another_process_took_a_moment_ago_refuses_nobody() -> None:
    world, store = World(), MemoryStore()
    never = Pipeline(linger_milliseconds=0, trust_poll_milliseconds=3_600_000)
    other = world.exchange(store, never)
    await other.start()
    async with world.gateway(store, never):
        outcome = await world.send(other, world.envelope())
    assert (outcome.accepted, outcome.reason) == (True, None)
    await other.stop()


async def test_a_bureau_that_floods_waits_and_the_others_do_not() -> None:
    world, store = World(), MemoryStore()
    limits = Pipeline(linger_milliseconds=1, batch_items=4, queue_items_per_sender=8)
    async with world.gateway(store, limits) as exchange:
        flood = [world.send(exchange, world.envelope("FR", ["AR"])) for _ in range(40)]
        rest = [world.send(exchange, world.envelope("BR", ["AR"]), "BR") for _ in range(2)]
        answers = await asyncio.gather(*flood, *rest, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Unavailable)]
    assert len(refused) == 32
    assert {error.reason for error in refused} == {Reason.LINK_QUOTA}
    assert translate(refused[0]).status == HTTPStatus.TOO_MANY_REQUESTS
    indices = [answer.index for answer in answers if isinstance(answer, Outcome) and answer.index is not None]
    assert all(isinstance(answer, Outcome) and answer.accepted for answer in answers[40:])
    assert set(indices[-2:]) <= set(sorted(indices)[:6]), "those of the others are in the first batches"
