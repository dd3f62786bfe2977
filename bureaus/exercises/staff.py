"""How bureaus conduct themselves on an exercise's virtual clock: when they answer, and what goes wrong at their desks.

Every choice is drawn from the seed, the case and the bureau, so that it is the same whatever else happens. Working time
is local: a desk that is not staffed round the clock works its hours on its working days, and a case that is not
finished lies until the next morning.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from bureaus.exercises.data import Data
from bureaus.exercises.prose import Tongue

_HOUR, _DAY, _WEEK = 3600, 24 * 3600, 7 * 24 * 3600
_MONDAY: Final = 4 * _DAY
"""Seconds from the epoch, a Thursday, to the first Monday."""
_SHARE_ABOVE: Final = 1.6448536269514722
"""Of the standard normal distribution, where its 95th percentile is."""


class Day(StrEnum):
    """Of the week."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


_DAYS: Final = tuple(Day)
Share = Annotated[float, Field(ge=0, le=1)]
_Minutes = Annotated[float, Field(gt=0, le=60 * 24 * 60)]


class Delay(Data):
    """How much working time something takes: log-normal, by its median and 95th percentile; thrice that at most."""

    median_minutes: _Minutes
    p95_minutes: _Minutes

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.p95_minutes < self.median_minutes:
            raise ValueError("p95_minutes is no less than median_minutes")
        return self

    def draw(self, rng: random.Random) -> float:
        """Seconds."""
        sigma = math.log(self.p95_minutes / self.median_minutes) / _SHARE_ABOVE
        drawn = self.median_minutes * math.exp(sigma * rng.gauss(0, 1))
        return 60 * min(drawn, 3 * self.p95_minutes)


class Staff(Data):
    """How the asked bureaus answer on the virtual clock."""

    answer: Delay = Delay(median_minutes=150, p95_minutes=900)
    """Working time until the first answer to a routine query."""
    urgent: Delay = Delay(median_minutes=20, p95_minutes=180)
    """The same for an urgent one, on which somebody works at any hour where the desk is staffed round the clock."""
    further: Delay = Delay(median_minutes=240, p95_minutes=1200)
    """Working time from a trace to what closes the case."""
    hours: tuple[Annotated[int, Field(ge=0, le=24)], Annotated[int, Field(ge=0, le=24)]] = (8, 18)
    """Local time at which desks open and close."""
    weekend: tuple[Day, ...] = (Day.SATURDAY, Day.SUNDAY)
    """Days on which they are closed."""
    round_the_clock: Share = 0.3
    """The share of bureaus whose desks never close."""
    silence: Share = 0.0
    """The share of queries that a bureau never answers."""
    mistakes: Share = 0.0
    """The share of final answers that are wrong at first: NO_TRACE, and corrected afterwards."""
    correction: Delay = Delay(median_minutes=60, p95_minutes=240)
    """Working time until a mistake is seen."""
    languages: tuple[Tongue, ...] = ()
    """In which they write; where none is named, their country's own among the four official ones, else English."""

    @model_validator(mode="after")
    def _open(self) -> Self:
        if self.hours[0] >= self.hours[1]:
            raise ValueError("hours are when desks open and when they close, the same day")
        if len(set(self.weekend)) > 6:
            raise ValueError("desks are open on one day at the least")
        if len(set(self.languages)) != len(self.languages):
            raise ValueError("languages are named once each")
        return self


class StaffOf(Data):
    """What is different at some bureaus: any key of `Staff`."""

    bureaus: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    answer: Delay | None = None
    urgent: Delay | None = None
    further: Delay | None = None
    hours: tuple[int, int] | None = None
    weekend: tuple[Day, ...] | None = None
    round_the_clock: Share | None = None
    silence: Share | None = None
    mistakes: Share | None = None
    correction: Delay | None = None
    languages: tuple[Tongue, ...] | None = None

    @model_validator(mode="after")
    def _names_whose(self) -> Self:
        if not self.bureaus and not self.areas:
            raise ValueError("say whose: bureaus or areas")
        self.over(Staff())
        return self

    def over(self, staff: Staff) -> Staff:
        """The same staff with what is different here."""
        said = self.model_dump(exclude={"bureaus", "areas"}, exclude_none=True)
        return Staff.model_validate({**staff.model_dump(), **said})


@dataclass(frozen=True, slots=True)
class Conduct:
    """What one bureau does with one query."""

    silent: bool
    mistaken: bool
    first: float
    """Seconds of working time until the first answer."""
    correction: float
    """Seconds of working time until a mistake is seen."""
    further: float
    """Seconds of working time from a trace to what closes the case."""
    share: float
    """Of the time that it asked for besides, how much it takes."""


def conduct(staff: Staff, seed: int, case: str, bureau: str, *, urgent: bool) -> Conduct:
    """What this bureau does with the query about this case."""
    rng = random.Random(f"{seed} {case} {bureau} conduct")  # nothing secret comes of it
    silent, mistaken = rng.random() < staff.silence, rng.random() < staff.mistakes
    first = (staff.urgent if urgent else staff.answer).draw(rng)
    correction, further = staff.correction.draw(rng), staff.further.draw(rng)
    return Conduct(silent, mistaken, first, correction, further, rng.uniform(0.3, 0.95))


@dataclass(frozen=True, slots=True)
class Office:
    """One bureau's working time."""

    utc: int
    """Minutes from UTC."""
    hours: tuple[int, int]
    weekend: frozenset[int]
    """Days of the week, 0 is Monday."""
    always: bool
    """Staffed round the clock."""

    def done(self, begun: int, work: float) -> int:
        """When so many seconds of work are done that begin at `begun`; milliseconds since the epoch."""
        if self.always:
            return begun + int(work * 1000)
        local = begun / 1000 + self.utc * 60
        left = work
        while True:
            opens, closes = self._day(local)
            at = max(local, opens)
            if at < closes and at + left <= closes:
                return int((at + left - self.utc * 60) * 1000)
            left -= max(0.0, closes - at)
            local = (local // _DAY + 1) * _DAY

    def _day(self, local: float) -> tuple[float, float]:
        """When the day of this local time opens and closes; at one time where it does not."""
        midnight = local // _DAY * _DAY
        weekday = int((midnight - _MONDAY) // _DAY % 7)
        if weekday in self.weekend:
            return midnight, midnight
        return midnight + self.hours[0] * _HOUR, midnight + self.hours[1] * _HOUR


def office(staff: Staff, seed: int, bureau: str, utc: int) -> Office:
    """A bureau's working time, `utc` minutes from UTC."""
    rng = random.Random(f"{seed} {bureau} office")  # nothing secret comes of it
    weekend = frozenset(_DAYS.index(day) for day in staff.weekend)
    return Office(utc, staff.hours, weekend, rng.random() < staff.round_the_clock)


def monday_after(milliseconds: int) -> int:
    """The next Monday, 00:00 UTC: when an exercise begins, so that every run has the same days of the week."""
    seconds = milliseconds // 1000
    return (((seconds - _MONDAY) // _WEEK + 1) * _WEEK + _MONDAY) * 1000
