"""The chore of the answer clock, on every store: what it records, attests and sends, each stage once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from gateway.adapters.memory import ListInboxes, ListWatcher
from gateway.answers import Answers, ClockStates, Tools
from gateway.clocks import State
from gateway.exchange import Exchange
from gateway.settings import Chores
from gateway.standing import Standing
from schemas.answer_times import AnswerTime
from schemas.attestations import Attestation, read_attestation
from schemas.codes import Answer, Urgency
from schemas.directory import Link
from schemas.envelope import Envelope
from schemas.errors import Reason, Unavailable
from schemas.evidence import Entry, Event, read_entry
from schemas.identity import Address
from tests.support import NOW, RESPONSE, Stores, World

MANY = 1 << 24
FR, BR, IPSG = Address("FR"), Address("BR"), Address("IPSG")
SECONDS = 1000
REMINDED = AnswerTime("whereabouts.query", Urgency.ROUTINE, 100, 400, (50, 90))
THRICE = AnswerTime("whereabouts.query", Urgency.ROUTINE, 10, 400, (50,), 3)
CLOCK = frozenset({Event.ANSWER_REMINDER, Event.ANSWER_OVERDUE, Event.ESCALATED, Event.CONTENT_HANDOVER_FAILURE})


class Scene:
    """A query of FR to BR in an operation with times of its own, and the chore."""

    def __init__(
        self, stores: Stores, link: Link = Link.HTTP, *, desk: bool = True, world: World | None = None
    ) -> None:
        self.world, self.stores, self.inboxes = world or World(link=link), stores, ListInboxes()
        if desk and world is None:
            self.world.offices["IPSG"].units = ("ccc",)
            self.world.first_directory()
        self.woken: set[Address] = set()
        self.watcher = ListWatcher()

    def answers(self, exchange: Exchange, standing: Standing | None = None, items: int = 100) -> Answers:
        """One process' chore."""
        standing = standing or Standing(self.watcher)
        tools = Tools(exchange, self.world.acceptance, standing, self.inboxes, self.woken.update)
        return Answers(self.stores.store, tools, self.world.clock, self.watcher, Chores(answers_items=items))

    async def ask(self, exchange: Exchange, time: AnswerTime) -> Envelope:
        """Publish the operation's time, and send the query."""
        await exchange.publish_operation(IPSG, self.world.amend(times=(time,)))
        query = self.world.envelope("FR", ["BR"])
        assert (await self.world.send(exchange, query)).accepted
        return query

    async def entries(self) -> list[tuple[int, Entry]]:
        """What the ledger says of the clock."""
        leaves = await self.stores.store.leaves(0, await self.stores.store.size())
        read = [(leaf.index, read_entry(leaf.entry)) for leaf in leaves]
        return [(index, entry) for index, entry in read if entry.event in CLOCK]

    async def inbox(self, address: str) -> list[Attestation]:
        """The attestations in an HTTP inbox, verified."""
        items = await self.stores.store.waiting(Address(address), -1, 50, MANY)
        read = [(item.index, self.read(item.envelope.statement)) for item in items if item.type == "receipt"]
        assert [index for index, said in read if said.index != index] == []
        return [said for _, said in read]

    def read(self, statement: bytes) -> Attestation:
        key = self.world.acceptance
        return read_attestation(statement, self.world.network.id, {key.key_id: key.public})

    def after(self, seconds: int) -> None:
        self.world.clock.move(seconds * SECONDS)


def events(said: list[Attestation]) -> list[tuple[Event, int]]:
    return [(one.event, one.request) for one in said]


