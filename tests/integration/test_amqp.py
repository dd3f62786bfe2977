"""Both ends of the AMQP link on a real broker: bureaus' links, and the gateway's pipeline on a real database."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import pytest_asyncio

from bureaus.sandbox.postgres import Postgres
from gateway.redelivery import redeliver
from schemas.codes import Urgency
from schemas.envelope import Envelope
from schemas.errors import Malformed, Reason, Unavailable
from schemas.evidence import Event
from schemas.wire import ItemType, decode_item, encode_submission, inbox_queue, submissions_queue, submit_exchange
from tests.amqp_gateway import acknowledgement, bureau, gateway, query, reading, said, submitted
from tests.broker_scene import BrokerScene
from tests.conftest import BrokerFactory

pytestmark = pytest.mark.broker


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(tmp_path_factory: pytest.TempPathFactory, broker_factory: BrokerFactory) -> BrokerScene:
    made = BrokerScene.make(tmp_path_factory.mktemp("broker"))
    made.broker = await broker_factory(made.definitions, made.server)
    await made.broker.settle()
    return made


async def test_a_submission_is_receipted_delivered_and_its_handover_recorded(
    scene: BrokerScene, tmp_path: Path
) -> None:
    fr, br = scene.fresh(), scene.fresh()
    async with (
        gateway(scene, tmp_path, fr, br) as gw,
        bureau(scene, fr, gw) as sender,
        bureau(scene, br, gw) as recipient,
    ):
        envelope = query(fr, br)
        receipt = said(await sender.submit(encode_submission(envelope)))
        assert (receipt.accepted, receipt.digest) == (True, envelope.digest)
        async with reading(recipient) as box:
            (item,) = await box.until(1)
            assert (item.statement, item.sealed) == (envelope.statement, envelope.sealed)
            assert said(item.acceptance) == receipt
            await recipient.acknowledge(acknowledgement(envelope, br))
            events = await gw.until(Event.CONTENT_HANDOVER)
    assert events[-3:] == [Event.SUBMISSION_ACCEPTANCE, Event.CONTENT_CONSIGNMENT, Event.CONTENT_HANDOVER]


async def test_many_submissions_at_once_each_have_their_receipt(scene: BrokerScene, tmp_path: Path) -> None:
    fr, br = scene.fresh(), scene.fresh()
    async with gateway(scene, tmp_path, fr, br) as gw, bureau(scene, fr, gw) as sender:
        envelopes = [query(fr, br) for _ in range(30)]
        receipts = await asyncio.gather(*(sender.submit(encode_submission(one)) for one in envelopes))
    assert [said(one).digest for one in receipts] == [one.digest for one in envelopes]


async def test_an_urgent_message_takes_the_urgent_queues_all_the_way(scene: BrokerScene, tmp_path: Path) -> None:
    fr, br = scene.fresh(), scene.fresh()
    urgent_only = [submissions_queue(fr, Urgency.URGENT)]
    routine, urgent = query(fr, br), query(fr, br, Urgency.URGENT)
    async with gateway(scene, tmp_path, fr, br, queues=lambda: urgent_only) as gw, bureau(scene, fr, gw) as sender:
        waiting = asyncio.create_task(submitted(sender, routine))
        assert (await submitted(sender, urgent)).accepted
        await gw.until(Event.CONTENT_CONSIGNMENT)
        assert await gw.store.message(routine.digest) is None
        waiting.cancel()
        (body,) = await scene.take(br, inbox_queue(br, Urgency.URGENT), 1)
        assert decode_item(body).statement == urgent.statement
    async with gateway(scene, tmp_path, fr, br) as gw, bureau(scene, br, gw) as recipient, reading(recipient) as box:
        (item,) = await box.until(1)
    assert item.statement == routine.statement


async def test_the_same_submission_again_gets_its_first_receipt(scene: BrokerScene, tmp_path: Path) -> None:
    fr, br = scene.fresh(), scene.fresh()
    async with gateway(scene, tmp_path, fr, br) as gw, bureau(scene, fr, gw) as sender:
        body = encode_submission(query(fr, br))
        first, *more = await asyncio.gather(*(sender.submit(body) for _ in range(5)))
        assert set(more) == {first}
        assert await sender.submit(body) == first
        assert (await gw.events()).count(Event.SUBMISSION_ACCEPTANCE) == 1


async def test_a_batch_that_could_not_be_kept_comes_again(scene: BrokerScene, tmp_path: Path) -> None:
    fr, br = scene.fresh(), scene.fresh()
    async with (
        gateway(scene, tmp_path, fr, br) as gw,
        bureau(scene, fr, gw) as sender,
        bureau(scene, br, gw) as recipient,
    ):
        envelope = query(fr, br)
        await submitted(sender, envelope)
        for _ in range(3):  # as when a bureau's disk is full: it leaves the loop, and asks anew on the same connection
            async with asyncio.timeout(60):
                items = await anext(recipient.items(-1))
            assert [item.statement for item in items] == [envelope.statement]


async def test_a_refusal_is_a_signed_receipt_too(scene: BrokerScene, tmp_path: Path) -> None:
    fr, br, stranger = scene.fresh(), scene.fresh(), scene.fresh()
    async with gateway(scene, tmp_path, fr, br) as gw, bureau(scene, fr, gw) as sender:
        outside = said(await sender.submit(encode_submission(query(fr, stranger))))
        assert (outside.accepted, outside.reason) == (False, Reason.RECIPIENT_NOT_MEMBER)
        of_another = said(await sender.submit(encode_submission(query(br, fr))))
        assert (of_another.accepted, of_another.reason) == (False, Reason.LINK_IDENTITY)
        envelope = query(fr, br)
        forged = Envelope(envelope.statement[:-1] + bytes([envelope.statement[-1] ^ 1]), envelope.sealed)
        assert said(await sender.submit(encode_submission(forged))).reason is Reason.SIGNATURE
        assert await gw.quarantine() == []


async def test_garbage_goes_to_quarantine_with_its_reason_and_stops_nobody(scene: BrokerScene, tmp_path: Path) -> None:
    fr, br = scene.fresh(), scene.fresh()
    exchange, user = submit_exchange(fr), str(fr)
    async with gateway(scene, tmp_path, fr, br) as gw, bureau(scene, fr, gw) as sender:
        await scene.put(fr, exchange, "routine", b"no user", type="envelope")
        await scene.put(fr, exchange, "routine", b"no type", user_id=user)
        await scene.put(fr, exchange, "urgent", b"unknown type", user_id=user, type="letter")
        await scene.put(fr, exchange, "routine", b"a receipt from a bureau", user_id=user, type="receipt")
        await scene.put(fr, exchange, "routine", b"garbage as evidence", user_id=user, type="evidence")
        await scene.put("gateway", "deliver", inbox_queue(br, Urgency.ROUTINE), b"not for the gateway")
        refused = said(await sender.submit(b"garbage as an envelope"))
        assert (refused.accepted, refused.index) == (False, None)
        assert (await submitted(sender, query(fr, br))).accepted
        kept = await gw.quarantined(6)
    causes = {body: (link, cause) for link, cause, body in kept}
    assert causes[b"no user"] == (fr, "link-identity")
    for body in (b"no type", b"unknown type", b"a receipt from a bureau"):
        assert causes[body] == (fr, "unreadable")
    assert causes[b"garbage as an envelope"] == (fr, str(refused.reason))
    assert causes[b"garbage as evidence"][1].startswith("cbor-")


async def test_evidence_of_what_was_never_sent_is_set_aside(scene: BrokerScene, tmp_path: Path) -> None:
    fr, br = scene.fresh(), scene.fresh()
    async with gateway(scene, tmp_path, fr, br) as gw, bureau(scene, br, gw) as recipient:
        await recipient.acknowledge(acknowledgement(query(fr, br), br))
        kept = await gw.quarantined(1)
    assert [(link, cause) for link, cause, _ in kept] == [(br, "not-addressed")]


async def test_what_is_in_an_inbox_and_is_no_item_is_told_once(scene: BrokerScene, tmp_path: Path) -> None:
    fr, br = scene.fresh(), scene.fresh()
    async with (
        gateway(scene, tmp_path, fr, br) as gw,
        bureau(scene, br, gw) as recipient,
        bureau(scene, fr, gw) as sender,
    ):
        await scene.put("gateway", "deliver", inbox_queue(br, Urgency.URGENT), b"garbage")
        with pytest.raises(Malformed):
            await anext(aiter(recipient.items(-1)))
        envelope = query(fr, br)
        await submitted(sender, envelope)
        async with reading(recipient) as box:
            (item,) = await box.until(1)
    assert item.statement == envelope.statement


async def test_a_copy_without_an_inbox_stays_owed_and_goes_when_there_is_one(
    scene: BrokerScene, tmp_path: Path
) -> None:
    fr, br = scene.fresh(), scene.fresh()
    async with gateway(scene, tmp_path, fr, br) as gw, bureau(scene, fr, gw) as sender:
        await scene.running.ctl("delete_queue", inbox_queue(br, Urgency.ROUTINE))
        envelope = query(fr, br)
        assert (await submitted(sender, envelope)).accepted
        await gw.saw.until("broker-returned")
        assert Event.CONTENT_CONSIGNMENT not in await gw.events()
        await scene.running.import_definitions(scene.definitions)
        gw.clock.milliseconds += 60_000
        assert await gw.exchange.republish() == 1
        await gw.until(Event.CONTENT_CONSIGNMENT)
        async with bureau(scene, br, gw) as recipient, reading(recipient) as box:
            (item,) = await box.until(1)
    assert item.statement == envelope.statement


async def test_a_purged_inbox_is_filled_again_and_the_ledger_has_each_consignment_once(
    scene: BrokerScene, tmp_path: Path
) -> None:
    fr, br = scene.fresh(), scene.fresh()
    async with gateway(scene, tmp_path, fr, br) as gw, bureau(scene, fr, gw) as sender:
        envelope = query(fr, br)
        await submitted(sender, envelope)
        await gw.until(Event.CONTENT_CONSIGNMENT)
        await scene.running.ctl("purge_queue", inbox_queue(br, Urgency.ROUTINE))
        assert (await redeliver(gw.store, gw.clock, bytes(32), br)).copies == 1
        assert await gw.exchange.republish() == 1
        async with bureau(scene, br, gw) as recipient, reading(recipient) as box:
            await box.until(1)
            await recipient.acknowledge(acknowledgement(envelope, br))
            events = await gw.until(Event.CONTENT_HANDOVER)
            assert [item.statement for item in box.envelopes()] == [envelope.statement]
    assert events.count(Event.CONTENT_CONSIGNMENT) == 1


async def test_an_item_that_was_not_kept_comes_again(scene: BrokerScene, tmp_path: Path) -> None:
    fr, br = scene.fresh(), scene.fresh()
    async with gateway(scene, tmp_path, fr, br) as gw:
        async with bureau(scene, fr, gw) as sender:
            envelope = query(fr, br)
            await submitted(sender, envelope)
        async with bureau(scene, br, gw) as crashing:
            batch = await anext(aiter(crashing.items(-1)))
            assert [item.statement for item in batch] == [envelope.statement]
        async with bureau(scene, br, gw) as again, reading(again) as box:
            (item,) = await box.until(1)
    assert item.type is ItemType.ENVELOPE
    assert item.statement == envelope.statement


async def test_after_an_acknowledgement_that_failed_the_inbox_goes_on_over_a_new_line(
    scene: BrokerScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fr, br = scene.fresh(), scene.fresh()
    async with (
        gateway(scene, tmp_path, fr, br) as gw,
        bureau(scene, fr, gw) as sender,
        bureau(scene, br, gw) as recipient,
    ):
        first, second = query(fr, br), query(fr, br)
        await submitted(sender, first)
        batches = aiter(recipient.items(-1))
        await anext(batches)
        with monkeypatch.context() as slow:  # as on a machine that takes too long to write to the broker
            slow.setattr("bureaus.links.inbox.CALL", 0.0)
            with pytest.raises(Unavailable):
                await anext(batches)
        assert recipient._inbox is not None  # noqa: SLF001  # nothing else tells one line from the next
        assert recipient._inbox.line.lost.is_set()  # noqa: SLF001  # as above
        await submitted(sender, second)
        seen: set[bytes] = set()
        async with asyncio.timeout(60):
            async for batch in recipient.items(-1):
                seen |= {item.statement for item in batch}  # the first may be there again: nobody knows
                if second.statement in seen:
                    break


async def test_a_closed_link_lets_go_of_those_who_wait(scene: BrokerScene, tmp_path: Path) -> None:
    fr = scene.fresh()
    async with gateway(scene, tmp_path, fr, queues=lambda: [submissions_queue(fr, Urgency.URGENT)]) as gw:
        async with bureau(scene, fr, gw) as link:
            submitting = asyncio.create_task(link.submit(encode_submission(query(fr, fr))))
            waiting = asyncio.ensure_future(anext(aiter(link.items(-1))))
            await asyncio.sleep(0.5)
        for task in (submitting, waiting):
            with pytest.raises(Unavailable):
                async with asyncio.timeout(60):
                    await task
    async with gateway(scene, tmp_path, fr) as gw:  # takes what was left in the queue
        await asyncio.sleep(0.3)


async def test_nothing_is_lost_when_the_broker_is_killed(scene: BrokerScene, tmp_path: Path) -> None:
    fr, br = scene.fresh(), scene.fresh()
    envelopes = [query(fr, br) for _ in range(60)]
    async with (
        gateway(scene, tmp_path, fr, br) as gw,
        bureau(scene, fr, gw) as sender,
        bureau(scene, br, gw) as recipient,
    ):
        async with reading(recipient) as box:
            first = [asyncio.create_task(submitted(sender, envelope)) for envelope in envelopes[:30]]
            await box.until(5)
            await scene.running.kill()
            later = [asyncio.create_task(submitted(sender, envelope)) for envelope in envelopes[30:]]
            await scene.running.start()
            receipts = await asyncio.gather(*first, *later)
            assert all(receipt.accepted for receipt in receipts)
            async with asyncio.timeout(120):
                while {item.statement for item in box.envelopes()} != {envelope.statement for envelope in envelopes}:
                    gw.clock.milliseconds += 60_000  # the leases of what was not confirmed end
                    await gw.exchange.republish()
                    await asyncio.sleep(0.5)
        events = await gw.until(Event.CONTENT_CONSIGNMENT, 60)
        await gw.saw.until("broker-consuming", 2)  # said once every queue is consumed: later than the first message
    assert events.count(Event.SUBMISSION_ACCEPTANCE) == 60
    assert events.count(Event.CONTENT_CONSIGNMENT) == 60


@pytest.mark.postgres
async def test_while_the_database_is_away_messages_wait_and_are_decided_when_it_is_back(scene: BrokerScene) -> None:
    fr, br = scene.fresh(), scene.fresh()
    async with Postgres() as server:
        url = await server.create_database("gateway")
        async with gateway(scene, url, fr, br) as gw, bureau(scene, fr, gw) as sender:
            assert (await submitted(sender, query(fr, br))).accepted
            await server.kill()
            waiting = [asyncio.create_task(submitted(sender, query(fr, br))) for _ in range(20)]
            await gw.saw.until("arrivals-wait")
            assert not any(task.done() for task in waiting)
            await server.start()
            receipts = await asyncio.gather(*waiting)
            assert all(receipt.accepted for receipt in receipts)
            assert (await gw.events()).count(Event.SUBMISSION_ACCEPTANCE) == 21
            assert await gw.quarantine() == []
            assert gw.saw.count("broker-session-failed") == 0
