"""`bureaunet secretariat phase`: an operation's life, asked for here, signed and published by the service."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from bureaus.commands.secretariat_office import Options, at_desk, office_options
from bureaus.commands.secretariat_signed import Signed, act, signing_options
from bureaus.commands.shared import Row, emit, json_option
from bureaus.secretariat.staff.rights import Right
from schemas.operation import Phase

if TYPE_CHECKING:
    from bureaus.secretariat.office import Office
    from bureaus.secretariat.statements import Step

_PHASES = click.Choice([str(phase) for phase in Phase])
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(short_help="An operation's phases and progress.")
def phase() -> None:
    """Take an operation of ours forward: planned, training, active, public-appeal, follow-up, evaluated, closed.

    The service signs and publishes each step as the operation's next version, with what was counted by then. It
    publishes the progress by itself, too, where what is counted has changed.

    \b
    Example:
      bureaunet secretariat phase set infra-test active --home ipsg --as f.example --why "as planned"
      bureaunet secretariat phase measure infra-test --quality before --home ipsg --as f.example
      bureaunet secretariat phase show infra-test --home ipsg
    """  # noqa: D301  # click's \b keeps the lines of the example


@phase.command("set")
@click.argument("operation")
@click.argument("to", metavar="PHASE", type=_PHASES)
@office_options
@signing_options
@click.option("--why", required=True, help="Why now, in words.")
@json_option
@click.pass_context
def set_(ctx: click.Context, operation: str, to: str, why: str, *, as_json: bool, **options: Unpack[Signed]) -> None:
    """Ask that OPERATION passes to PHASE. It never goes back."""
    _ask(ctx, options, operation, Phase(to), why, as_json=as_json)


@phase.command()
@click.argument("operation")
@office_options
@signing_options
@click.option("--why", default="", help="Why now, in words.")
@json_option
@click.pass_context
def progress(ctx: click.Context, operation: str, why: str, *, as_json: bool, **options: Unpack[Signed]) -> None:
    """Ask that what OPERATION came to so far is published now."""
    _ask(ctx, options, operation, None, why, as_json=as_json)


def _ask(ctx: click.Context, options: Signed, operation: str, to: Phase | None, why: str, *, as_json: bool) -> None:
    async def asked(office: Office, who: str) -> None:
        from bureaus.secretariat import statements  # noqa: PLC0415  # keeps --help quick

        async with office.registry.writing() as connection:
            await statements.ask(connection, operation, to, who=who, why=why, now=office.now())

    act(ctx, options, Right.FUGITIVE, asked)
    what = "its progress" if to is None else str(to)
    row: Row = {"event": "step", "operation": operation, "phase": None if to is None else str(to)}
    emit(row, f"{operation}: {what} is asked for; the service publishes it", as_json=as_json)


@phase.command()
@click.argument("operation")
@office_options
@signing_options
@click.option("--quality", type=click.Choice(["before", "now", "after"]), help="Keep what the quality comes to.")
@click.option("--record", type=_FILE, help="Keep what the operation's record shows of its traffic.")
@click.option("--network", type=_FILE, help="The network file that the record verifies with.")
@json_option
@click.pass_context
def measure(
    ctx: click.Context,
    operation: str,
    quality: str | None,
    record: Path | None,
    network: Path | None,
    *,
    as_json: bool,
    **options: Unpack[Signed],
) -> None:
    """Keep a measure of OPERATION: its members' notices and records, or the traffic of its verified record."""
    from schemas.errors import Misuse  # noqa: PLC0415  # keeps --help quick

    if (quality is None) == (record is None) or (record is None) != (network is None):
        raise Misuse("say --quality, or --record with --network")

    async def measured(office: Office, who: str) -> dict[str, int]:
        from bureaus.secretariat import statements  # noqa: PLC0415  # keeps --help quick
        from bureaus.secretariat.evaluation.network import network as shown  # noqa: PLC0415
        from bureaus.secretariat.quality.survey import survey  # noqa: PLC0415

        now = office.now()
        async with office.registry.writing() as connection:
            members = [one.address.bureau for one in (await statements.versions(connection, operation))[-1].members]
            if record is not None and network is not None:
                what, counts = statements.RECORD, shown(record, network, operation).measured()
            else:
                found = await survey(connection, now=now, owners=set(members), operation=operation)
                what, counts = f"quality-{quality}", found.measured()
            await statements.keep_measure(connection, operation, what, counts, who=who, now=now)
        return counts

    counts = act(ctx, options, Right.FUGITIVE, measured)
    text = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items())
    emit({"event": "measure", "operation": operation, **counts}, text, as_json=as_json)


@phase.command()
@click.argument("operation")
@office_options
@json_option
@click.pass_context
def show(ctx: click.Context, operation: str, *, as_json: bool, **options: Unpack[Options]) -> None:
    """List what was asked for of OPERATION, oldest first, and as which version it was published."""

    async def listed(office: Office) -> list[Step]:
        from bureaus.secretariat import statements  # noqa: PLC0415  # keeps --help quick

        async with office.registry.reading() as connection:
            return await statements.steps(connection, operation)

    for one in at_desk(ctx, options, listed):
        row: Row = {
            "event": "step", "operation": one.operation, "phase": None if one.phase is None else str(one.phase),
            "who": one.who, "why": one.why, "time": one.time, "version": one.version, "refused": one.refused,
        }  # fmt: skip
        when = datetime.fromtimestamp(one.time, UTC).isoformat(timespec="minutes")
        became = f"version {one.version}" if one.version else one.refused or "waits for the service"
        emit(
            row,
            f"{when}  {one.phase or 'progress'}  {one.who}: {one.why or 'no reason given'}; {became}",
            as_json=as_json,
        )
