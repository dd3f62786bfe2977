"""An exercise's report for people, on a terminal or in a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bureaus.exercises.report import Report

_SHOWN_FAULTS: Final = 20


def show(report: Report, console: Console) -> None:
    """Print the tables, the ledger's head, the verdict, and where the files lie."""
    console.print(
        Group(
            _counts("Messages accepted", ("kind", "messages"), report.messages()),
            _counts("Outcome of the targets", ("outcome", "targets"), _present(report.run.outcomes())),
            _counts(
                "Reported to the secretariat",
                ("result", "cases"),
                _present({str(kind): count for kind, count in report.run.reported.items()}),
            ),
            _refusals(report),
            _verdict(report),
        )
    )
    for name, path in report.files.items():
        console.print(f"{name:>8}  {path}", highlight=False, soft_wrap=True)
    if choice := report.about.get("choice"):
        console.print(Text(str(choice), style="dim"))


def _present(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


def _counts(title: str, heads: tuple[str, str], counts: Mapping[str, int]) -> Table:
    table = Table(title=title, title_justify="left", show_footer=True, min_width=48)
    table.add_column(heads[0], footer="together")
    table.add_column(heads[1], footer=str(sum(counts.values())), justify="right")
    for name, count in counts.items():
        table.add_row(name, str(count))
    return table


def _refusals(report: Report) -> Table:
    table = Table(title="Deliberate wrongs", title_justify="left")
    for head in ("what was tried", "what the gateway said", ""):
        table.add_column(head)
    for attempt in report.run.attempts:
        table.add_row(attempt.says, attempt.answer, _mark(ok=not attempt.fault))
    return table


def _verdict(report: Report) -> RenderableType:
    median, p99 = report.answer_times()
    faults, ledger, held = report.faults(), report.ledger(), report.receipts()
    receipts = ", ".join(f"{count} {what}" for what, count in held.items()) or "none"
    said = "verifies, offline" if report.verdict.ok else "DOES NOT VERIFY"
    lines: Iterable[str] = (
        f"answers   {_milliseconds(median)} at the median, {_milliseconds(p99)} at the 99th percentile",
        f"ledger    {ledger['size']} entries, root {ledger['root']}",
        f"record    {ledger['entries']} entries: {said}",
        f"receipts  {receipts}",
        *(f"FAULT     {fault}" for fault in faults[:_SHOWN_FAULTS]),
    )
    title = "Not as it must be" if faults else "All is well"
    return Panel(Text("\n".join(lines)), title=title, border_style="red" if faults else "green")


def _mark(*, ok: bool) -> Text:
    return Text("as it must be", style="green") if ok else Text("WRONG", style="bold red")


def _milliseconds(seconds: float | None) -> str:
    return "none" if seconds is None else f"{seconds * 1000:.0f} ms"
