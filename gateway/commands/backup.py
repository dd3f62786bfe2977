"""`backup` and `restore`: the gateway's database in one file, and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from gateway.commands.shared import emit, home_option, json_option, operator_option

_F = TypeVar("_F", bound=Callable[..., object])


def _programs_option(function: _F) -> _F:
    return click.option(
        "--programs",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        envvar="BUREAUNET_PG_PROGRAMS",
        show_envvar=True,
        help="Where pg_dump and pg_restore are, if not on PATH; of PostgreSQL's own version or later.",
    )(function)


@click.command()
@home_option
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The new file.")
@operator_option
@_programs_option
@json_option
def backup(home: Path, out: Path, operator: str, programs: Path | None, *, as_json: bool) -> None:
    """Copy the database into one file, while the gateway runs. Keys and the high-water mark are not in it.

    \b
    Example:
      bureaunet-gateway backup --home gw --out gw-monday.backup --operator "duty officer 2"
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway.backups import back_up  # noqa: PLC0415  # keeps --help quick

    made = asyncio.run(back_up(home, out, operator, programs))
    row = {"file": str(out), "database": made.backend, "size": made.size, "sha256": made.sha256}
    held = {"sealed": made.sealed, "first_due": made.first_due, "last_due": made.last_due}
    text = f"{out}: the {made.backend} database, with at least the checkpoint of {made.size}"
    if made.sealed:
        text += f"\nIt holds {made.sealed} sealed parts, to be erased from {made.first_due} to {made.last_due}: "
        text += "what was erased meanwhile is in this file still, so destroy it when your retention says so"
    emit(row | held, text, as_json=as_json)


@click.command()
@home_option
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--replace", is_flag=True, help="Even if the database holds something: it is lost.")
@operator_option
@_programs_option
@json_option
def restore(home: Path, file: Path, operator: str, programs: Path | None, *, replace: bool, as_json: bool) -> None:
    """Put a backup in place of the database. Stop every gateway first.

    \b
    Example:
      bureaunet-gateway restore gw-monday.backup --home gw --replace --operator "duty officer 2"

    Exits 1 where the database is then older than what this gateway has published: it will refuse to serve.
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway.backups import bring_back  # noqa: PLC0415  # keeps --help quick

    done = asyncio.run(bring_back(home, file, operator, programs, replace=replace))
    row = {"database": done.manifest.backend, "size": done.size, "behind": done.behind}
    text = f"restored: a tree of {done.size}"
    if done.behind is not None:
        text += f"; but this gateway has published one of {done.behind}, and will not serve from an older one"
    emit(row, text, as_json=as_json)
    if done.behind is not None:
        raise SystemExit(1)
