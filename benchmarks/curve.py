"""Curves over sizes as a picture: both axes logarithmic. SVG, by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 720, 420
_LEFT, _TOP, _RIGHT, _BOTTOM = 80, 50, 160, 60
_COLOURS: Final = ("#2060a0", "#b03030", "#308030", "#806020", "#603080")


@dataclass(frozen=True, slots=True)
class Curve:
    """One line, by name: (x, y) ascending in x, all above 0."""

    name: str
    points: Sequence[tuple[float, float]]


def draw_curves(title: str, across: str, up: str, curves: Sequence[Curve]) -> str:
    """The picture."""
    xs = [math.log10(x) for curve in curves for x, _ in curve.points]
    ys = [math.log10(y) for curve in curves for _, y in curve.points]
    box = (math.floor(min(xs)), math.ceil(max(xs)), math.floor(min(ys)), math.ceil(max(ys)))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}">',
        "<style>text { font-family: sans-serif; font-size: 12px }</style>",
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_LEFT}" y="28" font-size="15" font-weight="bold">{escape(title)}</text>',
        f'<text x="{_LEFT}" y="{_HEIGHT - 14}">{escape(across)}</text>',
        f'<text x="8" y="{_TOP - 6}">{escape(up)}</text>',
        *_grid(box),
    ]
    for number, curve in enumerate(curves):
        lines += _line(curve, box, _COLOURS[number % len(_COLOURS)])
    return "\n".join([*lines, "</svg>\n"])


def _place(x: float, y: float, box: tuple[int, int, int, int]) -> tuple[float, float]:
    left, right, low, high = box
    across = (x - left) / ((right - left) or 1)
    up = (y - low) / ((high - low) or 1)
    return _LEFT + across * (_WIDTH - _LEFT - _RIGHT), _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM)


def _grid(box: tuple[int, int, int, int]) -> list[str]:
    left, right, low, high = box
    lines: list[str] = []
    for power in range(left, right + 1):
        x, _ = _place(power, low, box)
        lines.append(f'<line x1="{x:.0f}" x2="{x:.0f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}" stroke="#e0e0e0"/>')
        lines.append(f'<text x="{x:.0f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{10**power:,}</text>')
    for power in range(low, high + 1):
        _, y = _place(left, power, box)
        lines.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.0f}" y2="{y:.0f}" stroke="#e0e0e0"/>')
        lines.append(f'<text x="{_LEFT - 8}" y="{y + 4:.0f}" text-anchor="end">{10.0**power:,g}</text>')
    return lines


def _line(curve: Curve, box: tuple[int, int, int, int], colour: str) -> list[str]:
    at = [_place(math.log10(x), math.log10(y), box) for x, y in curve.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in at]
    said = f"{curve.name}: {curve.points[-1][1]:.3g}"
    x, y = at[-1]
    label = f'<text x="{x + 8:.0f}" y="{y + 4:.0f}" fill="{colour}">{escape(said)}</text>'
    return [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>', *dots, label]
