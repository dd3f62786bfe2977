"""A national bureau that answers as its caseload says, and pursues its own cases. All of it is synthetic.

Asked: the case that a query names is looked up among those that this bureau is asked about. The first answer goes out
from the handler; what follows a MORE_TIME or a TRACE goes out by itself, each once the one before was accepted, since
no order is promised between messages on their way. Simulated time does not pass: what would come days later comes at
once. A case that it does not know, or that another bureau asks about than its owner, is NO_TRACE.

Asking: one question to all the bureaus where the person was last thought to be; when each of them has given a final
answer or refused, the case is concluded from those answers alone, and a result goes to the secretariat. A unit asks and
has the answers; its bureau reports, since a unit may not.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn

from bureaus.caseload import Case, Caseload, answers_for, outcome_of, result_of
from bureaus.client import Bureau
from bureaus.exchange import Received, Sent
from bureaus.exercises.catalogue import SECRETARIAT
from bureaus.exercises.prose import Tongue, tongue_of
from bureaus.exercises.script import Asking, Habits
from schemas.codes import Answer, Handling
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages.codes import Finding, ResultKind
from schemas.messages.whereabouts import WhereaboutsQuery, WhereaboutsResponse

LATER_SECONDS: Final = 0.05
"""What stands for the days until a bureau's next answer."""
ACCEPTED_SECONDS: Final = 120.0
"""How long the gateway may take to accept a later answer."""
_USUAL: Final = Habits()
_ASKING: Final = Asking()
_CLOSING: Final = frozenset({Answer.FINAL, Answer.REFUSED})


@dataclass(slots=True)
class Pursuit:
    """How one case of its owner's went."""

    case: Case
    answers: dict[Address, list[WhereaboutsResponse]] = field(default_factory=dict)
    seconds: dict[Address, float] = field(default_factory=dict)
    """From the question to the final answer, by who gave it."""
    result: ResultKind | None = None
    query: bytes | None = None
    """The digest of the question."""

    @property
    def answered(self) -> bool:
        """Whether nobody owes an answer any more."""
        return self.seconds.keys() == set(self.case.asked)

    @property
    def outcome(self) -> Finding | None:
        """What the case comes to by the answers; None while one is owed."""
        return outcome_of(answer for _, answer in self.given()) if self.answered else None

    def given(self) -> list[tuple[Address, WhereaboutsResponse]]:
        """Every answer and who gave it, in the order in which the bureaus were asked."""
        return [(bureau, answer) for bureau in self.case.asked for answer in self.answers.get(bureau, ())]

    def written(self) -> Mapping[Tongue, int]:
        """How much was written in words, by language: texts of the question and of the answers."""
        asked = [] if self.query is None else [self.case.query.background]
        answers = [answer for _, answer in self.given()]
        texts = asked + [text for answer in answers for text in (answer.remarks, answer.restrictions)]
        tongues = [tongue_of(text) for text in texts if text is not None]
        return Counter(tongue for tongue in tongues if tongue is not None)

    def findings(self) -> Mapping[Address, tuple[Finding, ...]]:
        """What each asked bureau said, interim words before final ones: no order is promised on the way."""
        return {
            bureau: tuple(answer.finding for answer in sorted(self.answers.get(bureau, ()), key=_rank))
            for bureau in self.case.asked
        }


def handling_of(answer: WhereaboutsResponse) -> Handling | None:
    """How an answer is to be handled: by its words, where it has restrictions; else as its query."""
    return None if answer.restrictions is None else Handling.H3


def _rank(answer: WhereaboutsResponse) -> int:
    return (Answer.MORE_TIME, Answer.INTERIM, Answer.FINAL, Answer.REFUSED).index(answer.answer)


def _wall() -> int:
    return int(time.time())


@dataclass(frozen=True, slots=True)
class _Rest:
    """What follows the first answer to a query."""

    query: Received
    first: Sent
    answers: Sequence[WhereaboutsResponse]


