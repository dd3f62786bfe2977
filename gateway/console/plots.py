"""Small plots: series of numbers as points of a line in an SVG of fixed size, with what a reader of screens is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 300
HEIGHT: Final = 80
_MARGIN: Final = 4


@dataclass(frozen=True, slots=True)
class Line:
    """One series."""

    name: str
    points: str
    """As in an SVG polyline; a value that is missing leaves its place out."""


@dataclass(frozen=True, slots=True)
class Plot:
    """Some series over the same time, on one scale from zero."""

    title: str
    unit: str
    lines: tuple[Line, ...]
    top: int
    """The largest value."""
    said: str
    """The plot in words."""
    width: int = WIDTH
    height: int = HEIGHT


def plot(title: str, unit: str, series: Sequence[tuple[str, Sequence[int | None]]]) -> Plot:
    """Draw series of the same length, oldest value first."""
    known = [value for _, values in series for value in values if value is not None]
    top = max(known, default=0)
    lines = tuple(Line(name, _points(values, top)) for name, values in series)
    return Plot(title, unit, lines, top, "; ".join(_words(name, values, unit) for name, values in series))


def _points(values: Sequence[int | None], top: int) -> str:
    across, down = WIDTH - 2 * _MARGIN, HEIGHT - 2 * _MARGIN
    step = across / max(1, len(values) - 1)
    at = ((i, value) for i, value in enumerate(values) if value is not None)
    return " ".join(f"{_MARGIN + i * step:.1f},{_MARGIN + down - down * value / max(1, top):.1f}" for i, value in at)


def _words(name: str, values: Sequence[int | None], unit: str) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return f"{name}: nothing yet"
    return f"{name}: now {known[-1]} {unit}, most {max(known)}"
