"""What the way in over the broker makes of each arrival."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

import pytest
import pytest_asyncio

from gateway.adapters.memory import MemoryStore
from gateway.api.amqp import STRANGER, Gate, Intake, Together, identify
from gateway.exchange import Exchange
from gateway.ports import Arrival, Outcome
from gateway.settings import Pipeline
from schemas.directory import Link
from schemas.errors import Forbidden, Malformed, Reason
from schemas.evidence import Event, read_entry
from schemas.identity import Address
from schemas.preferences import Preferences, sign_preferences
from schemas.wire import encode_submission
from tests.support import World

FR = Address("FR")


@dataclass
class Post:
    """The port Receipts, kept in a list."""

    sent: list[tuple[Address, Outcome]] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    """How many came in each call."""

    async def send(self, receipts: Sequence[tuple[Address, Outcome]]) -> None:
        self.calls.append(len(receipts))
        await asyncio.sleep(0)
        self.sent.extend(receipts)


@dataclass
class Office:
    """The way in, with all behind it in memory."""

    world: World
    store: MemoryStore
    exchange: Exchange
    post: Post
    intake: Intake

    async def causes(self) -> list[tuple[object, object, object]]:
        """Link, cause and size of what was set aside, as operators are told; and it is there."""
        told = [seen.fields for seen in self.world.watcher.named("arrival-quarantined")]
        assert await self.store.quarantined() == len(told)
        return [(fields["link"], fields["cause"], fields["size"]) for fields in told]


@pytest_asyncio.fixture
async def office() -> AsyncIterator[Office]:
    world, store, post = World("FR", "BR", link=Link.AMQP), MemoryStore(), Post()
    async with world.gateway(store) as exchange:
        intake = Intake(exchange, store, post, world.clock, world.watcher, Gate(first=0.01, longest=0.05))
        yield Office(world, store, exchange, post, intake)


def arrival(body: bytes, kind: str | None = "envelope", user: str | None = "FR") -> Arrival:
    return Arrival("submit.FR", user, kind, body)


async def test_a_submission_is_decided_and_its_receipt_sent_to_its_link(office: Office) -> None:
    envelope = office.world.envelope()
    await office.intake.decide(arrival(encode_submission(envelope)))
    ((link, outcome),) = office.post.sent
    assert (link, outcome.digest, outcome.accepted) == (FR, envelope.digest, True)
    assert await office.causes() == []


async def test_receipts_of_one_batch_are_sent_in_one_call(office: Office) -> None:
    envelopes = [office.world.envelope() for _ in range(5)]
    await asyncio.gather(*(office.intake.decide(arrival(encode_submission(one))) for one in envelopes))
    assert office.post.calls == [5]
    assert {outcome.digest for _, outcome in office.post.sent} == {one.digest for one in envelopes}


async def test_who_gives_up_takes_no_others_receipt_along() -> None:
    post = Post()
    together, outcomes = Together(post), [Outcome(bytes([at]) * 32, b"", accepted=True, index=at) for at in range(3)]
    sending = [asyncio.create_task(together.send(FR, outcome)) for outcome in outcomes]
    await asyncio.sleep(0)
    sending[0].cancel()
    done = await asyncio.gather(*sending, return_exceptions=True)
    assert isinstance(done[0], asyncio.CancelledError)
    assert done[1:] == [None, None]
    assert [outcome for _, outcome in post.sent] == outcomes


async def test_evidence_is_taken_and_brings_no_receipt(office: Office) -> None:
    envelope = office.world.envelope()
    await office.intake.decide(arrival(encode_submission(envelope)))
    said = Arrival("submit.BR", "BR", "evidence", office.world.acknowledgement("BR", envelope.digest))
    await office.intake.decide(said)
    events = [read_entry(leaf.entry).event for leaf in await office.store.leaves(0, 100)]
    assert events[-1] is Event.CONTENT_HANDOVER
    assert len(office.post.sent) == 1


async def test_refusals_are_taken_over_the_broker_and_an_older_version_is_set_aside(office: Office) -> None:
    said = Preferences(Address("BR"), 1, office.world.clock.now() // 1000, frozenset({FR}))
    versions = (said, replace(said, version=2, refused=frozenset()), said)
    key = office.world.offices["BR"].signing
    raws = [sign_preferences(version, office.world.network.id, key) for version in versions]
    for raw in raws:
        await office.intake.decide(Arrival("submit.BR", "BR", "preferences", raw))
    assert office.exchange.trust.preferences[Address("BR")].raw == raws[1]
    assert await office.causes() == [(Address("BR"), "version-order", len(raws[0]))]
    assert office.post.sent == []


@pytest.mark.parametrize("user", [None, "BR", "", "FR/unit"])
async def test_the_user_must_be_the_owner_of_the_exchange(office: Office, user: str | None) -> None:
    body = encode_submission(office.world.envelope())
    await office.intake.decide(arrival(body, user=user))
    assert await office.causes() == [(FR, "link-identity", len(body))]
    assert office.post.sent == []


@pytest.mark.parametrize("exchange", ["", "dlx", "deliver", "submit.", "submit.fr", "xsubmit.FR", "submit.FR.a.b"])
async def test_what_came_through_no_bureaus_exchange_is_a_strangers(office: Office, exchange: str) -> None:
    await office.intake.decide(replace(arrival(b"body"), exchange=exchange))
    assert await office.causes() == [(STRANGER, "address", len(b"body"))]


@pytest.mark.parametrize("kind", [None, "", "receipt", "letter", "Envelope"])
async def test_a_type_that_is_not_sent_here_is_set_aside(office: Office, kind: str | None) -> None:
    await office.intake.decide(arrival(b"body", kind))
    assert await office.causes() == [(FR, "unreadable", len(b"body"))]


async def test_garbage_is_kept_and_its_sender_told(office: Office) -> None:
    await office.intake.decide(arrival(b"garbage"))
    ((link, outcome),) = office.post.sent
    assert (link, outcome.accepted, outcome.step) == (FR, False, 3)
    assert await office.causes() == [(FR, str(outcome.reason), len(b"garbage"))]


async def test_a_refusal_by_a_rule_is_told_and_not_kept(office: Office) -> None:
    await office.intake.decide(arrival(encode_submission(office.world.envelope("BR", ["FR"]))))
    ((_, outcome),) = office.post.sent
    assert outcome.reason is Reason.LINK_IDENTITY
    assert await office.causes() == []


async def test_while_the_store_is_away_an_arrival_waits(office: Office) -> None:
    office.store.down = True
    body, unreadable = encode_submission(office.world.envelope()), arrival(b"letter", "letter")
    deciding = [asyncio.create_task(office.intake.decide(one)) for one in (arrival(body), unreadable)]
    await asyncio.sleep(0.2)
    assert not any(task.done() for task in deciding)
    office.store.down = False
    async with asyncio.timeout(60):
        await asyncio.gather(*deciding)
    assert [outcome.accepted for _, outcome in office.post.sent] == [True]
    assert [cause for _, cause, _ in await office.causes()] == ["unreadable"]


async def test_a_fault_of_ours_sets_one_message_aside_and_no_other(office: Office) -> None:
    class Faulty:
        async def submit(self, _submission: object) -> Outcome:
            raise ZeroDivisionError

        def submit_soon(self, _submission: object, _told: object) -> None:
            raise ZeroDivisionError

        async def evidence(self, _link: Address, _body: bytes) -> None:
            raise ZeroDivisionError

        def evidence_soon(self, _link: Address, _body: bytes, _told: object) -> None:
            raise ZeroDivisionError

        async def publish_preferences(self, _link: Address, _body: bytes) -> int:
            raise ZeroDivisionError

    intake = Intake(Faulty(), office.store, office.post, office.world.clock, office.world.watcher)
    await intake.decide(arrival(b"met a fault"))
    assert await office.causes() == [(FR, "ZeroDivisionError", len(b"met a fault"))]


def test_a_unit_is_identified_by_its_own_exchange() -> None:
    unit = "KE/border-namanga"
    assert identify(Arrival("submit.KE.border-namanga", unit, "envelope", b"")) == unit
    with pytest.raises(Forbidden):
        identify(Arrival("submit.KE", unit, "envelope", b""))
    with pytest.raises(Malformed):
        identify(Arrival("submit.KE.border.namanga", unit, "envelope", b""))


async def test_the_gate_closes_longer_each_time_and_anew_after_a_success() -> None:
    gate, loop = Gate(first=0.02, longest=0.64), asyncio.get_running_loop()

    async def closed_for() -> float:
        began = loop.time()
        gate.close(None)
        gate.close(None)  # a second one of those let through together
        await gate.passed()
        return loop.time() - began

    assert max([await closed_for() for _ in range(6)]) >= 0.64 * 0.75

    async def closed_anew() -> float:
        gate.succeeded()
        return await closed_for()

    assert min([await closed_anew() for _ in range(5)]) < 0.3, "the machine does not stop us each time"


async def test_a_full_quarantine_keeps_no_more_and_the_broker_may_forget_it(office: Office) -> None:
    watcher = office.world.watcher
    limits = Pipeline(quarantine_items_per_link=1)
    intake = Intake(office.exchange, office.store, office.post, office.world.clock, watcher, limits=limits)
    for body in (b"first", b"second"):
        await intake.decide(arrival(body, kind="letter"))
    assert await office.causes() == [(FR, "unreadable", 5)]
    (dropped,) = watcher.named("quarantine-dropped")
    assert (dropped.fields["cause"], dropped.fields["size"]) == ("unreadable", 6)


async def test_a_bureau_with_too_much_in_hand_waits_alone_and_bounded_while_others_pass() -> None:
    world, store, post = World("FR", "BR", link=Link.AMQP), MemoryStore(), Post()
    limits = Pipeline(queue_items_per_sender=3, retry_after_seconds=0.02, linger_milliseconds=5)
    async with world.gateway(store, limits) as exchange:
        intake = Intake(exchange, store, post, world.clock, world.watcher, limits=limits)
        flood = [encode_submission(world.envelope("FR", ["BR"])) for _ in range(60)]
        other = encode_submission(world.envelope("BR", ["FR"]))
        tasks = [asyncio.ensure_future(intake.decide(arrival(body))) for body in flood]
        await asyncio.sleep(0)
        held = exchange.waiting
        await intake.decide(Arrival("submit.BR", "BR", "envelope", other))
        assert [link for link, _ in post.sent].count(FR) <= 2 * held, "it did not wait for the flood"
        assert not all(task.done() for task in tasks)
        await asyncio.gather(*tasks)
    assert held == 3
    assert len(post.sent) == 61
    assert all(outcome.accepted for _, outcome in post.sent)
    assert world.watcher.named("arrivals-wait") == [], "nobody else was held back"