class SimulatedBureau:
    """A bureau of the network with its part of a caseload. Making it registers its handler; `work` must run."""

    def __init__(
        self,
        bureau: Bureau,
        caseload: Caseload,
        *,
        habits: Habits = _USUAL,
        asking: Asking = _ASKING,
        now: Callable[[], int] = _wall,
        strays: bool = False,
    ) -> None:
        """`habits` are this bureau's when it is asked, `asking` is how it asks; `now` is seconds since the epoch.

        With `strays` answers to what was not asked through it are taken too: somebody else has used its key.
        """
        self.bureau = bureau
        self._seed, self._habits, self._asking = caseload.seed, habits, asking
        self._operation = caseload.operation
        self._asked = {case.reference: case for case in caseload.asked_of(bureau.address)}
        self._now = now
        self._later: asyncio.Queue[_Rest] = asyncio.Queue()
        self.handled: Counter[bytes] = Counter()
        """How often each query, by digest, reached the handler."""
        self.pursuits: dict[str, Pursuit] = {}
        """Of our own cases so far, by reference."""
        bureau.on(WhereaboutsQuery.KIND)(self.answer)
        if strays:
            bureau.on(WhereaboutsResponse.KIND)(self.hear)

    async def answer(self, query: Received) -> None:
        """Answer a query with the first that there is to say; the rest is left to `work`."""
        if not isinstance(query.message, WhereaboutsQuery):
            raise Misuse("only whereabouts queries are answered here")
        self.handled[query.digest] += 1
        case = self._asked.get(query.message.case or "")
        if case is None or case.owner != query.sender.bureau or case.person != query.message.person:
            await query.answer(WhereaboutsResponse(finding=Finding.NO_TRACE, case=query.message.case))
            return
        if self._habits.seconds[1] > 0:
            await asyncio.sleep(self._habits.wait(f"{self._seed} {case.reference} {self.bureau.address}"))
        first, *rest = answers_for(case, self.bureau.address, self._now())
        sent = await query.answer(first, handling=handling_of(first))
        if rest:
            self._later.put_nowait(_Rest(query, sent, rest))

    async def hear(self, _answer: Received) -> None:
        """Take an answer: whoever pursues a case reads it from the exchange."""

    async def work(self) -> NoReturn:
        """Send what follows first answers, until cancelled. Raises Forbidden or Unavailable if one is not accepted."""
        while True:
            rest = await self._later.get()
            while rest.first.intent is None:  # noqa: ASYNC110  # until its handler has committed, it cannot be awaited
                await asyncio.sleep(LATER_SECONDS)
            await rest.first.accepted(ACCEPTED_SECONDS)
            for answer in rest.answers:
                await asyncio.sleep(LATER_SECONDS)
                sent = await rest.query.answer(answer, handling=handling_of(answer))
                await sent.accepted(ACCEPTED_SECONDS)

    async def pursue(self, case: Case, *, within: float) -> Pursuit:
        """Ask about a case of ours, or of our bureau's, and wait at most `within` seconds for all final answers."""
        pursuit = self.pursuits[case.reference] = Pursuit(case)
        begun = time.monotonic()
        exchange = await self.bureau.ask(
            case.query,
            to=case.asked,
            operation=self._operation,
            purpose=self._asking.purpose,
            urgency=self._asking.urgency,
            reply_by=self._now() + self._asking.reply_seconds,
        )
        async for response in exchange.responses(deadline=within):
            if isinstance(response.message, WhereaboutsResponse):
                pursuit.answers.setdefault(response.sender, []).append(response.message)
                if response.message.answer in _CLOSING:
                    pursuit.seconds[response.sender] = time.monotonic() - begun
        pursuit.query = exchange.digest
        return pursuit

    async def report(self, pursuit: Pursuit) -> None:
        """Tell the secretariat what came of a case of ours, where all have answered and somebody was found."""
        if not pursuit.answered:
            return
        result = result_of(pursuit.case.reference, pursuit.given())
        if result is not None:
            await self.bureau.tell(result, to=[SECRETARIAT], operation=self._operation, purpose=self._asking.purpose)
            pursuit.result = result.result
