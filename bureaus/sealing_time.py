"""The time that we seal by: our own clock, put right by what the gateway's signed refusals say of it.

A message made by a clock that is too far ahead is refused (`future`), one made by a clock that is behind may be
(`expired`, `key-not-valid`). The refusal carries the gateway's time, under its signature: from then on, for an hour or
until our clock is set back, we seal by that. The user is told once, since the clock is what should be set right.

Rules: only a verified refusal teaches anything, and no more than a day: a gateway that lies about the time makes us
state no other day, and its own ledger shows the time that it claimed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bureaus import logs
from schemas.errors import Reason
from schemas.receipts import Acceptance

_log: Final = logs.get(__name__)
BOUND: Final = 24 * 3600 * 1000
"""Milliseconds that a clock may be off and still be put right."""
TOLERANCE: Final = 120 * 1000
"""Milliseconds that the gateway's time may be past ours before our clock counts as behind."""
KEPT: Final = 3600 * 1000
"""Milliseconds that what was learnt is gone by."""
_OF_CLOCKS_BEHIND: Final = frozenset({Reason.EXPIRED, Reason.KEY_NOT_VALID})


class SealingTime:
    """Called, it gives milliseconds since the epoch."""

    def __init__(self, clock: Callable[[], int]) -> None:
        """`clock` is our own, in milliseconds since the epoch."""
        self._clock = clock
        self._offset = 0
        self._learnt: int | None = None
        self._told = False

    def __call__(self) -> int:
        """The time now, as far as we know."""
        now = self._clock()
        if self._learnt is not None and not 0 <= now - self._learnt <= KEPT:
            self._offset, self._learnt = 0, None
        return now + self._offset

    def heed(self, refusal: Acceptance, made: int) -> bool:
        """Whether a verified refusal says that our clock is off; if so it is put right.

        `made` is the refused message's iat, in seconds since the epoch.
        """
        now = self._clock()
        if abs(refusal.time - now) > BOUND:
            return False
        if refusal.reason is Reason.FUTURE:
            off = -BOUND <= refusal.time - made * 1000 < 0
        else:
            off = refusal.reason in _OF_CLOCKS_BEHIND and refusal.time - now > TOLERANCE
        if off:
            self._offset, self._learnt = refusal.time - now, now
            self._tell()
        return off

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            side = "ahead of" if self._offset < 0 else "behind"
            _log.warning(f"this machine's clock is {side} the gateway's: set it", seconds=abs(self._offset) // 1000)
