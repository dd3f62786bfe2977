"""An exercise's report as one HTML page, made from the report's JSON, so that an old report can be shown again.

Goals against results first, then answer times by bureau as a plot, silence, the secretariat's services, refusals, who
asked whom, the evidence, and what was disturbed. No script and nothing from elsewhere; every value goes through
MarkupSafe, which escapes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Final

from markupsafe import Markup
from pydantic import BaseModel

from bureaus.exercises.catalogue import countries
from bureaus.exercises.report_plots import Times, bars, curves, seconds
from bureaus.page import parts

_HEAD: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}svg {{ width: 100%; height: auto; }}
svg text {{ fill: var(--ink); font: 12px system-ui, sans-serif; }}
svg .most {{ fill: var(--line); }}
svg .half {{ fill: var(--good); }}
svg .goal {{ stroke: var(--bad); }}
svg .curve {{ fill: none; stroke: var(--good); stroke-width: 2; }}
svg .axis {{ stroke: var(--line); }}
.matrix table {{ font-size: 0.75rem; }}
.matrix th, .matrix td {{ padding: 0.2rem 0.25rem; overflow-wrap: normal; }}
</style>
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header>
<h1>{title}</h1>
</header>
<main id="main">
"""
_LANGUAGES: Final = {"ar": "Arabic", "en": "English", "fr": "French", "es": "Spanish"}
WIDEST: Final = 40
"""Bureaus that are shown one by one in the traffic's table; of more, areas are."""


class _Disturbance(BaseModel):
    at: float
    what: str
    bureau: str | None
    seconds: float
    count: int = 0
    did: str = ""


class _Clock(BaseModel):
    kind: str
    seconds: float = 0.0


class _About(BaseModel):
    operation: str
    name: str
    seed: int
    link: str
    targets: int
    bureaus: list[str]
    outsider: str
    choice: str
    synthetic: str
    goal_seconds: float | None = None
    disturbances: list[_Disturbance] = []


class _Case(BaseModel):
    reference: str
    owner: str
    answers: dict[str, list[str]]
    outcome: str | None
    result: str | None


class _Refusal(BaseModel):
    wrong: str
    tried: str
    reason: str | None
    as_it_must_be: bool


class _Quantiles(BaseModel):
    median: float | None
    p99: float | None


class _Ledger(BaseModel):
    size: int | None
    root: str | None
    entries: int | None


class _Verdict(BaseModel):
    ok: bool
    says: str
    receipts: dict[str, int]
    witnesses: str | None = None


class Told(BaseModel):
    """A report's JSON, as far as the page shows it."""

    exercise: _About
    cases: list[_Case]
    outcomes: dict[str, int]
    languages: dict[str, int] = {}
    refusals: list[_Refusal]
    results: dict[str, int]
    services: dict[str, int] = {}
    messages: dict[str, int]
    answer_seconds: _Quantiles
    answer_seconds_by_bureau: dict[str, Times] = {}
    answer_seconds_by_unit: dict[str, Times] = {}
    answer_seconds_by_urgency: dict[str, Times] = {}
    silence: dict[str, dict[str, int]] = {}
    desks: dict[str, dict[str, int]] = {}
    disturbed: list[_Disturbance] = []
    clock: _Clock = _Clock(kind="real")
    stopped: bool = False
    ledger: _Ledger
    verdict: _Verdict
    seconds: dict[str, float]
    ok: bool
    faults: list[str]


def page(told: Told) -> str:
    """The whole page."""
    return "".join(_page(told))


def _page(told: Told) -> Iterator[Markup]:
    style = Markup(files("bureaus.page").joinpath("style.css").read_text("utf-8"))  # noqa: S704  # our own file
    title = f"Report of the exercise {told.exercise.name}"
    yield Markup(_HEAD).format(title=title, style=style)  # noqa: S704  # our own text
    yield from _judgement(told)
    yield from _goals(told)
    yield from _answer_times(told)
    yield from _silence(told)
    yield from _services(told.services)
    yield from _refused(told.refusals)
    yield from _traffic(told)
    yield from _evidence(told)
    yield Markup("</main>\n</body>\n</html>\n")


