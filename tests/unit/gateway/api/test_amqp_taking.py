"""What comes in masses is taken at once, without a task each: the same outcomes, the other way for what is unusual."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from gateway.adapters.memory import MemoryStore
from gateway.api.amqp import Gate, Intake, Together
from gateway.exchange import Exchange
from gateway.ports import Arrival, Outcome, Submission
from schemas.directory import Link
from schemas.envelope import MAX_STATEMENT
from schemas.errors import Reason, Unavailable
from schemas.identity import Address
from schemas.wire import encode_submission
from schemas.witness import is_cosignature
from tests.support import World

FR = Address("FR")


@dataclass
class Post:
    """The port Receipts: keeps what is sent, or fails."""

    sent: list[Outcome] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    fails: bool = False

    async def send(self, receipts: Sequence[tuple[Address, Outcome]]) -> None:
        self.calls.append(len(receipts))
        if self.fails:
            raise ZeroDivisionError
        self.sent += [outcome for _, outcome in receipts]


@dataclass
class Office:
    """The way in, with all behind it in memory."""

    world: World
    store: MemoryStore
    exchange: Exchange
    post: Post
    intake: Intake

    async def taken(self, *bodies: bytes, by: str = "FR", kind: str = "envelope") -> list[BaseException | None]:
        """Hand these over in one turn of the loop: what was said of each when it was decided."""
        told = [asyncio.get_running_loop().create_future() for _ in bodies]
        for body, future in zip(bodies, told, strict=True):
            assert self.intake.take(Arrival(f"submit.{by}", by, kind, body), future.set_result)
        async with asyncio.timeout(60):
            return [await future for future in told]


@pytest_asyncio.fixture
async def office() -> AsyncIterator[Office]:
    world, store, post = World("FR", "BR", link=Link.AMQP), MemoryStore(), Post()
    async with world.gateway(store) as exchange:
        intake = Intake(exchange, store, post, world.clock, world.watcher, Gate(first=1.0, longest=1.0))
        yield Office(world, store, exchange, post, intake)


async def test_a_batch_is_decided_and_its_receipts_go_in_one_call_before_the_broker_may_forget(office: Office) -> None:
    envelopes = [office.world.envelope() for _ in range(5)]
    assert await office.taken(*map(encode_submission, envelopes)) == [None] * 5
    assert office.post.calls == [5]
    assert [(outcome.digest, outcome.accepted) for outcome in office.post.sent] == [
        (envelope.digest, True) for envelope in envelopes
    ]


async def test_the_same_again_has_the_first_outcome(office: Office) -> None:
    body = encode_submission(office.world.envelope())
    await office.taken(body, body)
    await office.taken(body)
    assert [outcome.repeated for outcome in office.post.sent] == [False, True, True]
    assert len({outcome.receipt for outcome in office.post.sent}) == 1


async def test_what_does_not_decode_is_refused_with_a_receipt_once_and_set_aside(office: Office) -> None:
    assert await office.taken(b"no envelope") == [None]
    assert [outcome.accepted for outcome in office.post.sent] == [False]
    assert len(office.world.watcher.named("refused")) == 1
    assert await office.store.quarantined() == 1


async def test_while_the_store_is_away_it_waits_and_nobody_else_is_taken_at_once(office: Office) -> None:
    office.store.down = True
    future: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
    first, second = (encode_submission(office.world.envelope()) for _ in range(2))
    assert office.intake.take(Arrival("submit.FR", "FR", "envelope", first), future.set_result)
    async with asyncio.timeout(60):
        while not office.world.watcher.named("arrivals-wait"):  # noqa: ASYNC110  # a watcher has no event
            await asyncio.sleep(0.001)
    assert not office.intake.take(Arrival("submit.FR", "FR", "envelope", second), lambda _: None)
    assert not future.done()
    office.store.down = False
    async with asyncio.timeout(60):
        assert await future is None
    assert [outcome.accepted for outcome in office.post.sent] == [True]


@pytest.mark.parametrize(
    ("exchange", "user", "kind"),
    [
        ("submit.FR", "BR", "envelope"),
        ("deliver", "FR", "envelope"),
        ("submit.FR", "BR", "evidence"),
        ("submit.FR", "FR", "preferences"),
    ],
)
async def test_others_are_left_to_the_handler(office: Office, exchange: str, user: str, kind: str) -> None:
    assert not office.intake.take(Arrival(exchange, user, kind, b"body"), lambda _: None)


async def test_a_cosignature_is_left_to_the_handler(office: Office) -> None:
    note = b"log\n1\nhash\n\n\xe2\x80\x94 witness signature\n"
    assert is_cosignature(note)
    assert not office.intake.take(Arrival("submit.FR", "FR", "evidence", note), lambda _: None)


async def test_acknowledgements_are_recorded_and_told_of_once_the_same_again_too(office: Office) -> None:
    envelopes = [office.world.envelope() for _ in range(3)]
    await office.taken(*map(encode_submission, envelopes))
    signed = [office.world.acknowledgement("BR", envelope.digest) for envelope in envelopes]
    assert await office.taken(*signed, by="BR", kind="evidence") == [None] * 3
    assert await office.taken(signed[0], by="BR", kind="evidence") == [None]
    assert len(office.world.watcher.named("handed-over")) == 3
    assert await office.store.quarantined() == 0


async def test_an_acknowledgement_that_is_refused_is_set_aside_after_one_look(office: Office) -> None:
    bodies = [office.world.acknowledgement("BR", bytes(32)), b"no acknowledgement", bytes(MAX_STATEMENT + 1)]
    assert await office.taken(*bodies, by="BR", kind="evidence") == [None] * 3
    causes = [seen.fields["cause"] for seen in office.world.watcher.named("arrival-quarantined")]
    assert sorted(map(str, causes)) == ["cbor-trailing", "not-addressed", "statement-too-large"]


async def test_while_the_store_is_away_an_acknowledgement_waits(office: Office) -> None:
    envelope = office.world.envelope()
    await office.taken(encode_submission(envelope))
    office.store.down = True
    future: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
    body = office.world.acknowledgement("BR", envelope.digest)
    assert office.intake.take(Arrival("submit.BR", "BR", "evidence", body), future.set_result)
    async with asyncio.timeout(60):
        while not office.world.watcher.named("arrivals-wait"):  # noqa: ASYNC110  # a watcher has no event
            await asyncio.sleep(0.001)
    assert not future.done()
    office.store.down = False
    async with asyncio.timeout(60):
        assert await future is None
    assert len(office.world.watcher.named("handed-over")) == 1


async def test_a_fault_at_the_receipts_is_told_to_all_that_were_in_the_call() -> None:
    post = Post(fails=True)
    together, told = Together(post), list[BaseException | None]()
    for at in range(3):
        together.soon(FR, Outcome(bytes([at]) * 32, b"", accepted=True, index=at), told.append)
    with pytest.raises(ZeroDivisionError):
        await together.send(FR, Outcome(bytes(32), b"", accepted=True, index=3))
    assert [type(error) for error in told] == [ZeroDivisionError] * 3


async def test_a_fault_of_the_pipelines_sets_the_message_aside(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    saw = office.world.watcher.saw

    def faulty(event: str, **said: Any) -> None:  # noqa: ANN401  # whatever is said of it
        monkeypatch.setattr(office.world.watcher, "saw", saw)
        raise ArithmeticError(event, said)

    monkeypatch.setattr(office.world.watcher, "saw", faulty)
    assert await office.taken(b"met a fault") == [None]
    assert await office.store.quarantined() == 1
    assert office.post.sent == []


async def test_unavailable_is_the_error_that_a_refused_place_in_the_queue_gives(office: Office) -> None:
    await office.exchange.stop()
    heard: list[Outcome | Exception] = []
    body = encode_submission(office.world.envelope())
    office.exchange.submit_soon(Submission(FR, body, office.world.clock.now(), Link.AMQP), heard.append)
    assert isinstance(heard[0], Unavailable)
    assert heard[0].reason is Reason.OVERLOADED
