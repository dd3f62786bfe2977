"""`redeliver`: publish once more what an inbox on the broker lost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.commands.shared import emit, home_option, json_option, operator_option, passphrase_options
from schemas.directory import Link
from schemas.errors import Forbidden, Reason
from schemas.identity import Address

if TYPE_CHECKING:
    from gateway.redelivery import Redelivery


@click.command()
@click.argument("bureau", metavar="BUREAU")
@home_option
@operator_option
@passphrase_options()
@json_option
def redeliver(bureau: str, home: Path, operator: str, *, as_json: bool) -> None:
    """Have what is in BUREAU's inbox on the broker, and not handed over, published again: the inbox was purged or lost.

    \b
    Example:
      bureaunet-gateway redeliver BR --home gw --operator ada

    The running gateways publish it, with the same ids; a bureau that has a message already does not handle it twice.
    An inbox over HTTP is in the database, and needs nothing.
    """  # noqa: D301  # click's \b keeps the lines of the example
    done = asyncio.run(_redeliver(home, operator, Address.parse(bureau)))
    if done is None:
        emit({"link": str(Link.HTTP), "copies": 0}, f"{bureau} fetches over HTTP: nothing to do", as_json=as_json)
        return
    row = {"link": str(Link.AMQP), "copies": done.copies, "entry": done.entry}
    emit(row, f"{done.copies} copies are published again; entry {done.entry} of the ledger says so", as_json=as_json)


async def _redeliver(home: Path, operator: str, bureau: Address) -> Redelivery | None:
    """None where the inbox is not on the broker."""
    from gateway.app import open_exchange  # noqa: PLC0415  # keeps --help quick
    from gateway.operators import operator_id  # noqa: PLC0415  # as above
    from gateway.redelivery import redeliver  # noqa: PLC0415  # as above

    async with open_exchange(home) as (records, exchange):
        row = next((row for row in exchange.trust.directory.participants if row.address == bureau), None)
        if row is None:
            raise Forbidden(Reason.NOT_FOUND, f"the directory has no participant {bureau}")
        if row.link is Link.HTTP:
            return None
        return await redeliver(records.store, records.clock, operator_id(records.network.id, operator), row.address)
