"""One simulated bureau as a process of its own: `python -m bureaus.exercises.worker`, spoken to in lines of JSON.

The first line says who it is; then each line is a case to pursue, or the order to settle and say what it holds. Each
answer is a line. When its input ends, it ends: it never outlives who started it.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from bureaus.client import Bureau
from bureaus.exercises.catalogue import Operation
from bureaus.exercises.course import RealCourse
from bureaus.exercises.opening import opened
from bureaus.exercises.partner import Partner
from bureaus.exercises.plan import asker, make_plan
from bureaus.simulated import Pursuit, SimulatedBureau
from schemas import messages
from schemas.identity import Address
from schemas.messages.codes import ResultKind
from schemas.messages.whereabouts import WhereaboutsResponse

LINE = 64 * 1024 * 1024
"""Bytes of a line at the most: what a bureau holds is one."""


class Who(BaseModel):
    """The first line."""

    home: Path
    address: str
    operation: Operation
    seed: int


class Said(BaseModel):
    """An answer, or how a case went that a unit pursued."""

    what: Literal["ready", "pursued", "held"]
    case: str = ""
    answers: dict[str, list[str]] = {}
    """Of each asked bureau, in order: messages in hexadecimal."""
    seconds: dict[str, float] = {}
    result: str | None = None
    query: str | None = None
    receipts: list[str] = []
    handled_twice: int = 0

    @classmethod
    def of(cls, pursuit: Pursuit) -> Said:
        """How a case went."""
        return cls(
            what="pursued",
            case=pursuit.case.reference,
            answers={who: [messages.encode(one).hex() for one in said] for who, said in pursuit.answers.items()},
            seconds={str(who): taken for who, taken in pursuit.seconds.items()},
            result=None if pursuit.result is None else str(pursuit.result),
            query=None if pursuit.query is None else pursuit.query.hex(),
        )

    def put(self, pursuit: Pursuit) -> None:
        """The same, for who started the process."""
        for who, said in self.answers.items():
            decoded = [messages.decode(WhereaboutsResponse.KIND, bytes.fromhex(one)) for one in said]
            pursuit.answers[Address(who)] = [one for one in decoded if isinstance(one, WhereaboutsResponse)]
        pursuit.seconds = {Address(who): taken for who, taken in self.seconds.items()}
        pursuit.result = None if self.result is None else ResultKind(self.result)
        pursuit.query = None if self.query is None else bytes.fromhex(self.query)


class Order(BaseModel):
    """A line after the first."""

    pursue: str = ""
    """A case of its own, or of its bureau's, by reference."""
    report: Said | None = None
    """A case of its own that a unit pursued: to be reported."""
    within: float = 60.0
    """Seconds."""


async def _main() -> None:
    reader = asyncio.StreamReader(LINE)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    who = Who.model_validate_json(await reader.readline())
    plan = make_plan(who.operation, who.seed)
    cases = {case.reference: case for case in plan.caseload.cases if asker(plan, case) == who.address}
    owned = {case.reference: case for case in plan.caseload.owned_by(Address(who.address))}
    habits, asking = who.operation.habits, who.operation.asking
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        bureau = await opened(lambda: Bureau.open(who.home))
        stack.push_async_exit(bureau)
        simulated = SimulatedBureau(bureau, plan.caseload, habits=habits, asking=asking)

        async def pursue(order: Order) -> None:
            pursuit = await simulated.pursue(cases[order.pursue], within=order.within)
            if pursuit.case.owner == who.address:
                await simulated.report(pursuit)
            _say(Said.of(pursuit))

        async def report(said: Said) -> None:
            pursuit = Pursuit(owned[said.case])
            said.put(pursuit)
            await simulated.report(pursuit)
            _say(Said.of(pursuit))

        course = RealCourse()
        stack.push_async_callback(course.aclose)
        partner = Partner(bureau, Address(who.address), plan, course)
        for wish in partner.wishes.values():
            course.start(partner.request(wish))
        working = group.create_task(simulated.work())
        _say(Said(what="ready"))
        while line := await reader.readline():
            order = Order.model_validate_json(line)
            if order.report is not None:
                group.create_task(report(order.report))
                continue
            if order.pursue:
                group.create_task(pursue(order))
                continue
            course.check()
            await bureau.settled(order.within)
            twice = sum(count > 1 for count in simulated.handled.values())
            _say(Said(what="held", receipts=[one.hex() for one in await bureau.receipts()], handled_twice=twice))
        working.cancel()


def _say(said: Said) -> None:
    sys.stdout.write(said.model_dump_json() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main())
