"""`account`: who may sign in to the operators' console."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from gateway.commands.shared import emit, home_option, json_option, operator_option
from schemas.errors import Misuse

if TYPE_CHECKING:
    from gateway.deeds import Deeds
    from gateway.operators import Action
    from gateway.ports_console import Account, AccountRole, Accounts, Change

_F = TypeVar("_F", bound=Callable[..., object])
ROLES: Final = ("viewer", "operator", "security-officer", "auditor")
_NAME = click.argument("name")
_ROLE = click.Choice(ROLES)
_WHY = click.option("--why", default="", help="Why, for the audit.")


def _password_options(function: _F) -> _F:
    path = click.Path(path_type=Path, dir_okay=False)
    about = "Read the password from this file, which nobody else may read; otherwise it is asked for."
    file = click.option("--password-file", type=path, help=about)
    descriptor = click.option("--password-fd", type=click.IntRange(0), help="Read the password from this descriptor.")
    return file(descriptor(function))


@click.group()
def account() -> None:
    """Accounts of the operators' console. What is done to them is an entry of the ledger and a row of the audit.

    \b
    viewer            sees traffic, bureaus and the ledger
    operator          acts besides, and takes lists away
    security-officer  acts where it takes a second person, and sees what operators did
    auditor           sees everything, what operators did too, and acts on nothing

    A password has 12 characters at least and is not among the first that are guessed. It is asked for, or comes from a
    file or a descriptor, never from the command line. Accounts of people who sign in at an OpenID Connect provider
    are made when they first come, with the role that the provider's groups give them (docs/operators.md).
    """  # noqa: D301  # click's \b keeps the lines


@account.command("add")
@home_option
@operator_option
@_NAME
@click.option("--role", type=_ROLE, required=True, help="What the account may do.")
@_password_options
@_WHY
@json_option
def add(
    home: Path,
    operator: str,
    name: str,
    role: str,
    password_file: Path | None,
    password_fd: int | None,
    why: str,
    *,
    as_json: bool,
) -> None:
    """Add an account.

    \b
    Example:
      bureaunet-gateway account add ada --home gw --operator ada --role security-officer
    """  # noqa: D301  # click's \b keeps the lines of the example
    entry = asyncio.run(_add(home, operator, name, role, _password(name, password_file, password_fd), why))
    emit({"account": name, "role": role, "entry": entry}, f"{name} may sign in; entry {entry} says so", as_json=as_json)


@account.command("list")
@home_option
@json_option
def show(home: Path, *, as_json: bool) -> None:
    """List the accounts, one a line; no passwords.

    \b
    Example:
      bureaunet-gateway account list --home gw --json
    """  # noqa: D301  # click's \b keeps the lines of the example
    for one in asyncio.run(_list(home)):
        row = _row(one)
        click.echo(json.dumps(row) if as_json else " ".join(f"{name}={value}" for name, value in row.items()))


@account.command("lock")
@home_option
@operator_option
@_NAME
@_WHY
@json_option
def lock(home: Path, operator: str, name: str, why: str, *, as_json: bool) -> None:
    """Lock an account and end its sessions: nobody signs in to it until it is unlocked, by a provider neither.

    \b
    Example:
      bureaunet-gateway account lock ada --home gw --operator bert --why "on leave"
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway.operators import Action  # noqa: PLC0415  # keeps --help quick
    from gateway.ports_console import Change  # noqa: PLC0415  # as above

    _changed(home, operator, name, (Action.ACCOUNT_LOCK, why), Change(locked=True), as_json=as_json)


