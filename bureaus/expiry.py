"""Warns that our own keys end soon: 30 days ahead, 7 days ahead, and each day from then on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bureaus import logs
from bureaus.trust import Trust
from schemas.errors import Forbidden

_log: Final = logs.get(__name__)
_DAY: Final = 24 * 3600
FIRST_DAYS: Final = 30
LAST_DAYS: Final = 7


class Expiry:
    """Looks at the end of our keys, and says each thing once."""

    def __init__(self, clock: Callable[[], int]) -> None:
        """`clock` gives milliseconds since the epoch."""
        self._clock = clock
        self._said: int | None = None

    def look(self, trust: Trust) -> None:
        """Warn, if it is time to."""
        try:
            lapses = trust.own.lapses
        except Forbidden:  # the directory does not list us yet
            return
        days = max(0, ((lapses or 0) - self._clock() // 1000) // _DAY)
        if days >= FIRST_DAYS:
            self._said = None
            return
        step = days if days < LAST_DAYS else FIRST_DAYS
        if step != self._said:
            self._said = step
            _log.warning("our keys end soon: bureaunet rotate", bureau=trust.address, days=days)
