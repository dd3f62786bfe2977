"""`bureaunet refuse add | remove | list`: whose messages a bureau does not take."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import click

from bureaus.client import Bureau
from bureaus.commands.shared import emit, home_option, json_option, run
from schemas.preferences import Preferences


@click.group()
def refuse() -> None:
    """Let the gateway refuse messages of named senders to this bureau and its units.

    A sender is a bureau, and with it all its units, or one unit. It is told so when it writes to us; what it writes to
    others goes as before, and it may reach us through the secretariat.
    """


@refuse.command()
@home_option
@click.argument("senders", nargs=-1, required=True)
@json_option
@click.pass_context
def add(ctx: click.Context, home: Path, senders: tuple[str, ...], *, as_json: bool) -> None:
    """Refuse messages of these senders, beside those that are refused already.

    \b
    Example:
      bureaunet refuse add BR KE/border-namanga --home fr
    """  # noqa: D301  # click's \b keeps the lines of the example
    _show(run(ctx, lambda: _with(home, lambda bureau: bureau.refuse(*senders))), as_json=as_json)


@refuse.command()
@home_option
@click.argument("senders", nargs=-1, required=True)
@json_option
@click.pass_context
def remove(ctx: click.Context, home: Path, senders: tuple[str, ...], *, as_json: bool) -> None:
    """Take messages of these senders again.

    \b
    Example:
      bureaunet refuse remove BR --home fr
    """  # noqa: D301  # click's \b keeps the lines of the example
    _show(run(ctx, lambda: _with(home, lambda bureau: bureau.accept(*senders))), as_json=as_json)


@refuse.command("list")
@home_option
@json_option
@click.pass_context
def show(ctx: click.Context, home: Path, *, as_json: bool) -> None:
    """Show whom this bureau refuses, as the gateway keeps it.

    \b
    Example:
      bureaunet refuse list --home fr --json
    """  # noqa: D301  # click's \b keeps the lines of the example
    _show(run(ctx, lambda: _with(home, lambda bureau: bureau.refused())), as_json=as_json)


async def _with(home: Path, work: Callable[[Bureau], Awaitable[Preferences | None]]) -> Preferences | None:
    async with Bureau.open(home) as bureau:
        return await work(bureau)


def _show(found: Preferences | None, *, as_json: bool) -> None:
    names = [] if found is None else sorted(map(str, found.refused))
    version = 0 if found is None else found.version
    row = {"event": "refusals", "version": version, "refused": names}
    emit(row, "\n".join(names) or "nobody is refused", as_json=as_json)
