"""An exercise's report for people, on a terminal or in a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from rich import box
from rich.columns import Columns
from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bureaus.exercises.report import Report
from bureaus.exercises.report_plots import seconds
from schemas.notes import Standing

_SHOWN_FAULTS: Final = 20
_WITNESSES: Final = {
    Standing.WITNESSED: "witnesses their quorum signed the checkpoint that the record stands under",
    Standing.PROVISIONAL: "witnesses PROVISIONAL: their quorum has not signed the record's checkpoint",
    Standing.UNWITNESSED: "witnesses none: the log's word stands alone",
}


def show(report: Report, console: Console) -> None:
    """Print the tables, the verdict, where the files lie, what to type next, and what is ours and not published."""
    reported = {str(kind): count for kind, count in report.run.reported.items()}
    counts = (
        _counts("kind of message", "accepted", report.verdict.messages),
        _counts("outcome", "targets", _present(report.run.outcomes())),
        _counts("reported as", "cases", _present(reported)),
        _services(report.run.services),
    )
    console.print(Columns(counts, padding=(0, 2)), _refusals(report), _verdict(report))
    for name, path in report.files.items():
        console.print(f"{name:>9}  {path}", highlight=False, soft_wrap=True)
    for word, command in report.commands.items():
        console.print(f"{word:>9}  {command}", highlight=False, soft_wrap=True)
    console.print(Text(report.verdict.says, style="dim"))
    for said in ("choice", "synthetic"):
        console.print(Text(str(report.about[said]), style="dim"))


def _present(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


def _services(counts: Mapping[str, int]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("the secretariat's services")
    table.add_column("", justify="right")
    for name, count in _present(counts).items():
        table.add_row(name.replace("_", " "), str(count))
    return table


def _counts(what: str, how_many: str, counts: Mapping[str, int]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_footer=True)
    table.add_column(what, footer="together")
    table.add_column(how_many, footer=str(sum(counts.values())), justify="right")
    for name, count in counts.items():
        table.add_row(name, str(count))
    return table


def _refusals(report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for head in ("deliberate wrong", "what the gateway said", ""):
        table.add_column(head)
    for attempt in report.run.attempts:
        table.add_row(attempt.says, attempt.answer, _mark(ok=not attempt.fault))
    return table


def _verdict(report: Report) -> RenderableType:
    median, p99 = report.answer_times()
    faults, ledger, verdict = report.faults(), report.verdict.ledger, report.verdict
    receipts = ", ".join(f"{count} {what}" for what, count in verdict.receipts.items()) or "none"
    refused = ", ".join(f"{count} {reason}" for reason, count in report.refused().items()) or "none"
    said = "verified" if verdict.ok else "SOMETHING DOES NOT VERIFY"
    lines: Iterable[str] = (
        f"answers   {_time(median)} at the median, {_time(p99)} at the 99th percentile",
        f"ledger    {ledger['size']} entries, their root:",
        f"          {ledger['root']}",
        f"{verdict.by:<9} {ledger['entries']} entries: {said}",
        f"receipts  {receipts}",
        *_witnesses(verdict.witnesses),
        f"refused   {refused}",
        *(f"FAULT     {fault}" for fault in faults[:_SHOWN_FAULTS]),
    )
    title = "Not as it must be" if faults else "All is well"
    return Panel.fit(Text("\n".join(lines)), title=title, border_style="red" if faults else "green")


def _witnesses(standing: str | None) -> Iterable[str]:
    return () if standing is None else (_WITNESSES[Standing(standing)],)


def _mark(*, ok: bool) -> Text:
    return Text("as it must", style="green") if ok else Text("WRONG", style="bold red")


def _time(taken: float | None) -> str:
    return f"{taken * 1000:.0f} ms" if taken is not None and taken < 60 else seconds(taken)
