"""How every measurement is made and told: ours beside something else, in turns, in the same minutes.

A figure alone says little on a noisy machine; a ratio of two things that ran beside each other says more. Each round
runs both, the ratio is taken within the round, and min, median and max over the rounds are told.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from benchmarks.plot import draw
from schemas.built import compiled

FOLDER: Final = Path("build/bench")
ROUNDS: Final = 5
"""Clean runs of each side at least; one more before them warms up and is not counted."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Min, median and max of `n` runs."""

    min: float
    median: float
    max: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of these."""
        return cls(min(values), statistics.median(values), max(values), len(values))

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.min:.3g} to {self.max:.3g}, n={self.n})"


@dataclass(frozen=True, slots=True)
class Measured:
    """One comparison, as it is written to `build/bench/NAME.json`."""

    name: str
    what: str
    unit: str
    ours: Spread
    other: Spread
    ratio: Spread
    """Ours / other."""
    goal: float
    lower_is_better: bool
    versions: dict[str, str]
    machine: str

    @property
    def reached(self) -> bool:
        """Whether the median ratio is at the goal or beyond."""
        return self.ratio.median <= self.goal if self.lower_is_better else self.ratio.median >= self.goal

    def save(self) -> Path:
        """Write the JSON and the plot: the JSON's path."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        path = FOLDER / f"{self.name}.json"
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")
        path.with_suffix(".svg").write_text(draw(self))
        return path

    def __str__(self) -> str:
        sign, said = ("<=" if self.lower_is_better else ">="), ("reached" if self.reached else "NOT REACHED")
        return (
            f"{self.name}: {self.what}\n"
            f"  ours   {self.ours} {self.unit}\n"
            f"  other  {self.other} {self.unit}\n"
            f"  ratio  {self.ratio}, goal {sign} {self.goal:g}: {said}\n"
            f"  on     {self.machine}; {', '.join(f'{name} {what}' for name, what in self.versions.items())}"
        )


@dataclass(frozen=True, slots=True)
class Question:
    """What is compared, and what one hopes for."""

    name: str
    what: str
    unit: str
    goal: float
    lower_is_better: bool = True
    packages: tuple[str, ...] = ("cryptography",)


def compare(
    question: Question, ours: Callable[[], float], other: Callable[[], float], rounds: int = ROUNDS, warm_ups: int = 1
) -> Measured:
    """Run both sides in turns: each gives one figure in the question's unit."""
    for _ in range(warm_ups):
        ours(), other()
    return told(question, [(ours(), other()) for _ in range(rounds)])


def told(question: Question, pairs: Sequence[tuple[float, float]]) -> Measured:
    """What pairs of figures say that were taken elsewhere: (ours, other) of each round."""
    return Measured(
        question.name,
        question.what,
        question.unit,
        Spread.of([mine for mine, _ in pairs]),
        Spread.of([theirs for _, theirs in pairs]),
        Spread.of([mine / theirs for mine, theirs in pairs]),
        question.goal,
        question.lower_is_better,
        {
            "bureaunet": f"{version('bureaunet')}{' compiled' if compiled() else ''}",
            "python": platform.python_version(),
            **{name.partition("=")[0]: _version(name) for name in question.packages},
        },
        f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
    )


def _version(name: str) -> str:
    """A package's version; a name with `=` brings its own, for programs that are no package of ours."""
    name, _, known = name.partition("=")
    return known or version(name)
