"""The fault suite: `make faults`, or `python -m tests.faults [NAME ...] [--seed N] [--count N] [--list]`.

Prints progress, then one row a fault; writes the rows to build/faults.json; exits 1 if anything was lost, doubled or
wrong in any of them. Ctrl-C (or SIGTERM) ends everything that was started, shows the rows so far and exits 130. Needs
the Debian package rabbitmq-server, and root for full disks (it mounts small tmpfs).
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click
import uvloop

from tests.faults.catalogue import FAULTS
from tests.faults.fault import Fault, Row, run_fault
from tests.faults.ground import REPOSITORY, Ground, prepare
from tests.faults.table import show

OUT: Final = REPOSITORY / "build" / "faults.json"
COUNT: Final = 10_000
INTERRUPTED: Final = 130
"""Exit code after Ctrl-C."""
SPARE: Final = 200
"""Envelopes sealed beyond the count, for faults that take more."""


async def run(faults: Sequence[Fault], seed: int, count: int, keep: Path | None, rows: list[Row]) -> None:
    """Run the faults one after another; a row for each that has ended is added to `rows`."""
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))  # asyncio's: it cancels us, once
    asyncio.get_running_loop().set_exception_handler(_heed)
    folder = Path(tempfile.mkdtemp(prefix="bureaunet-faults-"))
    grounds: dict[bool, Ground] = {}
    try:
        for number, fault in enumerate(faults, 1):
            if fault.embedded not in grounds:
                click.echo(f"enrolling, and sealing {count + SPARE} envelopes")
                place = folder / ("embedded" if fault.embedded else "network")
                grounds[fault.embedded] = await prepare(place, count + SPARE, embedded=fault.embedded)
            rows.append(
                await _one(fault, grounds[fault.embedded], folder, seed, count, f"{number}/{len(faults)}", keep)
            )
            _write(rows)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _one(fault: Fault, ground: Ground, folder: Path, seed: int, count: int, place: str, keep: Path | None) -> Row:
    began = time.monotonic()

    def say(words: str) -> None:
        click.echo(f"[{place}] {fault.name} {time.monotonic() - began:5.1f} s: {words}")

    scene = folder / f"scene-{fault.name}"
    row = await run_fault(fault, ground, scene, seed, count, say)
    say(
        f"{row.accepted} accepted, {row.lost} lost, {row.doubled} doubled, {row.wrong} wrong;"
        f" pause {row.pause:.1f} s, of one bureau {row.longest:.1f} s"
    )
    for complaint in row.complaints:
        click.echo(f"    {complaint}")
    if keep is not None and not row.good:
        shutil.copytree(scene, keep / fault.name, dirs_exist_ok=True, symlinks=True)
    await asyncio.to_thread(shutil.rmtree, scene, ignore_errors=True)
    return row


def _heed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report what nobody caught, but not what uvloop says of a TLS connection that was given up: that is the fault."""
    if not str(context.get("message")).startswith("Fatal error on SSL protocol"):
        loop.default_exception_handler(context)


def _write(rows: Sequence[Row]) -> None:
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps([row.as_json() for row in rows], indent=1) + "\n", "utf-8")


@click.command()
@click.argument("names", nargs=-1)
@click.option("--seed", type=int, help="The same seed strikes at the same moments; without one, one is drawn.")
@click.option("--count", type=int, default=COUNT, show_default=True, help="Envelopes of each fault.")
@click.option("--list", "listing", is_flag=True, help="Name the faults and end.")
@click.option("--keep", type=click.Path(path_type=Path), help="Where what a bad fault left is copied to.")
def main(names: tuple[str, ...], seed: int | None, count: int, *, listing: bool, keep: Path | None) -> None:
    """Run faults under load, and check that nothing was lost and nothing took effect twice."""
    if listing:
        for fault in FAULTS:
            click.echo(f"{fault.name:<28} {fault.about}")
        return
    unknown = set(names) - {fault.name for fault in FAULTS}
    if unknown:
        raise click.UsageError(f"no such fault: {', '.join(sorted(unknown))}")
    chosen = [fault for fault in FAULTS if not names or fault.name in names]
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    click.echo(f"seed {seed}")
    rows: list[Row] = []
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what it started with "&"
    try:
        uvloop.run(run(chosen, seed, count, keep, rows))
    except KeyboardInterrupt:
        show(rows)
        click.echo(f"interrupted: {len(rows)} of {len(chosen)} faults had ended")
        sys.exit(INTERRUPTED)
    show(rows)
    sys.exit(0 if all(row.good for row in rows) else 1)


if __name__ == "__main__":
    main()
