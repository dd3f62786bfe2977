"""The gateway's metrics, by Prometheus' names: `_total` counts, `_seconds`, `_bytes`, times as `_timestamp_seconds`.

Two sorts. What this process does is counted as it happens. What all processes share (inboxes, ledger, quarantine,
directory) is measured by one of them at a time (measuring.py) and given out by that one while its look is fresh, so
that a process which lost the chore does not tell old news.

Rules: a label's value comes from a code list or from the directory, never from what a sender wrote: a kind that is in
no list is `other`, and of a refused message neither kind nor urgency is believed. No metric is by message. Those by
participant are bounded by the directory, which the authority signs. What an alert watches begins at 0, so that its
first event is an increase.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import cache, lru_cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, ProcessCollector
from prometheus_client.core import GaugeMetricFamily

from gateway.ports_measures import Measured, Submitted
from schemas.codes import Urgency
from schemas.directory import Link
from schemas.errors import Reason
from schemas.evidence import Outcome
from schemas.messages import KINDS

FRESH: Final = 60.0
"""Seconds that a look at what all share is given out."""
OTHER: Final = "other"
"""Stands for a kind, urgency or link that is in no list."""
WATCHED: Final = (
    "admission-unavailable",
    "broker-session-failed",
    "chore-failed",
    "cosignature-failed",
    "error",
    "inbox-full",
    "quarantine-dropped",
    "quarantined",
    "witnesses-unavailable",
    "worker-failed",
)
"""Events that alerts watch."""
_REQUEST: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_HANDOVER: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400, 604_800)
"""From a moment to a week: a recipient may be away."""


def kind_label(kind: str | None) -> str:
    """A message's kind as a label."""
    return kind if kind is not None and kind in KINDS else OTHER


@cache
def _codes(listed: type[StrEnum]) -> frozenset[str]:
    return frozenset(map(str, listed))


def _listed(value: object, codes: type[StrEnum]) -> str:
    return str(value) if value in _codes(codes) else OTHER


class Metrics:
    """The families that one process counts, and what it measured, in a registry of its own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is in seconds, and tells how old a look is."""
        self.registry: Final = CollectorRegistry()
        self._state = StateCollector(clock)
        self.registry.register(self._state)
        ProcessCollector(registry=self.registry)
        self.events: Final = self._counter("events", "What happened, by event.", "event")
        self.refusals: Final = self._counter("refusals", "Refusals by reason.", "reason")
        self.requests: Final = self._histogram(
            "request_seconds", "Requests of bureaus, by route and status.", _REQUEST, "route", "status"
        )
        self.connections: Final = self._gauge("connections", "Open connections of bureaus.")
        self.expiring: Final = self._gauge("keys_expiring", "Participants whose keys end within so many days.", "days")
        self._submissions = self._counter(
            "submissions", "Submissions by link, outcome, and reason where there is one.", "link", "outcome", "reason"
        )
        self._messages = self._counter("messages_accepted", "Messages that were admitted.", "link", "kind", "urgency")
        self._copies = self._counter("copies_consigned", "Copies put into inboxes.")
        self._handovers = self._counter(
            "handovers", "Copies that recipients acknowledged.", "kind", "urgency", "outcome"
        )
        about = "From the arrival of a message that was admitted to its record."
        self._accepted = self._histogram("accept_seconds", about, _REQUEST, "link", "urgency")
        about = "From the arrival of a message to a recipient's recorded acknowledgement."
        self._handed = self._histogram("handover_seconds", about, _HANDOVER, "urgency")
        # labels come from lists, and the library looks each up under a lock
        self._event, self._submitted = cache(self.events.labels), lru_cache(maxsize=1024)(self._of_submitted)
        self._admitted = lru_cache(maxsize=1024)(self._of_admitted)  # kinds are senders' words
        self._handover = lru_cache(maxsize=1024)(self._of_handover)
        self._took = lru_cache(maxsize=1024)(self._of_took)
        self._begin()

    def _begin(self) -> None:
        for event in WATCHED:
            self.events.labels(event)
        for link in Link:
            for outcome in (Submitted.ACCEPTED, Submitted.REPEATED):
                self._submissions.labels(link, outcome, "")
            for urgency in Urgency:
                self._accepted.labels(link, urgency)
        for urgency in Urgency:
            self._handed.labels(urgency)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"bureaunet_{name}", about, labels, registry=self.registry)

    def _gauge(self, name: str, about: str, *labels: str) -> Gauge:
        return Gauge(f"bureaunet_{name}", about, labels, registry=self.registry)

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"bureaunet_{name}", about, labels, buckets=buckets, registry=self.registry)

    def saw(self, name: str, fields: dict[str, str | int]) -> None:
        """Count an event, and what its fields say."""
        self._event(name).inc()
        reason = fields.get("reason")
        if name == "submitted":
            self._submitted(fields.get("over"), fields.get("outcome"), reason).inc()
        elif isinstance(reason, str):
            self.refusals.labels(_listed(reason, Reason)).inc()
        if name == "admitted":
            self._saw_admitted(fields)
        elif name == "handed-over":
            self._saw_handover(fields)
        elif name == "consigned":
            self._copies.inc(int(fields.get("copies", 0)))

    def _saw_admitted(self, fields: dict[str, str | int]) -> None:
        messages, accepted = self._admitted(fields.get("over"), fields.get("kind"), fields.get("urgency"))
        messages.inc()
        accepted.observe(max(0, int(fields.get("milliseconds", 0))) / 1000)

    def _of_admitted(
        self, over: str | int | None, kind: str | int | None, urgency: str | int | None
    ) -> tuple[Counter, Histogram]:
        """Where messages of this link, kind and urgency are counted."""
        link, listed = _listed(over, Link), _listed(urgency, Urgency)
        return self._messages.labels(link, kind_label(str(kind)), listed), self._accepted.labels(link, listed)

    def _of_submitted(self, over: str | int | None, outcome: str | int | None, reason: str | int | None) -> Counter:
        """Where submissions of this link, outcome and reason are counted."""
        why = "" if reason is None else _listed(reason, Reason)
        return self._submissions.labels(_listed(over, Link), _listed(outcome, Submitted), why)

    def _saw_handover(self, fields: dict[str, str | int]) -> None:
        urgency = fields.get("urgency")
        self._handover(fields.get("kind"), urgency, fields.get("outcome")).inc()
        if "milliseconds" in fields:  # the clocks of two machines may disagree
            self._took(urgency).observe(max(0, int(fields["milliseconds"])) / 1000)

    def _of_handover(self, kind: str | int | None, urgency: str | int | None, outcome: str | int | None) -> Counter:
        """Where copies of this kind, urgency and outcome are counted."""
        return self._handovers.labels(kind_label(str(kind)), _listed(urgency, Urgency), _listed(outcome, Outcome))

    def _of_took(self, urgency: str | int | None) -> Histogram:
        """Where the times of copies of this urgency are counted."""
        return self._handed.labels(_listed(urgency, Urgency))

    def measured(self, found: Measured) -> None:
        """What all processes share was looked at."""
        self._state.take(found)

    def presented(self, address: str, until: float) -> None:
        """A participant's connection showed a certificate that ends at `until`, in seconds since the epoch."""
        self._state.certificates[address] = until

    def certificates(self) -> dict[str, float]:
        """What `presented` was told last, by participant."""
        return dict(self._state.certificates)


