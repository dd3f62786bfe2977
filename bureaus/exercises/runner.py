"""Runs an exercise over a network that is up: opens the operation, pursues every case, tries the wrongs, waits.

Order: the secretariat serves, and signs and publishes the operation, or finds it there; every bureau is opened; owners
ask for notices, and about each case, so many at one time; the wrongs; then what was reported must have reached the
secretariat, and its services must have done what they were asked for.

Rules: outcomes are concluded from what came over the wire, never from the caseload, which is only compared with. An
answer that does not come in time leaves its case without an outcome, and the report says so.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from bureaus.caseload import Case
from bureaus.client import Bureau
from bureaus.exercises import witnessing
from bureaus.exercises.catalogue import SECRETARIAT
from bureaus.exercises.clerks import Clerks
from bureaus.exercises.course import RealCourse
from bureaus.exercises.opening import opened
from bureaus.exercises.partner import Partner, at_the_services
from bureaus.exercises.plan import Plan, asker
from bureaus.exercises.report import CaseRun, Run
from bureaus.exercises.script import COUNTED, Disturbance
from bureaus.exercises.secretariat import Secretariat, opening, seated
from bureaus.exercises.wishes import expected, wishes
from bureaus.exercises.wrongs import Attempt, Hand, Sent, try_all
from bureaus.secretariat.operations import next_version
from bureaus.secretariat.serving import at_work
from bureaus.simulated import Pursuit, SimulatedBureau
from schemas.errors import Misuse
from schemas.identity import Address


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast, and how patient."""

    cases: int = 16
    """Cases pursued at one time."""
    answer_seconds: float = 60.0
    """How long a case waits for all its answers, and how long the services may take after the last."""
    settle_seconds: float = 30.0
    """How long what was reported may take to the secretariat, and acknowledgements to the gateway."""


PATIENT = Pace()
STOPPED_SECONDS = 3.0
"""How long what is on its way may take where the exercise was stopped."""
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
    partners: Mapping[Address, Partner]
    course: RealCourse


Strike = Callable[[Disturbance, Mapping[Address, Bureau]], Awaitable[str]]
"""Makes a disturbance among these bureaus, and mends it when its time is over: what it did, in words."""


def wall() -> int:
    """Milliseconds since the epoch, by the machine's clock."""
    return time.time_ns() // 1_000_000


async def _calm(disturbance: Disturbance, _bureaus: Mapping[Address, Bureau]) -> str:
    raise Misuse(f"{disturbance.what} can be made on a private network alone")


