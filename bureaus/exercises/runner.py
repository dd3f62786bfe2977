"""Runs an exercise over a network that is up: opens the operation, pursues every case, tries the wrongs, waits.

Order: the secretariat signs and publishes the operation, or finds it there; every bureau is opened; each case's owner
asks, so many cases at one time; the wrongs; then what was reported must have reached the secretariat.

Rules: outcomes are concluded from what came over the wire, never from the caseload, which is only compared with. An
answer that does not come in time leaves its case without an outcome, and the report says so.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from bureaus.caseload import Case
from bureaus.client import Bureau
from bureaus.exercises import witnessing
from bureaus.exercises.catalogue import SECRETARIAT
from bureaus.exercises.plan import Plan
from bureaus.exercises.report import CaseRun, Run
from bureaus.exercises.script import Disturbance
from bureaus.exercises.wrongs import Attempt, Hand, Sent, try_all
from bureaus.secretariat.desk import Secretariat
from bureaus.secretariat.operations import first_version, next_version
from bureaus.simulated import Pursuit, SimulatedBureau
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.operation import Phase


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast, and how patient."""

    cases: int = 16
    """Cases pursued at one time."""
    answer_seconds: float = 60.0
    """How long a case waits for all its answers."""
    settle_seconds: float = 30.0
    """How long what was reported may take to the secretariat, and acknowledgements to the gateway."""


PATIENT = Pace()
Seat = Callable[[Address], Bureau]
"""Gives the bureau enrolled under an address, not open yet."""


class Watch(Protocol):
    """Somebody who follows the exercise."""

    def stage(self, words: str) -> None:
        """A stage begins."""

    def concluded(self, done: int, of: int) -> None:
        """So many cases of all are concluded."""


@dataclass(slots=True)
class _Cast:
    """Everybody, with their bureaus open."""

    secretariat: Secretariat
    bureaus: Mapping[Address, Bureau]
    simulated: Mapping[Address, SimulatedBureau]


Strike = Callable[[Disturbance], Awaitable[None]]
"""Makes a disturbance, and mends it when its time is over."""


async def _calm(disturbance: Disturbance) -> None:
    raise Misuse(f"{disturbance.what} can be made on a private network alone")


async def run(plan: Plan, seat: Seat, watch: Watch, pace: Pace = PATIENT, strike: Strike = _calm) -> Run:
    """Run the exercise with the bureaus that `seat` gives, which the run opens and closes.

    `strike` makes the plan's disturbances, each at its time.

    Raises:
        Unavailable: the network does not serve. Forbidden: it refused what must be accepted. Misuse: no case of the
            plan leaves a third bureau to try the wrongs.
    """
    async with _everybody(plan, seat) as cast:
        try:
            async with asyncio.TaskGroup() as group:
                workers = [group.create_task(one.work()) for one in cast.simulated.values()]
                done = await _perform(plan, cast, watch, pace, strike)
                for worker in workers:
                    worker.cancel()
        except BaseExceptionGroup as several:
            raise _first(several) from several
        return done


