"""What an exercise's file may say besides who takes part: how bureaus answer, how they are asked, and what goes wrong.

All of it has defaults, which are those of the INFRA operations. docs/exercises.md has the format.
"""

from __future__ import annotations

import random
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.codes import Purpose, Urgency
from schemas.messages.codes import Finding

OUTCOMES: Final = {
    Finding.ARRESTED: 16,
    Finding.DETAINED: 6,
    Finding.LOCATED: 18,
    Finding.DECEASED: 2,
    Finding.TRACE: 22,
    Finding.NO_TRACE: 32,
    Finding.REFUSED: 4,
}
"""Percent. Ours: near what the published totals suggest for arrested and located, the rest a guess."""
_Second = Annotated[float, Field(ge=0, le=600)]


class Data(BaseModel):
    """A value of our own files; not strict, since TOML has no enums and no tuples."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Habits(Data):
    """How the asked bureaus answer."""

    outcomes: dict[Finding, Annotated[int, Field(ge=0)]] = OUTCOMES
    """Weights of what cases come to."""
    more_time: Annotated[float, Field(ge=0, le=1)] = 0.12
    """The share of answers that come after a MORE_TIME."""
    seconds: tuple[_Second, _Second] = (0.0, 0.0)
    """A bureau thinks so long before its first answer, at least and at most."""

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        if Finding.MORE_TIME in self.outcomes or not any(self.outcomes.values()):
            raise ValueError("outcomes are final findings, one of them with a weight")
        if self.seconds[0] > self.seconds[1]:
            raise ValueError("seconds are at least and at most")
        return self

    def wait(self, seed: str) -> float:
        """How long a bureau thinks, in seconds; the same for the same seed."""
        return random.Random(seed).uniform(*self.seconds)


class Asking(Data):
    """How questions are asked."""

    purpose: Purpose = Purpose.ARREST
    urgency: Urgency = Urgency.ROUTINE
    reply_seconds: Annotated[int, Field(gt=0, le=30 * 24 * 3600)] = 8 * 3600
    """When an answer is wanted. Eight hours: Directive (EU) 2023/977, Article 5, urgent and directly accessible."""
    goal_seconds: Annotated[float, Field(gt=0)] | None = None
    """In which 99 of 100 final answers should be there; the report says whether they were."""


class Trouble(StrEnum):
    """What can go wrong."""

    GATEWAY_KILLED = "gateway-killed"
    """Its process is ended as by a crash, and started again afterwards."""
    LINK_CUT = "link-cut"
    """A bureau's connections are reset, and those that it tries."""
    LINK_FROZEN = "link-frozen"
    """A bureau's connections forward nothing and stand half-open."""


class Disturbance(Data):
    """Something that goes wrong, and when."""

    at: _Second
    """Seconds from the first question."""
    what: Trouble
    bureau: str | None = None
    """Whose link; the gateway has none."""
    seconds: Annotated[float, Field(gt=0, le=600)]
    """How long it lasts."""

    @model_validator(mode="after")
    def _names_whose(self) -> Self:
        if (self.bureau is None) != (self.what is Trouble.GATEWAY_KILLED):
            raise ValueError("a link's trouble names a bureau, the gateway's none")
        return self
