"""The table of the suite: one row a fault."""

from __future__ import annotations

from collections.abc import Sequence

import click

from tests.faults.fault import Row

_HEAD = (
    f"{'fault':<28} {'envelopes':>9} {'accepted':>8} {'lost':>4} {'doubled':>7} {'wrong':>5} {'pause s':>7}"
    f" {'one s':>5} {'seed':>6}"
)


def lines(rows: Sequence[Row]) -> list[str]:
    """The table as text."""
    return [_HEAD, "-" * len(_HEAD), *map(_line, rows)]


def _line(row: Row) -> str:
    return (
        f"{row.fault:<28} {row.envelopes:>9} {row.accepted:>8} {row.lost:>4} {row.doubled:>7} {row.wrong:>5}"
        f" {row.pause:>7.1f} {row.longest:>5.1f} {row.seed:>6}"
    )


def show(rows: Sequence[Row]) -> None:
    """Print it."""
    for line in lines(rows):
        click.echo(line)
