"""`authority revoke`, `suspend`, `resume`, `withdraw`, `succeed`: whom the directory lists, and who signs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gateway.commands.authority import HOME, PASSPHRASE, show_made
from gateway.commands.shared import json_option, now_seconds

if TYPE_CHECKING:
    from schemas.directory import State


@click.command()
@HOME
@click.argument("address")
@click.option("--key", required=True, help="The key's id, or its first 8 hexadecimal digits or more.")
@click.option("--void-from", type=click.IntRange(0), required=True, help="Ledger index from which on it is void.")
@PASSPHRASE
@json_option
def revoke(home: Path, address: str, key: str, void_from: int, *, as_json: bool) -> None:
    """Revoke a key: what was accepted at this ledger index or later, signed with it, is void.

    The index may lie in the past, at the first entry that may be the thief's; recipients of messages that become void
    are told by their own programs when these take up the version. An owner without another key enrols again.

    \b
    Example:
      bureaunet-gateway ledger head --home gw
      bureaunet-gateway authority revoke FR --key 5e1f07aa --void-from 81234 --home authority
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway.authority import Authority  # noqa: PLC0415  # keeps --help quick
    from schemas.identity import Address  # noqa: PLC0415  # as above

    made = Authority(home).revoke(Address.parse(address), key, void_from, now_seconds())
    show_made(made, as_json=as_json)


@click.command()
@HOME
@click.argument("address")
@PASSPHRASE
@json_option
def suspend(home: Path, address: str, *, as_json: bool) -> None:
    """Suspend a participant: nothing is accepted from it, nor sent to it, until it resumes.

    \b
    Example:
      bureaunet-gateway authority suspend FR --home authority
    """  # noqa: D301  # click's \b keeps the lines of the example
    from schemas.directory import State  # noqa: PLC0415  # keeps --help quick

    _change(home, address, State.SUSPENDED, as_json=as_json)


@click.command()
@HOME
@click.argument("address")
@PASSPHRASE
@json_option
def resume(home: Path, address: str, *, as_json: bool) -> None:
    """Let a suspended participant exchange again.

    \b
    Example:
      bureaunet-gateway authority resume FR --home authority
    """  # noqa: D301  # click's \b keeps the lines of the example
    from schemas.directory import State  # noqa: PLC0415  # keeps --help quick

    _change(home, address, State.ACTIVE, as_json=as_json)


@click.command()
@HOME
@click.argument("address")
@PASSPHRASE
@json_option
def withdraw(home: Path, address: str, *, as_json: bool) -> None:
    """End a participant's membership. Its row stays, so that what it said still verifies; to come back it enrols anew.

    \b
    Example:
      bureaunet-gateway authority withdraw FR --home authority
    """  # noqa: D301  # click's \b keeps the lines of the example
    from schemas.directory import State  # noqa: PLC0415  # keeps --help quick

    _change(home, address, State.WITHDRAWN, as_json=as_json)


@click.command()
@HOME
@click.option("--keys", type=click.IntRange(1), default=1, show_default=True, help="How many new keys.")
@click.option("--threshold", type=click.IntRange(1), default=1, show_default=True, help="How many of them sign.")
@PASSPHRASE
@json_option
def succeed(home: Path, keys: int, threshold: int, *, as_json: bool) -> None:
    """Make new keys for the authority, in a version that the keys before them sign.

    The network file stays as it was pinned: every program follows the versions from the first one.

    \b
    Example:
      bureaunet-gateway authority succeed --keys 3 --threshold 2 --home authority
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway.authority import Authority  # noqa: PLC0415  # keeps --help quick

    show_made(Authority(home).succeed(keys, threshold, now_seconds()), as_json=as_json)


def _change(home: Path, address: str, state: State, *, as_json: bool) -> None:
    from gateway.authority import Authority  # noqa: PLC0415  # keeps --help quick
    from schemas.identity import Address  # noqa: PLC0415  # as above

    show_made(Authority(home).set_state(Address.parse(address), state, now_seconds()), as_json=as_json)


COMMANDS: Final = (revoke, suspend, resume, withdraw, succeed)