def _first(several: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first that is no group."""
    first = several.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


@asynccontextmanager
async def _everybody(plan: Plan, seat: Seat) -> AsyncIterator[_Cast]:
    """Open the secretariat, the operation, then everybody else, so that they find it there."""
    async with AsyncExitStack() as stack:
        office = await stack.enter_async_context(seat(SECRETARIAT))
        secretariat = Secretariat(office)
        now = int(time.time())
        versions = office.trust.operations.get(plan.operation.id, ())
        first = first_version(plan.operation, plan.members, owner=SECRETARIAT, phase=Phase.ACTIVE, now=now)
        wanted = next_version(versions[-1].signed, first) if versions else first
        if wanted is not None:
            await secretariat.open(wanted)
        bureaus = {SECRETARIAT: office}
        for code in (*plan.members, plan.outsider):
            bureaus[code] = await stack.enter_async_context(seat(code))
        habits, asking = plan.operation.habits, plan.operation.asking
        simulated = {
            code: SimulatedBureau(bureaus[code], plan.caseload, habits=habits, asking=asking) for code in plan.members
        }
        yield _Cast(secretariat, bureaus, simulated)


async def _perform(plan: Plan, cast: _Cast, watch: Watch, pace: Pace, strike: Strike) -> Run:
    begun = time.monotonic()
    earlier = {receipt for bureau in cast.bureaus.values() for receipt in await bureau.receipts()}
    watch.stage("asking")
    async with asyncio.TaskGroup() as timeline:
        for one in plan.operation.disturbances:
            timeline.create_task(_disturb(one, strike))
        pursuits = await _pursue_all(plan.caseload.cases, cast, watch, pace)
    watch.stage("trying deliberate wrongs")
    sent, attempts = await _try_wrongs(plan, cast, pursuits)
    watch.stage("waiting for the last acknowledgements")
    owed = sum(pursuit.result is not None for pursuit in pursuits)
    await cast.secretariat.has(owed, within=pace.settle_seconds)
    seconds = time.monotonic() - begun
    await asyncio.gather(*(bureau.settled(pace.settle_seconds) for bureau in cast.bureaus.values()))
    watch.stage("waiting for the witnesses")
    await witnessing.caught_up(next(iter(cast.bureaus.values())), within=pace.settle_seconds)
    held = await _held(cast, attempts, earlier)
    return Run(
        cases=tuple(map(_case_run, pursuits)),
        attempts=attempts,
        reported=cast.secretariat.results.totals(),
        handled_twice=sum(count > 1 for one in cast.simulated.values() for count in one.handled.values()),
        held=held,
        seconds=seconds,
        sample=sent.body,
    )


async def _disturb(disturbance: Disturbance, strike: Strike) -> None:
    await asyncio.sleep(disturbance.at)
    await strike(disturbance)


async def _held(cast: _Cast, attempts: Sequence[Attempt], earlier: set[bytes]) -> Mapping[Address, tuple[bytes, ...]]:
    """Each bureau's receipts but for those from before the run."""
    held: defaultdict[Address, list[bytes]] = defaultdict(list)
    for code, bureau in cast.bureaus.items():
        held[code] += [receipt for receipt in await bureau.receipts() if receipt not in earlier]
    for attempt in attempts:
        if attempt.by is not None:
            held[attempt.by].append(attempt.receipt)
    return {code: tuple(receipts) for code, receipts in held.items()}


async def _pursue_all(cases: Sequence[Case], cast: _Cast, watch: Watch, pace: Pace) -> list[Pursuit]:
    at_once = asyncio.Semaphore(pace.cases)
    done = 0

    async def pursue(case: Case) -> Pursuit:
        nonlocal done
        async with at_once:
            pursuit = await cast.simulated[case.owner].pursue(case, within=pace.answer_seconds)
        done += 1
        watch.concluded(done, len(cases))
        return pursuit

    return await asyncio.gather(*map(pursue, cases))


async def _try_wrongs(plan: Plan, cast: _Cast, pursuits: Sequence[Pursuit]) -> tuple[Sent, tuple[Attempt, ...]]:
    for pursuit in pursuits:
        owner, parties = pursuit.case.owner, {pursuit.case.owner, *pursuit.case.asked}
        thief = next((code for code in plan.members if code not in parties), None)
        if thief is not None and pursuit.query is not None:
            sent = Sent(*await cast.bureaus[owner].submitted(pursuit.query))
            author, other, outsider = (_hand(cast.bureaus[code]) for code in (owner, thief, plan.outsider))
            return sent, await try_all(sent, author, other, outsider)
    raise Misuse("in every case all bureaus take part: there is nobody to try a wrong")


def _hand(bureau: Bureau) -> Hand:
    key = bureau.trust.signer(bureau.keys.signing, int(time.time()))
    return Hand(bureau.address, bureau.link, key, bureau.trust)


def _case_run(pursuit: Pursuit) -> CaseRun:
    return CaseRun(
        reference=pursuit.case.reference,
        owner=pursuit.case.owner,
        answers=pursuit.findings(),
        expected=pursuit.case.outcome,
        outcome=pursuit.outcome,
        result=pursuit.result,
        seconds=tuple(pursuit.seconds.values()),
        times=dict(pursuit.seconds),
    )
