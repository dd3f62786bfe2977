"""Steps of a story as they happen, for people or for machines, and what each must come to.

Rule: a step that came otherwise ends the story; what was told by then stays told.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue

from schemas.errors import Reason, Unavailable

_WIDTH: Final = 18


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `at` is in seconds since the story began."""

    at: float
    who: str
    what: str
    ok: bool
    facts: dict[str, JsonValue] = field(default_factory=dict)

    def text(self) -> str:
        """One line for people."""
        mark = "" if self.ok else "  CAME OTHERWISE"
        return f"{self.at:7.2f} s  {self.who:<{_WIDTH}}  {self.what}{mark}"


class Telling:
    """Tells the steps; `say` hears each."""

    def __init__(self, say: Callable[[Step], None]) -> None:
        self._say = say
        self._begun = time.monotonic()
        self.steps: list[Step] = []

    def now(self) -> float:
        """Seconds since the story began."""
        return time.monotonic() - self._begun

    def tell(self, who: str, what: str, **facts: JsonValue) -> None:
        """A step that came as it must."""
        self._add(Step(round(self.now(), 3), who, what, ok=True, facts=facts))

    def must(self, holds: bool, who: str, what: str, **facts: JsonValue) -> None:  # noqa: FBT001  # reads as a sentence
        """A step that is told, and must hold.

        Raises:
            Unavailable: `not-accepted`, it does not.
        """
        self._add(Step(round(self.now(), 3), who, what, ok=holds, facts=facts))
        if not holds:
            raise Unavailable(Reason.NOT_ACCEPTED, f"{who}: {what}: it came otherwise ({facts})")

    def _add(self, step: Step) -> None:
        self.steps.append(step)
        self._say(step)
