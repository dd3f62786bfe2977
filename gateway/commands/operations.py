"""`operation export`: an operation's record, for whoever audits it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from gateway.commands.shared import emit, home_option, json_option
from schemas.errors import Misuse

if TYPE_CHECKING:
    from gateway.app import Records
    from schemas.record_items import End

_PAUSE: Final = 0.5
"""Seconds between two looks for the quorum."""


@click.group()
def operation() -> None:
    """Export what was recorded of an operation. Opening one is its owner's: see `bureaunet operation --help`."""


@operation.command("export")
@click.argument("name", metavar="OPERATION")
@home_option
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Where the record goes.")
@click.option(
    "--wait", type=click.FloatRange(0), default=0.0, metavar="SECONDS", help="Wait so long for the witnesses."
)
@json_option
def export(name: str, home: Path, out: Path, wait: float, *, as_json: bool) -> None:
    """Write the record of OPERATION: statements, entries, acknowledgements, proofs. It verifies without this gateway.

    Where the quorum of witnesses has not signed a checkpoint over all of it, the record is provisional, and the last
    line says so; --wait gives them time.

    \b
    Example:
      bureaunet-gateway operation export infra-sa-2011 --home gw --out infra-sa-2011.record --wait 30
      bureaunet verify infra-sa-2011.record --network network.bn
    """  # noqa: D301  # click's \b keeps the lines of the example
    if out.exists():
        raise Misuse(f"{out} is there already")
    with _counter(shown=not as_json) as told:
        end, witnessed = asyncio.run(_export(name, home, out, told, wait))
    row = {"operation": name, "file": str(out), "entries": end.entries, "number": end.number, "sealed": end.sealed}
    provisional = "" if witnessed is not False else "; provisional: the quorum of witnesses has not signed all of it"
    text = f"{end.entries} entries, {end.sealed} sealed parts: {out}{provisional}"
    emit({**row, "witnessed": witnessed}, text, as_json=as_json)


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


async def _export(
    name: str, home: Path, out: Path, told: Callable[[int], object] | None, wait: float
) -> tuple[End, bool | None]:
    """The record's end, and whether the quorum signed all of it; None where the network has no witnesses."""
    from gateway.app import open_records  # noqa: PLC0415  # keeps --help quick
    from gateway.export import export_operation  # noqa: PLC0415  # as above

    unfinished = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with unfinished.open("xb") as file:
            async with open_records(home, migrate=False) as records:
                store, network = records.store, records.network
                note, witnessed = await _witnessed(records, name, wait)
                end = await export_operation(store, records.tree, network.raw, name, file.write, told, note)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return end, witnessed


async def _witnessed(records: Records, operation: str, wait: float) -> tuple[str | None, bool | None]:
    """The newest note of the quorum, after `wait` seconds at the most; and whether it covers the operation."""
    from gateway.export import covers  # noqa: PLC0415  # keeps --help quick
    from gateway.witnesses import Policies, best_note  # noqa: PLC0415  # as above

    policies, until = Policies(records.store, records.network), time.monotonic() + wait
    if not (await policies.at(await records.store.size())).quorum:
        return None, None
    while True:
        note = await best_note(records.cosignatures, policies, 0)
        done = note is not None and await covers(records.store, operation, note)
        if done or time.monotonic() >= until:
            return note, done
        await asyncio.sleep(_PAUSE)
