"""Runs an exercise with each bureau as a process of its own, in real time: as countries are, and on many cores.

Order: the secretariat serves and opens the operation here; a process for each bureau (worker.py), which asks for its
notices; cases are pursued by their owners' processes; when the services have done all that was asked of them, each
settles and says what it holds, and ends; then three bureaus are opened here for the wrongs.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bureaus.client import Bureau
from bureaus.exercises import runner
from bureaus.exercises.catalogue import SECRETARIAT
from bureaus.exercises.course import RealCourse
from bureaus.exercises.opening import opened
from bureaus.exercises.plan import Plan, asker
from bureaus.exercises.report import Run
from bureaus.exercises.runner import PATIENT, STOPPED_SECONDS, Seat, Strike, Watch, unless
from bureaus.exercises.script import COUNTED, Disturbance
from bureaus.exercises.wishes import expected, wishes
from bureaus.exercises.worker import LINE, Order, Said, Who
from bureaus.exercises.wrongs import Attempt, Sent
from bureaus.simulated import Pursuit
from schemas.errors import Misuse, Reason, Unavailable
from schemas.identity import Address

START_SECONDS: Final = 120.0
"""Until a process' bureau is open, when all start at once."""


class Worker:
    """One bureau's process: `async with Worker(who)`."""

    def __init__(self, who: Who) -> None:
        self._who = who
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answers: dict[str, asyncio.Future[Said]] = {}

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        command = [sys.executable, "-m", "bureaus.exercises.worker"]
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, limit=LINE, start_new_session=True
        )
        self._reading = asyncio.create_task(self._read())
        async with asyncio.timeout(START_SECONDS):
            await self._ask("ready", self._who.model_dump_json())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End its input, which ends it; by its id where it does not."""
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        if self._reading is not None:
            await self._reading

    async def pursue(self, reference: str, within: float) -> Said:
        """Pursue a case of its own. Raises Unavailable if the process ended."""
        return await self._ask(reference, Order(pursue=reference, within=within).model_dump_json())

    async def report(self, pursued: Said) -> Said:
        """Report a case of its own that a unit of its pursued. Raises Unavailable if the process ended."""
        return await self._ask(pursued.case, Order(report=pursued).model_dump_json())

    async def held(self, within: float) -> Said:
        """Let it settle: what it holds. Raises Unavailable if the process ended."""
        return await self._ask("held", Order(within=within).model_dump_json())

    async def _ask(self, key: str, line: str) -> Said:
        if self._process is None or self._process.stdin is None or self._process.returncode is not None:
            raise self._ended()
        answer: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        self._answers[key] = answer
        self._process.stdin.write(line.encode() + b"\n")
        return await answer

    async def _read(self) -> None:
        if self._process is None or self._process.stdout is None:
            return
        try:
            while line := await self._process.stdout.readline():
                said = Said.model_validate_json(line)
                waiting = self._answers.pop(said.case or said.what, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(said)
        finally:  # also where it said what cannot be read: who leaves it hears of that
            for waiting in self._answers.values():
                if not waiting.done():
                    waiting.set_exception(self._ended())

    def _ended(self) -> Unavailable:
        return Unavailable(Reason.UNREACHABLE, f"the process of {self._who.address} has ended")


async def run(
    plan: Plan,
    home: Callable[[Address], Path],
    seat: Seat,
    watch: Watch,
    strike: Strike,
    stop: asyncio.Event | None = None,
) -> Run:
    """Run the exercise; each member's bureau is the one in its `home`, in a process. Otherwise as `runner.run`."""
    if any(one.what in COUNTED for one in plan.operation.disturbances):
        raise Misuse("what bureaus do wrong by themselves is not made in processes: leave --processes out")
    pursuits = [Pursuit(case) for case in plan.caseload.cases]
    async with AsyncExitStack() as stack:
        course = RealCourse()
        secretariat = await stack.enter_async_context(runner.serving(seat(SECRETARIAT), plan, course))
        watch.stage(f"starting {len(plan.askers)} processes")
        begun, deeds = time.monotonic(), list[tuple[Disturbance, str]]()
        async with _workers(plan, home) as workers:
            watch.stage("asking")
            stopped = await unless(stop, _ask_all(plan, pursuits, workers, watch, (strike, deeds)))
            if not stopped:
                watch.stage("waiting for the secretariat's services")
                owed = sum(pursuit.result is not None for pursuit in pursuits)
                await secretariat.ended(owed, expected(wishes(plan)), within=PATIENT.answer_seconds)
                course.check()
            within = STOPPED_SECONDS if stopped else PATIENT.settle_seconds
            said = await asyncio.gather(*(one.held(within) for one in workers.values()))
        held = {code: tuple(map(bytes.fromhex, one.receipts)) for code, one in zip(workers, said, strict=True)}
        sent, attempts = Sent(b"", b""), tuple[Attempt, ...]()
        bureaus: dict[Address, Bureau] = {SECRETARIAT: secretariat.bureau}
        if not stopped:
            watch.stage("trying deliberate wrongs")
            for code in (*plan.askers, plan.outsider):
                bureaus[code] = await opened(partial(seat, code))
                stack.push_async_exit(bureaus[code])
            sent, attempts = await runner.try_wrongs(plan, bureaus, pursuits)
            await secretariat.conclude()
        seconds = time.monotonic() - begun
        await runner.settle(bureaus.values(), watch, within)
        receipts = {**held, SECRETARIAT: tuple(await secretariat.bureau.receipts())}
        for attempt in attempts:
            if attempt.by is not None:
                receipts[attempt.by] = (*receipts.get(attempt.by, ()), attempt.receipt)
        return Run(
            cases=tuple(runner.case_run(plan, one) for one in pursuits),
            attempts=attempts,
            reported=await secretariat.reported(),
            services=await secretariat.counts(),
            handled_twice=sum(one.handled_twice for one in said),
            held=receipts,
            seconds=seconds,
            sample=sent.body,
            deeds=tuple(deeds),
            stopped=stopped,
        )


@asynccontextmanager
async def _workers(plan: Plan, home: Callable[[Address], Path]) -> AsyncIterator[Mapping[Address, Worker]]:
    seed, operation = plan.caseload.seed, plan.operation
    workers = {code: Worker(Who(home=home(code), address=code, operation=operation, seed=seed)) for code in plan.askers}
    async with AsyncExitStack() as stack:
        for worker in workers.values():
            stack.push_async_exit(worker)
        await asyncio.gather(*(worker.__aenter__() for worker in workers.values()))
        yield workers


async def _ask_all(
    plan: Plan,
    pursuits: list[Pursuit],
    workers: Mapping[Address, Worker],
    watch: Watch,
    striking: tuple[Strike, list[tuple[Disturbance, str]]],
) -> None:
    at_once, done = asyncio.Semaphore(PATIENT.cases), 0

    async def pursue(pursuit: Pursuit) -> None:
        nonlocal done
        case = pursuit.case
        asking = asker(plan, case)
        async with at_once:
            said = await workers[asking].pursue(case.reference, PATIENT.answer_seconds)
            said = said if asking == case.owner else await workers[case.owner].report(said)
        said.put(pursuit)
        done += 1
        watch.concluded(done, len(pursuits))

    strike, deeds = striking
    async with asyncio.TaskGroup() as timeline:
        for one in plan.operation.disturbances:
            timeline.create_task(runner.disturb(one, strike, {}, deeds))
        for pursuit in pursuits:
            timeline.create_task(pursue(pursuit))
