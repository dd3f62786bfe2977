"""`refusals`: what a gateway that runs refused last."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Final

import click

from gateway.commands.asking import ask, checked, operators_option, plain, stranger
from gateway.commands.shared import Row, json_option

_YEAR_9999: Final = 253_370_764_800_000
"""Milliseconds since the epoch."""
_COLUMNS: Final = ("link", "step", "reason", "digest", "index")


@click.command()
@operators_option
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The last so many.")
@json_option
def refusals(url: str, limit: int, *, as_json: bool) -> None:
    """Show what the gateway refused last, oldest first: of every step, also those that make no entry of the ledger.

    \b
    Example:
      bureaunet-gateway refusals --operators http://127.0.0.1:9443 --json

    The gateway keeps the last 1000 in memory (`pipeline.refusal_log_items`), of each worker; a restart empties it. A
    row has the link's name, step, reason and digest, and nothing that a sender wrote.
    """  # noqa: D301  # click's \b keeps the lines of the example
    rows = _asked(checked(url))[-limit:]
    if as_json:
        click.echo(json.dumps({"refusals": rows}))
        return
    for row in rows:
        when = datetime.fromtimestamp(int(str(row["time"])) / 1000, UTC).isoformat(timespec="milliseconds")
        said = (f"{name}={plain(row[name])}" for name in _COLUMNS if row.get(name) is not None)
        click.echo(f"{when} {' '.join(said)}")


def _asked(url: str) -> list[Row]:
    try:
        said = json.loads(ask(url, "/refusals"))
    except ValueError:
        said = None
    match said:
        case {"refusals": [*rows]} if all(isinstance(row, dict) and _is_time(row.get("time")) for row in rows):
            return rows
    raise stranger(url)


def _is_time(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < _YEAR_9999