async def test_silence_is_reminded_of_attested_and_escalated_each_once(stores: Stores) -> None:
    scene = Scene(stores)
    async with scene.world.gateway(stores.store) as exchange:
        answers = scene.answers(exchange)
        query = await scene.ask(exchange, REMINDED)
        await answers.look()
        assert await scene.entries() == []
        scene.after(50)
        await answers.look()
        await answers.look()
        assert events(await scene.inbox("BR")) == [(Event.ANSWER_REMINDER, 1)]
        assert await scene.inbox("FR") == []
        assert scene.woken == {BR}
        scene.after(50)  # the second reminder's time is over: it is left out
        await answers.look()
        found = await scene.entries()
        assert [(entry.event, entry.party, entry.digest, entry.count) for _, entry in found] == [
            (Event.ANSWER_REMINDER, "BR", query.digest, 1),
            (Event.ANSWER_OVERDUE, "BR", query.digest, None),
            (Event.ESCALATED, "BR", query.digest, None),
        ]
        assert {entry.operation for _, entry in found} == {scene.world.operation.id}
        both = [(Event.ANSWER_OVERDUE, 1), (Event.ESCALATED, 1)]
        assert events(await scene.inbox("FR")) == both
        assert events(await scene.inbox("BR")) == [(Event.ANSWER_REMINDER, 1), *both]
        (escalated,) = await scene.inbox("IPSG")  # its row serves the unit ccc
        index, entry = found[-1]
        assert (escalated.index, escalated.time) == (index, entry.time)
        assert (escalated.query, escalated.asked, escalated.asker) == (query.digest, BR, FR)
        assert (escalated.operation, escalated.due) == (scene.world.operation.id, (NOW + 100) * SECONDS)
        scene.after(-100)  # a clock set back does nothing again
        await answers.look()
        scene.after(5000)
        await answers.look()
        assert await scene.entries() == found
        assert [clock.state for clock in await stores.store.overdue(None, 5)] == [State.ESCALATED]


async def test_a_kind_that_is_asked_for_again_says_which_request_it_is(stores: Stores) -> None:
    scene = Scene(stores, desk=False)
    async with scene.world.gateway(stores.store) as exchange:
        answers = scene.answers(exchange)
        await scene.ask(exchange, THRICE)
        for seconds in (5, 5, 10, 10, 10):
            scene.after(seconds)
            await answers.look()
        silent = [
            (Event.ANSWER_OVERDUE, 1),
            (Event.ANSWER_REMINDER, 2),
            (Event.ANSWER_REMINDER, 3),
            (Event.ESCALATED, 3),
        ]
        assert events(await scene.inbox("FR")) == silent
        assert events(await scene.inbox("BR")) == [(Event.ANSWER_REMINDER, 1), *silent]
        assert await scene.inbox("IPSG") == []  # the directory has no desk


async def test_after_a_long_stop_all_that_was_missed_is_said_at_once_and_in_order(stores: Stores) -> None:
    scene = Scene(stores, desk=False)
    async with scene.world.gateway(stores.store) as exchange:
        await scene.ask(exchange, THRICE)
        scene.after(1000)
        await scene.answers(exchange).look()
        said = [(Event.ANSWER_OVERDUE, 1), (Event.ANSWER_REMINDER, 2), (Event.ANSWER_REMINDER, 3), (Event.ESCALATED, 3)]
        assert events(await scene.inbox("BR")) == said


async def test_who_answers_or_asks_for_time_is_not_overdue(stores: Stores) -> None:
    scene = Scene(stores)
    world = scene.world
    async with world.gateway(stores.store) as exchange:
        answers = scene.answers(exchange)
        query = await scene.ask(exchange, REMINDED)
        claims: dict[str, Any] = {"kind": RESPONSE, "thread": query.digest, "re": query.digest}
        more = world.envelope("BR", ["FR"], **claims, answer=Answer.MORE_TIME, until=NOW + 200)
        assert (await world.send(exchange, more, "BR")).accepted
        scene.after(150)
        await answers.look()
        assert events(await scene.inbox("BR")) == [(Event.ANSWER_REMINDER, 1)]
        final = world.envelope("BR", ["FR"], **claims, answer=Answer.FINAL)
        assert (await world.send(exchange, final, "BR")).accepted
        scene.after(500)
        await answers.look()
        assert len(await scene.entries()) == 1


