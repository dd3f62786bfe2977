"""The plots of an exercise's report: SVG made here, without a script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup
from pydantic import BaseModel

_ROW, _LEFT, _WIDTH, _RIGHT = 18, 60, 760, 110
"""Pixels: a bureau's height, its name's width, the whole, the numbers' width."""
_TALL: Final = 200
"""Pixels: the height of the curves."""
_UNITS: Final = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))


class Times(BaseModel):
    """How long answers took, in seconds."""

    answers: int
    median: float | None
    p99: float | None
    tenths: list[float | None] = []
    """The quantiles from 10 to 90 percent."""


def seconds(value: float | None) -> str:
    """A time for people: to the millisecond below a minute, else in its two largest units."""
    if value is None:
        return "none"
    for unit, name, part, smaller in _UNITS:
        if value >= unit:
            return f"{int(value // unit)} {name} {int(value % unit // part)} {smaller}"
    return f"{round(value, 3):g} s"


def bars(times: Mapping[str, Times], goal: float | None) -> Markup:
    """A bar for each, to the median and to the 99th percentile; a line at the goal, in seconds."""
    longest = max([one.p99 or 0.0 for one in times.values()] + ([goal] if goal is not None else [])) or 1.0
    scale = (_WIDTH - _LEFT - _RIGHT) / longest
    height = _ROW * len(times) + 4
    drawn = Markup().join(_bar(name, one, place, scale) for place, (name, one) in enumerate(times.items()))
    line = Markup()
    if goal is not None:
        at = f"{_LEFT + goal * scale:.1f}"
        line = Markup('<line class="goal" x1="{}" x2="{}" y1="0" y2="{}"><title>goal: {:g} s</title></line>').format(
            at, at, height, goal
        )
    return Markup('<svg role="img" aria-label="Answer times by bureau" viewBox="0 0 {} {}">{}{}</svg>\n').format(
        _WIDTH, height, drawn, line
    )


def _bar(name: str, one: Times, place: int, scale: float) -> Markup:
    top = _ROW * place + 2
    most, half = (one.p99 or 0.0) * scale, (one.median or 0.0) * scale
    return Markup(
        '<text x="0" y="{}">{}</text><rect class="most" x="{}" y="{}" width="{:.1f}" height="{}"/>'
        '<rect class="half" x="{}" y="{}" width="{:.1f}" height="{}"/><text x="{:.1f}" y="{}">{}</text>'
    ).format(
        top + 12, name, _LEFT, top, most, _ROW - 4, _LEFT, top + 3, half, _ROW - 10, _LEFT + most + 6, top + 12,
        seconds(one.p99),
    )  # fmt: skip


def curves(times: Mapping[str, Times]) -> Markup:
    """The share of answers over the time, a curve for each."""
    longest = max([one.tenths[-1] or 0.0 for one in times.values()]) or 1.0
    scale = (_WIDTH - _LEFT - _RIGHT) / longest
    drawn = Markup().join(_curve(name, one, scale) for name, one in times.items())
    axis = Markup('<line class="axis" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(_LEFT, _TALL, _WIDTH - _RIGHT, _TALL)
    label = Markup('<text x="{}" y="{}">{}</text>').format(_WIDTH - _RIGHT - 40, _TALL + 16, seconds(longest))
    return Markup('<svg role="img" aria-label="Answer times by urgency" viewBox="0 0 {} {}">{}{}{}</svg>\n').format(
        _WIDTH, _TALL + 24, axis, label, drawn
    )


def _curve(name: str, one: Times, scale: float) -> Markup:
    places = [(_LEFT + (at or 0.0) * scale, _TALL * (1 - tenth / 10)) for tenth, at in enumerate(one.tenths, 1)]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in [(_LEFT, _TALL), *places])
    x, y = places[-1]
    return Markup('<polyline class="curve" points="{}"/><text x="{:.1f}" y="{:.1f}">{}</text>').format(
        points, x + 6, y + 4, name
    )
