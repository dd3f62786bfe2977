"""`bureaunet passphrase set | change | remove`: what the keys in a bureau's folder are locked under."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import click

from bureaus import passphrase as source
from bureaus import relock
from bureaus.commands.shared import emit, home_option, json_option, run

_F = TypeVar("_F", bound=Callable[..., object])


def _following(function: _F) -> _F:
    """--new-passphrase-file and --new-passphrase-fd."""
    about = "Read the new passphrase from this file, which nobody else may read; otherwise it is asked for."
    path = click.Path(path_type=Path, dir_okay=False)
    file = click.option("--new-passphrase-file", "file", type=path, help=about)
    about = "Read the new passphrase from this descriptor."
    return file(click.option("--new-passphrase-fd", "descriptor", type=click.IntRange(0), help=about)(function))


@click.group()
def passphrase() -> None:
    """Lock the bureau's keys under a passphrase, under another one, or under none. The bureau must not be open.

    A process that is killed in between leaves a home that opens; the same command again finishes the work.
    """


@passphrase.command("set")
@home_option
@_following
@json_option
@click.pass_context
def lock(ctx: click.Context, home: Path, file: Path | None, descriptor: int | None, *, as_json: bool) -> None:
    """Lock keys that were kept without a passphrase.

    \b
    Example:
      bureaunet passphrase set --home fr
    """  # noqa: D301  # click's \b keeps the lines of the example
    secret = source.following(f"the keys in {home}", file, descriptor)
    run(ctx, lambda: _all(relock.locking(home, secret)))
    emit({"event": "passphrase", "locked": True}, "the keys are locked", as_json=as_json)


@passphrase.command()
@home_option
@_following
@json_option
@click.pass_context
def change(ctx: click.Context, home: Path, file: Path | None, descriptor: int | None, *, as_json: bool) -> None:
    """Lock the keys under another passphrase. A copy of the home from before still opens with the old one.

    \b
    Example:
      bureaunet passphrase change --home fr
      bureaunet passphrase change --home fr --passphrase-file old --new-passphrase-file new
    """  # noqa: D301  # click's \b keeps the lines of the example
    secret = source.existing(f"the keys in {home}")
    following = source.following(f"the keys in {home}", file, descriptor)
    run(ctx, lambda: _all(relock.changing(home, secret, following)))
    emit({"event": "passphrase", "locked": True}, "the keys are locked under the new passphrase", as_json=as_json)


@passphrase.command()
@home_option
@json_option
@click.pass_context
def remove(ctx: click.Context, home: Path, *, as_json: bool) -> None:
    """Keep the keys without a passphrase: for demonstrations, or where the disk is encrypted.

    \b
    Example:
      bureaunet passphrase remove --home fr
    """  # noqa: D301  # click's \b keeps the lines of the example
    secret = source.existing(f"the keys in {home}")
    run(ctx, lambda: _all(relock.unlocking(home, secret)))
    emit({"event": "passphrase", "locked": False}, "the keys are NOT encrypted any more", as_json=as_json)


async def _all(steps: AsyncIterator[str]) -> None:
    async for _ in steps:
        pass
