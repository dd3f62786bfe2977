"""What came of an exercise: values, the judgement, one JSON object, and tables for people.

`cases`, `outcomes` and `refusals` are the same for the same operation and seed; keys, ids, roots and times are not.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue

from bureaus.auditor import Verdict
from bureaus.caseload import RANK
from bureaus.exercises.counting import OPEN
from bureaus.exercises.prose import Tongue
from bureaus.exercises.script import Disturbance
from bureaus.exercises.wrongs import Attempt
from schemas.codes import Urgency
from schemas.evidence import Event
from schemas.exchanges import Exchange
from schemas.identity import Address
from schemas.messages.codes import Finding, ResultKind
from schemas.notes import Standing


@dataclass(frozen=True, slots=True)
class CaseRun:
    """How one case went."""

    reference: str
    owner: Address
    answers: Mapping[Address, tuple[Finding, ...]]
    """What each asked bureau said; interim words before final ones."""
    expected: Finding | None
    """What the caseload says that it comes to; None where somebody asked is silent by its staff's habits."""
    outcome: Finding | None
    """What it came to; None where an answer is still owed."""
    result: ResultKind | None
    """What was reported to the secretariat, if anything."""
    seconds: tuple[float, ...]
    """From the question to each bureau's final answer."""
    times: Mapping[Address, float] = field(default_factory=dict)
    """The same, by who gave it."""
    urgency: Urgency = Urgency.ROUTINE
    asker: Address | None = None
    """Which unit of the owner's asked, or the owner itself; None is the owner."""
    written: Mapping[Tongue, int] = field(default_factory=dict)
    """How many texts were written about it, by language."""

    @property
    def as_expected(self) -> bool:
        """Whether the network brought the case to what the caseload says."""
        return self.outcome is self.expected

    def to_json(self) -> dict[str, JsonValue]:
        """The case without its times."""
        return {
            "reference": self.reference,
            "owner": self.owner,
            "asked_by": self.asker or self.owner,
            "answers": {bureau: [str(finding) for finding in said] for bureau, said in self.answers.items()},
            "outcome": None if self.outcome is None else str(self.outcome),
            "result": None if self.result is None else str(self.result),
            "urgency": str(self.urgency),
        }


@dataclass(frozen=True, slots=True)
class Times:
    """How an exercise's virtual time went."""

    seconds: float
    """Until the last thing happened."""
    step_seconds: float
    steps: int
    """How often time passed."""


@dataclass(frozen=True, slots=True)
class Run:
    """What was done and seen while the network ran."""

    cases: tuple[CaseRun, ...]
    attempts: tuple[Attempt, ...]
    reported: Mapping[ResultKind, int]
    """The secretariat's totals."""
    handled_twice: int
    """Queries that a bureau's handler got more than once."""
    held: Mapping[Address, tuple[bytes, ...]]
    """Every receipt that each bureau got, those of the deliberate wrongs among them."""
    seconds: float
    """From the first question to the last result."""
    sample: bytes = b""
    """One query as its author submitted it, to look at."""
    times: Times | None = None
    """None in real time."""
    deeds: tuple[tuple[Disturbance, str], ...] = ()
    """Disturbances as they were made, each with what it did, in words."""
    desks: Mapping[Address, Mapping[str, int]] = field(default_factory=dict)
    """What was done at each bureau's desk, where time is virtual: silent, more_time, mistakes, corrected."""
    stopped: bool = False
    """Whether it was stopped before its end."""
    services: Mapping[str, int] = field(default_factory=dict)
    """What the secretariat's services did, by name (counting.py); `open` is what somebody has still to do."""

    @property
    def receipts(self) -> tuple[bytes, ...]:
        """All of them."""
        return tuple(receipt for held in self.held.values() for receipt in held)

    @property
    def silent(self) -> int:
        """Queries that nobody answered, as the staff's habits say."""
        return sum(counts.get("silent", 0) for counts in self.desks.values())

    def outcomes(self) -> dict[str, int]:
        """How many cases came to what."""
        counted = Counter(case.outcome for case in self.cases)
        return {str(finding): counted[finding] for finding in RANK} | {"unanswered": counted[None]}

    def languages(self) -> dict[str, int]:
        """How many texts of questions and answers were written in which language."""
        return {str(tongue): sum(case.written.get(tongue, 0) for case in self.cases) for tongue in Tongue}

    def owed(self) -> Mapping[ResultKind, int]:
        """What the secretariat's totals should be, by what the cases' owners reported."""
        counted = Counter(case.result for case in self.cases)
        return {kind: counted[kind] for kind in ResultKind}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What verifying came to, and what it went by."""

    by: str
    """`record`: the operation's whole record; `proofs`: a proof for each receipt, and no record."""
    says: str
    """What that shows and what it does not, in a sentence."""
    wrong: tuple[str, ...]
    """What does not verify or is missing, a sentence each."""
    messages: Mapping[str, int]
    """Accepted messages by kind, as verified entries have them."""
    receipts: Mapping[str, int]
    """What the receipts are to the ledger, each kind counted."""
    size: int | None = None
    """Of the tree that everything was verified under; None where nothing was."""
    root: bytes | None = None
    entries: int | None = None
    """How many entries were verified."""
    witnesses: str | None = None
    """What the witnesses' signatures make of the checkpoint (schemas.notes.Standing); None where nothing says so."""
    silence: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """What the answer clock attested, by the bureau that was asked: reminders, overdue, escalated."""

    @property
    def ok(self) -> bool:
        """Whether everything verified."""
        return not self.wrong

    @property
    def ledger(self) -> dict[str, JsonValue]:
        """The tree head, and how many entries under it were verified."""
        return {"size": self.size, "root": None if self.root is None else self.root.hex(), "entries": self.entries}


