"""The plots of an evaluation: bars in SVG made here, without a script. Every number stands in a table as well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup

_ROW, _LEFT, _WIDTH, _RIGHT = 18, 190, 760, 60
"""Pixels: a bar's height with its gap, its name's width, the whole, the number's width."""
_HALF: Final = 0.5
"""A share below this is drawn as one that needs care."""


def counts(label: str, values: Mapping[str, int]) -> Markup:
    """A bar for each count."""
    most = max(values.values(), default=0) or 1
    return _svg(label, [(name, count / most, f"{count:,}", "half") for name, count in values.items()])


def shares(label: str, values: Mapping[str, float]) -> Markup:
    """A bar for each share from 0 to 1."""
    return _svg(
        label, [(name, share, f"{share:.0%}", "less" if share < _HALF else "half") for name, share in values.items()]
    )


def _svg(label: str, rows: list[tuple[str, float, str, str]]) -> Markup:
    wide = _WIDTH - _LEFT - _RIGHT
    drawn = Markup().join(
        Markup(
            '<text x="0" y="{}">{}</text><rect class="most" x="{}" y="{}" width="{}" height="{}"/>'
            '<rect class="{}" x="{}" y="{}" width="{:.1f}" height="{}"/><text x="{}" y="{}">{}</text>'
        ).format(
            *(_ROW * place + 14, name, _LEFT, _ROW * place + 2, wide, _ROW - 4),
            *(shade, _LEFT, _ROW * place + 2, wide * share, _ROW - 4),
            *(_WIDTH - _RIGHT + 6, _ROW * place + 14, said),
        )
        for place, (name, share, said, shade) in enumerate(rows)
    )
    return Markup('<svg role="img" aria-label="{}" viewBox="0 0 {} {}">{}</svg>\n').format(
        label, _WIDTH, _ROW * len(rows) + 4, drawn
    )