async def run(
    plan: Plan,
    seat: Seat,
    watch: Watch,
    pace: Pace = PATIENT,
    strike: Strike = _calm,
    stop: asyncio.Event | None = None,
) -> Run:
    """Run the exercise with the bureaus that `seat` gives, which the run opens and closes.

    `strike` makes the plan's disturbances, each at its time. `stop` ends the asking: what there is then is the run.

    Raises:
        Unavailable: the network does not serve. Forbidden: it refused what must be accepted. Misuse: no case of the
            plan leaves a third bureau to try the wrongs.
    """
    async with _everybody(plan, seat) as cast:
        try:
            async with asyncio.TaskGroup() as group:
                workers = [group.create_task(one.work()) for one in cast.simulated.values()]
                done = await _perform(plan, cast, watch, pace, (strike, stop))
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
async def serving(bureau: Bureau, plan: Plan, course: RealCourse) -> AsyncIterator[Secretariat]:
    """The secretariat at work by the machine's clock, and the exercise's operation open: as it is there, or made now.

    Raises:
        Misuse: its libraries are not installed; the operation is there, and is not ours. As entering a bureau.
    """
    async with seated(bureau, plan, wall) as secretariat:
        versions, first = bureau.trust.operations.get(plan.operation.id, ()), opening(plan, wall() // 1000)
        wanted = next_version(versions[-1].signed, first) if versions else first
        if wanted is not None:
            await secretariat.open(wanted)
        async with at_work(secretariat.office):
            Clerks(secretariat.office, plan, course)
            try:
                yield secretariat
            finally:
                await course.aclose()


@asynccontextmanager
async def _everybody(plan: Plan, seat: Seat) -> AsyncIterator[_Cast]:
    """Open the secretariat, the operation, then everybody else, so that they find it there."""
    async with AsyncExitStack() as stack:
        course = RealCourse()
        secretariat = await stack.enter_async_context(serving(seat(SECRETARIAT), plan, course))
        bureaus = {SECRETARIAT: secretariat.bureau}
        for code in (*plan.askers, plan.outsider):
            bureaus[code] = await opened(partial(seat, code))
            stack.push_async_exit(bureaus[code])
        habits, asking = plan.operation.habits, plan.operation.asking
        strays = any(one.what in COUNTED for one in plan.operation.disturbances)
        simulated = {
            code: SimulatedBureau(bureaus[code], plan.caseload, habits=habits, asking=asking, strays=strays)
            for code in plan.askers
        }
        yield _Cast(secretariat, bureaus, simulated, at_the_services(plan, bureaus, course), course)


async def _perform(
    plan: Plan, cast: _Cast, watch: Watch, pace: Pace, means: tuple[Strike, asyncio.Event | None]
) -> Run:
    begun, (strike, stop) = time.monotonic(), means
    earlier = {receipt for bureau in cast.bureaus.values() for receipt in await bureau.receipts()}
    watch.stage("asking")
    deeds: list[tuple[Disturbance, str]] = []
    stopped = await unless(stop, _ask_all(plan, cast, watch, pace, (strike, deeds)))
    asking = [(cast.simulated[asker(plan, case)], case) for case in plan.caseload.cases]
    pursuits = [one.pursuits.get(case.reference, Pursuit(case)) for one, case in asking]
    sent, attempts = Sent(b"", b""), tuple[Attempt, ...]()
    if not stopped:
        watch.stage("trying deliberate wrongs")
        sent, attempts = await try_wrongs(plan, cast.bureaus, pursuits)
        watch.stage("waiting for the secretariat's services")
        owed = sum(pursuit.result is not None for pursuit in pursuits)
        await cast.secretariat.ended(owed, expected(wishes(plan)), within=pace.answer_seconds)
        cast.course.check()
        await cast.secretariat.conclude()
    seconds = time.monotonic() - begun
    await settle(cast.bureaus.values(), watch, STOPPED_SECONDS if stopped else pace.settle_seconds)
    held = await _held(cast, attempts, earlier)
    return Run(
        cases=tuple(case_run(plan, one) for one in pursuits),
        attempts=attempts,
        reported=await cast.secretariat.reported(),
        services=await cast.secretariat.counts(),
        handled_twice=sum(count > 1 for one in cast.simulated.values() for count in one.handled.values()),
        held=held,
        seconds=seconds,
        sample=sent.body,
        deeds=tuple(sorted(deeds, key=lambda deed: deed[0].at)),
        stopped=stopped,
    )


async def _ask_all(
    plan: Plan, cast: _Cast, watch: Watch, pace: Pace, striking: tuple[Strike, list[tuple[Disturbance, str]]]
) -> None:
    strike, deeds = striking
    async with asyncio.TaskGroup() as timeline:
        for one in plan.operation.disturbances:
            timeline.create_task(disturb(one, strike, cast.bureaus, deeds))
        for wish in wishes(plan):
            cast.course.start(cast.partners[wish.case.owner].request(wish))
        await _pursue_all(plan, cast, watch, pace)


async def unless(stop: asyncio.Event | None, work: Coroutine[None, None, None]) -> bool:
    """Do it, or leave it as soon as `stop` is set: whether it was left. Raises what it raises."""
    if stop is None:
        await work
        return False
    doing, told = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({doing, told}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        left = not doing.done()
        doing.cancel()
        told.cancel()
        outcomes = await asyncio.gather(doing, told, return_exceptions=True)
    failure = outcomes[0]
    if isinstance(failure, BaseException) and not isinstance(failure, asyncio.CancelledError):
        raise failure
    return left


async def settle(bureaus: Iterable[Bureau], watch: Watch, within: float) -> None:
    """Wait until nothing waits in any bureau, and the witnesses signed all of it; at most `within` seconds each."""
    several = list(bureaus)
    watch.stage("waiting for the last acknowledgements")
    await asyncio.gather(*(bureau.settled(within) for bureau in several))
    watch.stage("waiting for the witnesses")
    await witnessing.caught_up(several[0], within=within)


async def disturb(
    one: Disturbance,
    strike: Strike,
    bureaus: Mapping[Address, Bureau],
    deeds: list[tuple[Disturbance, str]],
) -> None:
    """Make a disturbance at its time, and note what it did."""
    await asyncio.sleep(one.at)
    deeds.append((one, await strike(one, bureaus)))


async def _held(cast: _Cast, attempts: Sequence[Attempt], earlier: set[bytes]) -> Mapping[Address, tuple[bytes, ...]]:
    """Each bureau's receipts but for those from before the run."""
    held: defaultdict[Address, list[bytes]] = defaultdict(list)
    for code, bureau in cast.bureaus.items():
        held[code] += [receipt for receipt in await bureau.receipts() if receipt not in earlier]
    for attempt in attempts:
        if attempt.by is not None:
            held[attempt.by].append(attempt.receipt)
    return {code: tuple(receipts) for code, receipts in held.items()}


async def _pursue_all(plan: Plan, cast: _Cast, watch: Watch, pace: Pace) -> None:
    cases = plan.caseload.cases
    at_once = asyncio.Semaphore(pace.cases)
    done = 0

    async def pursue(case: Case) -> None:
        nonlocal done
        async with at_once:
            pursuit = await cast.simulated[asker(plan, case)].pursue(case, within=pace.answer_seconds)
            await cast.simulated[case.owner].report(pursuit)
        done += 1
        watch.concluded(done, len(cases))

    await asyncio.gather(*map(pursue, cases))


async def try_wrongs(
    plan: Plan, bureaus: Mapping[Address, Bureau], pursuits: Sequence[Pursuit]
) -> tuple[Sent, tuple[Attempt, ...]]:
    """Try every deliberate wrong on a query that was asked. Raises Misuse where all take part in every case."""
    for pursuit in pursuits:
        owner, parties = asker(plan, pursuit.case), {pursuit.case.owner, *pursuit.case.asked}
        thief = next((code for code in plan.members if code not in parties), None)
        if thief is not None and pursuit.query is not None:
            sent = Sent(*await bureaus[owner].submitted(pursuit.query))
            now = wall()
            author, other, outsider = (hand(bureaus[code], now) for code in (owner, thief, plan.outsider))
            return sent, await try_all(sent, author, other, outsider, now)
    raise Misuse("in every case all bureaus take part: there is nobody to try a wrong")


def hand(bureau: Bureau, now: int) -> Hand:
    """What this bureau has in its hands at `now`, in milliseconds since the epoch."""
    key = bureau.trust.signer(bureau.keys.signing, now // 1000)
    return Hand(bureau.address, bureau.link, key, bureau.trust)


def case_run(plan: Plan, pursuit: Pursuit) -> CaseRun:
    """How a case went, for the report."""
    return CaseRun(
        reference=pursuit.case.reference,
        owner=pursuit.case.owner,
        asker=asker(plan, pursuit.case),
        answers=pursuit.findings(),
        expected=pursuit.case.outcome,
        outcome=pursuit.outcome,
        result=pursuit.result,
        seconds=tuple(pursuit.seconds.values()),
        times=dict(pursuit.seconds),
        written=pursuit.written(),
    )
