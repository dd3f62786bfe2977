"""`operation reviews`: which operations are due for review, and by whom."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.commands.shared import home_option, json_option, now_seconds

if TYPE_CHECKING:
    from schemas.reviews import Review


@click.command("reviews")
@home_option
@click.option("--all", "everything", is_flag=True, help="Those that are not due yet, too.")
@json_option
def reviews(home: Path, *, everything: bool, as_json: bool) -> None:
    """List operations that their owners are to review, one a line, those due first. Exits 1 where one is over its time.

    \b
    Example:
      bureaunet-gateway operation reviews --home gw --all
    """  # noqa: D301  # click's \b keeps the lines of the example
    now = now_seconds()
    found = [review for review in asyncio.run(_reviews(home)) if everything or review.asked(now)]
    for review in found:
        said = "over" if review.over(now) else "due" if review.asked(now) else "later"
        day = datetime.fromtimestamp(review.due, UTC).date().isoformat()
        row = {
            "operation": review.operation,
            "owner": str(review.owner),
            "phase": str(review.phase),
            "version": review.version,
            "review": day,
            "state": said,
        }
        click.echo(json.dumps(row) if as_json else " ".join(str(value) for value in row.values()))
    if any(review.over(now) for review in found):
        raise SystemExit(1)


async def _reviews(home: Path) -> list[Review]:
    from gateway.app import open_records  # noqa: PLC0415  # keeps --help quick
    from gateway.reviews import reviews as read  # noqa: PLC0415  # as above

    async with open_records(home, migrate=False) as records:
        return await read(records.store)
