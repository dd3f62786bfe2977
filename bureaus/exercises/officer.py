"""A bureau's people on an exercise's virtual clock: they take queries, work their hours, answer, err, and correct.

Asked: the query lies on the desk from when the handler took it; the first answer goes out when so much working time is
spent as this bureau's conduct says (staff.py). More time that was asked for, what follows a trace, and corrections go
out later, each at its own time. Asking: a case is asked about at its time; whenever all who were asked have answered
finally, it is concluded from the answers, and the secretariat is told if that is new.

Rules: an answer is given outside of the handler, so that nothing is held while days pass; whoever is cut off does what
was due when the cut is over.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from bureaus.caseload import Case, answers_for, corrected, result_of
from bureaus.client import Bureau
from bureaus.exchange import Received
from bureaus.exercises import catalogue
from bureaus.exercises.catalogue import SECRETARIAT
from bureaus.exercises.plan import Plan, urgent
from bureaus.exercises.staff import Conduct, conduct, office
from bureaus.exercises.virtual_time import VirtualTime
from bureaus.simulated import Pursuit, handling_of
from schemas.codes import Answer, Urgency
from schemas.errors import Forbidden, Misuse
from schemas.identity import Address
from schemas.messages.codes import Finding
from schemas.messages.whereabouts import WhereaboutsQuery, WhereaboutsResponse

ACCEPTED_SECONDS: Final = 60.0
"""Real seconds that the gateway may take to decide."""
_CLOSING: Final = frozenset({Answer.FINAL, Answer.REFUSED})
_FOUND: Final = frozenset({Finding.ARRESTED, Finding.DETAINED, Finding.LOCATED, Finding.DECEASED})


@dataclass(slots=True)
class Desk:
    """What was done at one desk."""

    silent: int = 0
    more_time: int = 0
    mistakes: int = 0
    corrected: int = 0

    def counts(self) -> dict[str, int]:
        """For the report."""
        return {
            "silent": self.silent,
            "more_time": self.more_time,
            "mistakes": self.mistakes,
            "corrected": self.corrected,
        }


class Officer:
    """The people of one bureau. Making it registers its handlers."""

    def __init__(
        self, bureau: Bureau, address: Address, plan: Plan, time: VirtualTime, reporting: Bureau | None = None
    ) -> None:
        """`reporting` is a unit's bureau, which reports what comes of the unit's cases."""
        self.bureau, self.address = bureau, address
        self._reporting = reporting or bureau
        self._plan, self._time = plan, time
        self._staff = catalogue.staff_at(plan.operation, address.bureau)
        self._office = office(self._staff, plan.caseload.seed, address, catalogue.countries()[address.bureau].utc)
        self._line = next((line for line in plan.operation.lines if address in line.bureaus), None)
        self._asked = {case.reference: case for case in plan.caseload.asked_of(address)}
        self._begun: dict[bytes, int] = {}
        self.pursuits: dict[bytes, Pursuit] = {}
        """By the digest of the question."""
        self.handled: Counter[bytes] = Counter()
        """How often each query, by digest, reached the handler."""
        self.desk = Desk()
        bureau.on(WhereaboutsQuery.KIND)(self.take_query)
        bureau.on(WhereaboutsResponse.KIND)(self.take_answer)

    async def _cross(self, what: str) -> None:
        """Let pass what a message takes over a poor line of ours, where that is a whole step or more."""
        if self._line is not None and self._line.passes(self._plan.operation.time.step_seconds):
            seed = f"{self._plan.caseload.seed} {self.address} {what} line"
            await self._time.sleep(self._line.crossing(seed))

    # ---- asked

    async def take_query(self, query: Received) -> None:
        """Lay a query on the desk."""
        self.handled[query.digest] += 1
        if self.handled[query.digest] == 1:
            self._time.start(self._work(query))
        self._time.land(query.digest, self.address)

    async def _work(self, query: Received) -> None:
        if not isinstance(query.message, WhereaboutsQuery):
            raise Misuse("only whereabouts queries are answered here")
        case = self._asked.get(query.message.case or "")
        if case is None or case.owner != query.sender.bureau or case.person != query.message.person:
            await self._say(query, WhereaboutsResponse(finding=Finding.NO_TRACE, case=query.message.case))
            return
        await self._cross(f"{case.reference} query")
        pressing = query.header.urgency is Urgency.URGENT
        doing = conduct(self._staff, self._plan.caseload.seed, case.reference, self.address, urgent=pressing)
        if doing.silent:
            self.desk.silent += 1
            return
        await self._time.until(self._office.done(self._time.now(), doing.first))
        await self._time.reachable(self.address)
        await self._answer(query, case, doing)

    async def _answer(self, query: Received, case: Case, doing: Conduct) -> None:
        for answer in answers_for(case, self.address, self._time.now() // 1000):
            if doing.mistaken and answer.finding in _FOUND:
                self.desk.mistakes += 1
                await self._say(query, WhereaboutsResponse(finding=Finding.NO_TRACE, case=case.reference))
                await self._time.until(self._office.done(self._time.now(), doing.correction))
                self.desk.corrected += 1
                answer = corrected(case, self.address, answer)  # noqa: PLW2901  # it is the same answer
            await self._say(query, answer)
            if answer.finding is Finding.MORE_TIME and answer.until is not None:
                self.desk.more_time += 1
                left = answer.until * 1000 - self._time.now()
                await self._time.until(self._time.now() + int(left * doing.share))
            elif answer.answer is Answer.INTERIM:
                await self._time.until(self._office.done(self._time.now(), doing.further))

    async def _say(self, query: Received, answer: WhereaboutsResponse) -> None:
        await self._cross(f"{answer.case} {answer.finding}")
        await self._time.reachable(self.address)
        sent = await query.answer(answer, handling=handling_of(answer))
        self._time.fly(sent.digest, self.address, query.sender)
        await sent.accepted(ACCEPTED_SECONDS)

    # ---- asking

    async def pursue(self, case: Case, at: int) -> None:
        """Ask about a case of ours at a time."""
        await self._time.until(at)
        await self._time.reachable(self.address)
        asking, begun = self._plan.operation.asking, self._time.now()
        await self._cross(f"{case.reference} asked")
        exchange = await self.bureau.ask(
            case.query,
            to=case.asked,
            operation=self._plan.caseload.operation,
            purpose=asking.purpose,
            urgency=Urgency.URGENT if urgent(self._plan, case) else Urgency.ROUTINE,
            reply_by=self._time.now() // 1000 + asking.reply_seconds,
        )
        self.pursuits[exchange.digest] = Pursuit(case, query=exchange.digest)
        self._begun[exchange.digest] = begun
        for asked in case.asked:
            self._time.fly(exchange.digest, self.address, asked)
        try:
            await exchange.accepted(ACCEPTED_SECONDS)
        except Forbidden:
            self._time.lose(exchange.digest)
            raise

    async def take_answer(self, received: Received) -> None:
        """Put an answer to its case; conclude the case where it was the last one owed, or corrects one."""
        pursuit = self.pursuits.get(received.thread)
        if pursuit is not None and isinstance(received.message, WhereaboutsResponse):
            self._time.start(self._put(received, pursuit, received.message))
        self._time.land(received.digest, self.address)

    async def _put(self, received: Received, pursuit: Pursuit, answer: WhereaboutsResponse) -> None:
        await self._cross(f"{pursuit.case.reference} {received.sender} {answer.finding}")
        pursuit.answers.setdefault(received.sender, []).append(answer)
        if answer.answer in _CLOSING:
            taken = (self._time.now() - self._begun[received.thread]) / 1000
            pursuit.seconds.setdefault(received.sender, taken)
            if pursuit.answered:
                await self._conclude(pursuit)

    async def _conclude(self, pursuit: Pursuit) -> None:
        result = result_of(pursuit.case.reference, pursuit.given())
        if result is None or result.result is pursuit.result:
            return
        pursuit.result = result.result
        who = self.address.bureau
        await self._time.reachable(who)
        asking, operation = self._plan.operation.asking, self._plan.caseload.operation
        sent = await self._reporting.tell(result, to=[SECRETARIAT], operation=operation, purpose=asking.purpose)
        self._time.fly(sent.digest, who, SECRETARIAT)
        await sent.accepted(ACCEPTED_SECONDS)
