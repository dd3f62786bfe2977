"""The watcher: each event becomes one log line and counts in the metrics.

Rules: the metrics are this object's own registry, never the library's global one; label values come from fixed lists
(event names, reason codes, routes), so that no sender can grow them.
"""

from __future__ import annotations

from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_DEBUG: Final = frozenset({"request", "integrated", "checkpoint", "cosigned", "arrival-redelivered", "client-gone"})
"""Events that come all the time and say little: they are logged at level debug."""
_FAILURES: Final = frozenset({"error", "failed", "unavailable", "quarantined", "dropped"})


class Watching:
    """A `Watcher`: logs and counts."""

    def __init__(self) -> None:
        """Count in a registry of its own."""
        self.registry: Final = CollectorRegistry()
        self._log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
        self._events = Counter("bureaunet_events", "What happened.", ["event"], registry=self.registry)
        self._refusals = Counter("bureaunet_refusals", "Refusals by reason.", ["reason"], registry=self.registry)
        self._requests = Histogram(
            "bureaunet_request_seconds",
            "Requests of bureaus, by route and status.",
            ["route", "status"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._connections = Gauge("bureaunet_connections", "Open connections of bureaus.", registry=self.registry)
        self._expiring = Gauge(
            "bureaunet_keys_expiring",
            "Participants whose keys end within so many days.",
            ["days"],
            registry=self.registry,
        )

    def saw(self, name: str, **fields: str | int | None) -> None:
        """Something happened. Never content, never a secret."""
        self._events.labels(name).inc()
        reason = fields.get("reason")
        if isinstance(reason, str):
            self._refusals.labels(reason).inc()
        said = {key: value for key, value in fields.items() if value is not None}
        if name in _DEBUG:
            self._log.debug(name, **said)
        elif _FAILURES.intersection(name.split("-")):
            self._log.warning(name, **said)
        else:
            self._log.info(name, **said)

    def failed(self, name: str, error: BaseException) -> None:
        """Something raised that should not have: logged with its type and place, never its words."""
        self._events.labels("error").inc()
        self._log.error(name, exc_info=error)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """One request of a bureau was answered."""
        self._requests.labels(route, str(status)).observe(seconds)

    def connected(self, change: int) -> None:
        """A connection was opened (1) or closed (-1)."""
        self._connections.inc(change)

    def expiring(self, within_days: int, participants: int) -> None:
        """So many participants' keys end within so many days."""
        self._expiring.labels(str(within_days)).set(participants)

    def metrics(self) -> bytes:
        """The registry in Prometheus' text format."""
        return generate_latest(self.registry)
