"""The watcher: each event becomes one log line and counts in the metrics.

Rules: the metrics are this object's own registry, never the library's global one; label values come from fixed lists
(event names, reason codes, routes), so that no sender can grow them.
"""

from __future__ import annotations

import logging
import time
from functools import lru_cache
from typing import Final

import structlog
from prometheus_client import generate_latest

from gateway import logs
from gateway.metrics import Metrics
from gateway.ports_measures import Measured
from gateway.tracing import Tracing, joined

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_DEBUG: Final = frozenset(
    {"request", "integrated", "checkpoint", "cosigned", "arrival-redelivered", "client-gone", "submitted"}
)
"""Events that come all the time and say little: they are logged at level debug."""
_FAILURES: Final = frozenset({"error", "failed", "unavailable", "quarantined", "dropped"})


@lru_cache(maxsize=1024)  # names are ours: there are not many
def _level(name: str) -> int:
    if name in _DEBUG:
        return logging.DEBUG
    return logging.WARNING if _FAILURES.intersection(name.split("-")) else logging.INFO


class Watching:
    """A `Watcher`: logs and counts."""

    def __init__(self, tracing: Tracing | None = None) -> None:
        """Count in a registry of its own; `tracing` takes spans of what happens to messages."""
        self._tracing = tracing
        self._metrics: Final = Metrics()
        self.registry: Final = self._metrics.registry
        self._log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

    def saw(self, name: str, **fields: str | int | None) -> None:
        """Something happened. Never content, never a secret."""
        said = {key: value for key, value in fields.items() if value is not None}
        self._metrics.saw(name, said)
        if self._tracing is not None:
            self._tracing.saw(name, said, time.time_ns() // 1_000_000)
        level = _level(name)
        if logs.wanted(level):
            logs.tell(level, name, {**said, **joined(said)})

    def failed(self, name: str, error: BaseException) -> None:
        """Something raised that should not have: logged with its type and place, never its words."""
        self._metrics.events.labels("error").inc()
        self._log.error(name, exc_info=error)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """One request of a bureau was answered."""
        self._metrics.requests.labels(route, str(status)).observe(seconds)

    def connected(self, change: int) -> None:
        """A connection was opened (1) or closed (-1)."""
        self._metrics.connections.inc(change)

    def expiring(self, within_days: int, participants: int) -> None:
        """So many participants' keys end within so many days."""
        self._metrics.expiring.labels(str(within_days)).set(participants)

    def presented(self, address: str, until: float) -> None:
        """A participant's connection showed a certificate that ends at `until`, in seconds since the epoch."""
        self._metrics.presented(address, until)

    def certificates(self) -> dict[str, float]:
        """Address -> the end of the certificate that its last connection to this process showed, in seconds."""
        return self._metrics.certificates()

    def measured(self, found: Measured) -> None:
        """What all processes share was looked at."""
        self._metrics.measured(found)

    def stop(self) -> None:
        """Send what a collector has not had yet."""
        if self._tracing is not None:
            self._tracing.stop()

    def metrics(self) -> bytes:
        """The registry in Prometheus' text format."""
        return generate_latest(self.registry)
