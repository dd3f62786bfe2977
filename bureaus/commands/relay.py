"""`bureaunet relay`: reach a bureau through the secretariat, and say whether one may be reached this way."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict, Unpack

import click

from bureaus import relaying
from bureaus.client import Bureau
from bureaus.commands.shared import (
    emit,
    home_option,
    json_option,
    read_file,
    receipt_row,
    received_row,
    received_text,
    run,
)
from schemas import messages
from schemas.codes import Handling, Purpose
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages import WhereaboutsQuery
from schemas.messages.relay import RelayConsent
from schemas.receipts import Acceptance


class Asking(TypedDict):
    """What the command line said of a question."""

    operation: str
    to: str
    named: bool
    purpose: str
    handling: str
    path: Path
    wait: float


@click.group()
def relay() -> None:
    """Reach a bureau through the secretariat, which opens a question and seals it anew.

    Both sides agree: the bureau asked by its standing consent, the asker by asking. The secretariat reads what it
    relays; the bureau asked learns who asks only where the asker says so.
    """


_operation = click.option(
    "--operation", default=relaying.SERVICES, show_default=True, help="The operation that it is recorded against."
)


@relay.command()
@home_option
@_operation
@click.option("--none", "refuses", is_flag=True, help="No question may be relayed to us.")
@click.option("--unnamed", is_flag=True, help="Also questions whose asker is not named.")
@click.option(
    "--not-from", "not_from", multiple=True, help="Not those of this bureau; may be repeated. It is not told."
)
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The consent ends then (UTC).")
@json_option
@click.pass_context
def consent(
    ctx: click.Context,
    home: Path,
    operation: str,
    not_from: tuple[str, ...],
    until: datetime | None,
    *,
    refuses: bool,
    unnamed: bool,
    as_json: bool,
) -> None:
    """Let the secretariat relay questions to this bureau, or no more. The newest word counts.

    \b
    Example:
      bureaunet relay consent --unnamed --not-from FR --home ke
      bureaunet relay consent --none --home ke
    """  # noqa: D301  # click's \b keeps the lines of the example
    if refuses and (unnamed or not_from or until):
        raise Misuse("--none says all")
    ends = None if until is None else int(until.replace(tzinfo=UTC).timestamp())
    whom = tuple(map(Address.parse, not_from))
    said = RelayConsent(agrees=not refuses, unnamed=unnamed, not_from=whom, until=ends)

    async def work() -> tuple[bytes, Acceptance]:
        async with Bureau.open(home) as bureau:
            sent = await relaying.consent(bureau, said, operation=operation)
            return sent.digest, await sent.accepted(30)

    digest, receipt = run(ctx, work)
    words = "no question may be relayed to us" if refuses else "questions may be relayed to us"
    emit(receipt_row(digest, receipt), f"accepted as entry {receipt.index}: {words}", as_json=as_json)


@relay.command()
@home_option
@_operation
@click.option("--to", required=True, help="The bureau to be reached.")
@click.option("--named", is_flag=True, help="Tell it who asks.")
@click.option(
    "--purpose",
    type=click.Choice([str(code) for code in Purpose]),
    default=str(Purpose.LOCATION),
    show_default=True,
    help="Why the data is processed.",
)
@click.option(
    "--handling",
    type=click.Choice([str(code) for code in Handling]),
    default=str(Handling.H0),
    show_default=True,
    help="What recipients may do with it.",
)
@click.option(
    "--file", "path", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The query as JSON."
)
@click.option(
    "--wait", type=click.FloatRange(0), default=30.0, show_default=True, help="Seconds to wait for an answer."
)
@json_option
@click.pass_context
def ask(ctx: click.Context, home: Path, *, as_json: bool, **options: Unpack[Asking]) -> None:
    """Ask a bureau about a person through the secretariat. Exit 0: it answered; 1: it did not, or may not be asked so.

    \b
    Example:
      bureaunet relay ask --to KE --file query.json --home fr
    """  # noqa: D301  # click's \b keeps the lines of the example
    message = messages.decode(WhereaboutsQuery.KIND, read_file(options["path"]))

    async def work() -> bool:
        async with Bureau.open(home) as bureau:
            exchange = await relaying.ask(
                bureau,
                message,
                to=options["to"],
                purpose=Purpose(options["purpose"]),
                operation=options["operation"],
                named=options["named"],
                handling=Handling(options["handling"]),
            )
            receipt = await exchange.accepted(options["wait"])
            text = f"accepted as entry {receipt.index}: {exchange.digest.hex()}"
            emit(receipt_row(exchange.digest, receipt), text, as_json=as_json)
            answered = False
            async for received in exchange.responses(options["wait"]):
                found = relaying.opened(received)
                answered = answered or isinstance(found, messages.Message)
                emit(received_row(received), received_text(received), as_json=as_json)
            return answered and not exchange.waiting_for

    ctx.exit(0 if run(ctx, work) else 1)
