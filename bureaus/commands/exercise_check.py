"""`bureaunet exercise check`: exercises on the virtual clock, twice each: whether they finish, verify and repeat."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bureaus.commands.shared import json_option
from bureaus.exercises import catalogue
from bureaus.exercises.plan import DEFAULT_SEED, Plan, make_plan
from bureaus.exercises.repeating import differences
from bureaus.exercises.report import Report
from bureaus.exercises.report_plots import seconds
from bureaus.exercises.session import Terms, hold


@dataclass(slots=True)
class _Checked:
    """What came of one exercise."""

    id: str
    cases: int
    bureaus: int
    took: list[float] = field(default_factory=list)
    virtual: float = 0.0
    faults: list[str] = field(default_factory=list)
    differs: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.faults and not self.differs

    def row(self) -> dict[str, object]:
        return {
            "exercise": self.id,
            "cases": self.cases,
            "bureaus": self.bureaus,
            "virtual_seconds": self.virtual,
            "seconds": [round(one, 1) for one in self.took],
            "verified": not self.faults,
            "same": not self.differs,
            "faults": self.faults,
            "differs": self.differs,
        }


class _Quiet:
    """A `Watch` that says nothing."""

    def stage(self, words: str) -> None:
        """Nothing."""

    def concluded(self, done: int, of: int) -> None:
        """Nothing."""


@click.command("check")
@click.argument("identifiers", metavar="[ID]...", nargs=-1)
@click.option("--seed", default=DEFAULT_SEED, show_default=True, help="Of all of them.")
@click.option("--targets", type=click.IntRange(min=1), help="Only so many targets of each, or all that it has.")
@click.option("--bureaus", type=click.IntRange(min=3), help="Only so many bureaus of each, or all that it has.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Keep each run's files in OUT/ID-NUMBER.")
@click.option("--once", is_flag=True, help="Run each once: whether it finishes and verifies.")
@json_option
@click.pass_context
def check(
    ctx: click.Context,
    identifiers: tuple[str, ...],
    seed: int,
    targets: int | None,
    bureaus: int | None,
    out: Path | None,
    *,
    once: bool,
    as_json: bool,
) -> None:
    """Run exercises on the virtual clock, each twice from one seed: that they finish, verify, and give the same report.

    Without an ID all of `exercise list`. What may differ is how long the machine took, where files are, and the
    ledger's root (docs/exercises.md). Exits 1 if one of them does not finish, verify, or repeat.

    \b
    Example:
      bureaunet exercise check infra-hydra-2016 --seed 7
      bureaunet exercise check --seed 7 --json
    """  # noqa: D301  # click's \b keeps the lines of the example
    found = [catalogue.operation(name) for name in identifiers or catalogue.exercises()]
    plans = [
        make_plan(
            one,
            seed,
            targets=None if targets is None else min(targets, one.targets),
            bureaus=None if bureaus is None else min(bureaus, one.participants),
        )
        for one in found
    ]
    checked = []
    for plan in plans:
        one = _check(plan, 1 if once else 2, out)
        checked.append(one)
        if as_json:
            click.echo(json.dumps(one.row()))
        else:
            click.echo(f"{one.id}: {'all is well' if one.ok else 'NOT AS IT MUST BE'}", err=True)
    if not as_json:
        Console().print(_table(checked, once=once))
    ctx.exit(0 if all(one.ok for one in checked) else 1)


def _check(plan: Plan, times: int, out: Path | None) -> _Checked:
    checked = _Checked(plan.operation.id, len(plan.caseload.cases), len(plan.members))
    reports: list[Report] = []
    for number in range(1, times + 1):
        with tempfile.TemporaryDirectory(prefix="exercise-") as folder:
            place = Path(folder) / "out" if out is None else out / f"{plan.operation.id}-{number}"
            began = time.monotonic()
            report = asyncio.run(hold(plan, Terms(place, virtual=True), _Quiet()))
            checked.took.append(time.monotonic() - began)
        checked.faults += report.faults()
        reports.append(report)
    run = reports[0].run
    checked.virtual = 0.0 if run.times is None else run.times.seconds
    for other in reports[1:]:
        checked.differs += differences(reports[0].to_json(), other.to_json())
    return checked


def _table(checked: list[_Checked], *, once: bool) -> Table:
    table = Table()
    for head in ("exercise", "cases", "bureaus", "time that passed", "took", "verified", "the same twice"):
        table.add_column(head, justify="left" if head == "exercise" else "right", no_wrap=head == "exercise")
    for one in checked:
        took = ", ".join(f"{each:.0f} s" for each in one.took)
        same = "not asked" if once else ("yes" if not one.differs else f"NO: {', '.join(one.differs[:3])}")
        verified = "yes" if not one.faults else f"NO: {one.faults[0]}"
        table.add_row(one.id, str(one.cases), str(one.bureaus), seconds(one.virtual), took, verified, same)
    return table
