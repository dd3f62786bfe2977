"""`bureaunet secretariat group`: named groups of addresses across bureaus, published to every bureau."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import click

from bureaus.commands.secretariat_office import Options, at_desk, office_options
from bureaus.commands.secretariat_signed import Signed, act, signing_options
from bureaus.commands.shared import Row, emit, json_option
from bureaus.secretariat.staff.rights import Right

if TYPE_CHECKING:
    from bureaus.secretariat.office import Office
    from schemas.messages.group import NetworkGroup


@click.group(short_help="Named groups of addresses across bureaus.")
def group() -> None:
    """Keep groups such as `ison`; the service publishes each change to every bureau, whose programs expand `@ison`.

    \b
    Example:
      bureaunet secretariat group set ison --member FR --member IT/border --home ipsg --as f.example
      bureaunet secretariat group list --home ipsg
      bureaunet ask --home fr --to @ison --operation infra-test --case FR-1
    """  # noqa: D301  # click's \b keeps the lines of the example


def _emit(one: NetworkGroup, *, as_json: bool) -> None:
    members = [str(member) for member in one.members]
    row: Row = {"event": "group", "name": one.name, "version": one.version, "title": one.title, "members": members}
    emit(row, f"{one.name}  version {one.version}  {one.title}: {', '.join(members) or 'dissolved'}", as_json=as_json)


@group.command("set")
@click.argument("name")
@office_options
@signing_options
@click.option("--member", "members", multiple=True, help="An address; may be repeated. None at all dissolves it.")
@click.option("--title", default="", help="For people; left out, as it was.")
@click.option("--again", is_flag=True, help="Send the version that there is again, for bureaus that joined since.")
@json_option
@click.pass_context
def set_(
    ctx: click.Context,
    name: str,
    members: tuple[str, ...],
    title: str,
    *,
    again: bool,
    as_json: bool,
    **options: Unpack[Signed],
) -> None:
    """Say who is in the group NAME: its next version, published to every bureau."""

    async def published(office: Office, who: str) -> NetworkGroup:
        from bureaus.secretariat import groups  # noqa: PLC0415  # keeps --help quick

        async with office.registry.writing() as connection:
            if again:
                return await groups.publish_again(connection, name, who=who, now=office.now())
            return await groups.publish(connection, name, title, members, who=who, now=office.now())

    _emit(act(ctx, options, Right.FUGITIVE, published), as_json=as_json)


@group.command("list")
@office_options
@json_option
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool, **options: Unpack[Options]) -> None:
    """List the groups in their newest versions."""

    async def listed(office: Office) -> list[NetworkGroup]:
        from bureaus.secretariat import groups  # noqa: PLC0415  # keeps --help quick

        async with office.registry.reading() as connection:
            return await groups.groups(connection)

    for one in at_desk(ctx, options, listed):
        _emit(one, as_json=as_json)