_ANSWER: Final = "answer"
"""What the auditor calls an answer that is owed (schemas.exchanges)."""
_RECORD: Final = "The record holds every entry of the operation, and was verified offline with the network file alone."


def by_record(verdict: Verdict, *, silent: int = 0, whole: bool = True) -> Judgement:
    """The auditor's word on a record and the receipts.

    `silent` answers must be missing, as the staff's habits say; unless the exercise was `whole`, anything may be.
    """
    wrong = [] if verdict.error is None else [f"the record does not verify: {verdict.error}"]
    counts = {} if verdict.receipts is None else verdict.receipts.counts
    receipts = {str(held): count for held, count in counts.items() if count}
    if verdict.receipts is not None:
        wrong += verdict.receipts.wrong
    shown = verdict.report
    if shown is None:
        return Judgement("record", _RECORD, tuple(wrong), {}, receipts)
    standing = Standing.PROVISIONAL if shown.provisional else Standing.WITNESSED
    standing = standing if shown.quorum else Standing.UNWITNESSED
    if whole:
        missing = {**shown.missing}
        if missing.get(_ANSWER, 0) == silent:
            missing.pop(_ANSWER, None)
        wrong += [f"by the record, {count} times a {what} is missing" for what, count in missing.items()]
    kinds = Counter(message.kind for exchange in shown.exchanges for message in exchange.messages())
    messages = dict(sorted(kinds.items()))
    about = shown.size, shown.root, shown.entries
    return Judgement("record", _RECORD, tuple(wrong), messages, receipts, *about, standing, _silence(shown.exchanges))


_ATTESTED: Final = {
    Event.ANSWER_REMINDER: "reminders",
    Event.ANSWER_OVERDUE: "overdue",
    Event.ESCALATED: "escalated",
}


def _silence(exchanges: Sequence[Exchange]) -> Mapping[str, Mapping[str, int]]:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for exchange in exchanges:
        for who, delivery in exchange.opening.deliveries.items():
            for event, _ in delivery.clock:
                found[who][_ATTESTED[event]] += 1
    return {who: dict(sorted(counts.items())) for who, counts in sorted(found.items())}


