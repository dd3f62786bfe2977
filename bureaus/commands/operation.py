"""`bureaunet operation`: open an operation that this bureau owns, change it, show it; and which are due for review.

The owner signs each version with its own key, here; the gateway only takes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
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
from schemas.reviews import Review

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
            return _known(bureau, name)

    _show(*run(ctx, work), as_json=as_json)


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
    _change(ctx, home, identifier, lambda before, _: replace(before, phase=Phase(phase)), as_json=as_json)


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

    _change(ctx, home, identifier, change, as_json=as_json)


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
    _change(ctx, home, identifier, lambda before, _: replace(before, review=due), as_json=as_json)


def _change(
    ctx: click.Context, home: Path, identifier: str, change: Callable[[Operation, int], Operation], *, as_json: bool
) -> None:
    """Publish the next version: `change` makes it of the newest one and of the time in seconds."""

    async def work() -> tuple[Operation, Review]:
        async with Bureau.open(home) as bureau:
            trust = await bureau.refresh()
            versions = trust.operations.get(identifier)
            if not versions:
                raise Misuse(f"there is no operation {identifier}")
            last, now = versions[-1].signed, int(time.time())
            following = replace(last.operation, version=last.operation.version + 1, previous=last.hash, time=now)
            await bureau.publish_operation(change(following, now))
            return _known(bureau, identifier)

    _show(*run(ctx, work), as_json=as_json)


def _known(bureau: Bureau, identifier: str) -> tuple[Operation, Review]:
    """An operation as this bureau verified it, and when it is due for review."""
    found = bureau.trust.operation(identifier)
    if found is None:
        raise Misuse(f"there is no operation {identifier}")
    return found, next(one for one in bureau.trust.reviews() if one.operation == identifier)


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
            **_review_row(one, now),
        }
        text = f"{one.operation}  {one.owner}  {one.phase}  {_review_words(one, now)}"
        emit(row, text, as_json=as_json)


def _review_row(review: Review, now: int) -> Row:
    standing = "over" if review.over(now) else "due" if review.asked(now) else "later"
    return {"review": _day(review), "review-is": standing}


def _review_words(review: Review, now: int) -> str:
    if review.over(now):
        return f"REVIEW OVER since {_day(review)}"
    if review.asked(now):
        return f"REVIEW DUE on {_day(review)}, in {review.days(now)} days"
    return f"review on {_day(review)}"


def _day(review: Review) -> str:
    return datetime.fromtimestamp(review.due, UTC).date().isoformat()


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
            return _known(bureau, identifier)

    _show(*run(ctx, work), as_json=as_json)


def _show(shown: Operation, due: Review, *, as_json: bool) -> None:
    now = int(time.time())
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
        **_review_row(due, now),
    }
    members = ", ".join(f"{member.address} ({member.role})" for member in shown.members)
    text = (
        f"{shown.id}  {shown.name}\n  version   {shown.version}, {shown.phase}\n  owner     {shown.owner}\n"
        f"  members   {members}\n  kinds     {', '.join(shown.kinds)}\n  purposes  {', '.join(shown.purposes)}\n"
        f"  handling  {', '.join(shown.handling)}\n  retention {shown.retention} days\n"
        f"  review    {_review_words(due, now)}"
    )
    emit(row, text, as_json=as_json)
