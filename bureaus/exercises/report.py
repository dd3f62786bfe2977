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
from bureaus.exercises.wrongs import Attempt
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
    expected: Finding
    """What the caseload says that it comes to."""
    outcome: Finding | None
    """What it came to; None where an answer is still owed."""
    result: ResultKind | None
    """What was reported to the secretariat, if anything."""
    seconds: tuple[float, ...]
    """From the question to each bureau's final answer."""
    times: Mapping[Address, float] = field(default_factory=dict)
    """The same, by who gave it."""

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
    held: Mapping[Address, tuple[bytes, ...]]
    """Every receipt that each bureau got, those of the deliberate wrongs among them."""
    seconds: float
    """From the first question to the last result."""
    sample: bytes = b""
    """One query as its author submitted it, to look at."""

    @property
    def receipts(self) -> tuple[bytes, ...]:
        """All of them."""
        return tuple(receipt for held in self.held.values() for receipt in held)

    def outcomes(self) -> dict[str, int]:
        """How many cases came to what."""
        counted = Counter(case.outcome for case in self.cases)
        return {str(finding): counted[finding] for finding in RANK} | {"unanswered": counted[None]}

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

    @property
    def ok(self) -> bool:
        """Whether everything verified."""
        return not self.wrong

    @property
    def ledger(self) -> dict[str, JsonValue]:
        """The tree head, and how many entries under it were verified."""
        return {"size": self.size, "root": None if self.root is None else self.root.hex(), "entries": self.entries}


_RECORD: Final = "The record holds every entry of the operation, and was verified offline with the network file alone."


def by_record(verdict: Verdict) -> Judgement:
    """The auditor's word on a record and the receipts."""
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
    wrong += [f"by the record, {count} times a {what} is missing" for what, count in shown.missing.items()]
    kinds = Counter(message.kind for exchange in shown.exchanges for message in exchange.messages())
    messages = dict(sorted(kinds.items()))
    return Judgement(
        "record", _RECORD, tuple(wrong), messages, receipts, shown.size, shown.root, shown.entries, standing
    )


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
        said = [
            f"case {case.reference} did not come to {case.expected}" for case in self.run.cases if not case.as_expected
        ]
        said += [f"{attempt.wrong}: {attempt.fault}" for attempt in self.run.attempts if attempt.fault]
        if self.run.reported != self.run.owed():
            said.append("the secretariat's totals are not what the bureaus reported")
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
            "refusals": [attempt.to_json() for attempt in self.run.attempts],
            "refused": {**self.refused()},
            "results": {str(kind): count for kind, count in self.run.reported.items()},
            "messages": dict(self.verdict.messages),
            "answer_seconds": {"median": median, "p99": p99},
            "answer_seconds_by_bureau": self.answer_times_by_bureau(),
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
            "ok": not self.faults(),
            "faults": list(self.faults()),
        }

    def refused(self) -> dict[str, int]:
        """How many submissions were refused, by reason."""
        counts = Counter(str(attempt.reason) for attempt in self.run.attempts if attempt.reason is not None)
        return dict(sorted(counts.items()))

    def answer_times_by_bureau(self) -> dict[str, JsonValue]:
        """Median and 99th percentile of each bureau's final answers, in seconds, and how many they were."""
        by: defaultdict[str, list[float]] = defaultdict(list)
        for case in self.run.cases:
            for bureau, seconds in case.times.items():
                by[bureau].append(seconds)
        return {
            bureau: {
                "answers": len(times),
                "median": quantile(sorted(times), 0.5),
                "p99": quantile(sorted(times), 0.99),
            }
            for bureau, times in sorted(by.items())
        }

    def answer_times(self) -> tuple[float | None, float | None]:
        """Median and 99th percentile of the time to a final answer, in seconds; None without answers."""
        seconds = sorted(second for case in self.run.cases for second in case.seconds)
        return quantile(seconds, 0.5), quantile(seconds, 0.99)


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that a `share` of all do not exceed, to the millisecond; None for none."""
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3)