class StateCollector:
    """What was measured last, as metrics, while it is fresh."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._found: Measured | None = None
        self._at = 0.0
        self.certificates: dict[str, float] = {}
        """Address -> the end of the certificate that its last connection to this process showed."""

    def take(self, found: Measured) -> None:
        """Give this out from now on."""
        self._found, self._at = found, self._clock()
        self.certificates = {name: until for name, until in self.certificates.items() if name in found.keys}

    def collect(self) -> Iterator[Metric]:
        """The families; none where the last look is too old."""
        found = self._found
        if found is None or self._clock() - self._at > FRESH:
            return
        yield _one("measured_timestamp_seconds", "When this was measured.", found.time / 1000)
        yield from _inboxes(found)
        yield from _ledger(found)
        yield _one("directory_version", "The directory in force.", found.directory_version)
        yield _one("directory_timestamp_seconds", "When the authority signed it.", found.directory_time)
        about = "When the gateway last confirmed that it is current; 0 where no such statement counts."
        yield _one("directory_confirmed_timestamp_seconds", about, found.confirmed)
        yield _one("quarantine_items", "Bodies set aside.", found.quarantine_items)
        yield _one("quarantine_bytes", "Their size.", found.quarantine_bytes)
        keys = _family("key_expiry_timestamp_seconds", "When a participant's keys end; 0: over.", "participant")
        for participant, lapses in found.keys.items():
            keys.add_metric([participant], lapses)
        yield keys
        about = "When a TLS certificate ends: the gateway's own, and what bureaus' HTTP connections last showed."
        certificates = _family("certificate_expiry_timestamp_seconds", about, "holder")
        if found.certificate is not None:
            certificates.add_metric(["gateway"], found.certificate)
        for holder, until in sorted(self.certificates.items()):
            certificates.add_metric([holder], until)
        yield certificates


def _family(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"bureaunet_{name}", about, labels=labels)


def _one(name: str, about: str, value: float) -> Metric:
    family = _family(name, about)
    family.add_metric([], value)
    return family


def _inboxes(found: Measured) -> Iterator[Metric]:
    copies = _family("backlog_copies", "Copies that nobody acknowledged.", "link", "urgency", "stage")
    oldest = _family("backlog_oldest_seconds", "Age of the oldest of them.", "link", "urgency", "stage")
    for labels, (count, age) in found.backlog().items():
        copies.add_metric(labels, count)
        oldest.add_metric(labels, age)
    yield copies
    yield oldest
    waiting = _family("inbox_copies", "Copies that wait for one bureau and its units.", "bureau")
    since = _family("inbox_oldest_seconds", "Age of the oldest of them.", "bureau")
    for bureau, (count, age) in found.inboxes().items():
        waiting.add_metric([bureau], count)
        since.add_metric([bureau], age)
    yield waiting
    yield since


def _ledger(found: Measured) -> Iterator[Metric]:
    entries = _family("ledger_entries", "Entries of the ledger that have come so far.", "stage")
    waiting = _family("ledger_waiting_seconds", "Age of the oldest entry that has not come so far.", "stage")
    for stage, size in found.ledger.items():
        entries.add_metric([stage], size)
        if stage in found.unreached:
            waiting.add_metric([stage], found.unreached[stage])
    yield entries
    yield waiting
