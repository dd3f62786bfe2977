"""How long answers may take in an operation, where it says so itself (protocol section 2.5).

    time = [ family, urgency, default, longest, [ percent, ... ], requests ]

The family of a kind is the kind without its version. An operation that says nothing of a kind leaves it to the
network's times, which are the gateway's (protocol section 5.7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas import cbor
from schemas.claims import is_kind
from schemas.codes import Urgency
from schemas.errors import Malformed, Reason

MAX_TIMES: Final = 64
"""Kinds and urgencies of one operation."""
_LONGEST: Final = 366 * 24 * 3600
_MAX_REMINDERS: Final = 8
_MAX_REQUESTS: Final = 10


@dataclass(frozen=True, slots=True)
class AnswerTime:
    """How long an answer to one kind of query may take. Seconds from the admission of the query."""

    family: str
    urgency: Urgency
    default: int
    longest: int
    """The latest reply-by, and the latest `until`, that is granted."""
    reminders: tuple[int, ...] = ()
    """Percent of the time at which the bureau asked is reminded, ascending."""
    requests: int = 1
    """How many times it is asked in all, each time for `default` more."""

    def to_value(self) -> list[cbor.Value]:
        """As it stands in an operation's payload."""
        return [self.family, str(self.urgency), self.default, self.longest, list(self.reminders), self.requests]


def read_times(value: Sequence[cbor.Value]) -> tuple[AnswerTime, ...]:
    """The times of an operation, each kind and urgency at most once.

    Raises:
        Malformed: `structure`.
    """
    times = tuple(map(_time, value))
    if not 0 < len(times) <= MAX_TIMES or len({(time.family, time.urgency) for time in times}) != len(times):
        raise Malformed(Reason.STRUCTURE, f"an operation sets 1 to {MAX_TIMES} times, each kind and urgency once")
    return times


def _time(value: cbor.Value) -> AnswerTime:
    match value:
        case [str(family), str(urgency), int(default), int(longest), [*reminders], int(requests)] if (
            is_kind(family) and "/" not in family and urgency in set(Urgency)
        ):
            time = AnswerTime(family, Urgency(urgency), default, longest, tuple(map(_percent, reminders)), requests)
        case _:
            raise Malformed(Reason.STRUCTURE, "a time is [family, urgency, default, longest, reminders, requests]")
    numbers = default, longest, requests
    rising = all(one < other for one, other in zip(time.reminders, time.reminders[1:], strict=False))
    if (
        any(isinstance(number, bool) for number in numbers)
        or not 0 < default <= longest <= _LONGEST
        or not 0 < requests <= _MAX_REQUESTS
        or len(time.reminders) > _MAX_REMINDERS
        or not rising
    ):
        raise Malformed(Reason.STRUCTURE, "a time is out of its range")
    return time


def _percent(value: cbor.Value) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 100:
        raise Malformed(Reason.STRUCTURE, "a reminder is a percentage, 1 to 99")
    return value
