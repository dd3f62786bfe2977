"""What came of an exercise: values, the judgement, one JSON object, and tables for people.

`cases`, `outcomes` and `refusals` are the same for the same operation and seed; keys, ids, roots and times are not.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from bureaus.auditor import Verdict
from bureaus.caseload import RANK
from bureaus.exercises.wrongs import Attempt
from schemas.identity import Address
from schemas.messages.codes import Finding, ResultKind


@dataclass(frozen=True, slots=True)
class CaseRun:
    """How one case went."""

    reference: str
    owner: Address
    answers: Mapping[Address, tuple[Finding, ...]]
    """What each asked bureau said; interim words before final ones."""
    expected: Finding
    """What the caseload says that it comes to."""
    outcome: Finding | None
    """What it came to; None where an answer is still owed."""
    result: ResultKind | None
    """What was reported to the secretariat, if anything."""
    seconds: tuple[float, ...]
    """From the question to each bureau's final answer."""

    @property
    def as_expected(self) -> bool:
        """Whether the network brought the case to what the caseload says."""
        return self.outcome is self.expected

    def to_json(self) -> dict[str, JsonValue]:
        """The case without its times."""
        return {
            "reference": self.reference,
            "owner": self.owner,
            "answers": {bureau: [str(finding) for finding in said] for bureau, said in self.answers.items()},
            "outcome": None if self.outcome is None else str(self.outcome),
            "result": None if self.result is None else str(self.result),
        }


@dataclass(frozen=True, slots=True)
class Run:
    """What was done and seen while the network ran."""

    cases: tuple[CaseRun, ...]
    attempts: tuple[Attempt, ...]
    reported: Mapping[ResultKind, int]
    """The secretariat's totals."""
    handled_twice: int
    """Queries that a bureau's handler got more than once."""
    receipts: tuple[bytes, ...]
    """Every receipt that the bureaus keep, and those that the deliberate wrongs got."""
    seconds: float
    """From the first question to the last result."""

    def outcomes(self) -> dict[str, int]:
        """How many cases came to what."""
        counted = Counter(case.outcome for case in self.cases)
        return {str(finding): counted[finding] for finding in RANK} | {"unanswered": counted[None]}

    def owed(self) -> Mapping[ResultKind, int]:
        """What the secretariat's totals should be, by what the cases' owners reported."""
        counted = Counter(case.result for case in self.cases)
        return {kind: counted[kind] for kind in ResultKind}


@dataclass(frozen=True, slots=True)
class Report:
    """An exercise, judged."""

    about: Mapping[str, JsonValue]
    run: Run
    verdict: Verdict
    files: Mapping[str, str]
    seconds: Mapping[str, float] = field(default_factory=dict)

    def faults(self) -> list[str]:
        """What did not go as it must, a sentence each; empty if all is well."""
        said = [
            f"case {case.reference} did not come to {case.expected}" for case in self.run.cases if not case.as_expected
        ]
        said += [f"{attempt.wrong}: {attempt.fault}" for attempt in self.run.attempts if attempt.fault]
        if self.run.reported != self.run.owed():
            said.append("the secretariat's totals are not what the bureaus reported")
        if self.run.handled_twice:
            said.append(f"{self.run.handled_twice} queries took effect more than once")
        return said + self._audited()

    def _audited(self) -> list[str]:
        verdict = self.verdict
        said = [] if verdict.error is None else [f"the record does not verify: {verdict.error}"]
        if verdict.receipts is not None:
            said += verdict.receipts.wrong
        if verdict.report is not None:
            said += [
                f"by the record, {count} times a {what} is missing" for what, count in verdict.report.missing.items()
            ]
        return said

    def messages(self) -> dict[str, int]:
        """Accepted messages by kind, as the verified record has them."""
        exchanges = () if self.verdict.report is None else self.verdict.report.exchanges
        counted = Counter(message.kind for exchange in exchanges for message in exchange.messages())
        return dict(sorted(counted.items()))

    def receipts(self) -> dict[str, int]:
        """What the kept receipts are to the record, each kind counted."""
        counts = {} if self.verdict.receipts is None else self.verdict.receipts.counts
        return {str(held): count for held, count in counts.items() if count}

    def to_json(self) -> dict[str, JsonValue]:
        """One object for machines."""
        median, p99 = self.answer_times()
        return {
            "exercise": dict(self.about),
            "cases": [case.to_json() for case in self.run.cases],
            "outcomes": dict(self.run.outcomes()),
            "refusals": [attempt.to_json() for attempt in self.run.attempts],
            "results": {str(kind): count for kind, count in self.run.reported.items()},
            "messages": dict(self.messages()),
            "answer_seconds": {"median": median, "p99": p99},
            "ledger": self.ledger(),
            "verdict": {"ok": self.verdict.ok, "receipts": dict(self.receipts())},
            "seconds": dict(self.seconds),
            "files": dict(self.files),
            "ok": not self.faults(),
            "faults": list(self.faults()),
        }

    def ledger(self) -> dict[str, JsonValue]:
        """The tree head of the verified record, and how many of its entries are this operation's."""
        report = self.verdict.report
        if report is None:
            return {"size": None, "root": None, "entries": None}
        return {"size": report.size, "root": report.root.hex(), "entries": report.entries}

    def answer_times(self) -> tuple[float | None, float | None]:
        """Median and 99th percentile of the time to a final answer, in seconds; None without answers."""
        seconds = sorted(second for case in self.run.cases for second in case.seconds)
        return quantile(seconds, 0.5), quantile(seconds, 0.99)


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that a `share` of all do not exceed, to the millisecond; None for none."""
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3)
