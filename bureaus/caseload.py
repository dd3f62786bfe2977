"""The cases of an exercise: who is sought, who is asked, and what each asked bureau would find.

A caseload is made once from a seed and known to the exercise alone; a simulated bureau gets its own part
(`Caseload.asked_of`) and answers as that says. Two runs of one seed ask the same questions, get the same findings and
come to the same outcomes. All of it is synthetic.

Order of work, for each target: its owner, the person, the outcome that the case is to have, the one to four bureaus to
ask, which of them finds it, and what the others find, which is never more.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, Final

from pydantic import Field

from bureaus.exercises.catalogue import Kind, Operation, countries, working_languages
from bureaus.exercises.prose import Occasion, Tongue, Writer, only
from bureaus.people import synthetic_day, synthetic_document, synthetic_person, synthetic_place
from schemas.codes import Answer
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages.codes import (
    Asked,
    CaseTag,
    Confidence,
    Finding,
    InformationGrade,
    RefusalGround,
    ResultKind,
    SourceGrade,
)
from schemas.messages.fields import AddressField, Model, Reference, Seconds
from schemas.messages.person import Person
from schemas.messages.result import Result
from schemas.messages.whereabouts import LastKnown, WhereaboutsQuery, WhereaboutsResponse

RANK: Final = (
    Finding.ARRESTED,
    Finding.DETAINED,
    Finding.LOCATED,
    Finding.DECEASED,
    Finding.TRACE,
    Finding.NO_TRACE,
    Finding.REFUSED,
)
"""A case's outcome is the first of these that any asked bureau found."""

_LESSER: Final = {Finding.TRACE: 12, Finding.NO_TRACE: 76, Finding.REFUSED: 12}
"""What those find who are not the ones, percent; never more than the case's outcome."""

_RESULTS: Final = {
    Finding.ARRESTED: ResultKind.ARRESTED,
    Finding.DETAINED: ResultKind.LOCATED,
    Finding.LOCATED: ResultKind.LOCATED,
    Finding.DECEASED: ResultKind.IDENTIFIED,
}
_GROUNDS: Final = (
    RefusalGround.INVESTIGATION,
    RefusalGround.AUTHORISATION_REFUSED,
    RefusalGround.MINOR_OFFENCE,
    RefusalGround.NATIONAL_LAW,
)
_WRITTEN: Final = 0.6
"""The share of queries and answers that say something in words."""
_RESTRICTED: Final = 0.15
"""The share of answers that restrict their use."""
_OCCASIONS: Final = {
    Finding.TRACE: Occasion.TRACE,
    Finding.NO_TRACE: Occasion.NOTHING,
    Finding.REFUSED: Occasion.REFUSED,
}


class Truth(Model):
    """What one asked bureau finds, and whether it asks for more time first."""

    bureau: AddressField
    answer: WhereaboutsResponse
    more_time: Annotated[int, Field(gt=0)] | None = None
    """Seconds that it asks for before it answers; absent if it answers at once."""
    tongue: Tongue = Tongue.ENGLISH
    """In which its people write about this case."""


class Case(Model):
    """One target: who seeks whom, what is asked, and the truth at each asked bureau."""

    reference: Reference
    owner: AddressField
    query: WhereaboutsQuery
    truths: Annotated[tuple[Truth, ...], Field(min_length=1)]

    @property
    def person(self) -> Person:
        """Who is sought."""
        if self.query.person is None:
            raise Misuse("a caseload's queries name a person")
        return self.query.person

    @property
    def asked(self) -> tuple[Address, ...]:
        """The bureaus to ask."""
        return tuple(truth.bureau for truth in self.truths)

    @property
    def outcome(self) -> Finding:
        """What the case comes to when all have answered."""
        return outcome_of(truth.answer for truth in self.truths)


class Caseload(Model):
    """All cases of one exercise."""

    operation: str
    seed: int
    cases: tuple[Case, ...]

    def owned_by(self, bureau: Address) -> tuple[Case, ...]:
        """The cases that a bureau asks about."""
        return tuple(case for case in self.cases if case.owner == bureau)

    def asked_of(self, bureau: Address) -> tuple[Case, ...]:
        """The cases that a bureau is asked about."""
        return tuple(case for case in self.cases if bureau in case.asked)

    def outcomes(self) -> dict[Finding, int]:
        """How many cases come to what, in order of rank."""
        counted = Counter(case.outcome for case in self.cases)
        return {finding: counted[finding] for finding in RANK}


