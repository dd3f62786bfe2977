"""The rules that every store keeps, driven through the pipeline: the fake, SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import Any

import pytest

from gateway.ports_facts import Asked
from gateway.settings import Pipeline
from schemas.codes import Answer
from schemas.envelope import Envelope
from schemas.errors import BureaunetError, Forbidden, Reason, Unavailable, Untrusted
from schemas.evidence import Entry, Event, read_entry
from schemas.identity import Address, MessageId
from schemas.merkle import leaf_hash
from schemas.operation import Phase
from schemas.receipts import read_acceptance
from tests.support import NOW, RESPONSE, Stores, World

MANY = 1 << 24
"""Bytes: no limit for these tests."""


async def entries(stores: Stores) -> list[Entry]:
    return [read_entry(leaf.entry) for leaf in await stores.store.leaves(0, await stores.store.size())]


async def events(stores: Stores) -> list[Event]:
    return [entry.event for entry in await entries(stores)]


async def inbox(stores: Stores, code: str, after: int = -1) -> list[bytes]:
    return [item.digest for item in await stores.store.waiting(Address(code), after, 50, MANY)]


async def test_an_admitted_message_is_recorded_receipted_and_waits_for_its_recipients(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        envelope = world.envelope("FR", ["BR", "AR"])
        outcome = await world.send(exchange, envelope)
        said = read_acceptance(outcome.receipt, world.network.id, {world.acceptance.key_id: world.acceptance.public})
        assert (said.digest, said.index, said.accepted) == (envelope.digest, outcome.index, True)
        (item,) = await stores.store.waiting(Address("BR"), -1, 50, MANY)
        assert (item.envelope, item.receipt) == (envelope, outcome.receipt)
    found = await entries(stores)
    assert [(entry.event, entry.party, entry.number) for entry in found] == [
        (Event.DIRECTORY_UPDATED, None, None),
        (Event.OPERATION_UPDATED, "IPSG", 1),
        (Event.SUBMISSION_ACCEPTANCE, "FR", 2),
        (Event.CONTENT_CONSIGNMENT, "BR", 3),
        (Event.CONTENT_CONSIGNMENT, "AR", 4),
    ]
    accepted = found[said.index or 0]
    assert (accepted.time, accepted.digest, accepted.kind) == (said.time, envelope.digest, world.header().kind)
    assert accepted.previous == leaf_hash((await stores.store.leaves(1, 2))[0].entry)


async def test_the_same_again_gets_the_first_outcome_and_takes_no_effect(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        envelope = world.envelope()
        first = await world.send(exchange, envelope)
        size = await stores.store.size()
        again = await world.send(exchange, envelope)
        assert again == replace(first, repeated=True)
        assert await stores.store.size() == size


async def test_the_same_twice_in_one_batch_is_one_message(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store, Pipeline(linger_milliseconds=50)) as exchange:
        envelope = world.envelope()
        outcomes = await asyncio.gather(*(world.send(exchange, envelope) for _ in range(3)))
        assert {outcome.receipt for outcome in outcomes} == {outcomes[0].receipt}
        assert [outcome.repeated for outcome in outcomes] == [False, True, True]
        assert len(await inbox(stores, "BR")) == 1


async def test_a_refusal_at_8_to_12_is_final_and_recorded_without_its_content(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        envelope = world.envelope(kind="gossip/1")
        outcome = await world.send(exchange, envelope)
        assert (outcome.accepted, outcome.reason, outcome.step) == (False, Reason.KIND_NOT_ALLOWED, 12)
        await exchange.publish_operation(Address("IPSG"), world.amend(kinds=("gossip/1",)))
        again = await world.send(exchange, envelope)
        assert (again.accepted, again.receipt, again.index) == (False, outcome.receipt, outcome.index)
        row = await stores.store.message(envelope.digest)
        assert row is not None
        assert (row.statement, row.sealed, row.reason) == (envelope.statement, None, Reason.KIND_NOT_ALLOWED)
        assert (await stores.store.known(Asked(named=[envelope.digest]))).threads == {}
    entry = (await entries(stores))[outcome.index or 0]
    assert (entry.event, entry.reason, entry.kind) == (Event.SUBMISSION_REJECTION, Reason.KIND_NOT_ALLOWED, None)
    assert entry.operation == world.operation.id


async def test_a_refusal_under_an_unknown_operation_belongs_to_none(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        outcome = await world.send(exchange, world.envelope(sub="made-up"))
        assert outcome.reason is Reason.OPERATION_UNKNOWN
        assert (await entries(stores))[outcome.index or 0].operation is None
        assert await stores.store.operation_leaves("made-up", -1, 10) == []


async def test_a_used_id_is_refused_for_good_and_the_first_message_stands(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        cti = MessageId.new(NOW * 1000)
        first, second = world.envelope(cti=cti), world.envelope(cti=cti, content=b'{"b":1}')
        accepted, refused = await world.send(exchange, first), await world.send(exchange, second)
        assert accepted.accepted
        assert (refused.reason, refused.step) == (Reason.ID_REUSED, 8)
        assert (await world.send(exchange, second)).receipt == refused.receipt
        assert (await world.send(exchange, first)).receipt == accepted.receipt
        key = "FR", bytes(cti)
        assert (await stores.store.known(Asked(ids=[key, ("BR", bytes(cti))]))).ids == {key: first.digest}
        assert await inbox(stores, "BR") == [first.digest]


async def test_refusals_at_1_to_7_are_summarised_by_link_and_never_name_the_claimed_sender(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        size = await stores.store.size()
        outcomes = [await world.send(exchange, world.envelope("FR"), link="BR") for _ in range(3)]
        assert {(o.reason, o.step, o.index) for o in outcomes} == {(Reason.LINK_IDENTITY, 4, None)}
        assert await stores.store.size() == size
        await exchange.summarise()
        (entry,) = (await entries(stores))[size:]
        assert (entry.event, entry.party, entry.count, entry.digest) == (Event.REFUSAL_SUMMARY, "BR", 3, None)
        await world.send(exchange, world.envelope("FR"), link="BR")
        exchange.gatehouse.unsaid([entry])
        await exchange.summarise()
    assert (await entries(stores))[-1].count == 4, "what could not be recorded is in the next one"


async def test_a_summary_that_cannot_be_recorded_is_not_forgotten(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        pass
    exchange.gatehouse.unsaid(
        [Entry(Event.REFUSAL_SUMMARY, NOW, party=Address(code), count=2) for code in ("BR", "FR")]
    )
    with pytest.raises(Unavailable):
        await exchange.summarise()
    assert [(entry.party, entry.count) for entry in exchange.gatehouse.summaries(NOW)] == [("BR", 2), ("FR", 2)]


async def test_recorded_refusals_are_capped_by_bureau_and_minute(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store, Pipeline(recorded_refusals_per_minute=2)) as exchange:
        late = [world.envelope(exp=NOW, iat=NOW - 9) for _ in range(5)]
        outcomes = [await world.send(exchange, envelope) for envelope in late]
        assert [outcome.index is not None for outcome in outcomes] == [True, True, False, False, False]
        assert {outcome.reason for outcome in outcomes} == {Reason.EXPIRED}
        world.clock.move(60_000)
        assert (await world.send(exchange, world.envelope(exp=NOW, iat=NOW - 9))).index is not None
    assert [entry.count for entry in await entries(stores) if entry.event is Event.REFUSAL_SUMMARY] == [3]


async def test_a_handover_empties_the_inbox_once(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        envelope = world.envelope()
        await world.send(exchange, envelope)
        said = world.acknowledgement("BR", envelope.digest)
        await asyncio.gather(*(exchange.evidence(Address("BR"), said) for _ in range(3)))
        world.clock.move(1000)
        await exchange.evidence(Address("BR"), world.acknowledgement("BR", envelope.digest, reason=Reason.UNSEALING))
        assert await inbox(stores, "BR") == []
    assert (await events(stores))[-2:] == [Event.CONTENT_CONSIGNMENT, Event.CONTENT_HANDOVER]
    entry = (await entries(stores))[-1]
    assert (entry.party, entry.key_id) == ("BR", world.office("BR").signing.key_id)
    assert await stores.store.acknowledgement(entry.evidence or b"") == said


async def test_many_messages_are_read_together_as_far_as_their_sealed_parts_go(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        sent = [world.envelope(content=bytes(size)) for size in (10, 5000, 20)] + [world.envelope(kind="gossip/1")]
        for one in sent:
            await world.send(exchange, one)
    reads, everything = stores.store, 1 << 30
    digests = [one.digest for one in sent]
    rows = await reads.messages([bytes(32), *digests], everything)
    assert dict(rows) == {digest: await reads.message(digest) for digest in digests}
    assert [rows[digest].sealed for digest in digests] == [*(one.sealed for one in sent[:3]), None]
    first = len(sent[0].sealed or b"")
    assert set(await reads.messages(digests, first + 100)) == {digests[0]}, "the second is too much"
    assert set(await reads.messages([bytes(32), *digests[1:]], 1)) == {digests[1]}, "one of them at least"
    assert (await reads.messages([bytes(32)], everything), await reads.messages([], everything)) == ({}, {})


async def test_many_acknowledgements_are_read_together(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        said = []
        for _ in range(3):
            envelope = world.envelope()
            await world.send(exchange, envelope)
            said.append(world.acknowledgement("BR", envelope.digest))
            await exchange.evidence(Address("BR"), said[-1])
    kept = {hashlib.sha256(raw).digest(): raw for raw in said}
    assert await stores.store.acknowledgements([bytes(32), *kept]) == kept
    assert await stores.store.acknowledgements(list(kept)[:1]) == dict(list(kept.items())[:1])
    assert (await stores.store.acknowledgements([bytes(32)]), await stores.store.acknowledgements([])) == ({}, {})


async def test_a_refusing_acknowledgement_is_a_failed_handover_with_its_reason(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        envelope = world.envelope()
        await world.send(exchange, envelope)
        refusal = world.acknowledgement("BR", envelope.digest, reason=Reason.COMMITMENT)
        await exchange.evidence(Address("BR"), refusal)
    entry = (await entries(stores))[-1]
    assert (entry.event, entry.reason) == (Event.CONTENT_HANDOVER_FAILURE, Reason.COMMITMENT)


async def test_who_was_sent_nothing_cannot_acknowledge(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        envelope = world.envelope("FR", ["BR"])
        await world.send(exchange, envelope)
        for code, digest in (("AR", envelope.digest), ("FR", envelope.digest), ("BR", bytes(32))):
            with pytest.raises(Forbidden) as refused:
                await exchange.evidence(Address(code), world.acknowledgement(code, digest))
            assert refused.value.reason is Reason.NOT_ADDRESSED


async def test_a_unit_without_an_inbox_of_its_own_is_served_by_its_bureaus(stores: Stores) -> None:
    world = World()
    world.offices["BR"].units = ("borders",)
    world.first_directory()
    async with world.gateway(stores.store) as exchange:
        envelope = world.envelope("FR", ["BR/borders"])
        await world.send(exchange, envelope)
        assert await inbox(stores, "BR") == [envelope.digest]
        said = world.acknowledgement("BR", envelope.digest)
        await exchange.evidence(Address("BR"), said)
        await exchange.evidence(Address("BR"), said)
        assert await inbox(stores, "BR") == []
    assert (await entries(stores))[-1].party == "BR/borders"


async def test_an_answer_finds_its_thread(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        query = world.envelope("FR", ["BR"])
        await world.send(exchange, query)
        claims: dict[str, Any] = {"kind": RESPONSE, "thread": query.digest, "re": query.digest, "answer": Answer.FINAL}
        answer = world.envelope("BR", ["FR"], **claims)
        assert (await world.send(exchange, answer, "BR")).accepted
        more = world.envelope("FR", ["BR"], kind=RESPONSE, thread=query.digest, re=answer.digest)
        assert (await world.send(exchange, more)).accepted
        assert (await entries(stores))[-4].answer is Answer.FINAL
        stranger = world.envelope("AR", ["FR"], **claims)
        assert (await world.send(exchange, stranger, "AR")).reason is Reason.THREAD_PARTIES


async def test_an_inbox_is_read_in_pages_by_items_and_bytes(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        sent = [world.envelope() for _ in range(5)]
        for envelope in sent:
            await world.send(exchange, envelope)
        found = await stores.store.waiting(Address("BR"), -1, 2, MANY)
        assert [item.digest for item in found] == [e.digest for e in sent[:2]]
        assert await inbox(stores, "BR", found[-1].index) == [e.digest for e in sent[2:]]
        room = len(sent[0].sealed or b"") * 5 // 2
        assert len(await stores.store.waiting(Address("BR"), -1, 50, room)) == 2
        assert len(await stores.store.waiting(Address("BR"), -1, 50, 1)) == 1
        heads = await stores.store.heads_of_inboxes([Address("BR"), Address("AR")])
        assert heads == {Address("BR"): (await stores.store.waiting(Address("BR"), -1, 50, MANY))[-1].index}


async def test_a_large_circulation_is_fetched_by_its_hash_by_its_parties_alone(stores: Stores) -> None:
    codes = [f"Q{chr(65 + n // 26)}{chr(65 + n % 26)}" for n in range(33)]
    world = World("FR", "AR", *codes)
    async with world.gateway(stores.store) as exchange:
        envelope = world.envelope("FR", codes)
        assert (await world.send(exchange, envelope)).accepted
        (item,) = await stores.store.waiting(Address(codes[0]), -1, 50, MANY)
        assert item.envelope == Envelope(envelope.statement, None)
        name = world.candidate(envelope).statement.sealed_hash
        readers = [Address(code) for code in ("FR", codes[-1], "AR", "IPSG")]
        found = [await stores.store.sealed(name, reader) for reader in readers]
        assert found == [envelope.sealed, envelope.sealed, None, None]


async def test_two_gateways_on_one_store_give_one_outcome_to_each_message(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as one:
        two = world.exchange(stores.store)
        await two.start()
        try:
            sent = [world.envelope() for _ in range(20)]
            outcomes = await asyncio.gather(
                *(world.send(exchange, e) for e in sent for exchange in (one, two)),
            )
        finally:
            await two.stop()
        assert {o.accepted for o in outcomes} == {True}
        assert all(len({o.receipt for o in outcomes if o.digest == e.digest}) == 1 for e in sent)
        assert sorted(await inbox(stores, "BR")) == sorted(e.digest for e in sent)


async def test_statements_are_kept_once_and_in_their_order(stores: Stores) -> None:
    world = World()
    first = world.directory_raw
    async with world.gateway(stores.store) as exchange:
        assert await exchange.publish_directory(first) == 0
        assert await exchange.publish_operation(Address("IPSG"), world.operation_raw) == 1
        second, third = world.renew(), world.renew()
        with pytest.raises(Untrusted) as early:
            await exchange.publish_directory(third)
        assert early.value.reason is Reason.VERSION_ORDER
        assert await exchange.publish_directory(second) == 2
        assert await exchange.publish_directory(third) == 3
        assert exchange.trust.directory == world.directory
        closed = world.amend(phase=Phase.CLOSED)
        assert await exchange.publish_operation(Address("IPSG"), closed) == 4
        assert (await world.send(exchange, world.envelope())).reason is Reason.OPERATION_CLOSED
    again = world.exchange(stores.store)
    await again.start()
    assert again.trust.directory == world.directory
    assert again.trust.operations[world.operation.id].operation.phase is Phase.CLOSED
    await again.stop()
    assert [raw for _, raw in await stores.store.directories()] == [first, second, third]
    assert [index for index, _ in await stores.store.operations(1)] == [4]


async def test_an_operation_is_published_by_its_owner_with_its_own_key(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        statement = world.amend(name="Another name")
        found: list[Reason] = []
        for link, body in (("FR", statement), ("IPSG", statement[:-1] + bytes([statement[-1] ^ 1])), ("IPSG", b"")):
            with pytest.raises(BureaunetError) as refused:
                await exchange.publish_operation(Address(link), body)
            found.append(refused.value.reason)
        assert found == [Reason.LINK_IDENTITY, Reason.SIGNATURE, Reason.CBOR_TRUNCATED]


async def test_the_current_statement_is_the_last_one_and_the_store_answers(stores: Stores) -> None:
    assert await stores.store.current() is None
    await stores.store.save_current(b"one")
    await stores.store.save_current(b"two")
    assert await stores.store.current() == b"two"
    await stores.store.ping()
    assert (await stores.store.message(bytes(32)), await stores.store.acknowledgement(bytes(32))) == (None, None)
