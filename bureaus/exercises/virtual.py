"""Runs an exercise on virtual time over a private network: the same file and seed give the same report.

Order: the virtual clock goes to the next Monday, 00:00 UTC; the secretariat serves and every bureau opens by it; cases
are asked about, and notices asked for, at times drawn from the seed; time passes until every case is concluded and
nothing more is to come, or the exercise's days are over; then the wrongs, and what is left to acknowledge is awaited.

Rules: as of the runner in real time (runner.py): outcomes are concluded from what came over the wire. A bureau's
silence leaves its case without an outcome, as the caseload and the seed say.
"""

from __future__ import annotations

import asyncio
import random
import time as machine
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from bureaus.caseload import Case
from bureaus.client import Bureau
from bureaus.exercises.attendance import SETTINGS, Attendance
from bureaus.exercises.catalogue import SECRETARIAT, countries, staff_at
from bureaus.exercises.clerks import Clerks
from bureaus.exercises.course import VirtualCourse
from bureaus.exercises.officer import Officer
from bureaus.exercises.opening import opened
from bureaus.exercises.partner import Partner, at_the_services
from bureaus.exercises.plan import Plan, asker, urgent
from bureaus.exercises.report import CaseRun, Run, Times
from bureaus.exercises.runner import PATIENT, STOPPED_SECONDS, Seat, Strike, Watch, hand, settle, unless
from bureaus.exercises.script import Disturbance
from bureaus.exercises.secretariat import Secretariat, opening, seated
from bureaus.exercises.staff import conduct, monday_after, office
from bureaus.exercises.virtual_time import VirtualTime
from bureaus.exercises.wishes import Wish, wishes
from bureaus.exercises.wrongs import Attempt, Sent, try_all
from bureaus.simulated import Pursuit
from schemas.codes import Urgency
from schemas.errors import Misuse
from schemas.identity import Address

_DAY: Final = 24 * 3600 * 1000
_OPEN_AT_ONCE: Final = 16
"""Bureaus that are opened at one time."""


@dataclass(slots=True)
class Cast:
    """Everybody, with their bureaus open."""

    secretariat: Secretariat
    bureaus: Mapping[Address, Bureau]
    officers: Mapping[Address, Officer]
    partners: Mapping[Address, Partner]


async def run(
    plan: Plan, seat: Seat, time: VirtualTime, watch: Watch, strike: Strike, stop: asyncio.Event | None = None
) -> Run:
    """Run the exercise with the bureaus that `seat` gives, which go by `time` and are opened and closed here.

    `stop` ends it: what there is then is the run.

    Raises:
        As `runner.run`. Unavailable: something did not come to its end, and what.
    """
    async with _everybody(plan, seat, time, watch) as cast:
        try:
            return await _perform(plan, cast, time, watch, (strike, stop))
        finally:
            await time.aclose()


