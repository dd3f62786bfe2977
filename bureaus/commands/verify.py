"""`bureaunet verify`: the auditor's work on a terminal. Exit 0: it verifies; 1: it does not; 2: it was used wrongly."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from bureaus.auditor import Progress as Told
from bureaus.auditor import Verdict, audit, pinned, receipts_in, verdict_json, verdict_row
from bureaus.commands.disclosed import looks_disclosed, verify_file
from schemas.errors import Misuse
from schemas.exchanges import Delivery, Message, Report
from schemas.network import Network

_UNPINNED = """a record is verified against the network file that you pinned, given with --network FILE.

A record carries a network file of its own, but whoever forged the record could have forged that one too: with it, any
record would verify. Take the file that you enrolled with, and read its fingerprint back to the authority."""
_FILE = click.Path(path_type=Path, dir_okay=False)
_HEADS_SHOWN: Final = 20


@click.command(short_help="Verify an operation's record or a disclosed message, offline.")
@click.argument("record", type=_FILE)
@click.option("--network", type=_FILE, help="The network file that you pinned out of band.")
@click.option(
    "--receipts",
    multiple=True,
    type=_FILE,
    help="Receipts that a bureau kept of this operation, one after another in a file; each must be in the record.",
)
@click.option(
    "--html", "page", type=_FILE, help="Write a page for people: one HTML file, no script, to read and print."
)
@click.option("--exchanges", is_flag=True, help="Show every exchange: who asked whom, each side's steps and times.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for machines.")
@click.pass_context
def verify(
    ctx: click.Context,
    record: Path,
    network: Path | None,
    receipts: tuple[Path, ...],
    page: Path | None,
    *,
    exchanges: bool,
    as_json: bool,
) -> None:
    """Verify the RECORD of an operation, or one disclosed message, with nothing but the network file that you pinned.

    Every signature, every hash, every entry's place in the ledger and the order of events are checked; no gateway is
    asked. It says what is missing (a handover, an answer) and ends with 1 where anything does not verify.

    \b
    Example:
      bureaunet verify infra-sa-2011.record --network network.bn
      bureaunet verify infra-sa-2011.record --network network.bn --receipts fr.receipts --json
      bureaunet verify infra-sa-2011.record --network network.bn --html infra-sa-2011.html
      bureaunet verify message.disclosure --network network.bn
    """  # noqa: D301  # click's \b keeps the lines of the example
    kept = itertools.chain.from_iterable(map(receipts_in, receipts)) if receipts else None
    try:
        trusted = _pinned(network)
        disclosed = looks_disclosed(record)
        _check_page(page, disclosed=disclosed)
        if disclosed:
            ctx.exit(0 if verify_file(record, trusted, as_json=as_json) else 1)
        with _bar(record, shown=not as_json) as told:
            verdict = audit(record, trusted, kept, told)
        if page is not None:
            _write_page(verdict, trusted, record, page)
    except Misuse as error:
        click.echo(f"error: {error.detail}", err=True)
        ctx.exit(2)
    if as_json:
        for piece in verdict_json(verdict, exchanges=exchanges):
            click.echo(piece, nl=False)
        click.echo()
    else:
        show(verdict, Console(), exchanges=exchanges)
    ctx.exit(0 if verdict.ok else 1)


def _check_page(page: Path | None, *, disclosed: bool) -> None:
    if page is not None and disclosed:
        raise Misuse("a disclosed message has no page: it is shown as it is verified")
    if page is not None and page.exists():
        raise Misuse(f"{page} is there already")


def _write_page(verdict: Verdict, network: Network, record: Path, page: Path) -> None:
    from bureaus.page.record import write_page  # noqa: PLC0415  # only where a page is asked for

    unfinished = page.with_name(f".{page.name}.{os.getpid()}")
    try:
        with unfinished.open("x", encoding="utf-8") as file:
            write_page(verdict, network, record.name, file.write)
        unfinished.replace(page)
    except OSError as error:
        raise Misuse(f"cannot write the page {page}: {error.strerror}") from None
    finally:
        unfinished.unlink(missing_ok=True)


def _pinned(path: Path | None) -> Network:
    if path is None:
        raise Misuse(_UNPINNED)
    return pinned(path)


@contextmanager
def _bar(record: Path, *, shown: bool) -> Iterator[Told | None]:
    console = Console(stderr=True)
    if not shown or not console.is_terminal or not record.exists():
        yield None
        return
    columns = (TextColumn("verifying"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("verifying", total=record.stat().st_size)
        yield lambda done: progress.update(task, completed=done)


def show(verdict: Verdict, console: Console, *, exchanges: bool = False) -> None:
    """Tell people."""
    if verdict.error is not None:
        console.print("[bold red]DOES NOT VERIFY[/]")
        console.print(f"{verdict.error.reason}: {verdict.error.detail}", markup=False, highlight=False)
    if verdict.report is not None:
        if exchanges:
            console.print(_exchanges(verdict.report))
        console.print(_summary(verdict.report))
    if verdict.receipts is not None:
        counted = ", ".join(f"{count} {held}" for held, count in verdict.receipts.counts.items() if count)
        console.print(f"receipts: {counted or 'none'}", highlight=False)
        for line in verdict.receipts.wrong:
            console.print(line, style="red", markup=False, highlight=False)
        if not verdict.receipts.holds:
            console.print("[bold red]DOES NOT VERIFY[/]: the record does not hold what these receipts prove")
    if verdict.ok:
        console.print("[bold green]OK[/]: every byte of the record verifies against the pinned network")


def _summary(report: Report) -> Table:
    table = Table(title=f"{report.operation}: {report.name}", show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    row = verdict_row(Verdict(report))
    note = " (provisional: the quorum of witnesses has not signed)" if report.provisional else ""
    witnesses = (
        f"{', '.join(report.witnesses) or 'none'}, of a quorum of {report.quorum}" if report.quorum else "none named"
    )
    lines = {
        "network": report.network.hex(),
        "checkpoint": f"{report.size} entries at {_when(report.checkpoint_time * 1000)}{note}",
        "root": report.root.hex(),
        "witnesses": witnesses,
        "directory": f"version {report.directory_version}",
        "phase": report.phase,
        "entries": _counted(row["events"]),
        "exchanges": f"{len(report.exchanges)} with {report.messages} messages, {report.sealed} sealed parts kept",
        "refusals": _counted(row["refusals"]),
        "still owed": _counted(row["missing"]),
        "void": str(row["void"]),
        "doubtful heads": _doubtful(report),
    }
    for name, value in lines.items():
        table.add_row(name, value)
    return table


def _doubtful(report: Report) -> str:
    """Signed tree heads that contradict the ledger, a line each."""
    shown = report.doubtful_heads[:_HEADS_SHOWN]
    lines = [
        f"{one.party} signed a head of {one.head.size} that is not this ledger's (entry {one.index})" for one in shown
    ]
    if left := len(report.doubtful_heads) - len(shown):
        lines.append(f"and {left} more")
    return "\n".join(lines) or "none"


def _counted(counts: object) -> str:
    if not isinstance(counts, dict) or not counts:
        return "none"
    return "\n".join(f"{count} {what}" for what, count in counts.items())


def _when(milliseconds: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime(form)


def _short(milliseconds: int | None) -> str:
    return "" if milliseconds is None else _when(milliseconds, "%m-%d %H:%M")


def _exchanges(report: Report) -> Table:
    table = Table(title="exchanges")
    for name in ("exchange", "accepted", "from", "to", "kind", "consigned", "handed over", "missing"):
        table.add_column(name, overflow="fold")
    for exchange in report.exchanges:
        for message in exchange.messages():
            for side in message.deliveries.values():
                table.add_row(*_side(exchange.opening.digest, message, side, side.recipient in exchange.unanswered))
        table.add_section()
    return table


def _side(thread: bytes, message: Message, side: Delivery, owes: bool) -> tuple[str, ...]:  # noqa: FBT001  # one row's columns
    missing = [side.missing] if side.missing else []
    if owes and message.digest == thread:
        missing.append("answer")
    ended = f"failed: {side.reason or ''}" if side.failed is not None else ""
    late = " (handed over although the gateway had given it up)" if side.handed_over is not None and side.late else ""
    kind = message.kind if message.answer is None else f"{message.kind} ({message.answer})"
    return (
        thread.hex()[:8],
        _short(message.time),
        message.sender + (" (void)" if message.void else ""),
        side.recipient,
        kind,
        _short(side.consigned),
        ended or _short(side.handed_over) + late,
        ", ".join(missing),
    )