async def test_the_asker_hears_that_a_program_refused_its_query(stores: Stores) -> None:
    scene = Scene(stores)
    async with scene.world.gateway(stores.store) as exchange:
        query = await scene.ask(exchange, REMINDED)
        await exchange.evidence(BR, scene.world.acknowledgement("BR", query.digest, reason=Reason.STRUCTURE))
        ((index, entry),) = await scene.entries()
        (said,) = await scene.inbox("FR")
        assert (said.event, said.index, said.query) == (Event.CONTENT_HANDOVER_FAILURE, index, query.digest)
        assert entry.reason is Reason.STRUCTURE
        assert await scene.inbox("BR") == []
        scene.after(5000)
        await scene.answers(exchange).look()
        assert len(await scene.entries()) == 1


async def test_over_the_broker_attestations_are_published_until_they_are_confirmed(stores: Stores) -> None:
    scene = Scene(stores, Link.AMQP)
    async with scene.world.gateway(stores.store, inboxes=scene.inboxes) as exchange:
        answers = scene.answers(exchange)
        await scene.ask(exchange, REMINDED)
        scene.after(100)
        scene.inboxes.refuse = True
        await answers.look()
        assert scene.inboxes.attested == []
        scene.inboxes.refuse = False
        await answers.look()
        assert scene.inboxes.attested == []  # leased: nobody knows yet that they are nowhere
        scene.after(30)
        await answers.look()
        await answers.look()
        placed = {(one.inbox, scene.read(one.statement).event) for one in scene.inboxes.attested}
        assert placed == {(to, event) for to in (FR, BR) for event in (Event.ANSWER_OVERDUE, Event.ESCALATED)} | {
            (IPSG, Event.ESCALATED)
        }
        assert len(scene.inboxes.attested) == len(placed)
        scene.inboxes.down = True
        scene.after(31 * 86_400)
        await answers.look()
        await answers.forget()
        assert await stores.store.lease_attestations(scene.world.clock.now(), 1, 10) == []


async def test_two_processes_do_each_stage_once(stores: Stores) -> None:
    scene = Scene(stores)
    async with scene.world.gateway(stores.store) as exchange:
        await exchange.publish_operation(IPSG, scene.world.amend(times=(REMINDED,)))
        queries = [scene.world.envelope("FR", ["BR"]) for _ in range(9)]
        for query in queries:
            assert (await scene.world.send(exchange, query)).accepted
        processes = [scene.answers(exchange, items=2) for _ in range(3)]
        for seconds in (50, 40, 10):
            scene.after(seconds)
            await asyncio.gather(*(one.look() for one in processes))
        found = await scene.entries()
        said = [(entry.event, entry.digest) for _, entry in found]
        for event, times in ((Event.ANSWER_REMINDER, 2), (Event.ANSWER_OVERDUE, 1), (Event.ESCALATED, 1)):
            assert sorted(digest for one, digest in said if one is event and digest) == sorted(
                query.digest for query in queries for _ in range(times)
            )


async def test_nothing_is_done_over_a_database_that_is_not_the_one_known(stores: Stores) -> None:
    scene = Scene(stores)
    async with scene.world.gateway(stores.store) as exchange:
        await scene.ask(exchange, REMINDED)
        scene.after(100)
        standing = Standing(scene.watcher)
        standing.reached(1000)
        with pytest.raises(Unavailable):
            await scene.answers(exchange, standing).look()
        assert await scene.entries() == []
        await scene.answers(exchange).look()
        assert len(await scene.entries()) == 2


async def test_the_metrics_count_clocks_by_state(stores: Stores) -> None:
    scene, registry = Scene(stores), CollectorRegistry()
    async with scene.world.gateway(stores.store) as exchange:
        await scene.ask(exchange, REMINDED)
        states = ClockStates(stores.store, registry)
        await states.look()
        assert registry.get_sample_value("bureaunet_answer_clocks", {"state": "awaiting"}) == 1
        scene.after(100)
        await scene.answers(exchange).look()
        await states.look()
        assert registry.get_sample_value("bureaunet_answer_clocks", {"state": "awaiting"}) == 0
        assert registry.get_sample_value("bureaunet_answer_clocks", {"state": "escalated"}) == 1
