"""Acknowledgements go by batches: one question for all of a batch, and each submitter hears of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from gateway.adapters.memory import MemoryStore
from gateway.ports import CopyKey, Owed
from gateway.settings import Pipeline
from schemas.errors import Forbidden, Malformed, Untrusted
from schemas.evidence import Event, read_entry
from schemas.identity import Address
from tests.support import World

BR = Address("BR")


class Counting(MemoryStore):
    """Counts the questions that acknowledgements make."""

    asked = 0

    async def owed(self, keys: Sequence[CopyKey]) -> Mapping[CopyKey, Owed]:
        self.asked += 1
        return await super().owed(keys)

    async def size(self) -> int:
        self.asked += 1
        return await super().size()


async def test_a_batch_of_acknowledgements_asks_two_questions_and_each_hears_of_its_own() -> None:
    world, store = World(), Counting()
    async with world.gateway(store, Pipeline(linger_milliseconds=50)) as exchange:
        sent = [world.envelope("FR", ["BR"]) for _ in range(30)]
        await asyncio.gather(*(world.send(exchange, envelope) for envelope in sent))
        good = [world.acknowledgement("BR", envelope.digest) for envelope in sent]
        forged = good[0][:-1] + bytes([good[0][-1] ^ 1])
        bad = [forged, world.acknowledgement("BR", bytes(32)), world.acknowledgement("AR", sent[0].digest), b"garbage"]
        store.asked = 0
        said = [exchange.evidence(BR, body) for body in (*good, good[5], *bad)]
        found = await asyncio.gather(*said, return_exceptions=True)
        assert store.asked == 2
        assert found[:31] == [None] * 31
        kinds = [type(one) for one in found[31:]]
        assert kinds[:3] == [Untrusted, Forbidden, Forbidden]
        assert isinstance(found[-1], Malformed)
        before = await store.size()
        await exchange.evidence(BR, good[7])
        assert await store.size() == before, "the same again takes no effect"
    events = [read_entry(leaf.entry).event for leaf in await store.leaves(0, 1000)]
    assert events.count(Event.CONTENT_HANDOVER) == 30
    assert len(world.watcher.named("handed-over")) == 30


async def test_a_message_can_be_followed_from_acceptance_through_consignment_to_handover_in_the_log() -> None:
    world, store = World(), MemoryStore()
    async with world.gateway(store, Pipeline(linger_milliseconds=20)) as exchange:
        sent = [world.envelope("FR", ["BR", "AR"]) for _ in range(3)]
        await asyncio.gather(*(world.send(exchange, envelope) for envelope in sent))
        await exchange.evidence(BR, world.acknowledgement("BR", sent[0].digest))
    (line,) = world.watcher.named("consigned")
    assert line.fields["copies"] == 6
    assert str(line.fields["digests"]).split() == sorted(envelope.digest.hex() for envelope in sent)
    (admitted,) = [s for s in world.watcher.named("admitted") if s.fields["digest"] == sent[0].digest.hex()]
    (handed,) = world.watcher.named("handed-over")
    assert admitted.fields["digest"] == handed.fields["digest"] == sent[0].digest.hex()
