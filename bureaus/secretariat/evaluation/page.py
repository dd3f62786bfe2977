"""An evaluation as one HTML page, made from its JSON: results, claims, quality, databases, network, in this order.

No script and nothing from elsewhere; every value goes through MarkupSafe, which escapes it. Plots are SVG with the same
numbers in a table beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final

from markupsafe import Markup
from pydantic import BaseModel

from bureaus.exercises.report_plots import Times, bars, seconds
from bureaus.page import parts
from bureaus.secretariat.evaluation.plots import counts, shares
from schemas.messages.codes import ResultKind

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
svg .less {{ fill: var(--bad); }}
</style>
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header>
<h1>{title}</h1>
</header>
<main id="main">
"""


class _Operation(BaseModel):
    id: str
    name: str
    owner: str
    phase: str
    version: int
    members: list[str]
    since: int
    until: int


class _Results(BaseModel):
    totals: dict[str, int]
    cases: int
    reported: int
    corroborated: int
    disputed: int
    corrected: int
    by_tag: dict[str, dict[str, int]]
    by_country: dict[str, int]


class _Claim(BaseModel):
    source: str
    published: str
    arrested: int | None = None
    located: int | None = None
    identified: int | None = None
    rescued: int | None = None
    seized: int | None = None


class _Quality(BaseModel):
    counts: dict[str, int]
    missing: dict[str, int]
    owners: dict[str, dict[str, float]]
    duplicates: list[dict[str, str | int]]
    items: list[dict[str, Any]]


class _Quantiles(BaseModel):
    median: float | None = None
    p99: float | None = None
    tenths: list[float | None] = []


class _Use(BaseModel):
    questions: int
    urgent: int
    hits: int
    candidates: int
    confirmed: int
    false_hits: int
    answer_seconds: _Quantiles
    asked_of: int
    unanswered: int
    confirmation_seconds: _Quantiles
    silences: int


class _Traffic(BaseModel):
    sent: int
    asked: int
    was_asked: int
    answered: int
    overdue: int
    escalated: int
    answer_seconds: _Quantiles


class _Network(BaseModel):
    whereabouts: int
    contacts: int
    messages: int
    size: int
    bureaus: dict[str, _Traffic]


class Told(BaseModel):
    """An evaluation's JSON, as far as the page shows it."""

    operation: _Operation
    results: _Results
    claims: list[_Claim]
    objectives: dict[str, int] | None
    measures: dict[str, dict[str, int]]
    quality: _Quality
    databases: dict[str, _Use]
    relays: dict[str, int]
    network: _Network | None


def page(told: Told) -> str:
    """The whole page."""
    return "".join(_page(told))


def _page(told: Told) -> Iterator[Markup]:
    style = Markup(files("bureaus.page").joinpath("style.css").read_text("utf-8"))  # noqa: S704  # our own file
    title = f"Evaluation of {told.operation.name}"
    yield Markup(_HEAD).format(title=title, style=style)  # noqa: S704  # our own text
    yield from _about(told)
    yield from _results(told.results, told.claims)
    yield from _quality(told)
    yield from _databases(told.databases)
    yield from _network(told.network, told.relays)
    yield Markup("</main>\n</body>\n</html>\n")


def _day(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).date().isoformat()


def _about(told: Told) -> Iterator[Markup]:
    one = told.operation
    rows: list[tuple[str, object]] = [
        ("operation", one.id),
        ("owner", one.owner),
        ("phase", f"{one.phase}, version {one.version}"),
        ("from, to", f"{_day(one.since)}, {_day(one.until)}"),
        ("members", f"{len(one.members)}: {', '.join(one.members)}"),
    ]
    yield from parts.pairs(rows)


def _results(found: _Results, claims: Sequence[_Claim]) -> Iterator[Markup]:
    yield Markup("<h2>Results</h2>\n")
    yield counts("Results by kind", found.totals)
    yield from parts.table("What bureaus reported", ("result", "cases or people"), found.totals.items())
    rows: list[tuple[str, object]] = [
        ("cases listed", found.cases),
        ("with a result", found.reported),
        ("corroborated by another bureau", found.corroborated),
        ("disputed", found.disputed),
        ("corrected by who reported them", found.corrected),
    ]
    yield from parts.pairs(rows)
    if found.by_tag:
        tags = [(tag, one["cases"], one["results"]) for tag, one in found.by_tag.items()]
        yield from parts.table("Cases by tag", ("tag", "cases", "with a result"), tags)
    if found.by_country:
        yield from parts.table("Results by country", ("where", "cases"), found.by_country.items())
    yield Markup("<h2>Totals as claimed</h2>\n<p>Each with its source and date; they are not merged.</p>\n")
    kinds = [str(kind) for kind in ResultKind]
    said = [(one.source, one.published, *(_known(getattr(one, kind)) for kind in kinds)) for one in claims]
    yield from parts.table("Who claims what", ("source", "date", *kinds), said)


