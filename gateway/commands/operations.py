"""`operation export`: an operation's record, for whoever audits it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from gateway.commands.shared import emit, home_option, json_option
from schemas.errors import Misuse

if TYPE_CHECKING:
    from schemas.record_items import End


@click.group()
def operation() -> None:
    """Export what was recorded of an operation. Opening one is its owner's: see `bureaunet operation --help`."""


@operation.command("export")
@click.argument("name", metavar="OPERATION")
@home_option
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Where the record goes.")
@json_option
def export(name: str, home: Path, out: Path, *, as_json: bool) -> None:
    """Write the record of OPERATION: statements, entries, acknowledgements, proofs. It verifies without this gateway.

    \b
    Example:
      bureaunet-gateway operation export infra-sa-2011 --home gw --out infra-sa-2011.record
      bureaunet verify infra-sa-2011.record --network network.bn
    """  # noqa: D301  # click's \b keeps the lines of the example
    if out.exists():
        raise Misuse(f"{out} is there already")
    with _counter(shown=not as_json) as told:
        end = asyncio.run(_export(name, home, out, told))
    row = {"operation": name, "file": str(out), "entries": end.entries, "number": end.number, "sealed": end.sealed}
    emit(row, f"{end.entries} entries, {end.sealed} sealed parts: {out}", as_json=as_json)


@contextmanager
def _counter(*, shown: bool) -> Iterator[Callable[[int], object] | None]:
    """Counts entries on a terminal; how many there will be is known at the end alone."""
    console = Console(stderr=True)
    if not shown or not console.is_terminal:
        yield None
        return
    columns = (SpinnerColumn(), TextColumn("{task.completed} entries"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("exporting", total=None)
        yield lambda done: progress.update(task, completed=done)


async def _export(name: str, home: Path, out: Path, told: Callable[[int], object] | None) -> End:
    from gateway.app import open_records  # noqa: PLC0415  # keeps --help quick
    from gateway.export import export_operation  # noqa: PLC0415  # as above
    from gateway.witnesses import Policies, best_note  # noqa: PLC0415  # as above

    unfinished = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with unfinished.open("xb") as file:
            async with open_records(home, migrate=False) as records:
                store, network = records.store, records.network
                witnessed = await best_note(records.cosignatures, Policies(store, network), 0)
                end = await export_operation(store, records.tree, network.raw, name, file.write, told, witnessed)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return end
