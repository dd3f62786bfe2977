"""What the secretariat's commands share: the home, the registry, the settings, and an office made of them.

Rules: a password of the registry comes from a private file or from an environment variable's URL, never from a command
line; a command of the staff's opens the registry alone, so that it works while the service has the bureau's store.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict, TypeVar
from urllib.parse import quote

import click
from click.core import ParameterSource

from bureaus import passphrase
from bureaus.commands.shared import home_option, run
from schemas.errors import Misuse

if TYPE_CHECKING:
    from bureaus.secretariat.office import Office
    from bureaus.secretariat.settings import Settings

_F = TypeVar("_F", bound=Callable[..., object])
_T = TypeVar("_T")
REGISTRY: Final = "registry.sqlite"
"""Of a home, where no other is named."""
_FILE: Final = click.Path(path_type=Path, dir_okay=False)


class Options(TypedDict):
    """What the command line said."""

    home: Path
    registry: str | None
    registry_password_file: Path | None
    settings: Path | None


def office_options(function: _F) -> _F:
    """--home, --registry, --registry-password-file, --settings."""
    for option in (
        click.option(
            "--settings", type=_FILE, envvar="BUREAUNET_SETTINGS", show_envvar=True, help="Limits that differ, as TOML."
        ),
        click.option(
            "--registry-password-file",
            type=_FILE,
            envvar="BUREAUNET_REGISTRY_PASSWORD_FILE",
            show_envvar=True,
            help="Read the registry's password from this file, which nobody else may read.",
        ),
        click.option(
            "--registry",
            envvar="BUREAUNET_REGISTRY_URL",
            show_envvar=True,
            help="postgresql+asyncpg://USER@HOST/NAME or sqlite+aiosqlite:///FILE, without a password; in the home if"
            " left out.",
        ),
    ):
        function = option(function)
    return home_option(function)


def registry_url(ctx: click.Context, options: Options) -> str:
    """Where the registry is, its password filled in.

    Raises:
        Misuse: a password stands on the command line, or its file cannot be used.
    """
    url, file = options["registry"], options["registry_password_file"]
    if url is None:
        return f"sqlite+aiosqlite:///{options['home'].absolute() / REGISTRY}"
    scheme, _, rest = url.partition("://")
    user, at, place = rest.rpartition("@")
    if ":" in user and ctx.get_parameter_source("registry") is ParameterSource.COMMANDLINE:
        raise Misuse("a password on a command line can be read by others: --registry-password-file")
    if file is None:
        return url
    if not at or ":" in user:
        raise Misuse("with a password file, the registry's URL names a user and no password")
    return f"{scheme}://{user}:{quote(passphrase.read_file(file), safe='')}@{place}"


def limits(options: Options) -> Settings:
    """The settings, with what the file says otherwise. Raises Misuse, as `settings.read`."""
    from bureaus.secretariat import settings  # noqa: PLC0415  # keeps --help quick

    return settings.DEFAULT if options["settings"] is None else settings.read(options["settings"])


@asynccontextmanager
async def office(ctx: click.Context, options: Options) -> AsyncIterator[Office]:
    """The office of these options, its bureau not entered; the registry is at this version, and closed at the end.

    Raises:
        Misuse: the home is nobody's, or an option cannot be used. Unavailable: the registry cannot be reached.
    """
    from bureaus.client import Bureau  # noqa: PLC0415  # keeps --help quick
    from bureaus.secretariat.registry import Registry  # noqa: PLC0415
    from bureaus.secretariat.serving import compose  # noqa: PLC0415
    from bureaus.store import FILE  # noqa: PLC0415

    if not (options["home"] / FILE).is_file():
        raise Misuse(f"{options['home']} is nobody's home: bureaunet enrol IPSG --kind secretariat --home ...")
    found = limits(options)
    registry = await Registry.open(registry_url(ctx, options))
    try:
        bureau = Bureau.open(options["home"])
        yield compose(bureau, registry, lambda: int(time.time()), settings=found)
    finally:
        await registry.aclose()


def at_desk(ctx: click.Context, options: Options, work: Callable[[Office], Awaitable[_T]]) -> _T:
    """Run a piece of work of the staff's on an office whose bureau is not entered: its result."""

    async def done() -> _T:
        async with office(ctx, options) as made:
            return await work(made)

    return run(ctx, done)