def _judgement(told: Told) -> Iterator[Markup]:
    if told.stopped:
        yield Markup('<p class="verdict bad"><strong>Stopped before its end.</strong> This is what there was.</p>\n')
    if told.ok:
        yield Markup('<p class="verdict good"><strong>All is well.</strong> Every case came to what it must, every ')
        yield Markup("deliberate wrong was refused, and everything verifies.</p>\n")
    else:
        yield Markup('<div class="verdict bad"><p><strong>Not all is well.</strong></p><ul>\n')
        for fault in told.faults:
            yield Markup("<li>{}</li>\n").format(fault)
        yield Markup("</ul></div>\n")
    yield Markup('<p class="quiet">{} {}</p>\n').format(told.exercise.synthetic, told.exercise.choice)


def _goals(told: Told) -> Iterator[Markup]:
    about, times = told.exercise, told.answer_seconds
    found = sum(told.results.values())
    silent = told.outcomes.get("unanswered", 0)
    rows: list[tuple[str, object]] = [
        ("operation", about.operation),
        ("seed, link", f"{about.seed}, {about.link}"),
        ("time", "the machine's" if told.clock.kind == "real" else f"virtual: {seconds(told.clock.seconds)} passed"),
        ("targets", about.targets),
        ("concluded", f"{about.targets - silent} of {about.targets}"),
        (
            "reported to the secretariat",
            f"{found} ({', '.join(f'{count} {name}' for name, count in told.results.items() if count)})",
        ),
        ("answers", f"{seconds(times.median)} at the median, {seconds(times.p99)} at the 99th percentile"),
    ]
    if any(told.languages.values()):
        written = [f"{count} in {_LANGUAGES.get(name, name)}" for name, count in told.languages.items() if count]
        rows.append(("written in words", ", ".join(written)))
    if about.goal_seconds is not None:
        met = times.p99 is not None and times.p99 <= about.goal_seconds
        rows.append(("goal", f"99 of 100 within {about.goal_seconds:g} s: {'met' if met else 'missed'}"))
    yield Markup("<h2>Goals and results</h2>\n")
    yield from parts.pairs(rows)
    outcomes = [(name, count) for name, count in told.outcomes.items() if count]
    yield from parts.table("What cases came to", ("outcome", "cases"), outcomes)
    made = told.disturbed or about.disturbances
    if made:
        disturbed = [
            (
                seconds(one.at),
                one.what,
                one.bureau or "the gateway",
                seconds(one.seconds) if one.seconds else f"{one.count} times",
                one.did,
            )
            for one in made
        ]
        head = "after", "what", "whose", "for", "what it did"
        yield from parts.table("What was disturbed", head, disturbed)


def _answer_times(told: Told) -> Iterator[Markup]:
    yield Markup("<h2>Answer times by bureau</h2>\n")
    times = {name: one for name, one in told.answer_seconds_by_bureau.items() if one.p99 is not None}
    if not times:
        yield Markup("<p>Nobody answered.</p>\n")
        return
    line = "" if told.exercise.goal_seconds is None else " The line is the goal."
    said = "From the question to the final answer: dark to the median, light to the 99th percentile."
    yield Markup("<p>{}{}</p>\n").format(said, line)
    yield bars(times, told.exercise.goal_seconds)
    rows = [(name, one.answers, seconds(one.median), seconds(one.p99)) for name, one in times.items()]
    yield from parts.table("The same in numbers", ("bureau", "answers", "median", "99th percentile"), rows)
    by_unit = [
        (name, one.answers, seconds(one.median), seconds(one.p99)) for name, one in told.answer_seconds_by_unit.items()
    ]
    if by_unit:
        head = "unit that asked", "answers", "median", "99th percentile"
        yield from parts.table("Answers to units, over their own lines", head, by_unit)
    by_urgency = {name: one for name, one in told.answer_seconds_by_urgency.items() if one.tenths}
    if by_urgency:
        yield Markup("<h2>Answer times by urgency</h2>\n<p>The share of answers, in tenths, over the time.</p>\n")
        yield curves(by_urgency)
        rows = [(name, one.answers, seconds(one.median), seconds(one.p99)) for name, one in by_urgency.items()]
        yield from parts.table("In numbers", ("urgency", "answers", "median", "99th percentile"), rows)


