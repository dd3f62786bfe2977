"""One measurement as a picture: both sides with their spread, and the ratio beside its goal. SVG, by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from benchmarks.compare import Measured, Spread

_WIDTH: Final = 720
_LEFT: Final = 90
_SPAN: Final = 470
"""Pixels of the longest bar."""
_ROW: Final = 34


def draw(measured: Measured) -> str:
    """The picture of one measurement."""
    sides = {"ours": measured.ours, "other": measured.other}
    most = max(spread.max for spread in sides.values()) or 1.0
    ratio_most = max(measured.ratio.max, measured.goal) or 1.0
    rows = [_row(name, spread, most, 60 + _ROW * at) for at, (name, spread) in enumerate(sides.items())]
    below = 60 + _ROW * (len(sides) + 1)
    goal = _LEFT + _SPAN * measured.goal / ratio_most
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{below + 70}">',
            "<style>text { font-family: sans-serif; font-size: 13px }</style>",
            '<rect width="100%" height="100%" fill="white"/>',
            f'<text x="12" y="24" font-size="15" font-weight="bold">{escape(measured.name)}</text>',
            f'<text x="12" y="44">{escape(measured.what)} ({escape(measured.unit)})</text>',
            *rows,
            _row("ratio", measured.ratio, ratio_most, below),
            f'<line x1="{goal:.1f}" x2="{goal:.1f}" y1="{below - 6}" y2="{below + 28}" stroke="#b03030"/>',
            f'<text x="{goal:.1f}" y="{below + 44}" text-anchor="middle" fill="#b03030">goal {measured.goal:g}</text>',
            f'<text x="12" y="{below + 62}" font-size="11" fill="#606060">{escape(measured.machine)}</text>',
            "</svg>\n",
        )
    )


def _row(name: str, spread: Spread, most: float, top: int) -> str:
    """A bar to the median, with a line from the least to the most."""
    middle, length = top + 11, _SPAN * spread.median / most
    low, high = (_LEFT + _SPAN * value / most for value in (spread.min, spread.max))
    return (
        f'<text x="12" y="{top + 16}">{escape(name)}</text>'
        f'<rect x="{_LEFT}" y="{top}" width="{length:.1f}" height="22" fill="#7090c0"/>'
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}" stroke="black" stroke-width="2"/>'
        f'<text x="{high + 8:.1f}" y="{top + 16}">{escape(str(spread))}</text>'
    )
