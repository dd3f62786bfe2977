"""`account`: who may sign in to the operators' console."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from gateway.commands.shared import emit, home_option, json_option, operator_option
from schemas.errors import Misuse

if TYPE_CHECKING:
    from gateway.deeds import Deeds
    from gateway.operators import Action
    from gateway.ports_console import Account, Accounts

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
    """Accounts of the operators' console. What is done to them is an entry of the ledger and a row of the audit."""


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
    """List the accounts, one a line; no passwords."""
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
    """Lock an account and end its sessions."""
    from gateway.operators import Action  # noqa: PLC0415  # keeps --help quick

    _changed(home, operator, name, (Action.ACCOUNT_LOCK, why), lambda one: replace(one, locked=True), as_json=as_json)


@account.command("unlock")
@home_option
@operator_option
@_NAME
@_WHY
@json_option
def unlock(home: Path, operator: str, name: str, why: str, *, as_json: bool) -> None:
    """Unlock an account, and forget the attempts that failed."""
    from gateway.operators import Action  # noqa: PLC0415  # keeps --help quick

    def change(one: Account) -> Account:
        return replace(one, locked=False, failures=0, until=0)

    _changed(home, operator, name, (Action.ACCOUNT_UNLOCK, why), change, as_json=as_json)


@account.command("role")
@home_option
@operator_option
@_NAME
@click.argument("role", type=_ROLE)
@_WHY
@json_option
def role(home: Path, operator: str, name: str, role: str, why: str, *, as_json: bool) -> None:
    """Give an account another role, and end its sessions."""
    from gateway.operators import Action  # noqa: PLC0415  # keeps --help quick
    from gateway.ports_console import AccountRole  # noqa: PLC0415  # as above

    def change(one: Account) -> Account:
        return replace(one, role=AccountRole(role))

    _changed(home, operator, name, (Action.ACCOUNT_ROLE, why), change, as_json=as_json)


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
    """Give an account another password, and end its sessions."""
    from gateway.operators import Action  # noqa: PLC0415  # keeps --help quick
    from gateway.passwords import hashed  # noqa: PLC0415  # as above

    kept = hashed(_password(name, password_file, password_fd))

    def change(one: Account) -> Account:
        return replace(one, password=kept)

    _changed(home, operator, name, (Action.ACCOUNT_CREDENTIAL, why), change, as_json=as_json)


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
    from gateway.app import SystemClock, open_records  # noqa: PLC0415  # as above
    from gateway.deeds import Deeds  # noqa: PLC0415  # as above

    async with open_records(home) as records:
        accounts = SqlAccounts(records.store.database)
        yield accounts, Deeds(accounts, records.store, SystemClock(), records.network.id)


async def _add(home: Path, operator: str, name: str, role: str, secret: str, why: str) -> int:
    from gateway.app import SystemClock  # noqa: PLC0415  # keeps --help quick
    from gateway.operators import Action, operator_id  # noqa: PLC0415  # as above
    from gateway.passwords import hashed  # noqa: PLC0415  # as above
    from gateway.ports_console import Account, AccountRole  # noqa: PLC0415  # as above
    from schemas.identity import parse_name  # noqa: PLC0415  # as above

    operator_id(b"", name)  # the ledger must be able to name them
    made = Account(parse_name(name), AccountRole(role), hashed(secret), SystemClock().now())
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


def _changed(
    home: Path,
    operator: str,
    name: str,
    deed: tuple[Action, str],
    change: Callable[[Account], Account],
    *,
    as_json: bool,
) -> None:
    async def run() -> tuple[Account, int]:
        async with _opened(home) as (accounts, deeds):
            before = await accounts.account(name)
            if before is None:
                raise Misuse(f"there is no account {name}")
            after = change(before)
            entry = await deeds.did(operator, deed[0], f"{name} {after.role}", deed[1])  # first, as in _add
            await accounts.save_account(after)
            return after, entry

    after, entry = asyncio.run(run())
    emit({**_row(after), "entry": entry}, f"{deed[0]} of {name} done; entry {entry} says so", as_json=as_json)


def _row(one: Account) -> dict[str, str | int | bool]:
    created = datetime.fromtimestamp(one.created / 1000, UTC).isoformat(timespec="seconds")
    said: dict[str, str | int | bool] = {"account": one.name, "role": str(one.role), "locked": one.locked}
    return {**said, "failures": one.failures, "created": created}
