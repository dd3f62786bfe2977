"""`participant`: who is in the directory that this gateway serves."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click

from gateway.commands.operators import REQUEST_OPTION
from gateway.commands.shared import emit, home_option, json_option, now_seconds, passphrase_options, read_file


@click.group()
def participant() -> None:
    """Load versions of the directory that the authority signed, and list who is in the newest."""


@participant.command("load")
@home_option
@click.argument("directory", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@REQUEST_OPTION
@passphrase_options()
@json_option
def load(home: Path, directory: Path, asked: Path | None, *, as_json: bool) -> None:
    """Take a version of the directory into the ledger. A gateway that runs takes it up within a second.

    \b
    Example:
      bureaunet-gateway participant load --home gw authority/directory-2.cbor

    The version must be signed by the authority and follow the one before; the same version again changes nothing. Where
    the authority has listed operators it takes two of them: see request --help.
    """  # noqa: D301  # click's \b keeps the lines of the example
    version, index = asyncio.run(_load(home, read_file(directory), None if asked is None else read_file(asked)))
    emit({"version": version, "index": index}, f"version {version} is entry {index} of the ledger", as_json=as_json)


@participant.command("list")
@home_option
@json_option
def show(home: Path, *, as_json: bool) -> None:
    """List the participants of the newest version, and whose keys end within 30 days.

    \b
    Example:
      bureaunet-gateway participant list --home gw --json
    """  # noqa: D301  # click's \b keeps the lines of the example
    asyncio.run(_show(home, as_json=as_json))


async def _load(home: Path, statement: bytes, request: bytes | None) -> tuple[int, int]:
    from gateway.app import publish_directory  # noqa: PLC0415  # keeps --help quick

    return await publish_directory(home, statement, request)


async def _show(home: Path, *, as_json: bool) -> None:
    from gateway.app import open_records  # noqa: PLC0415  # keeps --help quick
    from gateway.changes import expiring  # noqa: PLC0415  # as above

    async with open_records(home, migrate=False) as records:
        await records.statements.refresh()
        directory = records.statements.trust.directory
    ending = dict(expiring(directory, now_seconds(), 30))
    if as_json:
        rows = [
            {
                "address": row.address,
                "kind": row.kind,
                "name": row.name,
                "link": row.link,
                "state": row.state,
                "units": list(row.units),
                "key": row.signing[0].key.key_id.hex() if row.signing else None,
                "keys_until": row.lapses,
                "days_left": ending.get(row.address),
            }
            for row in directory.participants
        ]
        click.echo(json.dumps({"version": directory.version, "participants": rows}))
        return
    from rich.console import Console  # noqa: PLC0415  # only a table needs it
    from rich.table import Table  # noqa: PLC0415  # as above

    columns = ("address", "kind", "name", "link", "state", "units", "keys end")
    table = Table(*columns, title=f"directory, version {directory.version}")
    for row in directory.participants:
        left = ending.get(row.address)
        ends = "" if left is None else ("now" if left == 0 else f"in {left} days")
        table.add_row(row.address, row.kind, row.name, row.link, row.state, ", ".join(row.units), ends)
    Console().print(table)