def _silence(told: Told) -> Iterator[Markup]:
    cases = told.cases
    yield Markup("<h2>Silence</h2>\n")
    if told.silence:
        names = "reminders", "overdue", "escalated"
        rows = [(who, *(counts.get(name, 0) for name in names)) for who, counts in told.silence.items()]
        yield from parts.table("What the gateway attested of who was asked", ("bureau", *names), rows)
    if told.desks:
        kinds = "silent", "more_time", "mistakes", "corrected"
        rows = [(who, *(counts.get(name, 0) for name in kinds)) for who, counts in told.desks.items()]
        head = "bureau", "never answered", "asked for time", "erred", "corrected itself"
        yield from parts.table("What was done at the desks", head, rows)
    owed = [case for case in cases if case.outcome is None]
    if not owed:
        yield Markup("<p>Every bureau that was asked gave a final answer.</p>\n")
        return
    missing = [
        (
            case.reference,
            case.owner,
            ", ".join(f"{name}: {' '.join(said) or 'nothing'}" for name, said in case.answers.items()),
        )
        for case in owed
    ]
    yield from parts.table("Cases in which an answer is owed", ("case", "asked by", "what was said"), missing)


_SERVICES: Final = {
    "requests": "notices asked for",
    "asked_for_more": "of which more was asked for, and given",
    "published": "notices published",
    "refused": "notices refused",
    "diffusions": "diffusions, by their owners themselves",
    "circulated": "addressees of notices and diffusions",
    "questions": "questions to the databases",
    "by_units": "of which by border units",
    "found": "of which something was found for",
    "hits": "hits on another's record",
    "confirmed": "hits that the owner confirmed",
    "tips": "tips taken",
    "forwarded": "tips forwarded",
    "dispositions": "tips that a bureau said what came of",
    "open": "left open",
}


def _services(counts: Mapping[str, int]) -> Iterator[Markup]:
    if not counts:
        return
    yield Markup("<h2>The secretariat's services</h2>\n")
    rows = [(words, counts[name]) for name, words in _SERVICES.items() if name in counts]
    yield from parts.table("What they did", ("what", "how many"), rows)


def _refused(refusals: Sequence[_Refusal]) -> Iterator[Markup]:
    yield Markup("<h2>Refusals</h2>\n")
    rows = [
        (one.tried, one.reason or "its first acceptance again", "as it must" if one.as_it_must_be else "WRONG")
        for one in refusals
    ]
    yield from parts.table("Deliberate wrongs, and what the gateway said", ("wrong", "said", ""), rows)


def _traffic(told: Told) -> Iterator[Markup]:
    yield Markup("<h2>Traffic</h2>\n")
    yield from parts.table("Accepted messages by kind", ("kind", "messages"), told.messages.items())
    pairs = Counter((case.owner, name) for case in told.cases for name in case.answers)
    if len({name for pair in pairs for name in pair}) > WIDEST:
        known = countries()
        by_area: Counter[tuple[str, str]] = Counter()
        for (asker, other), count in pairs.items():
            by_area[str(known[asker].area), str(known[other].area)] += count
        pairs = by_area
    names = sorted({name for pair in pairs for name in pair})
    rows = [(one, *(pairs[one, other] or "" for other in names)) for one in names]
    yield Markup('<div class="matrix">\n')
    yield from parts.table("Who asked whom: a row asks, a column is asked", ("", *names), rows)
    yield Markup("</div>\n")


def _evidence(told: Told) -> Iterator[Markup]:
    yield Markup("<h2>Evidence</h2>\n<p>{}</p>\n").format(told.verdict.says)
    receipts = ", ".join(f"{count} {held}" for held, count in told.verdict.receipts.items())
    yield from parts.pairs(
        [
            ("verifies", "yes" if told.verdict.ok else "NO"),
            ("entries", told.ledger.entries),
            ("root", told.ledger.root or "none"),
            ("receipts", receipts or "none"),
            ("witnesses", told.verdict.witnesses or "not said"),
            ("took", ", ".join(f"{name} {one:g} s" for name, one in told.seconds.items())),
        ]
    )
