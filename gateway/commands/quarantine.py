"""`quarantine`: what could not be processed, and what an operator does with it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.commands.operators import REQUEST_OPTION
from gateway.commands.shared import (
    emit,
    home_option,
    json_option,
    operator_option,
    passphrase_options,
    read_file,
)
from gateway.quarantine import DISCARD_REASONS
from schemas.errors import Reason

if TYPE_CHECKING:
    from gateway.exchange import Exchange
    from gateway.ports import Quarantined
    from gateway.quarantine import Quarantine, Released


@click.group()
def quarantine() -> None:
    """Look at bodies that could not be processed; release or discard them. Each use is an entry of the ledger."""


@quarantine.command("list")
@home_option
@operator_option
@passphrase_options()
@json_option
def show_all(home: Path, operator: str, *, as_json: bool) -> None:
    """List what is set aside, one a line.

    \b
    Example:
      bureaunet-gateway quarantine list --home gw --operator "duty officer 2"
    """  # noqa: D301  # click's \b keeps the lines of the example
    for item in asyncio.run(_list(home, operator)):
        row = _row(item)
        click.echo(json.dumps(row) if as_json else " ".join(f"{name}={value}" for name, value in row.items()))


@quarantine.command("show")
@home_option
@operator_option
@passphrase_options()
@click.argument("number", metavar="ID", type=click.IntRange(min=0))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the bytes to this new file.")
@json_option
def show_one(home: Path, operator: str, number: int, out: Path | None, *, as_json: bool) -> None:
    """Show one, and write its bytes to a file that only you can read.

    \b
    Example:
      bureaunet-gateway quarantine show 7 --home gw --operator ada --out body.bin
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway.keyfiles import write_private  # noqa: PLC0415  # keeps --help quick

    item = asyncio.run(_show(home, operator, number))
    if out is not None:
        write_private(out, item.body or b"")
    row = _row(item)
    emit(row, "\n".join(f"{name}: {value}" for name, value in row.items()), as_json=as_json)


@quarantine.command("release")
@home_option
@operator_option
@passphrase_options()
@click.argument("number", metavar="ID", type=click.IntRange(min=0))
@json_option
def release(home: Path, operator: str, number: int, *, as_json: bool) -> None:
    """Give one to the pipeline again. Exits 1 if it is refused; what cannot be decided stays in quarantine.

    \b
    Example:
      bureaunet-gateway quarantine release 7 --home gw --operator ada
    """  # noqa: D301  # click's \b keeps the lines of the example
    done = asyncio.run(_release(home, operator, number))
    reason = None if done.reason is None else str(done.reason)
    row = {"accepted": done.accepted, "index": done.index, "reason": reason, "removed": done.done, "entry": done.entry}
    text = "accepted" if done.accepted else f"refused: {reason}"
    emit(row, f"{text}; entry {done.entry} of the ledger has the release", as_json=as_json)
    if not done.accepted:
        raise SystemExit(1)


@quarantine.command("discard")
@home_option
@operator_option
@passphrase_options()
@click.argument("number", metavar="ID", type=click.IntRange(min=0))
@click.option("--reason", required=True, type=click.Choice([str(code) for code in DISCARD_REASONS]), help="Why.")
@REQUEST_OPTION
@json_option
def discard(home: Path, operator: str, number: int, reason: str, asked: Path | None, *, as_json: bool) -> None:
    """Take one out for good. The ledger keeps the SHA-256 of its bytes and the reason.

    Where the authority has listed operators it takes two of them: see request --help; the subject is what show --out
    wrote.

    \b
    Example:
      bureaunet-gateway quarantine discard 7 --home gw --operator ada --reason unreadable
    """  # noqa: D301  # click's \b keeps the lines of the example
    entry = asyncio.run(_discard(home, operator, number, Reason(reason), None if asked is None else read_file(asked)))
    emit({"entry": entry}, f"discarded; entry {entry} of the ledger says so", as_json=as_json)


@asynccontextmanager
async def _opened(home: Path, operator: str, *, migrate: bool = False) -> AsyncIterator[tuple[Quarantine, Exchange]]:
    from gateway.app import open_exchange  # noqa: PLC0415  # keeps --help quick
    from gateway.operators import operator_id  # noqa: PLC0415  # as above
    from gateway.quarantine import Quarantine  # noqa: PLC0415  # as above

    async with open_exchange(home, migrate=migrate) as (records, exchange):
        yield Quarantine(records.store, records.clock, operator_id(records.network.id, operator)), exchange


async def _list(home: Path, operator: str) -> list[Quarantined]:
    async with _opened(home, operator) as (held, _):
        return await held.items()


async def _show(home: Path, operator: str, number: int) -> Quarantined:
    async with _opened(home, operator) as (held, _):
        return await held.show(number)


async def _release(home: Path, operator: str, number: int) -> Released:
    async with _opened(home, operator, migrate=True) as (held, exchange):
        return await held.release(number, exchange)


async def _discard(home: Path, operator: str, number: int, reason: Reason, request: bytes | None) -> int:
    from gateway.app import open_exchange, rest_on_two  # noqa: PLC0415  # keeps --help quick
    from gateway.operators import operator_id  # noqa: PLC0415  # as above
    from gateway.quarantine import Quarantine, missing_item  # noqa: PLC0415  # as above
    from gateway.two_people import Act  # noqa: PLC0415  # as above

    async with open_exchange(home) as (records, exchange):
        item = await records.store.one_set_aside(number)
        if item is None:
            raise missing_item(number)
        await rest_on_two(home, records, exchange, request, (Act.QUARANTINE_DISCARD, item.body or b""))
        held = Quarantine(records.store, records.clock, operator_id(records.network.id, operator))
        return await held.discard(number, reason)


def _row(item: Quarantined) -> dict[str, str | int | None]:
    when = datetime.fromtimestamp(item.time / 1000, UTC).isoformat(timespec="milliseconds")
    kind = None if item.item is None else str(item.item)
    row: dict[str, str | int | None] = {
        "id": item.id,
        "time": when,
        "link": str(item.link),
        "cause": item.cause,
        "type": kind,
        "size": item.size,
    }
    return row if item.body is None else {**row, "sha256": hashlib.sha256(item.body).hexdigest()}