def make_caseload(operation: Operation, codes: Sequence[str], seed: int) -> Caseload:
    """The cases of an exercise among these bureaus, the same for the same arguments.

    Raises:
        Misuse: fewer than two bureaus, one twice, or one that is no member country's.
    """
    bureaus = [Address.parse(code) for code in codes]
    if len(bureaus) < 2 or len(set(bureaus)) != len(bureaus) or not set(bureaus) <= countries().keys():
        raise Misuse("a caseload needs two or more bureaus of member countries, each once")
    rng = random.Random(f"{operation.id} {seed}")  # noqa: S311 (a seed gives the same cases again; nothing secret comes of it)
    cases = tuple(_case(rng, operation, bureaus, number, seed) for number in range(1, operation.targets + 1))
    return Caseload(operation=operation.id, seed=seed, cases=cases)


def answers_for(case: Case, bureau: Address, now: int) -> tuple[WhereaboutsResponse, ...]:
    """What a bureau answers to a case's query, in order; the last is final or refused.

    MORE_TIME may come first. A TRACE is interim (`schemas.messages.codes.answer_to`): it leaves an answer owed, so a
    NO_TRACE closes it, once the search has led no further.

    Args:
        case: the case, which asks the bureau.
        bureau: who answers.
        now: seconds since the epoch; MORE_TIME runs from here.

    Raises:
        Misuse: the case does not ask that bureau.
    """
    for truth in case.truths:
        if truth.bureau == bureau:
            answers = [truth.answer]
            if truth.more_time is not None:
                answers.insert(0, _more_time(case, now + truth.more_time, truth.tongue))
            if truth.answer.answer is Answer.INTERIM:
                answers.append(_nothing_further(case, truth.tongue))
            return tuple(answers)
    raise Misuse("the case does not ask this bureau")


def corrected(case: Case, bureau: Address, answer: WhereaboutsResponse) -> WhereaboutsResponse:
    """The same answer, said to correct the one before it, in the language of who answers."""
    tongue = next((truth.tongue for truth in case.truths if truth.bureau == bureau), Tongue.ENGLISH)
    return answer.model_copy(update={"remarks": only(Occasion.CORRECTED, tongue)})


def answer_for(case: Case, bureau: Address, now: int) -> WhereaboutsResponse:
    """The first of `answers_for`."""
    return answers_for(case, bureau, now)[0]


def result_for(case: Case) -> Result | None:
    """What the owner tells the secretariat when all have answered; None where nobody was found."""
    return result_of(case.reference, ((truth.bureau, truth.answer) for truth in case.truths))


def outcome_of(answers: Iterable[WhereaboutsResponse]) -> Finding:
    """What a case comes to by these answers: the first in `RANK`. MORE_TIME counts for nothing.

    Raises:
        Misuse: none of them is an answer but MORE_TIME.
    """
    findings = [answer.finding for answer in answers if answer.finding is not Finding.MORE_TIME]
    if not findings:
        raise Misuse("a case without answers has no outcome")
    return min(findings, key=RANK.index)


def result_of(reference: Reference, answers: Iterable[tuple[Address, WhereaboutsResponse]]) -> Result | None:
    """What a case's owner tells the secretariat by these answers, and who gave them; None where nobody was found.

    Raises:
        Misuse: as `outcome_of`.
    """
    given = list(answers)
    outcome = outcome_of(answer for _, answer in given)
    kind = _RESULTS.get(outcome)
    bureau, found = next(pair for pair in given if pair[1].finding is outcome)
    if kind is None or found.place is None or found.date is None:
        return None
    return Result(result=kind, case=reference, place=found.place, date=found.date, contributors=(bureau,))


def _case(rng: random.Random, operation: Operation, bureaus: list[Address], number: int, seed: int) -> Case:
    owner = rng.choice(bureaus)
    reference = f"{owner}-{operation.year}-{number:06}"
    person = synthetic_person(rng, countries()[owner], offences=operation.offences, year=operation.year)
    others = [bureau for bureau in bureaus if bureau != owner]
    asked = rng.sample(others, min(len(others), rng.choices((1, 2, 3, 4), (35, 35, 20, 10))[0]))
    outcomes = operation.habits.outcomes
    outcome = rng.choices(tuple(outcomes), tuple(outcomes.values()))[0]
    finder = rng.choice(asked)
    truths = tuple(
        _truth(
            rng,
            operation,
            _writer(operation, seed, reference, bureau),
            (reference, bureau, outcome if bureau == finder else _lesser(rng, outcome)),
        )
        for bureau in asked
    )
    writer = _writer(operation, seed, reference, owner)
    if operation.kind is Kind.BORDER:
        query = _crossing_query(operation, seed, person, (reference, asked[0]), writer)
    else:
        words = {"background": writer.perhaps(Occasion.BACKGROUND, _WRITTEN)}
        query = _query(rng, operation, reference, person, asked[0]).model_copy(update=words)
    return Case(reference=reference, owner=owner, query=query, truths=truths)


