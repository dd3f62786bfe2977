"""Warns that participants' keys end soon: in the log once a day for each, in the metrics always.

30 days ahead and 7 days ahead, as the SDK warns their owners; `participant list` shows the same.
"""

from __future__ import annotations

from typing import Final, Protocol

from gateway import changes
from gateway.ports import Clock, Trust, Watcher

EVERY: Final = 60.0
"""Seconds between two looks."""
WARN_DAYS: Final = (30, 7)


class Gauges(Protocol):
    """Where the numbers go."""

    def expiring(self, within_days: int, participants: int) -> None:
        """So many participants' keys end within so many days."""


class Pipeline(Protocol):
    """What is needed of the exchange."""

    @property
    def trust(self) -> Trust:
        """The signed statements in force."""


class Expiry:
    """The chore of one process."""

    def __init__(self, exchange: Pipeline, clock: Clock, watcher: Watcher, gauges: Gauges) -> None:
        self._exchange, self._clock = exchange, clock
        self._watcher, self._gauges = watcher, gauges
        self._said: dict[str, tuple[bytes, int]] = {}
        """Address -> the directory and the days that were said of it."""

    async def look(self) -> None:
        """Count, and say what was not said yet."""
        directory, now = self._exchange.trust.directory, self._clock.now() // 1000
        for within in WARN_DAYS:
            self._gauges.expiring(within, len(changes.expiring(directory, now, within)))
        for address, days in changes.expiring(directory, now, max(WARN_DAYS)):
            said = (directory.hash, days)
            if self._said.get(address) != said:
                self._said[address] = said
                self._watcher.saw("keys-expiring", address=address, days=days)
