"""The broker as the network provisions it, and the gateway's adapter on it."""

from __future__ import annotations

import asyncio
import re
import signal
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import aio_pika
import aiormq
import pytest
import pytest_asyncio
from aiormq.abc import ChannelFrame
from aiormq.exceptions import ChannelAccessRefused, PublishError

from gateway.adapters.rabbitmq import direct
from gateway.adapters.rabbitmq.consumer import PREFETCH, Consumer
from gateway.adapters.rabbitmq.publisher import Publisher
from gateway.adapters.rabbitmq.session import Endpoint, Timing
from gateway.broker import submission_queues
from gateway.ports import Arrival, Consignment, Outcome, Pending
from schemas.claims import Header
from schemas.codes import Urgency
from schemas.directory import Link
from schemas.errors import Unavailable
from schemas.identity import Address
from schemas.wire import (
    MAX_SUBMISSION,
    ItemType,
    broker_urls,
    decode_item,
    inbox_queue,
    submit_exchange,
)
from tests.broker_scene import UNIT, BrokerScene, Saw, broker_directory, eventually, message_id
from tests.conftest import BrokerFactory
from tests.world import header, new_network, sealed_by

pytestmark = pytest.mark.broker
QUICK = Timing(connect=30.0, call=20.0, confirm=10.0, first_pause=0.05, longest_pause=0.5, grace=20.0)
"""It tries again at once, and waits for what takes its time: the machine may stop it, or the broker, for seconds."""
STUCK = replace(QUICK, grace=0.5)  # where nobody decides what is in hand
QUEUES = submission_queues(broker_directory())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(tmp_path_factory: pytest.TempPathFactory, broker_factory: BrokerFactory) -> BrokerScene:
    made = BrokerScene.make(tmp_path_factory.mktemp("broker"))
    made.broker = await broker_factory(made.definitions, made.server)
    await made.broker.settle()
    return made


def pending(recipient: Address, urgency: Urgency = Urgency.ROUTINE, recipients: int = 1) -> Pending:
    """A copy for `recipient`; its receipt stands for itself, since nobody here verifies one."""
    claims: Header = header(new_network().id, cti=message_id(), urgency=urgency)
    envelope = sealed_by(claims)
    copy = Consignment(envelope.digest, recipient, recipient, Link.AMQP, urgency, claims.exp)
    return Pending(copy, 7, b"receipt", envelope, recipients, claims.sub, claims.kind, 0)


@asynccontextmanager
async def publisher(endpoint: Endpoint, saw: Saw | None = None, timing: Timing = QUICK) -> AsyncIterator[Publisher]:
    made = Publisher(endpoint, seen := saw or Saw(), timing)
    await made.start()
    try:
        await seen.until("broker-publishing")
        yield made
    finally:
        await made.stop()


