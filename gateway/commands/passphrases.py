"""`bureaunet-gateway passphrase set | change | remove`: what keys of a gateway, the authority or a holder are under."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from gateway import passphrase as source
from gateway.commands.shared import emit, json_option, passphrase_options

_F = TypeVar("_F", bound=Callable[..., object])
_HOME = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The folder of a gateway, the authority, a holder or an operator: its keys are in `keys` below.",
)


def _following(function: _F) -> _F:
    """--new-passphrase-file and --new-passphrase-fd."""
    about = "Read the new passphrase from this file, which nobody else may read; otherwise it is asked for."
    path = click.Path(path_type=Path, dir_okay=False)
    file = click.option("--new-passphrase-file", "file", type=path, help=about)
    about = "Read the new passphrase from this descriptor."
    return file(click.option("--new-passphrase-fd", "descriptor", type=click.IntRange(0), help=about)(function))


@click.group()
def passphrase() -> None:
    """Lock keys under a passphrase, under another one, or under none.

    A process that is killed in between leaves keys that open; the same command again finishes the work. A gateway that
    runs needs the new passphrase at its next start.
    """


@passphrase.command("set")
@_HOME
@_following
@json_option
def lock(home: Path, file: Path | None, descriptor: int | None, *, as_json: bool) -> None:
    """Lock keys that were kept without a passphrase.

    \b
    Example:
      bureaunet-gateway passphrase set --home gw
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway import relock  # noqa: PLC0415  # keeps --help quick

    secret = source.following(f"the keys in {home}", file, descriptor)
    deque(relock.locking(home / "keys", secret), maxlen=0)
    emit({"locked": True}, "the keys are locked", as_json=as_json)


@passphrase.command()
@_HOME
@passphrase_options()
@_following
@json_option
def change(home: Path, file: Path | None, descriptor: int | None, *, as_json: bool) -> None:
    """Lock keys under another passphrase. A copy of the folder from before still opens with the old one.

    \b
    Example:
      bureaunet-gateway passphrase change --home authority
      bureaunet-gateway passphrase change --home gw --passphrase-file old --new-passphrase-file new
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway import relock  # noqa: PLC0415  # keeps --help quick

    secret = source.existing(f"the keys in {home}")
    following = source.following(f"the keys in {home}", file, descriptor)
    deque(relock.changing(home / "keys", secret, following), maxlen=0)
    emit({"locked": True}, "the keys are locked under the new passphrase", as_json=as_json)


@passphrase.command()
@_HOME
@passphrase_options()
@json_option
def remove(home: Path, *, as_json: bool) -> None:
    """Keep keys without a passphrase: for demonstrations, or where the disk is encrypted.

    \b
    Example:
      bureaunet-gateway passphrase remove --home gw
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway import relock  # noqa: PLC0415  # keeps --help quick

    secret = source.existing(f"the keys in {home}")
    deque(relock.unlocking(home / "keys", secret), maxlen=0)
    emit({"locked": False}, "the keys are NOT encrypted any more", as_json=as_json)