def _crossing_query(
    operation: Operation, seed: int, person: Person, about: tuple[str, Address], writer: Writer
) -> WhereaboutsQuery:
    """Who is it that shows this document, which its issuer reported stolen? All that is known of them stands in it."""
    reference, issuer = about
    document = synthetic_document(random.Random(f"{seed} {reference} document"), issuer, operation.year)  # noqa: S311  # as above
    bearer = Person(
        name=person.name, sex=person.sex, birth_date=person.birth_date, nationalities=(issuer,), documents=(document,)
    )
    words = writer.write(Occasion.CROSSING)
    return WhereaboutsQuery(asked=(Asked.CONFIRM_IDENTITY,), person=bearer, case=reference, background=words)


def _query(
    rng: random.Random, operation: Operation, reference: str, person: Person, thought_in: Address
) -> WhereaboutsQuery:
    asked = rng.choice(((Asked.CONFIRM_LOCATION,), (Asked.CONFIRM_LOCATION, Asked.CONFIRM_IDENTITY), (Asked.STATUS,)))
    tags = [tag for tag, share in ((CaseTag.COLD, 0.15), (CaseTag.HIGH_PRIORITY, 0.1)) if rng.random() < share]
    last_seen = synthetic_day(rng, operation.year - 1, operation.year - 1)
    return WhereaboutsQuery(
        asked=asked,
        person=person,
        case=reference,
        last_known=LastKnown(
            place=synthetic_place(rng, thought_in), date=last_seen[:7] if rng.random() < 0.5 else last_seen
        ),
        tags=tuple(tags),
    )


def _lesser(rng: random.Random, outcome: Finding) -> Finding:
    allowed = [finding for finding in _LESSER if RANK.index(finding) >= RANK.index(outcome)]
    return rng.choices(allowed, [_LESSER[finding] for finding in allowed])[0]


def _writer(operation: Operation, seed: int, reference: str, bureau: Address) -> Writer:
    return Writer(working_languages(operation, bureau), seed, reference, bureau)


def _truth(rng: random.Random, operation: Operation, writer: Writer, found: tuple[str, Address, Finding]) -> Truth:
    more_time = rng.choice((2, 3, 5)) * 24 * 3600 if rng.random() < operation.habits.more_time else None
    reference, bureau, finding = found
    answer = _finding(rng, operation, reference, bureau, finding)
    said = {
        "remarks": writer.perhaps(_OCCASIONS.get(finding, Occasion.FOUND), _WRITTEN),
        "restrictions": writer.perhaps(Occasion.RESTRICTIONS, _RESTRICTED),
    }
    return Truth(bureau=bureau, answer=answer.model_copy(update=said), more_time=more_time, tongue=writer.tongue)


def _finding(
    rng: random.Random, operation: Operation, reference: str, bureau: Address, finding: Finding
) -> WhereaboutsResponse:
    if finding is Finding.NO_TRACE:
        return WhereaboutsResponse(finding=finding, case=reference)
    if finding is Finding.REFUSED:
        return WhereaboutsResponse(finding=finding, case=reference, ground=rng.choice(_GROUNDS))
    sure = finding in (Finding.ARRESTED, Finding.DETAINED, Finding.DECEASED)
    return WhereaboutsResponse(
        finding=finding,
        case=reference,
        place=synthetic_place(rng, bureau),
        date=synthetic_day(rng, operation.year, operation.year),
        confidence=Confidence.CONFIRMED if sure else rng.choice((Confidence.PROBABLE, Confidence.POSSIBLE)),
        source_grade=SourceGrade.A if sure else rng.choice(tuple(SourceGrade)),
        information_grade=InformationGrade.ACCURATE if sure else rng.choice(tuple(InformationGrade)),
    )


def _nothing_further(case: Case, tongue: Tongue) -> WhereaboutsResponse:
    remarks = only(Occasion.FURTHER, tongue)
    return WhereaboutsResponse(finding=Finding.NO_TRACE, case=case.reference, remarks=remarks)


def _more_time(case: Case, until: Seconds, tongue: Tongue) -> WhereaboutsResponse:
    remarks = only(Occasion.MORE_TIME, tongue)
    return WhereaboutsResponse(finding=Finding.MORE_TIME, case=case.reference, until=until, remarks=remarks)
