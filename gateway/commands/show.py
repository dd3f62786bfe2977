"""`show`: every list of the console, for people and programs. `request bring` and `take`: what waits for signatures."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gateway.commands.operators import request
from gateway.commands.shared import Row, emit, home_option, json_option, operator_option, read_file
from schemas.errors import Misuse

if TYPE_CHECKING:
    from gateway.approvals import Waiting

LISTS: Final = (
    "exchanges",
    "overdue",
    "operations",
    "bureaus",
    "approvals",
    "ledger",
    "audit",
    "queues",
    "connections",
)
"""Those of gateway/console/lists.py but the quarantine, whose own command records who looks. A test compares."""


@click.command()
@click.argument("listing", metavar="LIST", type=click.Choice(LISTS))
@home_option
@click.option("--where", "said", multiple=True, metavar="FIELD=VALUE", help="What to look for; may be repeated.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Rows at most.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, safe for spreadsheets.")
@json_option
def show(listing: str, home: Path, said: tuple[str, ...], limit: int, *, as_csv: bool, as_json: bool) -> None:
    """Show a LIST of the console: exchanges, overdue, operations, bureaus, approvals, ledger, audit.

    \b
    Examples:
      bureaunet-gateway show exchanges --home gw --where sender=FR --where state=refused --csv
      bureaunet-gateway show overdue --home gw --where state=late --json
      bureaunet-gateway show bureaus --home gw

    With --json and --csv each row is a line; so it is without, as words. Fields are those of the page's search:
    exchanges by since, until, sender, recipient, operation, kind, state, id; overdue by state, bureau, urgency. Lists
    queues and connections are the broker's.
    """  # noqa: D301  # click's \b keeps the lines of the example
    if as_csv and as_json:
        raise Misuse("say either --csv or --json")
    asyncio.run(_show(listing, home, said, limit, (as_csv, as_json)))


async def _show(name: str, home: Path, said: tuple[str, ...], limit: int, form: tuple[bool, bool]) -> None:
    from gateway.app.shelf import open_shelf  # noqa: PLC0415  # keeps --help quick
    from gateway.console.lists import LISTINGS  # noqa: PLC0415  # keeps --help quick
    from gateway.console.takeaway import rows  # noqa: PLC0415  # as above
    from gateway.console.views import csv_line  # noqa: PLC0415  # as above

    listing, (as_csv, as_json) = LISTINGS[name], form
    pairs = dict(part.split("=", 1) for part in said if "=" in part)
    if len(pairs) != len(said) or not set(pairs) <= set(listing.fields):
        raise Misuse(f"{name} is searched by {', '.join(listing.fields) or 'nothing'}: --where FIELD=VALUE, each once")
    async with open_shelf(home) as desk:
        if as_csv:
            click.echo(csv_line(listing.columns), nl=False)
        async for row in rows(desk, listing, listing.asked(pairs), limit):
            if as_csv:
                click.echo(csv_line(row[column] for column in listing.columns), nl=False)
            elif as_json:
                click.echo(json.dumps(dict(row)))
            else:
                click.echo(" ".join(f"{key}={value}" for key, value in row.items() if value not in {None, ""}))


@request.command("bring")
@click.argument("asked", metavar="REQUEST", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@home_option
@operator_option
@click.option("--why", required=True, help="Why, for the audit.")
@json_option
def bring(asked: Path, home: Path, operator: str, why: str, *, as_json: bool) -> None:
    """Bring a signed REQUEST to the gateway: it waits there for the next signature, or to be acted on.

    \b
    Example:
      bureaunet-gateway request bring request.cbor --home gw --operator ada --why "unreadable since the upgrade"
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway.app.shelf import open_shelf  # noqa: PLC0415  # keeps --help quick
    from gateway.operators import Action  # noqa: PLC0415  # as above

    data = read_file(asked)

    async def brought() -> Waiting:
        async with open_shelf(home) as desk:
            await desk.deeds.did(operator, Action.REQUEST_BRING, asked.name, why, data)
            return await desk.requests.bring(data, operator, why)

    made = asyncio.run(brought())
    row: Row = {
        "id": made.kept.id.hex(),
        "act": made.kept.act,
        "signed": list(made.signers),
        "needed": made.needed,
        "standing": str(made.standing),
    }
    emit(row, f"{made.kept.act}: {len(made.signers)} of {made.needed} signed; it {made.standing}", as_json=as_json)


@request.command("take")
@click.argument("name", metavar="ID")
@home_option
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Where the request goes.")
def take(name: str, home: Path, out: Path) -> None:
    """Take the request ID, as `show approvals` names it, with the signatures that it has, to sign it.

    \b
    Example:
      bureaunet-gateway request take 1f9c4d... --home gw --out request.cbor
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway.app.shelf import open_shelf  # noqa: PLC0415  # keeps --help quick
    from gateway.console.listing import hexadecimal  # noqa: PLC0415  # as above
    from gateway.keyfiles import write_public  # noqa: PLC0415  # as above

    async def found() -> Waiting | None:
        async with open_shelf(home) as desk:
            return await desk.requests.one(hexadecimal(name, 32))

    one = asyncio.run(found())
    if one is None:
        raise Misuse(f"there is no request {name}")
    write_public(out, one.kept.statement)
    click.echo(f"{out}: {one.kept.act}")
