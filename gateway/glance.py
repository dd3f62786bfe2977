"""What `watch` shows: two readings of a gateway's metrics, some seconds apart, made into rates, quantiles and lags.

Pure: bytes of `/metrics` in, values out. Samples of several workers are added up where each counts its own, and the
largest counts where one of them tells what all share. Quantiles are of what came between the readings, as Prometheus
computes them: by straight lines within a bucket.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from schemas.errors import Malformed, Reason

_NAME: Final = "bureaunet_"
_SILENT: Final = ("overdue", "escalated")
"""States of answer clocks whose time is over."""
_QUANTILES: Final = (0.5, 0.99)


@dataclass(frozen=True, slots=True)
class Reading:
    """All samples of one moment: (name without the project's own, its labels) -> values, one for each worker."""

    at: float
    """Seconds on any steady clock."""
    samples: Mapping[str, list[tuple[Mapping[str, str], float]]]

    def _values(
        self, name: str, by: tuple[str, ...], labels: Mapping[str, str]
    ) -> Iterator[tuple[tuple[str, ...], float]]:
        for found, value in self.samples.get(name, ()):
            if labels.items() <= found.items():
                yield tuple(found.get(label, "") for label in by), value

    def folded(
        self, fold: Callable[[float, float], float], name: str, *by: str, **labels: str
    ) -> dict[tuple[str, ...], float]:
        """Samples of this name with these labels, folded over all labels but those of `by`."""
        found: dict[tuple[str, ...], float] = {}
        for key, value in self._values(name, by, labels):
            found[key] = value if key not in found else fold(found[key], value)
        return found

    def total(self, name: str, *by: str, **labels: str) -> dict[tuple[str, ...], float]:
        """Sums over workers and other labels."""
        return self.folded(lambda one, other: one + other, name, *by, **labels)

    def shared(self, name: str, *by: str, **labels: str) -> dict[tuple[str, ...], float]:
        """What one worker tells of what all share."""
        return self.folded(max, name, *by, **labels)

    @property
    def workers(self) -> list[str]:
        """Numbers of the workers that answered; empty where one process serves."""
        names = {labels.get("worker", "") for labels, _ in self.samples.get("events_total", ())}
        return sorted(names - {"", "supervisor"}, key=lambda name: (len(name), name))


def read(text: str, at: float) -> Reading:
    """Take `/metrics` apart.

    Raises:
        Malformed: `structure`, it is no Prometheus text, or of another program.
    """
    samples: defaultdict[str, list[tuple[Mapping[str, str], float]]] = defaultdict(list)
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name.startswith(_NAME) and not math.isnan(sample.value):
                    samples[sample.name.removeprefix(_NAME)].append((sample.labels, sample.value))
    except (ValueError, KeyError, IndexError):
        raise Malformed(Reason.STRUCTURE, "no metrics in Prometheus' text format") from None
    if "events_total" not in samples:
        raise Malformed(Reason.STRUCTURE, "these are not the metrics of a gateway")
    return Reading(at, samples)


@dataclass(frozen=True, slots=True)
class Latency:
    """Of one urgency, in seconds, of what came between two readings; None where nothing did."""

    urgency: str
    what: str
    """`accept` or `handover`."""
    p50: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """Copies that nobody acknowledged."""

    link: str
    urgency: str
    stage: str
    copies: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the ledger's entries came."""

    stage: str
    entries: int
    behind: int
    """Entries that were appended and have not come so far."""
    waiting_seconds: float


@dataclass(frozen=True, slots=True)
class Glance:
    """What is shown at one moment. Rates are by the second, over `seconds`."""

    seconds: float
    ready: bool
    checks: Mapping[str, str]
    workers: list[str]
    outcomes: Mapping[str, float]
    """Outcome of submissions -> rate."""
    handed_over: float
    latency: list[Latency]
    backlog: list[Backlog]
    refusals: Mapping[str, float]
    """Reason -> rate."""
    ledger: list[Lag]
    overdue: int | None
    """Questions whose time is over without an answer; None where the gateway does not tell."""
    quarantine: int

    def row(self) -> dict[str, object]:
        """For a machine to read."""
        return asdict(self)


def glance(before: Reading, now: Reading, checks: Mapping[str, str]) -> Glance:
    """What two readings and the readiness checks say."""
    seconds = max(now.at - before.at, 1e-9)
    rates = _grown(before, now, "submissions_total", "outcome")
    refused = _grown(before, now, "submissions_total", "reason", outcome="refused")
    handed = _grown(before, now, "handovers_total")
    silent = now.shared("answer_clocks", "state")
    return Glance(
        seconds=round(seconds, 3),
        ready=bool(checks) and all(said == "ok" for said in checks.values()),
        checks=dict(checks),
        workers=now.workers,
        outcomes={outcome: grown / seconds for (outcome,), grown in sorted(rates.items())},
        handed_over=handed.get((), 0.0) / seconds,
        latency=[
            Latency(urgency, what, *_quantiles(before, now, f"{what}_seconds_bucket", urgency))
            for what in ("accept", "handover")
            for (urgency,) in sorted(now.total(f"{what}_seconds_count", "urgency"))
        ],
        backlog=_backlog(now),
        refusals={reason: grown / seconds for (reason,), grown in _largest(refused)},
        ledger=_ledger(now),
        overdue=int(sum(silent.get((state,), 0) for state in _SILENT)) if silent else None,
        quarantine=int(now.shared("quarantine_items").get((), 0)),
    )


def _largest(grown: Mapping[tuple[str, ...], float]) -> list[tuple[tuple[str, ...], float]]:
    return sorted(((key, value) for key, value in grown.items() if value > 0), key=lambda item: (-item[1], item[0]))


def _grown(before: Reading, now: Reading, name: str, *by: str, **labels: str) -> dict[tuple[str, ...], float]:
    """By how much counters grew; what is less than before began anew."""
    old = before.total(name, *by, **labels)
    new = now.total(name, *by, **labels)
    return {key: value - old.get(key, 0.0) if value >= old.get(key, 0.0) else value for key, value in new.items()}


def _backlog(now: Reading) -> list[Backlog]:
    by = "link", "urgency", "stage"
    ages = now.shared("backlog_oldest_seconds", *by)
    copies = now.shared("backlog_copies", *by)
    return [
        Backlog(link, urgency, stage, int(count), ages.get((link, urgency, stage), 0.0))
        for (link, urgency, stage), count in sorted(copies.items())
    ]


def _ledger(now: Reading) -> list[Lag]:
    entries, waiting = now.shared("ledger_entries", "stage"), now.shared("ledger_waiting_seconds", "stage")
    appended = int(max(entries.values(), default=0))
    ordered = sorted(entries.items(), key=lambda item: -item[1])
    return [Lag(stage, int(size), appended - int(size), waiting.get((stage,), 0.0)) for (stage,), size in ordered]


def _quantiles(before: Reading, now: Reading, name: str, urgency: str) -> tuple[float | None, float | None]:
    grown = _grown(before, now, name, "le", urgency=urgency)
    buckets = sorted((float(bound), count) for (bound,), count in grown.items())
    found = [_quantile(buckets, wanted) for wanted in _QUANTILES]
    return found[0], found[1]


def _quantile(buckets: Iterable[tuple[float, float]], wanted: float) -> float | None:
    ordered = [(0.0, 0.0), *buckets]
    rank = ordered[-1][1] * wanted
    if rank == 0:
        return None
    for (low, below), (high, count) in pairwise(ordered):
        if count >= rank:
            inside = (rank - below) / (count - below) if count > below else 1.0
            return low if math.isinf(high) else low + (high - low) * inside
    return None
