"""`migrate`: bring the database to a version of the tables, upwards or downwards."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from gateway.commands.shared import emit, home_option, json_option


@click.command()
@home_option
@click.option("--to", "target", default="head", show_default=True, help="The revision; head is this program's own.")
@json_option
def migrate(home: Path, target: str, *, as_json: bool) -> None:
    """Bring the database to a version of the tables. Stop every gateway first, and make a backup.

    \b
    Example, before going back to the program of the version before:
      bureaunet-gateway migrate --home gw --to 0001

    `serve` brings an older database to its own version by itself, unless `migrate = false` is set.
    """  # noqa: D301  # click's \b keeps the lines of the example
    now = asyncio.run(_migrate(home, target))
    emit({"revision": now}, f"the database is at version {now}", as_json=as_json)


async def _migrate(home: Path, target: str) -> str | None:
    from gateway.adapters.sql.database import Database  # noqa: PLC0415  # keeps --help quick
    from gateway.adapters.sql.schema import migrate, revision  # noqa: PLC0415  # as above
    from gateway.settings import load  # noqa: PLC0415  # as above
    from schemas.errors import Misuse  # noqa: PLC0415  # as above

    if target == "base":
        raise Misuse("base would delete the ledger; drop the database yourself if you mean it")
    database = Database(load(home, os.environ).database_url)
    try:
        await migrate(database, target)
        return await revision(database)
    finally:
        await database.close()
