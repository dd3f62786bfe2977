"""Whatever comes in whatever batches: no gap in the ledger, one outcome for a message, the operation's chain whole."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapters.memory import MemoryStore, MemoryTree
from gateway.ports import Outcome
from gateway.settings import Pipeline
from schemas import merkle
from schemas.envelope import Envelope
from schemas.evidence import Event, read_entry
from schemas.identity import Address, MessageId
from schemas.merkle import leaf_hash
from schemas.receipts import read_acceptance
from tests.support import NOW, World

CODES = ("FR", "BR", "AR")


@dataclass(frozen=True)
class Plan:
    """One submission: who sends which of a few messages, over whose link, and whether it is then acknowledged."""

    sender: int
    ident: int
    variant: int
    fault: str
    link: int | None
    acknowledge: bool


plans = st.builds(
    Plan,
    sender=st.integers(0, 2),
    ident=st.integers(0, 2),
    variant=st.integers(0, 1),
    fault=st.sampled_from(["", "", "", "expired", "kind", "operation", "forged"]),
    link=st.sampled_from([None, None, None, None, 0, 1]),
    acknowledge=st.booleans(),
)


class Scene:
    """Makes each planned envelope once."""

    def __init__(self) -> None:
        self.world = World(*CODES)
        self._made: dict[tuple[int, int, int, str], Envelope] = {}
        self._ids = [MessageId.new(NOW * 1000 + n) for n in range(3)]

    def envelope(self, plan: Plan) -> Envelope:
        key = (plan.sender, plan.ident, plan.variant, plan.fault)
        if key not in self._made:
            self._made[key] = self._make(plan)
        return self._made[key]

    def _make(self, plan: Plan) -> Envelope:
        faults: dict[str, dict[str, Any]] = {
            "": {},
            "expired": {"iat": NOW - 10, "exp": NOW},
            "kind": {"kind": "gossip/1"},
            "operation": {"sub": "made-up"},
            "forged": {},
        }
        sender, to = CODES[plan.sender], CODES[(plan.sender + 1) % 3]
        content = b'{"variant":%d}' % plan.variant
        made = self.world.envelope(sender, [to], content, cti=self._ids[plan.ident], **faults[plan.fault])
        if plan.fault == "forged":
            return Envelope(made.statement[:-1] + bytes([made.statement[-1] ^ 1]), made.sealed)
        return made


async def run(batches: list[list[Plan]]) -> None:
    scene, store = Scene(), MemoryStore()
    world = scene.world
    given_out: list[tuple[Plan, Envelope, Outcome]] = []
    limits = Pipeline(linger_milliseconds=0, batch_items=4, recorded_refusals_per_minute=1000)
    async with world.gateway(store, limits) as exchange:
        for batch in batches:
            sent = [scene.envelope(plan) for plan in batch]
            links = [CODES[plan.sender if plan.link is None else plan.link] for plan in batch]
            jobs = [world.send(exchange, e, link) for e, link in zip(sent, links, strict=True)]
            outcomes = await asyncio.gather(*jobs)
            given_out += zip(batch, sent, outcomes, strict=True)
            for plan, envelope, outcome in zip(batch, sent, outcomes, strict=True):
                if plan.acknowledge and outcome.accepted:
                    to = CODES[(plan.sender + 1) % 3]
                    await exchange.evidence(Address(to), world.acknowledgement(to, envelope.digest))
    check_outcomes(world, given_out)
    await check_ledger(world, store)


def check_outcomes(world: World, given_out: list[tuple[Plan, Envelope, Outcome]]) -> None:
    keys = {world.acceptance.key_id: world.acceptance.public}
    final: dict[bytes, bytes] = {}
    ids: dict[tuple[int, int], bytes] = {}
    for plan, envelope, outcome in given_out:
        said = read_acceptance(outcome.receipt, world.network.id, keys)
        assert (said.digest, said.index, said.accepted) == (envelope.digest, outcome.index, outcome.accepted)
        if outcome.index is not None:
            assert final.setdefault(envelope.digest, outcome.receipt) == outcome.receipt
        if outcome.accepted:
            assert plan.fault == ""
            assert ids.setdefault((plan.sender, plan.ident), envelope.digest) == envelope.digest


async def check_ledger(world: World, store: MemoryStore) -> None:
    size = await store.size()
    leaves = await store.leaves(0, size)
    assert [leaf.index for leaf in leaves] == list(range(size))
    entries = [read_entry(leaf.entry) for leaf in leaves]
    decided = [e.digest for e in entries if e.event in (Event.SUBMISSION_ACCEPTANCE, Event.SUBMISSION_REJECTION)]
    assert len(decided) == len(set(decided))
    previous = None
    for number, leaf in enumerate(await store.operation_leaves(world.operation.id, -1, size), 1):
        entry = read_entry(leaf.entry)
        assert (entry.number, entry.previous) == (number, previous)
        previous = leaf_hash(leaf.entry)
    assert all((entry.number is None) == (entry.operation is None) for entry in entries)
    accepted = {e.digest for e in entries if e.event is Event.SUBMISSION_ACCEPTANCE}
    consigned = [e.digest for e in entries if e.event is Event.CONTENT_CONSIGNMENT]
    handed = [e.digest for e in entries if e.event is Event.CONTENT_HANDOVER]
    assert Counter(consigned) == Counter(accepted)
    assert len(handed) == len(set(handed))
    tree = MemoryTree(store)
    ledger = world.ledger(tree)
    while await ledger.integrate(3):
        pass
    assert await ledger.root(size) == merkle.root([leaf_hash(leaf.entry) for leaf in leaves])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(plans, max_size=9), max_size=4))
def test_random_batches_keep_every_rule(batches: list[list[Plan]]) -> None:
    asyncio.run(run(batches))
