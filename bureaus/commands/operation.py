"""`bureaunet operation`: open an operation that this bureau owns, change its phase, show it.

The owner signs each version with its own key, here; the gateway only takes it.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Final, TypedDict, Unpack

import click

from bureaus.client import Bureau
from bureaus.commands.shared import Row, emit, home_option, json_option, run
from schemas.codes import Handling, Purpose
from schemas.errors import Misuse
from schemas.identity import Address, parse_operation_id
from schemas.messages import KINDS
from schemas.operation import Member, Operation, Phase, Role

_PHASES: Final = click.Choice([str(phase) for phase in Phase])


class Options(TypedDict):
    """What the command line said of a new operation."""

    name: str
    members: tuple[str, ...]
    observers: tuple[str, ...]
    kinds: tuple[str, ...]
    purposes: tuple[str, ...]
    handlings: tuple[str, ...]
    phase: str
    retention: int


@click.group(short_help="Open an operation that this bureau owns, change its phase, show it.")
def operation() -> None:
    """Operations: what every exchange is recorded against. Their owner signs each version with its own key.

    \b
    Example:
      bureaunet operation open infra-test --home ipsg --name "Infra-Test" --member FR --member BR --phase active
      bureaunet operation phase infra-test follow-up --home ipsg
      bureaunet operation show infra-test --home fr
    """  # noqa: D301  # click's \b keeps the lines of the example


@operation.command("open")
@click.argument("identifier", metavar="ID")
@home_option
@click.option("--name", required=True, help="Its name, for people.")
@click.option("--member", "members", multiple=True, required=True, help="A participant; may be repeated.")
@click.option("--observer", "observers", multiple=True, help="A member that receives and never asks; may be repeated.")
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

    async def work() -> Operation:
        async with Bureau.open(home) as bureau:
            return (await bureau.publish_operation(_first_version(name, bureau.address, options))).operation

    _show(run(ctx, work), as_json=as_json)


def _first_version(identifier: str, owner: Address, options: Options) -> Operation:
    now = int(time.time())
    roles = {Address.parse(code): Role.PARTICIPANT for code in options["members"]}
    roles |= {Address.parse(code): Role.OBSERVER for code in options["observers"]}
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

    async def work() -> Operation:
        async with Bureau.open(home) as bureau:
            trust = await bureau.refresh()
            versions = trust.operations.get(identifier)
            if not versions:
                raise Misuse(f"there is no operation {identifier}")
            last = versions[-1].signed
            following = replace(
                last.operation,
                version=last.operation.version + 1,
                previous=last.hash,
                time=int(time.time()),
                phase=Phase(phase),
            )
            return (await bureau.publish_operation(following)).operation

    _show(run(ctx, work), as_json=as_json)


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

    async def work() -> Operation:
        async with Bureau.open(home) as bureau:
            found = bureau.trust.operation(identifier)
            if found is None:
                raise Misuse(f"there is no operation {identifier}")
            return found

    _show(run(ctx, work), as_json=as_json)


def _show(shown: Operation, *, as_json: bool) -> None:
    row: Row = {
        "event": "operation",
        "id": shown.id,
        "version": shown.version,
        "name": shown.name,
        "owner": shown.owner,
        "phase": shown.phase,
        "members": [{"address": m.address, "role": m.role, "since": m.since, "until": m.until} for m in shown.members],
        "kinds": list(shown.kinds),
        "purposes": list(shown.purposes),
        "handling": list(shown.handling),
        "retention": shown.retention,
    }
    members = ", ".join(f"{member.address} ({member.role})" for member in shown.members)
    text = (
        f"{shown.id}  {shown.name}\n  version   {shown.version}, {shown.phase}\n  owner     {shown.owner}\n"
        f"  members   {members}\n  kinds     {', '.join(shown.kinds)}\n  purposes  {', '.join(shown.purposes)}\n"
        f"  handling  {', '.join(shown.handling)}\n  retention {shown.retention} days"
    )
    emit(row, text, as_json=as_json)