class Taken:
    """A handler that keeps what it is handed, in order, while it may."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.open = asyncio.Event()
        self.open.set()
        self.more = asyncio.Condition()

    async def __call__(self, arrival: Arrival) -> None:
        self.arrivals.append(arrival)
        async with self.more:
            self.more.notify_all()
        await self.open.wait()

    async def until(self, count: int) -> list[Arrival]:
        async with asyncio.timeout(60), self.more:
            await self.more.wait_for(lambda: len(self.arrivals) >= count)
        return self.arrivals

    @property
    def bodies(self) -> set[bytes]:
        return {arrival.body for arrival in self.arrivals}


@asynccontextmanager
async def consuming(endpoint: Endpoint, saw: Saw | None = None, timing: Timing = QUICK) -> AsyncIterator[Taken]:
    taken, consumer = Taken(), Consumer(endpoint, lambda: QUEUES, saw or Saw(), timing)
    await consumer.start(taken)
    try:
        yield taken
    finally:
        await consumer.stop()


# ------------------------------------------------------------------------------------------------------------- rights


async def test_policies_and_limits_are_in_force(scene: BrokerScene) -> None:
    rows = {str(row["name"]): row for row in await scene.running.queues("name", "policy", "type")}
    assert {row["type"] for row in rows.values()} == {"quorum"}
    assert rows["inbox.FR.urgent"]["policy"] == rows["submissions.routine.FR"]["policy"] == "bureaunet-queues"
    assert (rows["probe"]["policy"], rows["dead"]["policy"]) == ("bureaunet-probe", "bureaunet-dead")
    assert '"max-connections":16' in await scene.running.ctl("list_user_limits", "--user", "FR")


async def test_a_bureau_publishes_to_its_own_exchange_only(scene: BrokerScene) -> None:
    for exchange, key in (("submit.BR", "routine"), ("deliver", "inbox.BR"), ("", "inbox.BR"), ("dlx", "")):
        with pytest.raises(ChannelAccessRefused):
            await scene.put("FR", exchange, key, b"not mine to send")


async def test_a_bureau_reads_its_own_inboxes_only(scene: BrokerScene) -> None:
    for queue_name in (
        "inbox.BR",
        "inbox.BR.urgent",
        "submissions.routine.BR",
        "submissions.urgent.FR",
        "dead",
        "probe",
    ):
        async with scene.connection("FR") as connection:
            channel = await connection.channel()
            queue = await channel.get_queue(queue_name, ensure=False)
            with pytest.raises(ChannelAccessRefused):
                await queue.consume(asyncio.Queue[object]().put)


async def test_nobody_declares_deletes_or_binds_anything(scene: BrokerScene) -> None:
    async def declare(channel: aio_pika.abc.AbstractChannel) -> object:
        return await channel.declare_queue("inbox.FR.more", durable=True, arguments={"x-queue-type": "quorum"})

    async def delete(channel: aio_pika.abc.AbstractChannel) -> object:
        return await channel.queue_delete("inbox.FR")

    async def bind(channel: aio_pika.abc.AbstractChannel) -> object:
        queue = await channel.get_queue("inbox.FR", ensure=False)
        return await queue.bind("submit.FR", "routine")

    async def declare_exchange(channel: aio_pika.abc.AbstractChannel) -> object:
        return await channel.declare_exchange("submit.FR.more", durable=True)

    for user in ("FR", "gateway"):
        for attempt in (declare, delete, bind, declare_exchange):
            async with scene.connection(user) as connection:
                channel = await connection.channel()
                with pytest.raises(ChannelAccessRefused):
                    await attempt(channel)


async def test_a_user_id_that_is_not_ones_own_is_refused_by_the_broker(scene: BrokerScene) -> None:
    with pytest.raises(aio_pika.exceptions.ChannelPreconditionFailed):
        await scene.put("FR", "submit.FR", "routine", b"as another", user_id="BR")


async def test_an_unknown_key_is_returned_and_not_lost_in_silence(scene: BrokerScene) -> None:
    with pytest.raises(PublishError):
        await scene.put("FR", "submit.FR", "whenever", b"to nowhere", user_id="FR")


async def test_the_largest_submission_passes_and_what_no_protocol_allows_does_not(scene: BrokerScene) -> None:
    async with consuming(scene.gateway) as taken:
        await scene.put("FR", "submit.FR", "routine", bytes(MAX_SUBMISSION), user_id="FR")
        with pytest.raises(aio_pika.exceptions.ChannelPreconditionFailed):
            await scene.put("FR", "submit.FR", "routine", bytes(16 * 1024 * 1024 + 1), user_id="FR")
        (arrival,) = await taken.until(1)
    assert len(arrival.body) == MAX_SUBMISSION


# ---------------------------------------------------------------------------------------------------------- publishing


async def test_copies_go_to_the_inbox_of_their_urgency_and_carry_all_that_an_item_needs(scene: BrokerScene) -> None:
    bureau = scene.fresh()
    routine, urgent = pending(bureau), pending(bureau, Urgency.URGENT)
    async with publisher(scene.gateway) as out:
        assert await out.publish([routine, urgent]) == [True, True]
    for sent in (routine, urgent):
        (body,) = await scene.take(bureau, inbox_queue(bureau, sent.consignment.urgency), 1)
        item = decode_item(body)
        assert (item.type, item.index, item.acceptance) == (ItemType.ENVELOPE, 7, b"receipt")
        assert (item.statement, item.sealed) == (sent.envelope.statement, sent.envelope.sealed)


async def test_above_the_limit_of_recipients_the_sealed_part_stays_behind(scene: BrokerScene) -> None:
    async with publisher(scene.gateway) as out:
        assert await out.publish([pending(UNIT, recipients=33)]) == [True]
    (body,) = await scene.take(UNIT, inbox_queue(UNIT, Urgency.ROUTINE), 1)
    assert decode_item(body).sealed is None


async def test_one_copy_without_an_inbox_is_unconfirmed_and_the_others_are_placed(scene: BrokerScene) -> None:
    bureau, saw = scene.fresh(), Saw()
    copies = [pending(bureau), pending(Address("ZZZZ")), pending(bureau)]
    async with publisher(scene.gateway, saw) as out:
        assert await out.publish(copies) == [True, False, True]
        assert await out.publish(copies[:1]) == [True], "the channel is still of use"
    assert saw.count("broker-returned") == 1
    assert len(await scene.take(bureau, inbox_queue(bureau, Urgency.ROUTINE), 3)) == 3


async def test_a_full_inbox_refuses_its_own_copies_and_holds_up_no_other(scene: BrokerScene) -> None:
    full, other = scene.fresh(), scene.fresh()
    inbox = inbox_queue(full, Urgency.ROUTINE)
    limit = '{"max-length": 3, "overflow": "reject-publish"}'
    pattern = f"^{re.escape(inbox)}$"
    await scene.running.ctl("set_policy", "--priority", "99", "--apply-to", "queues", "full", pattern, limit)
    try:
        async with publisher(scene.gateway) as out:

            async def refused() -> bool:
                sure = await out.publish([pending(full), pending(other), pending(full), pending(other)])
                assert sure[1::2] == [True, True]
                return sure[::2] == [False, False]

            await eventually(refused)  # a quorum queue takes on its policy, and counts, a moment behind
    finally:
        await scene.running.ctl("clear_policy", "full")
    assert len(await scene.take(full, inbox, 3)) == 3
    async with publisher(scene.gateway) as out:
        await resumed(out, full)  # there is room again


async def test_a_receipt_comes_to_the_urgent_inbox(scene: BrokerScene) -> None:
    bureau = scene.fresh()
    async with publisher(scene.gateway) as out:
        await out.send([(bureau, Outcome(b"d" * 32, b"the receipt", accepted=True, index=12))])
    (body,) = await scene.take(bureau, inbox_queue(bureau, Urgency.URGENT), 1)
    item = decode_item(body)
    assert (item.type, item.index, item.acceptance) == (ItemType.RECEIPT, 12, b"the receipt")


async def test_ready_is_a_confirmed_message_and_the_probe_holds_one(scene: BrokerScene) -> None:
    async with publisher(scene.gateway) as out:
        for _ in range(5):
            await out.ready()


async def test_without_a_broker_nothing_is_ready_and_nothing_claims_to_be_sent(scene: BrokerScene) -> None:
    away = Endpoint(broker_urls("amqps://127.0.0.1:1"), scene.gateway.tls)
    out = Publisher(away, Saw(), Timing(confirm=0.3, first_pause=0.05))
    await out.start()
    with pytest.raises(Unavailable):
        await out.ready()
    with pytest.raises(Unavailable):
        await out.publish([pending(UNIT)])
    await out.stop()


# ----------------------------------------------------------------------------------------------------------- consuming


async def test_arrivals_name_their_exchange_user_type_and_body(scene: BrokerScene) -> None:
    async with consuming(scene.gateway) as taken:
        await scene.put(UNIT, submit_exchange(UNIT), "urgent", b"body", user_id=str(UNIT), type="envelope")
        (arrival,) = await taken.until(1)
    assert arrival == Arrival(submit_exchange(UNIT), str(UNIT), "envelope", b"body")


async def test_properties_that_the_driver_cannot_decode_stop_nobody(scene: BrokerScene) -> None:
    saw = Saw()
    async with consuming(scene.gateway, saw) as taken:
        await put_raw_timestamp(scene, "FR", b"poison")
        await scene.put("FR", "submit.FR", "routine", b"after it", user_id="FR", type="envelope")
        await taken.until(2)
    assert [arrival.body for arrival in taken.arrivals] == [b"poison", b"after it"]
    assert saw.count("broker-session-failed") == 0


async def test_what_is_not_decided_is_not_acknowledged_and_comes_again(scene: BrokerScene) -> None:
    async with consuming(scene.gateway, timing=STUCK) as taken:
        taken.open.clear()
        for body in (b"1", b"2", b"3"):
            await scene.put("FR", "submit.FR", "routine", body, user_id="FR", type="envelope")
        await taken.until(3)
    async with consuming(scene.gateway) as again:
        await again.until(3)
    assert again.bodies == {b"1", b"2", b"3"}
    async with consuming(scene.gateway) as empty:
        await asyncio.sleep(0.5)
    assert empty.arrivals == []


async def test_urgent_mail_passes_routine_mail_that_is_stuck(scene: BrokerScene) -> None:
    async with consuming(scene.gateway) as taken:
        taken.open.clear()
        async with scene.connection("FR") as connection:
            channel = await connection.channel()
            exchange = await channel.get_exchange("submit.FR", ensure=False)
            message = aio_pika.Message(b"routine", user_id="FR", delivery_mode=2)
            await asyncio.gather(*(exchange.publish(message, "routine") for _ in range(PREFETCH + 20)))
            await taken.until(PREFETCH)
            await exchange.publish(aio_pika.Message(b"urgent", user_id="FR", delivery_mode=2), "urgent")
        await taken.until(PREFETCH + 1)
        assert taken.arrivals[-1].body == b"urgent"
        taken.open.set()
        assert len(await taken.until(PREFETCH + 21)) == PREFETCH + 21


# ------------------------------------------------------------------------------------------------------------ failures


async def test_with_a_driver_that_was_not_tried_all_goes_through_its_own_functions(
    scene: BrokerScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "TRIED", {"aiormq": "0.0."})
    bureau, saw = scene.fresh(), Saw()
    nobody = Address("ZZ")
    async with publisher(scene.gateway, saw) as out, consuming(scene.gateway) as taken:
        assert await out.publish([pending(bureau), pending(nobody), pending(bureau)]) == [True, False, True]
        await scene.put("FR", "submit.FR", "routine", b"by the driver", user_id="FR", type="envelope")
        await until_taken(taken, b"by the driver")
    assert saw.count("broker-returned") == 1
    assert len(await scene.take(bureau, inbox_queue(bureau, Urgency.ROUTINE), 2)) == 2


async def until_taken(taken: Taken, body: bytes) -> None:
    async with asyncio.timeout(60), taken.more:
        await taken.more.wait_for(lambda: body in taken.bodies)


async def test_after_a_kill_both_sessions_resume_and_nothing_confirmed_is_lost(scene: BrokerScene) -> None:
    bureau, broker = scene.fresh(), scene.running
    saw_out, saw_in = Saw(), Saw()
    async with publisher(scene.gateway, saw_out) as out, consuming(scene.gateway, saw_in) as taken:
        taken.open.clear()
        await scene.put("FR", "submit.FR", "routine", b"in hand at the kill", user_id="FR", type="envelope")
        await taken.until(1)
        await saw_in.until("broker-consuming")
        assert await out.publish([pending(bureau) for _ in range(20)]) == [True] * 20
        await broker.kill()
        with pytest.raises(Unavailable):
            await out.publish([pending(bureau)])
        taken.open.set()
        await broker.start()
        await resumed(out, bureau)
        await scene.put("FR", "submit.FR", "urgent", b"after the kill", user_id="FR", type="envelope")
        await taken.until(3)
        await saw_in.until("broker-consuming", 2)
    assert [arrival.body for arrival in taken.arrivals].count(b"in hand at the kill") == 2
    assert b"after the kill" in taken.bodies
    assert len(await scene.take(bureau, inbox_queue(bureau, Urgency.ROUTINE), 21)) == 21
    assert saw_out.count("broker-publishing") >= 2


async def test_a_broker_that_stops_confirming_is_left_for_a_new_session(scene: BrokerScene) -> None:
    bureau, broker, saw = scene.fresh(), scene.running, Saw()
    async with publisher(scene.gateway, saw, replace(QUICK, confirm=5.0)) as out:
        await out.ready()
        broker.process.send(signal.SIGSTOP)
        try:
            async with asyncio.timeout(60):
                assert await out.publish([pending(bureau), pending(bureau)]) == [False, False]
        finally:
            broker.process.send(signal.SIGCONT)
        await resumed(out, bureau)
        await saw.until("broker-session-failed")
    assert "nothing was confirmed" in [fields.get("why") for _, fields in saw.events]


async def resumed(out: Publisher, bureau: Address) -> None:
    """Publish a copy until one is confirmed."""
    async with asyncio.timeout(60):
        while True:
            with suppress(Unavailable):
                if await out.publish([pending(bureau)]) == [True]:
                    return
            await asyncio.sleep(0.1)


async def put_raw_timestamp(scene: BrokerScene, user: str, body: bytes) -> None:
    """Publish with a time stamp of the year 292 million, past what the driver can encode or decode."""
    async with scene.connection(user) as connection:
        channel = await connection.channel()
        underlay = await channel.get_underlay_channel()
        assert isinstance(underlay, aiormq.Channel)
        method = struct.pack(">HHH", 60, 40, 0)
        method += b"".join(bytes([len(part)]) + part for part in (f"submit.{user}".encode(), b"routine")) + b"\0"
        header_frame = struct.pack(">HHQHB", 60, 0, len(body), 0x1050, 2) + (2**63 - 1).to_bytes(8)
        header_frame += bytes([len(user)]) + user.encode()
        for kind, payload in ((1, method), (2, header_frame), (3, body)):
            frame = struct.pack(">BHI", kind, underlay.number, len(payload)) + payload + b"\xce"
            await underlay.write_queue.put(ChannelFrame(frame, should_close=False))
        await asyncio.sleep(0.5)
