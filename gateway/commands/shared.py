"""What the commands share: the home option, output for people and machines, and errors translated once.

Exit codes: 0 done, 1 the answer is no (refused, did not verify, not reachable), 2 the command was used wrongly.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias, TypeVar

import click

from gateway import passphrase
from schemas.errors import BureaunetError, Misuse

_F = TypeVar("_F", bound=Callable[..., object])
Row: TypeAlias = Mapping[str, object]
"""What `json` can write."""


class Commands(click.Group):
    """A group that turns the project's errors into one line on standard error and an exit code."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BureaunetError as error:
            click.echo(f"error: {error.detail or error.reason} ({error.reason})", err=True)
            ctx.exit(2 if isinstance(error, Misuse) else 1)


def home_option(function: _F) -> _F:
    """--home DIR, or BUREAUNET_GATEWAY_HOME."""
    option = click.option(
        "--home",
        required=True,
        envvar="BUREAUNET_GATEWAY_HOME",
        show_envvar=True,
        type=click.Path(path_type=Path, file_okay=False),
        help="The gateway's folder.",
    )
    return option(function)


def _chosen(ctx: click.Context, param: click.Parameter, value: Path | int | bool | None) -> None:  # noqa: ARG001, FBT001  # click's signature
    match value:
        case bool():
            passphrase.choose(refused=value)
        case int():
            passphrase.choose(descriptor=value)
        case Path():
            passphrase.choose(file=value)


def passphrase_options(environment: str = "BUREAUNET_PASSPHRASE_FILE") -> Callable[[_F], _F]:
    """--passphrase-file and --passphrase-fd, where private keys are opened."""
    path = click.Path(path_type=Path, dir_okay=False)
    about = "Read the passphrase of the keys from this file, which nobody else may read; otherwise it is asked for."
    file = click.option(
        "--passphrase-file",
        type=path,
        envvar=environment,
        show_envvar=True,
        expose_value=False,
        callback=_chosen,
        help=about,
    )
    about = "Read the passphrase of the keys from this descriptor."
    descriptor = click.option(
        "--passphrase-fd", type=click.IntRange(0), expose_value=False, callback=_chosen, help=about
    )
    return lambda function: file(descriptor(function))


def no_passphrase_option(function: _F) -> _F:
    """--no-passphrase, where private keys are made."""
    about = "Keep the private keys unencrypted: for demonstrations and tests."
    option = click.option(
        "--no-passphrase", is_flag=True, default=None, expose_value=False, callback=_chosen, help=about
    )
    return option(function)


def operator_option(function: _F) -> _F:
    """--operator NAME, or BUREAUNET_OPERATOR: who acts."""
    return click.option(
        "--operator",
        required=True,
        envvar="BUREAUNET_OPERATOR",
        show_envvar=True,
        help="Who does this; the ledger names you by an id made of it.",
    )(function)


def json_option(function: _F) -> _F:
    """--json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")(function)


def emit(row: Row, text: str, *, as_json: bool) -> None:
    """Print one result: `row` for machines or `text` for people."""
    click.echo(json.dumps(row) if as_json else text)


def read_file(path: Path) -> bytes:
    """A file that was named on the command line.

    Raises:
        Misuse: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misuse(f"cannot read {path}: {error.strerror}") from None


def grouped(digest: bytes) -> str:
    """A fingerprint in groups of four hexadecimal digits, to read aloud."""
    digits = digest.hex()
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def now_seconds() -> int:
    """Seconds since the epoch."""
    return int(time.time())
