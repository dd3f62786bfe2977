"""`bureaunet operation`: open an operation that this bureau owns, change it, show it; and which are due for review.

The owner signs each version with its own key, here; the gateway only takes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypedDict, TypeVar, Unpack

import click

from bureaus.client import Bureau
from bureaus.commands.operation_shown import known, publish, review_row, review_words, show_operation
from bureaus.commands.operation_times import times
from bureaus.commands.shared import Row, emit, home_option, json_option, run
from schemas.codes import Handling, Purpose
from schemas.errors import Misuse
from schemas.identity import Address, parse_operation_id
from schemas.messages import KINDS
from schemas.operation import Member, Operation, Phase, Role
from schemas.progress import Objectives, Progress, Results
from schemas.reviews import Review

_F = TypeVar("_F", bound=Callable[..., object])
_PHASES: Final = click.Choice([str(phase) for phase in Phase])
_ROLES: Final = click.Choice([str(role) for role in Role if role is not Role.OWNER])


class Options(TypedDict):
    """What the command line said of a new operation."""

    name: str
    members: tuple[str, ...]
    observers: tuple[str, ...]
    auditors: tuple[str, ...]
    kinds: tuple[str, ...]
    purposes: tuple[str, ...]
    handlings: tuple[str, ...]
    phase: str
    retention: int


@click.group(short_help="Open an operation that this bureau owns, change it, show it; what is due for review.")
def operation() -> None:
    """Operations: what every exchange is recorded against. Their owner signs each version with its own key.

    \b
    Example:
      bureaunet operation open infra-test --home ipsg --name "Infra-Test" --member FR --member BR --phase active
      bureaunet operation phase infra-test follow-up --home ipsg
      bureaunet operation member infra-test CL --role auditor --home ipsg
      bureaunet operation show infra-test --home fr
      bureaunet operation list --home ipsg
    """  # noqa: D301  # click's \b keeps the lines of the example


@operation.command("open")
@click.argument("identifier", metavar="ID")
@home_option
@click.option("--name", required=True, help="Its name, for people.")
@click.option("--member", "members", multiple=True, required=True, help="A participant; may be repeated.")
@click.option("--observer", "observers", multiple=True, help="A member that receives and never asks; may be repeated.")
@click.option("--auditor", "auditors", multiple=True, help="A member that reads entries alone; may be repeated.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(sorted(KINDS)),
    help="A kind of message that may be exchanged; may be repeated. Left out: all.",
)
@click.option(
    "--purpose",
    "purposes",
    multiple=True,
    type=click.Choice([str(code) for code in Purpose]),
    help="A purpose that is allowed; may be repeated. Left out: all.",
)
@click.option(
    "--handling",
    "handlings",
    multiple=True,
    type=click.Choice([str(code) for code in Handling]),
    help="A handling code that is allowed; may be repeated. Left out: all.",
)
@click.option("--phase", type=_PHASES, default=str(Phase.PLANNED), show_default=True, help="Where it stands.")
@click.option(
    "--retention", type=click.IntRange(1), default=30, show_default=True, help="Days that sealed parts are kept."
)
@json_option
@click.pass_context
def open_(ctx: click.Context, identifier: str, home: Path, *, as_json: bool, **options: Unpack[Options]) -> None:
    """Sign and publish the first version of operation ID, owned by this bureau.

    \b
    Example:
      bureaunet operation open infra-test --home ipsg --name "Infra-Test" --member FR --member BR
    """  # noqa: D301  # click's \b keeps the lines of the example
    name = parse_operation_id(identifier)

    async def work() -> tuple[Operation, Review]:
        async with Bureau.open(home) as bureau:
            await bureau.publish_operation(_first_version(name, bureau.address, options))
            return known(bureau, name)

    show_operation(*run(ctx, work), as_json=as_json)


def _first_version(identifier: str, owner: Address, options: Options) -> Operation:
    now = int(time.time())
    roles = {Address.parse(code): Role.PARTICIPANT for code in options["members"]}
    roles |= {Address.parse(code): Role.OBSERVER for code in options["observers"]}
    roles |= {Address.parse(code): Role.AUDITOR for code in options["auditors"]}
    roles |= {owner: Role.OWNER}
    return Operation(
        id=identifier,
        version=1,
        previous=None,
        time=now,
        name=options["name"],
        owner=owner,
        phase=Phase(options["phase"]),
        members=tuple(Member(address, role, now) for address, role in roles.items()),
        kinds=options["kinds"] or tuple(sorted(KINDS)),
        purposes=tuple(Purpose(code) for code in options["purposes"]) or tuple(Purpose),
        handling=tuple(Handling(code) for code in options["handlings"]) or tuple(Handling),
        retention=options["retention"],
    )


@operation.command()
@click.argument("identifier", metavar="ID")
@click.argument("phase", type=_PHASES)
@home_option
@json_option
@click.pass_context
def phase(ctx: click.Context, identifier: str, phase: str, home: Path, *, as_json: bool) -> None:
    """Sign and publish a version of operation ID in another PHASE.

    \b
    Example:
      bureaunet operation phase infra-test active --home ipsg
    """  # noqa: D301  # click's \b keeps the lines of the example
    publish(ctx, home, identifier, lambda before, _: replace(before, phase=Phase(phase)), as_json=as_json)


@operation.command()
@click.argument("identifier", metavar="ID")
@click.argument("address")
@click.option(
    "--role", type=_ROLES, help="What it is from now on; an auditor reads entries, and neither asks nor gets."
)
@click.option("--end", is_flag=True, help="It is a member no more from now on.")
@home_option
@json_option
@click.pass_context
def member(
    ctx: click.Context, identifier: str, address: str, role: str | None, home: Path, *, end: bool, as_json: bool
) -> None:
    """Sign and publish a version of operation ID in which ADDRESS has another role, or is a member no more.

    What it was before stays in the statement, with the time at which it ended.

    \b
    Example:
      bureaunet operation member infra-test CL --role auditor --home ipsg
      bureaunet operation member infra-test CL --end --home ipsg
    """  # noqa: D301  # click's \b keeps the lines of the example
    if (role is None) is not end:
        raise Misuse("say either --role or --end")
    whom = Address.parse(address)

    def change(before: Operation, now: int) -> Operation:
        return replace(before, members=_members(before, whom, None if role is None else Role(role), now))

    publish(ctx, home, identifier, change, as_json=as_json)


def _members(before: Operation, whom: Address, role: Role | None, now: int) -> tuple[Member, ...]:
    """The members after `whom` got a role, or none, from `now` on."""
    if whom == before.owner:
        raise Misuse(f"{whom} owns {before.id}: that does not change")
    held = [one for one in before.members if one.address == whom and (one.until is None or one.until > now)]
    if role is None and not held:
        raise Misuse(f"{whom} is no member of {before.id}")
    kept = [one for one in before.members if one not in held]
    ended = [replace(one, until=now) for one in held if one.since < now]
    return (*kept, *ended, *([] if role is None else [Member(whom, role, now)]))


@operation.command()
@click.argument("identifier", metavar="ID")
@click.argument("date", type=click.DateTime(["%Y-%m-%d"]))
@home_option
@json_option
@click.pass_context
def review(ctx: click.Context, identifier: str, date: datetime, home: Path, *, as_json: bool) -> None:
    """Sign and publish a version of operation ID that is to be reviewed on DATE: the answer to a review that is due.

    \b
    Example:
      bureaunet operation review infra-test 2031-06-30 --home ipsg
    """  # noqa: D301  # click's \b keeps the lines of the example
    due = int(date.replace(tzinfo=UTC).timestamp())
    publish(ctx, home, identifier, lambda before, _: replace(before, review=due), as_json=as_json)


_COUNTS: Final = (*(field.name for field in fields(Objectives)), *(field.name for field in fields(Results)))


def _count_options(function: _F) -> _F:
    for name in reversed(_COUNTS):
        about = f"{name.replace('_', ' ')} so far; left out, as it was said before."
        option = click.option(f"--{name.replace('_', '-')}", type=click.IntRange(0), help=about.capitalize())
        function = option(function)
    return function


@operation.command()
@click.argument("identifier", metavar="ID")
@home_option
@_count_options
@json_option
@click.pass_context
def progress(ctx: click.Context, /, identifier: str, home: Path, *, as_json: bool, **counts: int | None) -> None:
    """Sign and publish a version of operation ID that says what it came to so far: its objectives and its results.

    Counts are of the whole operation. The gateway's console shows them, and nobody but the owner can say them.

    \b
    Example:
      bureaunet operation progress infra-test --home ipsg --whereabouts 120 --arrested 3 --located 5
    """  # noqa: D301  # click's \b keeps the lines of the example
    said = {name: count for name, count in counts.items() if count is not None}
    if not said:
        raise Misuse("say at least one count")

    def change(before: Operation, now: int) -> Operation:
        last = before.progress or Progress(now)
        objectives = {name: count for name, count in said.items() if hasattr(last.objectives, name)}
        results = {name: count for name, count in said.items() if name not in objectives}
        measured = replace(last.objectives, **objectives), replace(last.results, **results)
        return replace(before, progress=Progress(now, *measured))

    publish(ctx, home, identifier, change, as_json=as_json)


@operation.command("list")
@home_option
@click.option("--due", is_flag=True, help="Only those whose owner is asked for a review by now.")
@json_option
@click.pass_context
def list_(ctx: click.Context, home: Path, *, due: bool, as_json: bool) -> None:
    """List operations, one a line, those first that are due for review first. Owners are asked six months ahead.

    \b
    Example:
      bureaunet operation list --home ipsg
      bureaunet operation list --home ipsg --due --json
    """  # noqa: D301  # click's \b keeps the lines of the example

    async def work() -> list[Review]:
        async with Bureau.open(home) as bureau:
            return bureau.trust.reviews()

    now = int(time.time())
    for one in run(ctx, work):
        if due and not one.asked(now):
            continue
        row: Row = {
            "event": "operation",
            "id": one.operation,
            "owner": one.owner,
            "phase": one.phase,
            "version": one.version,
            **review_row(one, now),
        }
        text = f"{one.operation}  {one.owner}  {one.phase}  {review_words(one, now)}"
        emit(row, text, as_json=as_json)


@operation.command()
@click.argument("identifier", metavar="ID")
@home_option
@json_option
@click.pass_context
def show(ctx: click.Context, identifier: str, home: Path, *, as_json: bool) -> None:
    """Show operation ID as this bureau verified it.

    \b
    Example:
      bureaunet operation show infra-test --home fr --json
    """  # noqa: D301  # click's \b keeps the lines of the example

    async def work() -> tuple[Operation, Review]:
        async with Bureau.open(home) as bureau:
            return known(bureau, identifier)

    show_operation(*run(ctx, work), as_json=as_json)


operation.add_command(times)
