"""`bureaunet secretariat open`: the standing operation, brought to the directory."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bureaus.commands.shared import emit, home_option, json_option, run

if TYPE_CHECKING:
    from schemas.operation import Operation


@click.command("open", short_help="Publish the standing operation, or bring it to the directory.")
@home_option
@json_option
@click.pass_context
def open(ctx: click.Context, home: Path, *, as_json: bool) -> None:  # noqa: A001  # a command's name
    """Publish the operation that the services are exchanged in: everybody in the directory is a member.

    `serve` does so by itself; this is for an authority that enrols somebody while nothing serves.

    \b
    Example:
      bureaunet secretariat open --home ipsg
    """  # noqa: D301  # click's \b keeps the lines of the example
    made = run(ctx, lambda: _publish(home))
    if made is None:
        emit({"event": "standing", "changed": False}, "the standing operation is as it should be", as_json=as_json)
        return
    row = {"event": "standing", "changed": True, "id": made.id, "version": made.version, "members": len(made.members)}
    emit(row, f"published {made.id}, version {made.version}, {len(made.members)} members", as_json=as_json)


async def _publish(home: Path) -> Operation | None:
    from bureaus.client import Bureau  # noqa: PLC0415  # keeps --help quick
    from bureaus.secretariat import standing  # noqa: PLC0415
    from bureaus.secretariat.office import OPERATION  # noqa: PLC0415

    async with Bureau.open(home) as bureau:
        return await standing.publish(bureau, OPERATION, int(time.time()))
