"""`bureaunet secretariat staff`: who works at the secretariat, and what they may do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar, Unpack

import click

from bureaus import passphrase
from bureaus.commands.secretariat_office import Options, at_desk, office_options
from bureaus.commands.shared import emit, json_option
from bureaus.secretariat.staff.rights import Right

if TYPE_CHECKING:
    from bureaus.secretariat.staff.accounts import Accounts, Member

_F = TypeVar("_F", bound=Callable[..., object])
_T = TypeVar("_T")
_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_RIGHTS: Final = click.Choice([str(right) for right in Right])


class Said(Options):
    """What the command line said of a change."""

    by: str


def _change_options(function: _F) -> _F:
    by = click.option("--by", required=True, help="Who does it, for the audit: whoever has the registry may.")
    return office_options(by(function))


def _rights_option(function: _F) -> _F:
    return click.option("--right", "rights", type=_RIGHTS, multiple=True, required=True, help="One or more.")(function)


def _password_option(function: _F) -> _F:
    about = "Read the password from this file, which nobody else may read; otherwise it is asked for."
    return click.option("--password-file", type=_FILE, help=about)(function)


@click.group(short_help="Add, list, lock and remove the staff.")
def staff() -> None:
    """Keep the secretariat's staff: names, rights, passwords. Each change is recorded with who made it.

    \b
    Example:
      bureaunet secretariat staff add a.example --right screener --right publisher --by root --home ipsg
      bureaunet secretariat staff list --home ipsg
    """  # noqa: D301  # click's \b keeps the lines of the example


@staff.command("list")
@office_options
@json_option
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool, **options: Unpack[Options]) -> None:
    """List everybody, by name; no passwords."""

    async def listed(accounts: Accounts, _now: int) -> Sequence[Member]:
        return await accounts.all()

    for member in _with(ctx, options, listed):
        _emit(member, as_json=as_json)


@staff.command("add")
@click.argument("name")
@_rights_option
@_password_option
@_change_options
@json_option
@click.pass_context
def add(
    ctx: click.Context,
    name: str,
    rights: tuple[str, ...],
    password_file: Path | None,
    *,
    as_json: bool,
    **options: Unpack[Said],
) -> None:
    """Add somebody with these rights and a password."""
    password = _password(name, password_file)
    member = _with(ctx, options, lambda accounts, now: accounts.add(name, rights, password, who=options["by"], now=now))
    _emit(member, as_json=as_json)


@staff.command("allow")
@click.argument("name")
@_rights_option
@_change_options
@json_option
@click.pass_context
def allow(ctx: click.Context, name: str, rights: tuple[str, ...], *, as_json: bool, **options: Unpack[Said]) -> None:
    """Give somebody these rights and no others."""
    member = _with(ctx, options, lambda accounts, now: accounts.allow(name, rights, who=options["by"], now=now))
    _emit(member, as_json=as_json)


@staff.command("password")
@click.argument("name")
@_password_option
@_change_options
@json_option
@click.pass_context
def password(
    ctx: click.Context, name: str, password_file: Path | None, *, as_json: bool, **options: Unpack[Said]
) -> None:
    """Give somebody another password."""
    new = _password(name, password_file)
    member = _with(ctx, options, lambda accounts, now: accounts.password(name, new, who=options["by"], now=now))
    _emit(member, as_json=as_json)


@staff.command("lock")
@click.argument("name")
@click.option("--why", default="", help="For the audit.")
@click.option("--open", "unlock", is_flag=True, help="Let them in again.")
@_change_options
@json_option
@click.pass_context
def lock(ctx: click.Context, name: str, why: str, *, unlock: bool, as_json: bool, **options: Unpack[Said]) -> None:
    """Keep somebody out, or let them in again."""
    by = options["by"]
    member = _with(ctx, options, lambda accounts, now: accounts.lock(name, why, who=by, now=now, locked=not unlock))
    _emit(member, as_json=as_json)


@staff.command("remove")
@click.argument("name")
@click.option("--why", default="", help="For the audit, where the name stays.")
@_change_options
@click.pass_context
def remove(ctx: click.Context, name: str, why: str, **options: Unpack[Said]) -> None:
    """Take an account away."""
    _with(ctx, options, lambda accounts, now: accounts.remove(name, why, who=options["by"], now=now))
    click.echo(f"removed {name}")


def _with(ctx: click.Context, options: Options | Said, work: Callable[[Accounts, int], Awaitable[_T]]) -> _T:
    from bureaus.secretariat.staff.accounts import Accounts  # noqa: PLC0415  # keeps --help quick

    return at_desk(ctx, options, lambda office: work(Accounts(office.registry), office.now()))


def _password(name: str, file: Path | None) -> str:
    if file is not None:
        return passphrase.read_file(file).decode("utf-8", "replace")
    return str(click.prompt(f"new password of {name}", hide_input=True, confirmation_prompt=True, err=True))


def _emit(member: Member, *, as_json: bool) -> None:
    rights = sorted(map(str, member.rights))
    row = {"event": "staff", "name": member.name, "rights": rights, "locked": member.locked}
    emit(row, f"{member.name}  {', '.join(rights)}{'  locked' if member.locked else ''}", as_json=as_json)
