"""`bureaunet authorise`: a bureau lets one of its units have keys, an inbox and a row of its own."""

from __future__ import annotations

from pathlib import Path

import click

from bureaus.client import Bureau
from bureaus.commands.shared import emit, home_option, json_option, read_file, run

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Let a unit of this bureau have a row of its own.")
@home_option
@click.argument("request", type=_FILE)
@click.option("--out", type=_FILE, required=True, help="Where the signed request goes.")
@json_option
@click.pass_context
def authorise(ctx: click.Context, home: Path, request: Path, out: Path, *, as_json: bool) -> None:
    """Sign the request of a unit, such as a border post, with the bureau's key: the authority lists no unit without it.

    \b
    Example:
      bureaunet enrol KE/border-namanga --kind unit --home border
      bureaunet authorise border/request.cbor --home ke --out border.cbor
      bureaunet-gateway authority approve border.cbor --home authority
    """  # noqa: D301  # click's \b keeps the lines of the example
    body = read_file(request)
    out.write_bytes(run(ctx, lambda: _sign(home, body)))
    emit({"event": "authorised", "request": str(out)}, f"{out} is for the authority", as_json=as_json)


async def _sign(home: Path, request: bytes) -> bytes:
    async with Bureau.open(home) as bureau:
        return bureau.authorise(request)
