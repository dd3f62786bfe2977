"""Plots: series of numbers as paths of an SVG of fixed size, with what a reader of screens is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 360
HEIGHT: Final = 120
LEFT: Final = 34
"""Room for the scale."""
_TOP: Final = 8
_BOTTOM: Final = 16
_STEPS: Final = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Line:
    """One series."""

    name: str
    path: str
    """As in an SVG path; a value that is missing leaves its place out, one alone is a dot."""
    area: str
    """The same, closed along the bottom; empty but for the first series."""
    now: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A line of the scale."""

    y: float
    said: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Some series over the same time, on one scale from zero."""

    title: str
    unit: str
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...]
    said: str
    """The plot in words."""
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = HEIGHT - _BOTTOM


def plot(title: str, unit: str, series: Sequence[tuple[str, Sequence[int | None]]]) -> Plot:
    """Draw series of the same length, oldest value first."""
    top = _scale(max((value for _, values in series for value in values if value is not None), default=0))
    lines = tuple(
        Line(name, _path(values, top), _area(values, top) if at == 0 else "", _now(values))
        for at, (name, values) in enumerate(series)
    )
    marks = tuple(Mark(_y(value, top), short(value)) for value in sorted({0, top // 2, top}))
    return Plot(title, unit, lines, marks, "; ".join(_words(name, values, unit) for name, values in series))


def short(value: int) -> str:
    """A number in few characters."""
    for unit, size in (("M", 1_000_000), ("k", 1000)):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return str(value)


def _scale(most: int) -> int:
    """The smallest round even number that holds it."""
    size = 1
    while True:
        for step in _STEPS:
            if step * size >= max(most, 2):
                return step * size
        size *= 10


def _y(value: int, top: int) -> float:
    return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - value / top)


def _runs(values: Sequence[int | None], top: int) -> list[list[tuple[float, float]]]:
    """Points that follow one another without a gap."""
    step = (WIDTH - LEFT - 4) / max(1, len(values) - 1)
    runs: list[list[tuple[float, float]]] = [[]]
    for at, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((LEFT + at * step, _y(value, top)))
    return [run for run in runs if run]


def _path(values: Sequence[int | None], top: int) -> str:
    drawn = (" ".join(f"{x:.1f},{y:.1f}" for x, y in run) for run in _runs(values, top))
    return " ".join(f"M{points}" if " " in points else f"M{points}h.1" for points in drawn)


def _area(values: Sequence[int | None], top: int) -> str:
    floor, drawn = HEIGHT - _BOTTOM, []
    for run in _runs(values, top):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
        drawn.append(f"M{run[0][0]:.1f},{floor} {points} {run[-1][0]:.1f},{floor}Z")
    return " ".join(drawn)


def _now(values: Sequence[int | None]) -> str:
    known = [value for value in values if value is not None]
    return short(known[-1]) if known else "none"


def _words(name: str, values: Sequence[int | None], unit: str) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return f"{name}: nothing yet"
    return f"{name}: now {known[-1]} {unit}, most {max(known)}"
