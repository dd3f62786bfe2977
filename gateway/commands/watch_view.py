"""How `watch` draws what it saw: tables for a terminal, the same words and units as the metrics and the alerts."""

from __future__ import annotations

from typing import Final

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.glance import Glance

_MINUTE: Final = 60.0
_LATE: Final = {"urgent": 1800.0, "routine": 86_400.0}
"""Seconds after which a copy that waits is shown as a warning."""
_BEHIND: Final = {"integrated": 60.0, "signed": 60.0, "witnessed": 600.0}


def span(seconds: float | None) -> str:
    """A length of time, short: `3 ms`, `4.2 s`, `12 min`, `5 h`, `3 d`."""
    if seconds is None:
        return "-"
    for size, unit in ((86_400.0, "d"), (3600.0, "h"), (_MINUTE, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def drawn(found: Glance, url: str) -> RenderableType:
    """The whole view."""
    return Group(
        _head(found, url),
        Columns([_rates(found), _latency(found), _refusals(found)]),
        Columns([_backlog(found), _ledger(found)]),
        Text(f"rates and latencies of the last {found.seconds:.1f} s; Ctrl-C ends", style="dim"),
    )


def _head(found: Glance, url: str) -> Text:
    said = Text.assemble(("ready", "bold green") if found.ready else ("not ready", "bold red"), f"  {url}")
    if found.workers:
        said.append(f"  workers {' '.join(found.workers)}")
    said.append(f"  quarantine {found.quarantine}", style="yellow" if found.quarantine else "")
    if found.overdue is not None:
        said.append(f"  overdue {found.overdue}", style="red" if found.overdue else "")
    for name, why in found.checks.items():
        if why != "ok":
            said.append(f"\n{name}: {_plain(why)}", style="red")
    return said


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)[:200]


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table


def _row(table: Table, *cells: str, style: str = "") -> None:
    table.add_row(*(Text(_plain(cell)) for cell in cells), style=style)


def _rates(found: Glance) -> Table:
    table = _table("Submissions", "outcome", "a second")
    for outcome, rate in found.outcomes.items():
        _row(table, outcome, f"{rate:.1f}", style="red" if outcome == "unavailable" and rate else "")
    _row(table, "handed over", f"{found.handed_over:.1f}")
    return table


def _latency(found: Glance) -> Table:
    table = _table("Latency", "to", "p50", "p99")
    for one in found.latency:
        _row(table, f"{one.what} {one.urgency}", span(one.p50), span(one.p99))
    return table


def _refusals(found: Glance) -> Table:
    table = _table("Refusals", "reason", "a second")
    for reason, rate in found.refusals.items():
        _row(table, reason, f"{rate:.1f}", style="yellow")
    if not found.refusals:
        _row(table, "none", "", style="dim")
    return table


def _backlog(found: Glance) -> Table:
    table = _table("Waiting", "link", "urgency", "stage", "copies", "oldest")
    for one in found.backlog:
        late = one.copies > 0 and one.oldest_seconds > _LATE.get(one.urgency, 0.0)
        style = "red" if late else "" if one.copies else "dim"
        _row(table, one.link, one.urgency, one.stage, str(one.copies), span(one.oldest_seconds), style=style)
    return table


def _ledger(found: Glance) -> Table:
    table = _table("Ledger", "stage", "entries", "behind", "waiting")
    for one in found.ledger:
        late = one.waiting_seconds > _BEHIND.get(one.stage, float("inf"))
        _row(
            table, one.stage, str(one.entries), str(one.behind), span(one.waiting_seconds), style="red" if late else ""
        )
    return table