@account.command("unlock")
@home_option
@operator_option
@_NAME
@_WHY
@json_option
def unlock(home: Path, operator: str, name: str, why: str, *, as_json: bool) -> None:
    """Unlock an account, and forget the attempts that failed: the next one counts at once.

    \b
    Example:
      bureaunet-gateway account unlock ada --home gw --operator bert
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway.operators import Action  # noqa: PLC0415  # keeps --help quick
    from gateway.ports_console import Change  # noqa: PLC0415  # as above

    change = Change(locked=False, forgiven=True)
    _changed(home, operator, name, (Action.ACCOUNT_UNLOCK, why), change, as_json=as_json)


@account.command("role")
@home_option
@operator_option
@_NAME
@click.argument("role", type=_ROLE)
@_WHY
@json_option
def role(home: Path, operator: str, name: str, role: str, why: str, *, as_json: bool) -> None:
    """Give an account another role, and end its sessions.

    \b
    Example:
      bureaunet-gateway account role ada auditor --home gw --operator bert --why "a new post"
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway.operators import Action  # noqa: PLC0415  # keeps --help quick
    from gateway.ports_console import AccountRole, Change  # noqa: PLC0415  # as above

    _changed(home, operator, name, (Action.ACCOUNT_ROLE, why), Change(role=AccountRole(role)), as_json=as_json)


@account.command("password")
@home_option
@operator_option
@_NAME
@_password_options
@_WHY
@json_option
def password(
    home: Path,
    operator: str,
    name: str,
    password_file: Path | None,
    password_fd: int | None,
    why: str,
    *,
    as_json: bool,
) -> None:
    """Give an account another password, and end its sessions.

    \b
    Example:
      bureaunet-gateway account password ada --home gw --operator ada
      bureaunet-gateway account password ada --home gw --operator ada --password-file secret
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway.operators import Action  # noqa: PLC0415  # keeps --help quick
    from gateway.passwords import hashed  # noqa: PLC0415  # as above
    from gateway.ports_console import Change  # noqa: PLC0415  # as above

    change = Change(password=hashed(_password(name, password_file, password_fd), name))
    _changed(home, operator, name, (Action.ACCOUNT_CREDENTIAL, why), change, as_json=as_json)


@account.command("remove")
@home_option
@operator_option
@_NAME
@_WHY
@json_option
def remove(home: Path, operator: str, name: str, why: str, *, as_json: bool) -> None:
    """Remove an account and end its sessions; the audit and the ledger keep what it did.

    \b
    Example:
      bureaunet-gateway account remove ada --home gw --operator bert --why "left the service"

    An account of an OpenID Connect provider is made again when its owner signs in again: lock it instead.
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway.operators import Action  # noqa: PLC0415  # keeps --help quick

    async def make(accounts: Accounts) -> None:
        await accounts.remove_account(name)

    before, entry = _acted(home, operator, name, (Action.ACCOUNT_REMOVE, why), make)
    emit({**_row(before), "entry": entry}, f"{name} is removed; entry {entry} says so", as_json=as_json)


