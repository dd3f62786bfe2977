"""`ledger`: look at what the gateway recorded."""

from __future__ import annotations

import asyncio
import json
from dataclasses import fields
from pathlib import Path

import click

from gateway.commands.shared import emit, home_option, json_option
from schemas.evidence import Entry


@click.group()
def ledger() -> None:
    """Look at what this gateway recorded: its head, its entries, and whether all of it holds."""


@ledger.command()
@home_option
@json_option
def head(home: Path, *, as_json: bool) -> None:
    """Show the newest checkpoint.

    \b
    Example:
      bureaunet-gateway ledger head --home gw
    """  # noqa: D301  # click's \b keeps the lines of the example
    asyncio.run(_head(home, as_json=as_json))


@ledger.command("entries")
@home_option
@click.option("--from", "start", default=0, show_default=True, type=click.IntRange(min=0), help="The first index.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(min=1), help="How many at most.")
@json_option
def show_entries(home: Path, start: int, limit: int, *, as_json: bool) -> None:
    """Show entries, one a line; they hold no content.

    \b
    Example:
      bureaunet-gateway ledger entries --home gw --from 1000 --limit 20 --json
    """  # noqa: D301  # click's \b keeps the lines of the example
    asyncio.run(_entries(home, start, limit, as_json=as_json))


@ledger.command("verify")
@home_option
@json_option
def verify_ledger(home: Path, *, as_json: bool) -> None:
    """Verify every entry, every operation's chain, and the root that the log signed. Exits 1 if anything fails.

    \b
    Example:
      bureaunet-gateway ledger verify --home gw
    """  # noqa: D301  # click's \b keeps the lines of the example
    asyncio.run(_verify(home, as_json=as_json))


async def _head(home: Path, *, as_json: bool) -> None:
    from gateway.app import open_records  # noqa: PLC0415  # keeps --help quick
    from schemas.notes import read_checkpoint  # noqa: PLC0415  # as above

    async with open_records(home, migrate=False) as records:
        note = await records.tree.checkpoint()
        size = await records.store.size()
        if note is None:
            emit({"size": 0, "entries": size}, f"no checkpoint yet; {size} entries", as_json=as_json)
            return
        signed = read_checkpoint(note, records.network.policy)
    root = signed.checkpoint.root.hex()
    row = {"origin": signed.checkpoint.origin, "size": signed.checkpoint.size, "root": root, "time": signed.time}
    emit({**row, "entries": size}, note, as_json=as_json)


async def _entries(home: Path, start: int, limit: int, *, as_json: bool) -> None:
    from gateway.app import open_records  # noqa: PLC0415  # keeps --help quick
    from gateway.inspection import entries  # noqa: PLC0415  # as above
    from schemas.evidence import read_entry  # noqa: PLC0415  # as above

    async with open_records(home, migrate=False) as records:
        async for leaf in entries(records.store, start, start + limit):
            shown = {"index": leaf.index, **_shown(read_entry(leaf.entry))}
            text = " ".join(f"{name}={value}" for name, value in shown.items())
            click.echo(json.dumps(shown) if as_json else text)


async def _verify(home: Path, *, as_json: bool) -> None:
    from gateway.app import open_records  # noqa: PLC0415  # keeps --help quick
    from gateway.inspection import verify  # noqa: PLC0415  # as above

    async with open_records(home, migrate=False) as records:
        verdict = await verify(records.store, records.tree, records.network.policy, lambda _done: None)
    row = {"ok": True, "entries": verdict.entries, "operations": verdict.operations, "root": verdict.root.hex()}
    text = f"OK: {verdict.entries} entries, {verdict.operations} operations, root {verdict.root.hex()}"
    emit(row, text, as_json=as_json)


def _shown(entry: Entry) -> dict[str, str | int]:
    values = ((field.name, getattr(entry, field.name)) for field in fields(entry))
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in values if value is not None}
