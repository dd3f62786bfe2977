"""`broker`: what the message broker has to know."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.commands.shared import emit, home_option, json_option

if TYPE_CHECKING:
    from gateway.broker import Written

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def broker() -> None:
    """Write what RabbitMQ loads: users, rights, queues, policies, all from the directory; and make its TLS key."""


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


async def _write(home: Path, out: Path) -> Written:
    from gateway.app import open_records  # noqa: PLC0415  # keeps --help quick
    from gateway.broker import write_definitions  # noqa: PLC0415  # as above

    async with open_records(home) as records:
        await records.statements.refresh()
        return write_definitions(records.statements.trust.directory, out)
