"""`bureaunet exercise`: exercises from files, listed, shown, and run on a private network or one that serves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, TypedDict, Unpack

import click
from click.core import ParameterSource
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from bureaus.commands import shared
from bureaus.commands.exercise_check import check
from bureaus.commands.holding import Options, hold_and_show, holding_options, out_folder, planned, show_held
from bureaus.commands.shared import json_option
from bureaus.exercises import catalogue, visit
from bureaus.exercises import homes as all_homes
from bureaus.exercises.plan import make_plan
from bureaus.exercises.report_page import Told, page
from bureaus.exercises.report_plots import seconds
from bureaus.exercises.session import FILES
from schemas.directory import Link
from schemas.errors import Misuse

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_FOLDER: Final = click.Path(path_type=Path, file_okay=False)
_LINKS: Final = click.Choice([str(link) for link in Link])


@click.group(short_help="Exercises from files: list, show, run, report, enrol.")
def exercise() -> None:
    """Exercises: the eight INFRA operations with their published figures, others of ours, and files of your own.

    \b
    Example:
      bureaunet exercise list
      bureaunet exercise show infra-terra-2014
      bureaunet exercise run infra-terra-2014 --seed 7
    """  # noqa: D301  # click's \b keeps the lines of the example


exercise.add_command(check)


@exercise.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def list_(*, as_json: bool) -> None:
    """List the exercises: the eight INFRA operations, and others of ours.

    \b
    Example:
      bureaunet exercise list --json
    """  # noqa: D301  # click's \b keeps the lines of the example
    found = catalogue.exercises().values()
    if as_json:
        click.echo(json.dumps([one.model_dump(mode="json") for one in found], ensure_ascii=False))
        return
    table = Table()
    table.add_column("id", no_wrap=True, min_width=max(len(one.id) for one in found))  # to be typed: never shortened
    for head in ("operation", "focus", "area"):
        table.add_column(head)
    table.add_column("targets", justify="right")
    table.add_column("countries", justify="right", no_wrap=True, min_width=len("countries"))
    for one in found:
        table.add_row(one.id, one.name, ", ".join(one.focus), one.area, str(one.targets), str(one.participants))
    Console().print(table)


@exercise.command()
@click.argument("identifier", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def show(identifier: str, *, as_json: bool) -> None:
    """Show one operation: figures, sources, and who takes part in an exercise of it.

    \b
    Example:
      bureaunet exercise show infra-sa-2011
    """  # noqa: D301  # click's \b keeps the lines of the example
    found = catalogue.operation(identifier)
    codes = [str(code) for code in catalogue.participants(found)]
    if as_json:
        click.echo(json.dumps(found.model_dump(mode="json") | {"bureaus": codes}, ensure_ascii=False))
        return
    table = Table(title=found.name, show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    rows = {
        "id": found.id,
        "year": str(found.year),
        "focus": ", ".join(found.focus) or "not published",
        "area": found.area,
        "targets": str(found.targets),
        "countries": str(found.participants),
        "bureaus": " ".join(codes),
        "units": " ".join(found.units) or "none",
        "organisations": " ".join(found.organisations) or "none",
        "choice": found.choice,
    }
    for name, value in rows.items():
        table.add_row(name, value)
    for one in found.disturbances:
        whose = "" if one.bureau is None else f" of {one.bureau}"
        long = f"for {seconds(one.seconds)}" if one.seconds else f"{one.count} times"
        table.add_row("disturbance", f"{one.what}{whose} after {seconds(one.at)}, {long}")
    for line in found.lines:
        poor = f"{line.latency_milliseconds:g} ms each way, {line.loss:.0%} lost"
        poor += f", {line.kilobits_per_second:g} kbit/s" if line.kilobits_per_second else ""
        table.add_row("poor line", f"{', '.join(line.bureaus)}: {poor}")
    for claim in found.claims:
        table.add_row("source", f"{claim.says} ({claim.source}, {claim.published})")
    Console().print(table)


@exercise.command()
@click.argument("identifier", metavar="ID")
@holding_options
@click.option(
    "--clock",
    type=click.Choice(["virtual", "real"]),
    help="virtual: days pass at once, each time the same; real: as on the wall.  [default: virtual; real with --homes]",
)
@click.option("--processes", is_flag=True, help="Each bureau is a process of its own; by the machine's clock.")
@click.option("--homes", type=_FOLDER, help="Run it on a network that serves: the folder of `exercise enrol`.")
@click.option("--network", type=_FILE, help="With --homes: the network file to verify under.  [default: as pinned]")
@click.option("--operation-id", help="With --homes: the operation's id, where ID is taken or over.")
@click.pass_context
def run(
    ctx: click.Context,
    identifier: str,
    clock: str | None,
    homes: Path | None,
    network: Path | None,
    operation_id: str | None,
    *,
    processes: bool,
    **options: Unpack[Options],
) -> None:
    """Run an exercise with synthetic targets, on a private network, and verify its record.

    ID is one of `exercise list`, or the path of a TOML file of your own (docs/exercises.md).

    With --homes it runs on a network that serves, with the bureaus that `exercise enrol` made. The record is then for
    the network's operators to export: every receipt is verified by its proof instead, and their command is printed. It
    may be run there again: the operation that is there is used, or its next version published where that lacks a
    bureau or is not active.

    \b
    Example:
      bureaunet exercise run infra-hydra-2016
      bureaunet exercise run infra-terra-2014 --targets 20 --bureaus 10 --json
      bureaunet exercise run infra-sa-2011 --homes homes --operation-id infra-sa-2011-autumn
    """  # noqa: D301  # click's \b keeps the lines of the example
    found = catalogue.operation(identifier)
    if homes is None:
        if network is not None or operation_id is not None:
            raise Misuse("--network and --operation-id go with --homes")
        if processes and clock == "virtual":
            raise Misuse("virtual time is one process': leave --processes or --clock virtual out")
        virtual = clock != "real" and not processes
        ctx.exit(hold_and_show(found.id, found, options, virtual=virtual, processes=processes))
    if processes:
        raise Misuse("--processes is for a private network")
    if clock == "virtual":
        raise Misuse("--clock virtual is for a private network: another's time is not ours")
    for name in ("link", "keep"):
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise Misuse(f"--{name} is for a private network; with --homes the bureaus are as they were enrolled")
    plan = planned(found, options)
    plan = plan if operation_id is None else visit.under(plan, operation_id)
    there = visit.Visit(homes, out_folder(plan.operation.id, options), network)
    ctx.exit(show_held(plan, lambda watch, stop: visit.hold(plan, there, watch, stop), as_json=options["as_json"]))


@exercise.command("report")
@click.argument("out", type=_FOLDER)
@click.option("--html", type=_FILE, help="Where the page goes.  [default: OUT/report.html]")
def report_(out: Path, html: Path | None) -> None:
    """Show again what came of an exercise: the page is made anew from OUT/report.json.

    \b
    Example:
      bureaunet exercise report build/infra-hydra-2016-20260101-120000 --html hydra.html
    """  # noqa: D301  # click's \b keeps the lines of the example
    try:
        told = Told.model_validate_json(shared.read_file(out / FILES["report"]))
    except ValidationError as error:
        raise Misuse(f"{out / FILES['report']} is no report of an exercise: {error.error_count()} faults") from None
    page_file = html or out / FILES["page"]
    page_file.write_text(page(told), "utf-8")
    click.echo(f"{told.exercise.name}: {'all is well' if told.ok else 'not all is well'}")
    for fault in told.faults:
        click.echo(f"  {fault}")
    click.echo(page_file)


class EnrolOptions(TypedDict):
    """What the command line said."""

    network: Path | None
    certificates: Path | None
    ca: Path | None
    gateways: tuple[str, ...]
    broker: str


@exercise.command()
@click.argument("identifier", metavar="ID")
@click.option("--homes", type=_FOLDER, required=True, help="The folder for everybody's homes, one each by address.")
@click.option("--link", type=_LINKS, default=str(Link.HTTP), show_default=True, help="How envelopes travel to them.")
@click.option("--bureaus", type=click.IntRange(min=3), help="Only the first so many of its bureaus.")
@click.option("--complete", is_flag=True, help="Take what the authority gave: the second half.")
@click.option("--network", type=_FILE, help="With --complete: the network file to pin.")
@click.option("--certificates", type=_FOLDER, help="With --complete: the folder of everybody's certificates.")
@click.option("--ca", type=_FILE, help="With --complete: the authority's certificate (PEM).")
@click.option(
    "--gateway", "gateways", multiple=True, help="With --complete: https://HOST:PORT. Several are shared out."
)
@click.option("--broker", default="", help="With --complete: amqps://HOST:PORT; for link amqp.")
@json_option
@click.pass_context
def enrol(
    ctx: click.Context,
    identifier: str,
    homes: Path,
    link: str,
    bureaus: int | None,
    *,
    complete: bool,
    as_json: bool,
    **options: Unpack[EnrolOptions],
) -> None:
    """Enrol everybody in an operation on a network that is there: its bureaus, IPSG, observers and one outsider.

    First half: a home for each, with keys and request.cbor for the authority; prints where the requests are. Second
    half: --complete, with what came back. Who takes part does not depend on a seed. Keys are kept without a
    passphrase, since everybody is synthetic: only ever do this on a network for exercises.

    \b
    Example:
      bureaunet exercise enrol infra-sa-2011 --homes homes
      bureaunet-gateway authority approve --home authority homes/*/request.cbor
      bureaunet-gateway participant load --home gw authority/directory.cbor
      bureaunet exercise enrol infra-sa-2011 --homes homes --complete --network authority/network.bn \\
          --certificates authority/certificates --ca authority/ca.pem --gateway https://localhost:8443
      bureaunet exercise run infra-sa-2011 --homes homes
    """  # noqa: D301  # click's \b keeps the lines of the example
    seats = make_plan(catalogue.operation(identifier), bureaus=bureaus).seats
    if complete:
        issued = _issued(options)
        shared.run(ctx, lambda: all_homes.complete_all(homes, seats, issued))
        text = f"{len(seats)} are enrolled"
        shared.emit({"event": "enrolled", "addresses": [seat.address for seat in seats]}, text, as_json=as_json)
        return
    requests = [str(path) for path in shared.run(ctx, lambda: all_homes.request_all(homes, seats, Link(link)))]
    shared.emit({"event": "requested", "requests": requests}, "\n".join(requests), as_json=as_json)


def _issued(options: EnrolOptions) -> all_homes.Issued:
    network, certificates, ca, gateways = (
        options["network"],
        options["certificates"],
        options["ca"],
        options["gateways"],
    )
    if network is None or certificates is None or ca is None or not gateways:
        raise Misuse("--complete needs --network, --certificates, --ca and --gateway")
    return all_homes.Issued(shared.read_file(network), certificates, shared.read_file(ca), gateways, options["broker"])
