"""The chores of the answer clock: what time alone does to queries that nobody answers.

Order of work, of a step: clocks whose time came are locked, a batch of them; each is asked what has to be done
(deadlines.py); clocks, entries and attestations are committed in one transaction, signed once the indices are known.
Then who waits for an HTTP inbox is woken, and what goes over the broker is published until it is confirmed.

Rules: a stage that is done is kept with its clock in that same transaction, so that neither a restart, a second process
nor a clock set back does it again; a step costs what is due and not what is open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Gauge

from gateway import attesting, deadlines, ledger
from gateway.attesting import News
from gateway.clocks import Attested, State
from gateway.deadlines import Act, Clock
from gateway.ports import Clock as Time
from gateway.ports import Inboxes, Store, Transaction, Trust, Watcher
from gateway.settings import Chores
from gateway.standing import Standing
from schemas.evidence import Event
from schemas.identity import Address, Signer

LEASE: Final = 30_000
"""Milliseconds that an attestation to publish belongs to one process."""
STATES_SECONDS: Final = 60.0
"""Between two counts of the clocks, for the metrics."""
_DAY: Final = 24 * 3600 * 1000


class Pipeline(Protocol):
    """What is needed of the exchange."""

    @property
    def trust(self) -> Trust:
        """The signed statements in force."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What attestations are made and sent with."""

    pipeline: Pipeline
    signer: Signer
    """Holds the acceptance key."""
    standing: Standing
    inboxes: Inboxes | None
    """The broker; None where there is none: what goes there waits in the store."""
    wake: Callable[[frozenset[Address]], None]
    """Told which HTTP inboxes something was put into."""


@dataclass(frozen=True, slots=True)
class _Event:
    event: Event
    clock: Clock
    request: int


class Answers:
    """The chores: `look` for one process, each second or so; `forget` for one process, each hour or so."""

    def __init__(self, store: Store, tools: Tools, clock: Time, watcher: Watcher, limits: Chores) -> None:
        self._store, self._tools, self._limits = store, tools, limits
        self._clock, self._watcher = clock, watcher

    async def look(self) -> None:
        """Do all that is due, and publish what goes over the broker.

        Raises:
            Unavailable: `store`, or the broker; what was done until then stays so.
        """
        while await self.step():
            pass
        await self.place()

    async def step(self) -> int:
        """Do what is due of one batch of clocks: how many there were.

        Raises:
            Unavailable: `store`; nothing was done.
        """
        self._tools.standing.check()
        async with self._store.begin() as transaction:
            now = self._clock.now()
            due = await transaction.due_clocks(now, self._limits.answers_items)
            if not due:
                return 0
            moved = [deadlines.tick(clock, now) for clock in due]
            await transaction.save_clocks([clock for clock, _ in moved])
            steps = zip(due, moved, strict=True)
            events = [event for before, (clock, acts) in steps for event in _events(before, clock, acts)]
            attested = await self._record(transaction, events, now)
        if attested:
            self._tools.standing.reached(max(one.index for one in attested) + 1)
        for one in events:
            clock = one.clock
            said = {"digest": clock.query.hex(), "recipient": clock.recipient, "operation": clock.operation}
            self._watcher.saw(_NAMES[one.event], request=one.request, **said)
        self._tools.wake(attesting.inboxes(attested))
        return len(due)

    async def _record(self, transaction: Transaction, events: Sequence[_Event], now: int) -> list[Attested]:
        if not events:
            return []
        drafts = [attesting.entry(one.event, one.clock, now, one.request) for one in events]
        recorded = await ledger.record(transaction, drafts)
        self._tools.standing.begins(recorded[0][0])
        news = [
            News(one.event, one.clock, index, now, one.request)
            for one, (index, _) in zip(events, recorded, strict=True)
        ]
        trust = self._tools.pipeline.trust
        attested = attesting.attest(news, trust.directory, trust.network.id, self._tools.signer)
        await transaction.put_attestations(attested)
        return attested

    async def place(self) -> None:
        """Publish attestations for the broker, each until it is confirmed.

        Raises:
            Unavailable: `store` or `unreachable`.
        """
        inboxes = self._tools.inboxes
        if inboxes is None:
            return
        limit = self._limits.answers_items
        while waiting := await self._store.lease_attestations(self._clock.now(), LEASE, limit):
            sure = await inboxes.attest(waiting)
            await self._store.mark_attested([one for one, placed in zip(waiting, sure, strict=True) if placed])
            if not all(sure):
                self._watcher.saw("attestations-unplaced", count=sure.count(False))

    async def forget(self) -> None:
        """Delete attestations that waited long enough.

        Raises:
            Unavailable: `store`.
        """
        before = self._clock.now() - self._limits.attestation_days * _DAY
        while await self._store.forget_attestations(before, self._limits.retention_items):
            pass


_NAMES: Final = {
    Event.ANSWER_REMINDER: "answer-reminded",
    Event.ANSWER_OVERDUE: "answer-overdue",
    Event.ESCALATED: "answer-escalated",
}
_OF_ACT: Final = {
    Act.REMIND: Event.ANSWER_REMINDER,
    Act.ASK_AGAIN: Event.ANSWER_REMINDER,
    Act.OVERDUE: Event.ANSWER_OVERDUE,
    Act.ESCALATE: Event.ESCALATED,
}


def _events(before: Clock, clock: Clock, acts: Sequence[Act]) -> list[_Event]:
    """The events of what has to be done, each with the request that it speaks of: `deadlines.stages` counts them."""
    request = max(0, before.stage - len(before.terms.reminders)) + 1
    events: list[_Event] = []
    for act in acts:
        request += act is Act.ASK_AGAIN
        events.append(_Event(_OF_ACT[act], clock, request))
    return events


class ClockStates:
    """How many answer clocks are in which state, for the metrics of every process."""

    def __init__(self, store: Store, registry: CollectorRegistry) -> None:
        self._store = store
        says = "Queries that await an answer, or whose silence was attested, by recipient: how many are in each state."
        self._gauge = Gauge("bureaunet_answer_clocks", says, ["state"], registry=registry)

    async def look(self) -> None:
        """Count: one read over an index of those that are not answered.

        Raises:
            Unavailable: `store`.
        """
        counted = await self._store.clock_states()
        for state in (*sorted(deadlines.OPEN), State.OVERDUE, State.ESCALATED):
            self._gauge.labels(str(state)).set(counted.get(state, 0))
