"""`bureaunet witness`: cosign the ledger's checkpoints, and hold them against what others were shown."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from bureaus.client import Bureau
from bureaus.commands.shared import emit, home_option, json_option, read_file, run
from bureaus.store import FILE, Store, verified
from schemas.claims import Head
from schemas.errors import Malformed, Misuse, Reason

_NOTE = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Cosign the ledger's checkpoints; compare them with others'.")
@home_option
@click.option("--count", type=click.IntRange(1), help="End after so many checkpoints.")
@click.option("--show", is_flag=True, help="Print the checkpoint that this bureau accepted last, and end.")
@click.option("--compare", type=_NOTE, help="Hold a checkpoint that another bureau was shown against ours, and end.")
@json_option
@click.pass_context
def witness(
    ctx: click.Context, home: Path, count: int | None, compare: Path | None, *, show: bool, as_json: bool
) -> None:
    """Witness the ledger until Ctrl-C: each checkpoint is checked against all before it, kept, and only then signed.

    A bureau that listens, or whose program is open, witnesses by itself, if the directory names it; this is for one
    that does nothing else. What others were shown is compared with --compare: two histories end with 1, and a proof of
    it lies in the folder.

    \b
    Example:
      bureaunet witness --home fr
      bureaunet witness --home br --show > br.note
      bureaunet witness --home fr --compare br.note
    """  # noqa: D301  # click's \b keeps the lines of the example
    if show:
        click.echo(run(ctx, lambda: _accepted(home)), nl=False)
    elif compare is not None:
        note = read_file(compare)
        run(ctx, lambda: _compare(home, note, as_json=as_json))
    else:
        run(ctx, lambda: _witness(home, count, as_json=as_json))


async def _accepted(home: Path) -> str:
    async with await Store.open(home / FILE) as store:
        note = await store.run(verified.checkpoint)
    if note is None:
        raise Misuse(f"{home} accepted no checkpoint yet")
    return note


async def _compare(home: Path, note: bytes, *, as_json: bool) -> None:
    try:
        text = note.decode()
    except UnicodeDecodeError:
        raise Malformed(Reason.CHECKPOINT, "a checkpoint is text") from None
    bureau = Bureau.open(home)
    _tell(bureau, as_json=as_json)
    async with bureau:
        head = await bureau.compare(text)
    row = {"event": "agrees", "size": head.size, "root": head.root.hex()}
    emit(row, f"one history: it agrees with our tree of {head.size} entries", as_json=as_json)


async def _witness(home: Path, count: int | None, *, as_json: bool) -> None:
    bureau = Bureau.open(home)
    signed = 0
    enough = asyncio.Event()

    def tell(head: Head) -> None:
        nonlocal signed
        row = {"event": "cosigned", "size": head.size, "root": head.root.hex()}
        emit(row, f"cosigned the tree of {head.size} entries, root {head.root.hex()[:16]}", as_json=as_json)
        signed += 1
        if signed == count:
            enough.set()

    bureau.on_witnessed(tell)
    _tell(bureau, as_json=as_json)
    async with bureau:
        if not bureau.witnesses:
            click.echo(f"the directory does not name {bureau.address} as a witness yet; waiting", err=True)
        await enough.wait()


def _tell(bureau: Bureau, *, as_json: bool) -> None:
    def tell(path: Path, words: str) -> None:
        row = {"event": "misbehaviour", "file": str(path), "detail": words}
        emit(row, f"MISBEHAVIOUR: {words}\n  proof: {path}", as_json=as_json)

    bureau.on_misbehaviour(tell)
