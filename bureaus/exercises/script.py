"""What an exercise's file may say besides who takes part: how bureaus answer, how they are asked, and what goes wrong.

All of it has defaults, which are those of the INFRA operations. docs/exercises.md has the format.
"""

from __future__ import annotations

import random
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from bureaus.exercises.data import Data
from bureaus.sandbox.proxy import RETRANSMISSION, Quality
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
MESSAGE_BYTES: Final = 8192
"""What stands for a message's size on a narrow line, where time is virtual."""
_LONGEST: Final = 60 * 24 * 3600


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
    urgent_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Of the cases, how many are urgent where the others are routine; on the virtual clock."""
    reply_seconds: Annotated[int, Field(gt=0, le=30 * 24 * 3600)] = 8 * 3600
    """When an answer is wanted. Eight hours: Directive (EU) 2023/977, Article 5, urgent and directly accessible."""
    goal_seconds: Annotated[float, Field(gt=0)] | None = None
    """In which 99 of 100 final answers should be there; the report says whether they were."""


class Time(Data):
    """How an exercise's time goes on the virtual clock."""

    step_seconds: Annotated[float, Field(ge=0.1, le=3600)] = 60.0
    """Everything happens at whole steps; what falls into one happens at one time."""
    days: Annotated[float, Field(gt=0, le=60)] = 30.0
    """When it ends, at the latest: what is open then stays so."""
    asking_hours: Annotated[float, Field(ge=0, le=1440)] = 8.0
    """In which the cases are asked about, evenly."""


class Trouble(StrEnum):
    """What can go wrong."""

    GATEWAY_KILLED = "gateway-killed"
    """Its process is ended as by a crash, and started again afterwards."""
    LINK_CUT = "link-cut"
    """A bureau's connections are reset, and those that it tries: it is offline, and comes back."""
    LINK_FROZEN = "link-frozen"
    """A bureau's connections forward nothing and stand half-open."""
    FLOOD = "bureau-floods"
    """A bureau sends so many queries of its own at once, past the SDK."""
    RUBBISH = "bureau-sends-rubbish"
    """A bureau sends so many bodies that are no envelopes, or spoilt ones."""
    COMPROMISED = "bureau-compromised"
    """A bureau's signing key is stolen and used; it makes new ones, and the authority revokes the stolen one."""


LASTING: Final = frozenset({Trouble.GATEWAY_KILLED, Trouble.LINK_CUT, Trouble.LINK_FROZEN})
"""What lasts some seconds, and is mended then."""
COUNTED: Final = frozenset({Trouble.FLOOD, Trouble.RUBBISH, Trouble.COMPROMISED})
"""What is tried so many times."""


class Disturbance(Data):
    """Something that goes wrong, and when."""

    at: Annotated[float, Field(ge=0, le=_LONGEST)]
    """Seconds from the first question."""
    what: Trouble
    bureau: str | None = None
    """Whose; the gateway's is nobody's."""
    seconds: Annotated[float, Field(ge=0, le=_LONGEST)] = 0.0
    """How long it lasts."""
    count: Annotated[int, Field(ge=0, le=10_000)] = 0
    """How many are sent."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.bureau is None) != (self.what is Trouble.GATEWAY_KILLED):
            raise ValueError("a bureau's trouble names the bureau, the gateway's none")
        if (self.seconds > 0) != (self.what in LASTING):
            raise ValueError(f"{self.what} " + ("lasts some seconds" if self.what in LASTING else "has no seconds"))
        if (self.count > 0) != (self.what in COUNTED):
            raise ValueError(f"{self.what} " + ("has a count" if self.what in COUNTED else "has no count"))
        return self


class Line(Data):
    """A poor line between some bureaus or units and the gateway, as border posts and islands have."""

    bureaus: Annotated[tuple[str, ...], Field(min_length=1)]
    """Addresses: a unit has a line of its own, and not its bureau's."""
    latency_milliseconds: Annotated[float, Field(ge=0, le=10_000)] = 0.0
    """Each way."""
    loss: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of what is sent that has to be sent again: it comes `Proxy` RETRANSMISSION later."""
    kilobits_per_second: Annotated[float, Field(ge=8)] | None = None
    """How much it takes, each way; without it, whatever comes."""

    def passes(self, step_seconds: float) -> bool:
        """Whether what a message takes is passed on a virtual clock of such steps; else the proxy's delay is all."""
        return self.quality.latency >= step_seconds

    @property
    def quality(self) -> Quality:
        """The same for the proxy that stands for the line."""
        kilobits = self.kilobits_per_second or 0.0
        return Quality(self.latency_milliseconds / 1000, self.loss, kilobits * 1000 / 8)

    def crossing(self, seed: str) -> float:
        """Seconds that one message takes over the line, one way; the same for the same seed."""
        lost = random.Random(seed).random() < self.loss
        return self.quality.latency + self.quality.transfer(MESSAGE_BYTES) + (RETRANSMISSION if lost else 0.0)


class Gateway(Data):
    """Settings of the private network's gateway that are different from the usual."""

    bureau_per_minute: Annotated[int, Field(ge=1)] | None = None
    """Messages that one bureau may have admitted in a minute."""
