"""`overdue`: queries that a bureau let pass without an answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from gateway.app import open_records
from gateway.clocks import Clock
from gateway.commands.shared import Row, home_option, json_option

_PAGE: Final = 500


@click.command()
@home_option
@json_option
def overdue(home: Path, *, as_json: bool) -> None:
    """Show queries whose answer is overdue, those longest due first: who was asked, by whom, since when.

    \b
    Example:
      bureaunet-gateway overdue --home /var/lib/bureaunet --json

    A query is here once for each recipient whose silence was attested, until that recipient answers.
    """  # noqa: D301  # click's \b keeps the lines of the example
    clocks = asyncio.run(_overdue(home))
    if as_json:
        click.echo(json.dumps({"overdue": [_row(clock) for clock in clocks]}))
        return
    for line in _lines(clocks):
        click.echo(line)


async def _overdue(home: Path) -> list[Clock]:
    found: list[Clock] = []
    async with open_records(home, migrate=False) as records:
        while page := await records.store.overdue(found[-1] if found else None, _PAGE):
            found += page
    return found


def _row(clock: Clock) -> Row:
    return {
        "query": clock.query.hex(),
        "asked": str(clock.recipient),
        "asker": str(clock.sender),
        "operation": clock.operation,
        "kind": clock.kind,
        "urgency": str(clock.urgency),
        "opened": clock.opened,
        "due": clock.due,
        "state": str(clock.state),
    }


def _lines(clocks: list[Clock]) -> Iterator[str]:
    for clock in clocks:
        due = datetime.fromtimestamp(clock.due / 1000, UTC).isoformat(timespec="seconds")
        yield f"{due} {clock.recipient} asked by {clock.sender} {clock.kind} {clock.urgency} {clock.state}"
        yield f"    {clock.operation} {clock.query.hex()}"