@dataclass(frozen=True, slots=True)
class Report:
    """An exercise, judged."""

    about: Mapping[str, JsonValue]
    run: Run
    verdict: Judgement
    files: Mapping[str, str]
    seconds: Mapping[str, float] = field(default_factory=dict)
    commands: Mapping[str, str] = field(default_factory=dict)
    """What to type next: a word for each, and the command line."""

    def faults(self) -> list[str]:
        """What did not go as it must, a sentence each; empty if all is well."""
        run = self.run
        cases = [case for case in run.cases if not case.as_expected and not (run.stopped and case.outcome is None)]
        said = ["it was stopped before its end"] if run.stopped else []
        said += [f"case {case.reference} did not come to {case.expected or 'silence'}" for case in cases]
        said += [f"{attempt.wrong}: {attempt.fault}" for attempt in self.run.attempts if attempt.fault]
        if run.reported != run.owed() and not run.stopped:
            said.append("the secretariat's totals are not what the bureaus reported")
        if left := run.services.get(OPEN, 0):
            said += [f"the secretariat's services left {left} things open"] * (not run.stopped)
        if self.run.handled_twice:
            said.append(f"{self.run.handled_twice} queries took effect more than once")
        return [*said, *self.verdict.wrong]

    def to_json(self) -> dict[str, JsonValue]:
        """One object for machines."""
        median, p99 = self.answer_times()
        return {
            "exercise": dict(self.about),
            "cases": [case.to_json() for case in self.run.cases],
            "outcomes": dict(self.run.outcomes()),
            "languages": dict(self.run.languages()),
            "refusals": [attempt.to_json() for attempt in self.run.attempts],
            "refused": {**self.refused()},
            "results": {str(kind): count for kind, count in self.run.reported.items()},
            "services": dict(self.run.services),
            "messages": dict(self.verdict.messages),
            "answer_seconds": {"median": median, "p99": p99},
            "answer_seconds_by_bureau": self.answer_times_by_bureau(),
            "answer_seconds_by_unit": self.answer_times_by_unit(),
            "answer_seconds_by_urgency": self.answer_times_by_urgency(),
            "silence": {who: dict(counts) for who, counts in self.verdict.silence.items()},
            "desks": {who: dict(counts) for who, counts in sorted(self.run.desks.items()) if any(counts.values())},
            "disturbed": [{**one.model_dump(mode="json"), "did": did} for one, did in self.run.deeds],
            "clock": self.clock(),
            "ledger": self.verdict.ledger,
            "verdict": {
                "ok": self.verdict.ok,
                "by": self.verdict.by,
                "says": self.verdict.says,
                "receipts": dict(self.verdict.receipts),
                "witnesses": self.verdict.witnesses,
            },
            "seconds": dict(self.seconds),
            "files": dict(self.files),
            "commands": dict(self.commands),
            "stopped": self.run.stopped,
            "ok": not self.faults(),
            "faults": list(self.faults()),
        }

    def refused(self) -> dict[str, int]:
        """How many submissions were refused, by reason."""
        counts = Counter(str(attempt.reason) for attempt in self.run.attempts if attempt.reason is not None)
        return dict(sorted(counts.items()))

    def clock(self) -> dict[str, JsonValue]:
        """How time went: `virtual`, with its seconds, or `real`."""
        times = self.run.times
        if times is None:
            return {"kind": "real"}
        said: dict[str, JsonValue] = {"kind": "virtual", "seconds": times.seconds}
        return said | {"step_seconds": times.step_seconds, "steps": times.steps}

    def answer_times_by_urgency(self) -> dict[str, JsonValue]:
        """As by bureau, of urgent and of routine cases."""
        by: defaultdict[str, list[float]] = defaultdict(list)
        for case in self.run.cases:
            by[str(case.urgency)] += case.seconds
        return {urgency: _times(seconds) for urgency, seconds in sorted(by.items()) if seconds}

    def answer_times_by_unit(self) -> dict[str, JsonValue]:
        """As by bureau, of what each unit asked, as it had its answers."""
        by: defaultdict[str, list[float]] = defaultdict(list)
        for case in self.run.cases:
            if case.asker is not None and case.asker.unit is not None:
                by[case.asker] += case.seconds
        return {unit: _times(seconds) for unit, seconds in sorted(by.items())}

    def answer_times_by_bureau(self) -> dict[str, JsonValue]:
        """Median and 99th percentile of each bureau's final answers, in seconds, and how many they were."""
        by: defaultdict[str, list[float]] = defaultdict(list)
        for case in self.run.cases:
            for bureau, seconds in case.times.items():
                by[bureau].append(seconds)
        return {bureau: _times(times) for bureau, times in sorted(by.items())}

    def answer_times(self) -> tuple[float | None, float | None]:
        """Median and 99th percentile of the time to a final answer, in seconds; None without answers."""
        seconds = sorted(second for case in self.run.cases for second in case.seconds)
        return quantile(seconds, 0.5), quantile(seconds, 0.99)


def _times(seconds: Sequence[float]) -> dict[str, JsonValue]:
    """How many answers, and their quantiles in seconds, the tenths among them for a plot."""
    ordered = sorted(seconds)
    tenths: list[JsonValue] = [quantile(ordered, share / 10) for share in range(1, 10)]
    return {
        "answers": len(ordered),
        "median": quantile(ordered, 0.5),
        "p99": quantile(ordered, 0.99),
        "tenths": tenths,
    }


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that a `share` of all do not exceed, to the millisecond; None for none."""
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3)