@asynccontextmanager
async def _everybody(plan: Plan, seat: Seat, time: VirtualTime, watch: Watch) -> AsyncIterator[Cast]:
    await time.begin_at(monday_after(time.now()))  # before anybody has verified what holds for a time
    async with AsyncExitStack() as stack:
        secretariat = await stack.enter_async_context(seated(seat(SECRETARIAT), plan, time.now, SETTINGS))
        await secretariat.open(opening(plan, time.now() // 1000))
        course, attendance = VirtualCourse(time, plan), Attendance(secretariat, time)
        stack.push_async_callback(attendance.sending.aclose)
        time.before_passing = attendance.tend
        Clerks(secretariat.office, plan, course)
        bureaus = {SECRETARIAT: secretariat.bureau}
        at_once = asyncio.Semaphore(_OPEN_AT_ONCE)

        async def enter(code: Address) -> Bureau:
            async with at_once:
                return await opened(partial(seat, code))

        watch.stage(f"opening {len(plan.askers) + 1} bureaus")
        codes = (*plan.askers, plan.outsider)
        entered = await asyncio.gather(*map(enter, codes), return_exceptions=True)
        for code, one in zip(codes, entered, strict=True):
            if isinstance(one, Bureau):
                stack.push_async_exit(one)
                bureaus[code] = one
        for one in entered:
            if isinstance(one, BaseException):
                raise one
        officers = {code: Officer(bureaus[code], code, plan, time, bureaus[code.bureau]) for code in plan.askers}
        yield Cast(secretariat, bureaus, officers, at_the_services(plan, bureaus, course))


async def _perform(
    plan: Plan, cast: Cast, time: VirtualTime, watch: Watch, means: tuple[Strike, asyncio.Event | None]
) -> Run:
    begun, begin, (strike, stop) = machine.monotonic(), time.now(), means
    watch.stage("asking")
    deeds: list[tuple[Disturbance, str]] = []
    for one in plan.operation.disturbances:
        time.start(_disturb(one, cast, time, strike, deeds))
    for case in plan.caseload.cases:
        time.start(cast.officers[asker(plan, case)].pursue(case, _asked_at(plan, case, begin)))
    for wish in wishes(plan):
        time.start(_wish(cast.partners[wish.case.owner], wish, time, _asked_at(plan, wish.case, begin)))
    time.when_quiet = _Progress(plan, cast, watch).show
    stopped = await unless(stop, time.run(begin + int(plan.operation.time.days * _DAY)))
    lasted = (time.now() - begin) / 1000
    pursuits = _in_order(plan, cast)
    sent, attempts = Sent(b"", b""), tuple[Attempt, ...]()
    if not stopped:
        watch.stage("trying deliberate wrongs")
        sent, attempts = await _try_wrongs(plan, cast, pursuits, time)
        await cast.secretariat.conclude()
    await settle(cast.bureaus.values(), watch, STOPPED_SECONDS if stopped else PATIENT.settle_seconds)
    held = await _held(cast, attempts)
    return Run(
        cases=tuple(_case_run(plan, one) for one in pursuits),
        attempts=attempts,
        reported=await cast.secretariat.reported(),
        services=await cast.secretariat.counts(),
        handled_twice=sum(count > 1 for one in cast.officers.values() for count in one.handled.values()),
        held=held,
        seconds=machine.monotonic() - begun,
        sample=sent.body,
        times=Times(lasted, plan.operation.time.step_seconds, time.steps),
        deeds=tuple(sorted(deeds, key=lambda deed: deed[0].at)),
        stopped=stopped,
        desks={code: one.desk.counts() for code, one in cast.officers.items()},
    )


class _Progress:
    def __init__(self, plan: Plan, cast: Cast, watch: Watch) -> None:
        self._plan, self._cast, self._watch = plan, cast, watch
        self._told = -1

    def show(self) -> None:
        """Tell how many cases are concluded, if that is news."""
        concluded = sum(one.answered for officer in self._cast.officers.values() for one in officer.pursuits.values())
        if concluded != self._told:
            self._told = concluded
            self._watch.concluded(concluded, len(self._plan.caseload.cases))


def _asked_at(plan: Plan, case: Case, begin: int) -> int:
    """When a case is asked about: evenly in the asking hours, while its owner's desk is open."""
    seed, hours = plan.caseload.seed, plan.operation.time.asking_hours
    drawn = random.Random(f"{seed} {case.reference} asked").uniform(0, hours * 3600)  # nothing secret comes of it
    at = begin + int(drawn * 1000)
    if urgent(plan, case):
        return at
    staff = staff_at(plan.operation, case.owner)
    return office(staff, seed, case.owner, countries()[case.owner].utc).done(at, 60.0)


async def _disturb(
    one: Disturbance, cast: Cast, time: VirtualTime, strike: Strike, deeds: list[tuple[Disturbance, str]]
) -> None:
    await time.until(time.now() + int(one.at * 1000), first=True)
    deeds.append((one, await strike(one, cast.bureaus)))


async def _wish(partner: Partner, wish: Wish, time: VirtualTime, at: int) -> None:
    """The owner asks for its notice when it asks about the case."""
    await time.until(at)
    await time.reachable(partner.address)
    await partner.request(wish)


def _in_order(plan: Plan, cast: Cast) -> list[Pursuit]:
    """Everybody's pursuits, in the caseload's order; of a case that was never asked about, an empty one."""
    found = {one.case.reference: one for officer in cast.officers.values() for one in officer.pursuits.values()}
    return [found.get(case.reference, Pursuit(case)) for case in plan.caseload.cases]


async def _try_wrongs(
    plan: Plan, cast: Cast, pursuits: Sequence[Pursuit], time: VirtualTime
) -> tuple[Sent, tuple[Attempt, ...]]:
    for pursuit in pursuits:
        owner, parties = asker(plan, pursuit.case), {pursuit.case.owner, *pursuit.case.asked}
        thief = next((code for code in plan.members if code not in parties), None)
        if thief is not None and pursuit.query is not None:
            sent = Sent(*await cast.bureaus[owner].submitted(pursuit.query))
            author, other, outsider = (hand(cast.bureaus[code], time.now()) for code in (owner, thief, plan.outsider))
            return sent, await try_all(sent, author, other, outsider, time.now())
    raise Misuse("in every case all bureaus take part: there is nobody to try a wrong")


async def _held(cast: Cast, attempts: Sequence[Attempt]) -> Mapping[Address, tuple[bytes, ...]]:
    held: defaultdict[Address, list[bytes]] = defaultdict(list)
    for code, bureau in cast.bureaus.items():
        held[code] += await bureau.receipts()
    for attempt in attempts:
        if attempt.by is not None:
            held[attempt.by].append(attempt.receipt)
    return {code: tuple(receipts) for code, receipts in held.items()}


def _silent(plan: Plan, case: Case) -> bool:
    """Whether somebody who is asked about a case never answers."""
    pressing = urgent(plan, case)
    return any(
        conduct(staff_at(plan.operation, one), plan.caseload.seed, case.reference, one, urgent=pressing).silent
        for one in case.asked
    )


def _case_run(plan: Plan, pursuit: Pursuit) -> CaseRun:
    return CaseRun(
        reference=pursuit.case.reference,
        owner=pursuit.case.owner,
        asker=asker(plan, pursuit.case),
        answers=pursuit.findings(),
        expected=None if _silent(plan, pursuit.case) else pursuit.case.outcome,
        outcome=pursuit.outcome,
        result=pursuit.result,
        urgency=Urgency.URGENT if urgent(plan, pursuit.case) else Urgency.ROUTINE,
        seconds=tuple(pursuit.seconds[one] for one in pursuit.case.asked if one in pursuit.seconds),
        times={one: pursuit.seconds[one] for one in pursuit.case.asked if one in pursuit.seconds},
        written=pursuit.written(),
    )
