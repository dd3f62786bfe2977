"""What `demo` and `exercise run` share: their options, the progress bar, and the exit code.

Rules: the report goes to standard output, everything else to standard error, and a bar only to a terminal. Exit 0: all
went as it must; 1: something did not, or the network did not serve; 2: used wrongly. Ctrl-C and SIGTERM stop the
exercise: its report is of what there was by then, and the exit code 130. The second one ends everything at once.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, TypedDict, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bureaus.exercises.catalogue import Operation
from bureaus.exercises.plan import DEFAULT_SEED, Plan, make_plan
from bureaus.exercises.report import Report
from bureaus.exercises.runner import Watch
from bureaus.exercises.session import Terms, hold
from bureaus.exercises.tables import show
from schemas.directory import Link

INTERRUPTED: Final = 130
_F = TypeVar("_F", bound=Callable[..., object])


def holding_options(function: _F) -> _F:
    """The options of a command that holds an exercise."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


_OPTIONS: Final = (
    click.option(
        "--link",
        type=click.Choice([str(link) for link in Link]),
        default=str(Link.HTTP),
        show_default=True,
        help="http: SQLite and nothing else to install. amqp: a private RabbitMQ and a private PostgreSQL.",
    ),
    click.option(
        "--seed", default=DEFAULT_SEED, show_default=True, help="The same seed: the same cases, outcomes and refusals."
    ),
    click.option(
        "--out",
        type=click.Path(path_type=Path, file_okay=False),
        help="An empty folder for the record, the network file and the report.  [default: build/NAME-TIME]",
    ),
    click.option("--targets", type=click.IntRange(min=1), help="Only so many of the operation's targets."),
    click.option("--bureaus", type=click.IntRange(min=3), help="Only the first so many of its bureaus."),
    click.option("--keep", is_flag=True, help="Keep keys, certificates and databases too, in OUT/private."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object for machines."),
)


class Options(TypedDict):
    """What `holding_options` give a command."""

    link: str
    seed: int
    out: Path | None
    targets: int | None
    bureaus: int | None
    keep: bool
    as_json: bool


def hold_and_show(
    name: str, operation: Operation, options: Options, *, virtual: bool = False, processes: bool = False
) -> int:
    """Hold an exercise on a private network, print its report, and give the exit code. `name` begins its folder's name.

    Time is the machine's unless it is `virtual`; with `processes` each bureau is one.

    Raises:
        Misuse: the options leave no exercise, or this machine lacks a server. Unavailable: the network did not serve.
    """
    plan = planned(operation, options)
    terms = Terms(out_folder(name, options), Link(options["link"]), options["keep"], virtual, processes)
    return show_held(plan, lambda watch, stop: hold(plan, replace(terms, stop=stop), watch), as_json=options["as_json"])


def planned(operation: Operation, options: Options) -> Plan:
    """The exercise that the options ask for. Raises Misuse where they leave none."""
    return make_plan(operation, options["seed"], targets=options["targets"], bureaus=options["bureaus"])


def out_folder(name: str, options: Options) -> Path:
    """Where its files go."""
    return options["out"] or Path("build") / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"


Holding = Callable[[Watch, asyncio.Event], Coroutine[None, None, Report]]
"""Holds an exercise, until its end or until told to stop."""


def show_held(plan: Plan, holding: Holding, *, as_json: bool) -> int:
    """Hold an exercise, print its report, and give the exit code. Raises what `holding` raises."""
    try:
        with _Follower.shown(plan, quiet=as_json) as follower:
            report = asyncio.run(_held(holding, follower))
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo("stopped; nothing that was started is left running", err=True)
        return INTERRUPTED
    if as_json:
        click.echo(json.dumps(report.to_json(), ensure_ascii=False))
    else:
        show(report, Console())
    if report.run.stopped:
        return INTERRUPTED
    return 1 if report.faults() else 0


async def _held(holding: Holding, follower: _Follower) -> Report:
    task, stop = asyncio.current_task(), asyncio.Event()

    def told() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
        stop.set()
        follower.stage("stopping: the report is made of what there is; once more ends everything at once")

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told)
    return await holding(follower, stop)


class _Follower:
    """Shows how far the exercise is, on standard error: a bar on a terminal, else a line for each stage, if at all."""

    def __init__(self, console: Console, bar: Progress | None, targets: int) -> None:
        self._console = console
        self._bar = bar
        # One step more than there are cases: what follows the last case is not done yet, and the bar goes on.
        self._task = None if bar is None else bar.add_task("", total=targets + 1, cases=f"0/{targets}")

    @classmethod
    @contextmanager
    def shown(cls, plan: Plan, *, quiet: bool) -> Iterator[_Follower]:
        """A follower while the block runs; a `quiet` one speaks to a terminal alone."""
        console = Console(stderr=True)
        console.quiet = quiet and not console.is_terminal
        targets, size = plan.operation.targets, len(plan.members)
        console.print(
            f"{plan.operation.name}: {targets} synthetic targets, {size} bureaus and the General Secretariat",
            highlight=False,
        )
        if not console.is_terminal:
            yield cls(console, None, targets)
            return
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description:<44}"),
            BarColumn(),
            TextColumn("{task.fields[cases]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=console, transient=True) as bar:
            yield cls(console, bar, targets)

    def stage(self, words: str) -> None:
        """A stage begins."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=words)
        else:
            self._console.print(words, highlight=False)

    def concluded(self, done: int, of: int) -> None:
        """So many cases of all are concluded."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, cases=f"{done}/{of}")
