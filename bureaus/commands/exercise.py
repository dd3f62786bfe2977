"""`bureaunet exercise`: the eight INFRA operations, listed, shown and run on a private network."""

from __future__ import annotations

import json
from typing import Unpack

import click
from rich.console import Console
from rich.table import Table

from bureaus.commands.holding import Options, hold_and_show, holding_options
from bureaus.exercises import catalogue


@click.group(short_help="The INFRA operations: list, show, run.")
def exercise() -> None:
    """The eight INFRA operations as exercises: their published figures, and a private network that runs one.

    \b
    Example:
      bureaunet exercise list
      bureaunet exercise show infra-terra-2014
      bureaunet exercise run infra-terra-2014 --seed 7
    """  # noqa: D301  # click's \b keeps the lines of the example


@exercise.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def list_(*, as_json: bool) -> None:
    """List the operations.

    \b
    Example:
      bureaunet exercise list --json
    """  # noqa: D301  # click's \b keeps the lines of the example
    found = catalogue.operations().values()
    if as_json:
        click.echo(json.dumps([one.model_dump(mode="json") for one in found], ensure_ascii=False))
        return
    table = Table("id", "operation", "focus", "area")
    table.add_column("targets", justify="right")
    table.add_column("countries", justify="right")
    for one in found:
        table.add_row(one.id, one.name, ", ".join(one.focus), one.area, str(one.targets), str(one.participants))
    Console().print(table)


@exercise.command()
@click.argument("identifier", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def show(identifier: str, *, as_json: bool) -> None:
    """Show one operation: figures, sources, and who takes part in an exercise of it.

    \b
    Example:
      bureaunet exercise show infra-sa-2011
    """  # noqa: D301  # click's \b keeps the lines of the example
    found = catalogue.operation(identifier)
    codes = [str(code) for code in catalogue.participants(found)]
    if as_json:
        click.echo(json.dumps(found.model_dump(mode="json") | {"bureaus": codes}, ensure_ascii=False))
        return
    table = Table(title=found.name, show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    rows = {
        "id": found.id,
        "year": str(found.year),
        "focus": ", ".join(found.focus) or "not published",
        "area": found.area,
        "targets": str(found.targets),
        "countries": str(found.participants),
        "bureaus": " ".join(codes),
        "organisations": " ".join(found.organisations) or "none",
        "choice": found.choice,
    }
    for name, value in rows.items():
        table.add_row(name, value)
    for claim in found.claims:
        table.add_row("source", f"{claim.says} ({claim.source}, {claim.published})")
    Console().print(table)


@exercise.command()
@click.argument("identifier", metavar="ID")
@holding_options
@click.pass_context
def run(ctx: click.Context, identifier: str, **options: Unpack[Options]) -> None:
    """Run an operation on a private network, with synthetic targets, and verify its record.

    \b
    Example:
      bureaunet exercise run infra-hydra-2016
      bureaunet exercise run infra-terra-2014 --targets 20 --bureaus 10 --json
    """  # noqa: D301  # click's \b keeps the lines of the example
    ctx.exit(hold_and_show(identifier, catalogue.operation(identifier), options))