def _known(count: int | None) -> object:
    return "not said" if count is None else count


def _quality(told: Told) -> Iterator[Markup]:
    quality = told.quality
    yield Markup("<h2>Quality of notices and records</h2>\n")
    before = told.measures.get("quality-before", {})
    after = told.measures.get("quality-after", {})
    rows = [(_words(name), before.get(name, ""), after.get(name, ""), now) for name, now in quality.counts.items()]
    yield from parts.table("Before, after, and now", ("", "before", "after", "now"), rows)
    if quality.owners:
        yield shares("Mean share of what there could be, by owner", {n: o["share"] for n, o in quality.owners.items()})
        owners = [(name, one["looked"], one["complete"], one["share"]) for name, one in quality.owners.items()]
        yield from parts.table("By owner", ("owner", "looked at", "complete", "mean share"), owners)
    if quality.missing:
        yield counts("What is missing most", dict(list(quality.missing.items())[:_SHOWN]))
        yield from parts.table("What is missing", ("item", "missing in"), quality.missing.items())
    stale = [(one["name"], one["stale"] or "", "yes" if one["overdue"] else "") for one in quality.items]
    flagged = [row for row in stale if row[1] or row[2]]
    if flagged:
        yield from parts.table("Stale, or overdue for review", ("what", "why stale", "review overdue"), flagged)
    if quality.duplicates:
        twice = [(one["one"], one["other"], one["why"], one["score"]) for one in quality.duplicates]
        yield from parts.table("Perhaps there twice", ("one", "other", "why", "score"), twice)


_SHOWN: Final = 15


def _words(name: str) -> str:
    if name.endswith("_share"):
        return f"{name.removesuffix('_share')}: mean share in thousandths"
    return name.replace("_", ": ")


def _databases(use: Mapping[str, _Use]) -> Iterator[Markup]:
    yield Markup("<h2>Use of the databases</h2>\n")
    if not use:
        yield Markup("<p>Nobody asked the databases, or was silent, in this time.</p>\n")
        return
    yield counts("Questions by bureau", {name: one.questions for name, one in use.items()})
    head = "bureau", "questions", "urgent", "hits", "candidates", "confirmed", "false hits", "median", "99th percentile"
    rows = [
        (
            name,
            *(one.questions, one.urgent, one.hits, one.candidates, one.confirmed, one.false_hits),
            *(seconds(one.answer_seconds.median), seconds(one.answer_seconds.p99)),
        )
        for name, one in use.items()
    ]
    yield from parts.table("Who asked, and what was found", head, rows)
    owners = {name: one for name, one in use.items() if one.asked_of or one.silences}
    if owners:
        head_owner = "bureau", "asked to confirm", "no last word", "median", "99th percentile", "silences attested"
        times = [
            (
                *(name, one.asked_of, one.unanswered),
                *(seconds(one.confirmation_seconds.median), seconds(one.confirmation_seconds.p99), one.silences),
            )
            for name, one in owners.items()
        ]
        yield from parts.table("Who was asked to confirm hits", head_owner, times)


def _network(shown: _Network | None, relays: Mapping[str, int]) -> Iterator[Markup]:
    yield Markup("<h2>Use of the network</h2>\n")
    if relays:
        yield from parts.table("Relays through the secretariat", ("came to", "relays"), relays.items())
    if shown is None:
        yield Markup("<p>Not evaluated: no record of the operation was given.</p>\n")
        return
    yield Markup("<p>From the operation's record, which verifies under a tree of {} entries.</p>\n").format(shown.size)
    rows: list[tuple[str, object]] = [
        ("messages", shown.messages),
        ("about whereabouts", shown.whereabouts),
        ("contacts between two bureaus", shown.contacts),
    ]
    yield from parts.pairs(rows)
    times = {
        name: Times(answers=one.answered, median=one.answer_seconds.median, p99=one.answer_seconds.p99)
        for name, one in shown.bureaus.items()
        if one.answered
    }
    if times:
        yield Markup("<p>From a question to its answer: dark to the median, light to the 99th percentile.</p>\n")
        yield bars(times, None)
    head = "bureau", "sent", "asked", "was asked", "answered", "overdue", "escalated", "median", "99th percentile"
    table = [
        (
            *(name, one.sent, one.asked, one.was_asked, one.answered, one.overdue, one.escalated),
            *(seconds(one.answer_seconds.median), seconds(one.answer_seconds.p99)),
        )
        for name, one in shown.bureaus.items()
    ]
    yield from parts.table("By bureau", head, table)
