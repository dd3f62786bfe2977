"""`broker`: what the message broker has to know."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gateway.commands.shared import emit, home_option, json_option
from schemas.errors import Misuse, Reason, Unavailable

if TYPE_CHECKING:
    from gateway.broker import Definitions, Monitor, Written
    from gateway.drift import Difference

_SECONDS: Final = 120.0

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def broker() -> None:
    """Write what RabbitMQ loads (users, rights, queues, policies); compare a live broker with the directory."""


@broker.command("request")
@click.option("--host", "hosts", multiple=True, required=True, help="A name that it is reached by; may be repeated.")
@click.option("--key", required=True, type=_FILE, help="Where its private key goes, readable by its owner only.")
@click.option("--out", required=True, type=_FILE, help="Where the request goes.")
def request(hosts: tuple[str, ...], key: Path, out: Path) -> None:
    """Make the broker's TLS key, which it needs unencrypted, and the request for its certificate.

    \b
    Example:
      bureaunet-gateway broker request --host broker.example.net --key broker.key --out broker.csr
      bureaunet-gateway authority server-certificate --home authority broker.csr --out broker.pem
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway import certificates, keyfiles  # noqa: PLC0415  # keeps --help quick

    keyfiles.write_public(out, certificates.make_csr(keyfiles.new_tls_key(key), hosts[0], hosts))
    click.echo(f"{out} is for the authority; {key} is for the broker alone")


@broker.command("definitions")
@home_option
@click.option("--out", required=True, type=_FILE, help="Where the file goes.")
@json_option
def write(home: Path, out: Path, *, as_json: bool) -> None:
    """Write the definitions for everyone in the newest directory whose link is AMQP.

    \b
    Example:
      bureaunet-gateway broker definitions --home gw --out definitions.json
      rabbitmqctl import_definitions definitions.json

    The broker loads the file at its start (load_definitions), or while it runs, by the second line.
    """  # noqa: D301  # click's \b keeps the lines of the example
    made = asyncio.run(_write(home, out))
    row = {"file": str(made.path), "users": made.users, "queues": made.queues}
    emit(row, f"{made.users} users, {made.queues} queues: {made.path}", as_json=as_json)


_CTL: Final = click.option(
    "--ctl",
    default="rabbitmqctl",
    envvar="BUREAUNET_RABBITMQCTL",
    show_envvar=True,
    show_default=True,
    help="How to call rabbitmqctl for this broker, with its options.",
)


@broker.command("provision")
@home_option
@_CTL
@json_option
@click.pass_context
def provision(ctx: click.Context, home: Path, ctl: str, *, as_json: bool) -> None:
    """Give a running broker the users, rights, queues and policies of the newest directory; remove nothing.

    \b
    Example:
      bureaunet-gateway broker provision --home gw --ctl "rabbitmqctl -n rabbit@broker-1"

    What differs afterwards is printed, and the exit code is 1: see check --repair.
    """  # noqa: D301  # click's \b keeps the lines of the example
    wanted = asyncio.run(_wanted(home))
    _import(ctl, wanted)
    _report(ctx, _differences(ctl, wanted), as_json=as_json)


@broker.command("check")
@home_option
@_CTL
@click.option("--repair", is_flag=True, help="Import what is missing or changed, and remove what nobody wants.")
@json_option
@click.pass_context
def check(ctx: click.Context, home: Path, ctl: str, *, repair: bool, as_json: bool) -> None:
    """Compare a running broker with the newest directory: exit code 1 where they differ.

    \b
    Example:
      bureaunet-gateway broker check --home gw
      bureaunet-gateway broker check --home gw --repair

    Users, rights, exchanges, queues, bindings, policies and parameters are compared. Nothing is changed without
    --repair; a queue is removed only when it is empty, and one with other arguments than it should have is left alone.
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway.drift import by_import, removals  # noqa: PLC0415  # keeps --help quick

    wanted = asyncio.run(_wanted(home))
    found = _differences(ctl, wanted)
    if repair and found:
        for one in found:
            click.echo(f"repairing  {one}", err=True)
        if by_import(found):
            _import(ctl, wanted)
        for arguments in removals(found):
            _call(ctl, *arguments)
        found = _differences(ctl, wanted)
    _report(ctx, found, as_json=as_json)


def _report(ctx: click.Context, found: Sequence[Difference], *, as_json: bool) -> None:
    from gateway.drift import for_people  # noqa: PLC0415  # keeps --help quick

    rows = [{"kind": str(d.kind), "section": d.section, "name": [*d.name], "fields": [*d.fields]} for d in found]
    lines = [*map(str, found), *(f"not repaired by any command here: {one}" for one in for_people(found))]
    emit({"differences": rows}, "\n".join(lines) or "the broker is as the directory says", as_json=as_json)
    if found:
        ctx.exit(1)


def _differences(ctl: str, wanted: Definitions) -> list[Difference]:
    from gateway.drift import compare, read_export  # noqa: PLC0415  # keeps --help quick

    return compare(wanted, read_export(_call(ctl, "export_definitions", "-")))


def _import(ctl: str, wanted: Definitions) -> None:
    _call(ctl, "import_definitions", given=json.dumps(wanted))


def _call(ctl: str, *arguments: str, given: str = "") -> str:
    """Run rabbitmqctl, with `given` on its standard input: what it printed.

    Raises:
        Misuse: there is no such program. Unavailable: `unreachable`, it failed.
    """
    command = [*shlex.split(ctl), "--quiet", *arguments]
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=_SECONDS)
    except OSError as error:
        raise Misuse(f"cannot run {command[0]}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(Reason.UNREACHABLE, f"rabbitmqctl {arguments[0]} took longer than {_SECONDS} s") from None
    if done.returncode != 0:
        raise Unavailable(Reason.UNREACHABLE, f"rabbitmqctl {arguments[0]}: {(done.stderr or done.stdout)[-500:]!r}")
    return done.stdout


async def _wanted(home: Path) -> Definitions:
    from gateway.app import open_records  # noqa: PLC0415  # keeps --help quick
    from gateway.broker import definitions  # noqa: PLC0415  # as above

    async with open_records(home, migrate=False) as records:
        await records.statements.refresh()
        return definitions(records.statements.trust.directory, monitor=_monitor(home))


async def _write(home: Path, out: Path) -> Written:
    from gateway.app import open_records  # noqa: PLC0415  # keeps --help quick
    from gateway.broker import write_definitions  # noqa: PLC0415  # as above

    async with open_records(home, migrate=False) as records:
        await records.statements.refresh()
        return write_definitions(records.statements.trust.directory, out, monitor=_monitor(home))


def _monitor(home: Path) -> Monitor | None:
    """Who may look at the broker for the console, as the settings say."""
    from gateway.broker import Monitor  # noqa: PLC0415  # keeps --help quick
    from gateway.settings import load  # noqa: PLC0415  # as above

    said = load(home, os.environ).management
    return Monitor(said.user, said.password) if said.password_file else None
