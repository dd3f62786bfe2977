"""An act of the staff's at a terminal: who does it, by password, and whether they may.

The password is asked for, or read from a private file or a descriptor: never from a command line. Signing in, the act
and signing out are each noted; a wrong password waits as it does on the pages.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from bureaus import passphrase
from bureaus.commands.secretariat_office import Options, at_desk
from schemas.errors import Forbidden, Misuse, Reason

if TYPE_CHECKING:
    from bureaus.secretariat.office import Office
    from bureaus.secretariat.staff.rights import Right

_F = TypeVar("_F", bound=Callable[..., object])
_T = TypeVar("_T")
_FILE: Final = click.Path(path_type=Path, dir_okay=False)


class Signed(Options):
    """What the command line said of an act."""

    who: str
    password_file: Path | None


def signing_options(function: _F) -> _F:
    """--as NAME and --password-file."""
    file = click.option(
        "--password-file",
        type=_FILE,
        envvar="BUREAUNET_STAFF_PASSWORD_FILE",
        show_envvar=True,
        help="Read the password from this file, which nobody else may read; otherwise it is asked for.",
    )
    return click.option("--as", "who", required=True, help="Who does it: a name of the staff.")(file(function))


def act(ctx: click.Context, options: Signed, right: Right, work: Callable[[Office, str], Awaitable[_T]]) -> _T:
    """Sign in, do a piece of work that needs `right`, and sign out: what it gives.

    Raises:
        Forbidden: `not-accepted`, the name and the password are not somebody's who may. Misuse: as the work does.
    """
    who, file = options["who"], options["password_file"]
    if file is None:
        password = str(click.prompt(f"password of {who}", hide_input=True, err=True))
    else:
        password = passphrase.read_file(file).decode("utf-8", "replace")

    async def done(office: Office) -> _T:
        from bureaus.secretariat.staff.sessions import Sessions  # noqa: PLC0415  # keeps --help quick

        sessions = Sessions(office)
        signed = await sessions.who(await sessions.sign_in(who, password, None))
        if signed is None:
            raise Forbidden(Reason.NOT_ACCEPTED, "name and password do not fit, or it is locked or too soon")
        try:
            if right not in signed.member.rights:
                raise Misuse(f"{who} is no {right}")
            return await work(office, who)
        finally:
            await sessions.sign_out(signed)

    return at_desk(ctx, options, done)
