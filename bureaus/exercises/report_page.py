"""An exercise's report as one HTML page, made from the report's JSON, so that an old report can be shown again.

Goals against results first, then answer times by bureau as a plot, silence, refusals, who asked whom, the evidence, and
what was disturbed. No script and nothing from elsewhere; every value goes through MarkupSafe, which escapes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Final

from markupsafe import Markup
from pydantic import BaseModel

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
</style>
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header>
<h1>{title}</h1>
</header>
<main id="main">
"""
_ROW, _LEFT, _WIDTH, _RIGHT = 18, 60, 760, 110
"""Pixels of the plot: a bureau's height, its name's width, the whole, the numbers' width."""


class _Disturbance(BaseModel):
    at: float
    what: str
    bureau: str | None
    seconds: float


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


class _Times(BaseModel):
    answers: int
    median: float | None
    p99: float | None


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
    refusals: list[_Refusal]
    results: dict[str, int]
    messages: dict[str, int]
    answer_seconds: _Quantiles
    answer_seconds_by_bureau: dict[str, _Times] = {}
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
    yield from _silence(told.cases)
    yield from _refused(told.refusals)
    yield from _traffic(told)
    yield from _evidence(told)
    yield Markup("</main>\n</body>\n</html>\n")


def _judgement(told: Told) -> Iterator[Markup]:
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
        ("targets", about.targets),
        ("concluded", f"{about.targets - silent} of {about.targets}"),
        (
            "reported to the secretariat",
            f"{found} ({', '.join(f'{count} {name}' for name, count in told.results.items())})",
        ),
        ("answers", f"{_seconds(times.median)} at the median, {_seconds(times.p99)} at the 99th percentile"),
    ]
    if about.goal_seconds is not None:
        met = times.p99 is not None and times.p99 <= about.goal_seconds
        rows.append(("goal", f"99 of 100 within {about.goal_seconds:g} s: {'met' if met else 'missed'}"))
    yield Markup("<h2>Goals and results</h2>\n")
    yield from parts.pairs(rows)
    outcomes = [(name, count) for name, count in told.outcomes.items() if count]
    yield from parts.table("What cases came to", ("outcome", "cases"), outcomes)
    if about.disturbances:
        disturbed = [
            (f"{one.at:g} s", one.what, one.bureau or "the gateway", f"{one.seconds:g} s") for one in about.disturbances
        ]
        yield from parts.table("What was disturbed", ("after", "what", "whose", "for"), disturbed)


def _answer_times(told: Told) -> Iterator[Markup]:
    yield Markup("<h2>Answer times by bureau</h2>\n")
    times = {name: one for name, one in told.answer_seconds_by_bureau.items() if one.p99 is not None}
    if not times:
        yield Markup("<p>Nobody answered.</p>\n")
        return
    yield Markup("<p>From the question to the final answer: dark to the median, light to the 99th percentile.</p>\n")
    yield _plot(times, told.exercise.goal_seconds)
    rows = [(name, one.answers, _seconds(one.median), _seconds(one.p99)) for name, one in times.items()]
    yield from parts.table("The same in numbers", ("bureau", "answers", "median", "99th percentile"), rows)


def _plot(times: Mapping[str, _Times], goal: float | None) -> Markup:
    longest = max([one.p99 or 0.0 for one in times.values()] + ([goal] if goal is not None else [])) or 1.0
    scale = (_WIDTH - _LEFT - _RIGHT) / longest
    height = _ROW * len(times) + 4
    bars = Markup().join(_bar(name, one, place, scale) for place, (name, one) in enumerate(times.items()))
    line = Markup()
    if goal is not None:
        at = f"{_LEFT + goal * scale:.1f}"
        line = Markup('<line class="goal" x1="{}" x2="{}" y1="0" y2="{}"><title>goal: {:g} s</title></line>').format(
            at, at, height, goal
        )
    return Markup('<svg role="img" aria-label="Answer times by bureau" viewBox="0 0 {} {}">{}{}</svg>\n').format(
        _WIDTH, height, bars, line
    )


def _bar(name: str, one: _Times, place: int, scale: float) -> Markup:
    top = _ROW * place + 2
    most, half = (one.p99 or 0.0) * scale, (one.median or 0.0) * scale
    return Markup(
        '<text x="0" y="{}">{}</text><rect class="most" x="{}" y="{}" width="{:.1f}" height="{}"/>'
        '<rect class="half" x="{}" y="{}" width="{:.1f}" height="{}"/><text x="{:.1f}" y="{}">{}</text>'
    ).format(
        top + 12, name, _LEFT, top, most, _ROW - 4, _LEFT, top + 3, half, _ROW - 10, _LEFT + most + 6, top + 12,
        _seconds(one.p99),
    )  # fmt: skip


def _silence(cases: Sequence[_Case]) -> Iterator[Markup]:
    yield Markup("<h2>Silence</h2>\n")
    owed = [case for case in cases if case.outcome is None]
    if not owed:
        yield Markup("<p>Every bureau that was asked gave a final answer.</p>\n")
        return
    rows = [
        (
            case.reference,
            case.owner,
            ", ".join(f"{name}: {' '.join(said) or 'nothing'}" for name, said in case.answers.items()),
        )
        for case in owed
    ]
    yield from parts.table("Cases in which an answer is owed", ("case", "asked by", "what was said"), rows)


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
    asked = Counter((case.owner, name) for case in told.cases for name in case.answers)
    codes = sorted({name for pair in asked for name in pair})
    rows = [(one, *(asked[one, other] or "" for other in codes)) for one in codes]
    yield from parts.table("Who asked whom: a row asks, a column is asked", ("", *codes), rows)


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
            ("took", ", ".join(f"{name} {seconds:g} s" for name, seconds in told.seconds.items())),
        ]
    )


def _seconds(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f} s"
