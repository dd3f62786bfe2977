"""Whether a fault slowed those who took no part in it: how long they waited for receipts, before it and during it.

Compared are medians and 99th percentiles of one run, so that a slow or shared machine slows both sides.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Final, Self

from schemas.identity import Address
from tests.faults.load import Timeline

TIMES: Final = 5.0
"""The others may wait so many times as long as before,"""
FLOOR: Final = 1.0
"""and so many seconds more."""
ENOUGH: Final = 30
"""Receipts on each side, at least, for a comparison."""


@dataclass(frozen=True, slots=True)
class Wait:
    """How long receipts took, in seconds."""

    median: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Self:
        """Of two waits or more."""
        return cls(median(seconds), quantiles(seconds, n=100)[98])

    def __str__(self) -> str:
        return f"median {self.median:.2f} s, 99th percentile {self.p99:.2f} s"


@dataclass(frozen=True, slots=True)
class Pace:
    """The others' waits."""

    before: Wait
    during: Wait

    @property
    def ratio(self) -> float:
        """How many times as long their median wait was."""
        return self.during.median / self.before.median

    @property
    def slowed(self) -> bool:
        """Whether they were slowed by more than is granted."""
        pairs = ((self.before.median, self.during.median), (self.before.p99, self.during.p99))
        return any(during > TIMES * before + FLOOR for before, during in pairs)


def compare(timeline: Timeline, others: Collection[Address], began: float, ended: float) -> Pace | None:
    """Waits of these senders that ended before the fault began, or began within it; None where there are too few."""
    waits = [wait for wait in timeline.waits if wait[0] in others]
    before = [last - first for _, first, last in waits if last <= began]
    during = [last - first for _, first, last in waits if began <= first <= ended]
    return Pace(Wait.of(before), Wait.of(during)) if min(len(before), len(during)) >= ENOUGH else None