@account.command("sessions")
@home_option
@click.option("--operator", envvar="BUREAUNET_OPERATOR", show_envvar=True, help="With --end: who does this.")
@_NAME
@click.option("--end", is_flag=True, help="End them all.")
@_WHY
@json_option
def sessions(home: Path, operator: str | None, name: str, why: str, *, end: bool, as_json: bool) -> None:
    """List the sessions of an account, one a line, or end them: its browser has to sign in again.

    \b
    Example:
      bureaunet-gateway account sessions ada --home gw
      bureaunet-gateway account sessions ada --home gw --operator bert --end --why "a laptop was lost"
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway.operators import Action  # noqa: PLC0415  # keeps --help quick

    async def make(accounts: Accounts) -> None:
        await accounts.end_sessions(name)

    if end:
        if operator is None:
            raise Misuse("with --end, say who does this: --operator")
        before, entry = _acted(home, operator, name, (Action.ACCOUNT_SESSIONS, why), make)
        said = f"the sessions of {name} are over; entry {entry} says so"
        emit({**_row(before), "entry": entry}, said, as_json=as_json)
        return
    for one in asyncio.run(_sessions(home, name)):
        click.echo(json.dumps(one) if as_json else " ".join(f"{key}={value}" for key, value in one.items()))


def _password(name: str, file: Path | None, descriptor: int | None) -> str:
    from gateway import passphrase  # noqa: PLC0415  # keeps --help quick

    if file is None and descriptor is None and not sys.stdin.isatty():
        raise Misuse("give --password-file or --password-fd")
    try:
        return passphrase.following(f"account {name}", file, descriptor).decode()
    except UnicodeDecodeError:
        raise Misuse("a password is text in UTF-8") from None


@asynccontextmanager
async def _opened(home: Path) -> AsyncIterator[tuple[Accounts, Deeds]]:
    from gateway.adapters.sql.accounts import SqlAccounts  # noqa: PLC0415  # keeps --help quick
    from gateway.app import open_records  # noqa: PLC0415  # as above
    from gateway.deeds import Deeds  # noqa: PLC0415  # as above

    async with open_records(home) as records:
        accounts = SqlAccounts(records.store.database)
        yield accounts, Deeds(accounts, records.store, records.clock, records.network.id)


async def _add(home: Path, operator: str, name: str, role: str, secret: str, why: str) -> int:
    from gateway.app import SystemClock  # noqa: PLC0415  # keeps --help quick
    from gateway.operators import Action, operator_id  # noqa: PLC0415  # as above
    from gateway.passwords import hashed  # noqa: PLC0415  # as above
    from gateway.ports_console import Account, AccountRole  # noqa: PLC0415  # as above
    from schemas.identity import parse_name  # noqa: PLC0415  # as above

    operator_id(b"", name)  # the ledger must be able to name them
    made = Account(parse_name(name), AccountRole(role), hashed(secret, name), SystemClock().now())
    async with _opened(home) as (accounts, deeds):
        taken = Misuse(f"there is an account {name} already")
        if await accounts.account(made.name) is not None:
            raise taken
        entry = await deeds.did(operator, Action.ACCOUNT_ADD, f"{name} {role}", why)  # first: nothing is done unsaid
        if not await accounts.add_account(made):
            raise taken
        return entry


async def _list(home: Path) -> list[Account]:
    async with _opened(home) as (accounts, _):
        return list(await accounts.accounts())


def _changed(home: Path, operator: str, name: str, deed: tuple[Action, str], change: Change, *, as_json: bool) -> None:
    async def make(accounts: Accounts) -> Account | None:
        return await accounts.change_account(name, change)

    after, entry = _acted(home, operator, name, deed, make, change.role)
    emit({**_row(after), "entry": entry}, f"{deed[0]} of {name} done; entry {entry} says so", as_json=as_json)


def _acted(
    home: Path,
    operator: str,
    name: str,
    deed: tuple[Action, str],
    make: Callable[[Accounts], Awaitable[Account | None]],
    role: AccountRole | None = None,
) -> tuple[Account, int]:
    """Record a deed and do it: the account, as `make` leaves it or as it was before, and the ledger's entry."""

    async def run() -> tuple[Account, int]:
        async with _opened(home) as (accounts, deeds):
            before = await accounts.account(name)
            if before is None:
                raise Misuse(f"there is no account {name}")
            if role is not None and before.issuer is not None:
                raise Misuse(f"the role of {name} is given by {before.issuer}")
            if deed[0] == "account.password/1" and before.issuer is not None:
                raise Misuse(f"{name} signs in at {before.issuer}, without a password")
            subject = f"{name} {role or before.role}"
            entry = await deeds.did(operator, deed[0], subject, deed[1])  # first, as in _add
            return await make(accounts) or before, entry

    return asyncio.run(run())


async def _sessions(home: Path, name: str) -> list[dict[str, str]]:
    async with _opened(home) as (accounts, _):
        if await accounts.account(name) is None:
            raise Misuse(f"there is no account {name}")
        found = await accounts.sessions(name)
        return [{"opened": _time(one.opened), "seen": _time(one.seen), "role": str(one.role)} for one in found]


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


def _row(one: Account) -> dict[str, str | int | bool]:
    said: dict[str, str | int | bool] = {"account": one.name, "role": str(one.role), "locked": one.locked}
    return {**said, "failures": one.failures, "created": _time(one.created), "issuer": one.issuer or ""}
